/* Made-up data, the same for the same seed on every machine. */
#ifndef OCTGEMM_GENERATE_H
#define OCTGEMM_GENERATE_H

#include <stdint.h>

/* SplitMix64: a counter, so every element can be drawn on its own. */
uint64_t octgemm_random(uint64_t seed, uint64_t index);

/* Normal values times `sigma`; of the columns, one in `outlier_every` (0 = none) is `outlier` times
 * as large in every row, as the activations of large language models have it. */
void octgemm_generate_normal(float *out, int64_t rows, int64_t columns, float sigma,
                             int64_t outlier_every, float outlier, uint64_t seed);

/* Every int8 value, equally often. */
void octgemm_generate_int8(int8_t *out, int64_t count, uint64_t seed);

/* What int8 weights look like. The last two are made as quantisation makes them: a row is scaled so
 * that its largest value becomes 127. */
enum weight_values {
    WEIGHTS_UNIFORM, /* every int8 value, equally often */
    WEIGHTS_NORMAL,  /* Gaussian */
    WEIGHTS_HEAVY    /* Student's t with 5 degrees of freedom: long tails, as networks have them */
};
extern const char *const octgemm_weight_names[]; /* by enum weight_values; NULL ends it */
void octgemm_generate_weights(int8_t *out, int64_t rows, int64_t columns, enum weight_values values,
                              uint64_t seed);

/* Scales as quantisation leaves them: positive, spread around 0.01. */
void octgemm_generate_scales(float *out, int64_t count, uint64_t seed);

#endif
