/* What benchmarks multiply: made-up operands in host memory, and how many copies of the weights
 * there are to be. */
#ifndef OCTGEMM_OPERANDS_H
#define OCTGEMM_OPERANDS_H

#include "generate.h"

#include <stdint.h>

struct operands {
    int8_t *a, *b;  /* m x k, n x k */
    float *sa, *sb; /* m, n */
};

/* Returns 0, or the exit status after a complaint; there may be something to release even then. */
int octgemm_make_operands(struct operands *operands, int64_t m, int64_t n, int64_t k,
                          enum weight_values values, int64_t seed);
void octgemm_release_operands(struct operands *operands);

/* Copies of weights (n x k) that are read in turn, so that each comes from memory; too few for that
 * where the weights are small. */
int64_t octgemm_cold_copies(int64_t n, int64_t k);

#endif
