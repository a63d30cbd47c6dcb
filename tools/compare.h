/* What quantisation cost: the result against a float64 product of the inputs as they were. */
#ifndef OCTGEMM_COMPARE_H
#define OCTGEMM_COMPARE_H

#include "matrix.h"

struct comparison {
    int64_t compared; /* elements; of none of them the next three are NaN */
    double decibel;   /* signal to noise; infinity when there is no difference at all */
    double error_max; /* largest difference */
    double value_max; /* largest magnitude of the float64 product */
    int64_t left_out; /* elements that are infinite or NaN on either side */
};

/* D as it came from the device. For I32 the scales turn sums into values (and bias is not in). */
struct compared {
    const struct matrix *activations, *weights; /* m x k, n x k */
    const void *bias;
    enum tensor_kind bias_kind;
    const void *d;
    octgemm_type d_type;
    const float *sa, *sb; /* I32: NULL = 1 */
    int64_t sa_count, sb_count;
};

/* Returns 0, or the exit status after a complaint. */
int octgemm_compare(const struct compared *compared, struct comparison *out);

#endif
