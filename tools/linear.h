/* The main job: a linear layer, quantised and multiplied. What `run` and `demo` share.
 *
 *     quantise W per channel and X per token -> pack W -> D = X W^T -> verify against ref -> time
 *     -> compare with the float64 product of W and X as they were */
#ifndef OCTGEMM_LINEAR_H
#define OCTGEMM_LINEAR_H

#include "compare.h"
#include "device.h"
#include "timing.h"
#include "verify.h"

#include <jansson.h>

struct linear {
    struct matrix weights;     /* n x k */
    struct matrix activations; /* m x k */
    struct matrix bias;        /* one row of n; data NULL = none */
    struct device_choice choice;
    int d_type; /* octgemm_type */
    int asymmetric, pack, compare;
    double seconds; /* for timing */
};

struct linear_result {
    octgemm_info info;
    int64_t m, n, k;
    int threads; /* the most there may be; 0 on a GPU */
    struct verdict verdict;
    struct timing timing;
    int compared; /* the next member is filled in */
    struct comparison comparison;
    void *d; /* m x n of d_type; owned */
};

/* What comes out of it is 0, EXIT_CHECK or EXIT_INPUT after a complaint. */
int octgemm_run_linear(const struct linear *linear, struct linear_result *result);
void octgemm_release_linear(struct linear *linear, struct linear_result *result);

/* The report, for people and as members of a JSON object. */
void octgemm_print_linear(const struct linear *linear, const struct linear_result *result);
json_t *octgemm_linear_json(const struct linear *linear, const struct linear_result *result);

#endif
