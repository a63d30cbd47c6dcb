/* Where the suite's values come from: a hash as random source, and named patterns for each kind of
 * array. A value depends on the seed and its own index only, so a case is the same in any order. */
#ifndef OCTGEMM_SUITE_PATTERNS_H
#define OCTGEMM_SUITE_PATTERNS_H

#include "octgemm.h"

#include <stdint.h>

/* Mixes a seed and an index into 64 random bits (splitmix64). */
uint64_t suite_hash(uint64_t seed, uint64_t index);

/* int8 matrices. */
enum matrix_pattern {
    M_RANDOM, /* every value as likely as any other */
    M_LOWEST,
    M_HIGHEST,
    M_ONES,
    M_ZEROS,
    M_ALTERNATE, /* 127, -128, 127 ... along k */
    M_CHECKER,   /* the same, shifted by one in every other row */
    M_ONE_HOT,   /* one 1 in a row of zeros: a product picks one column of the other matrix */
    M_ONE_COLD,  /* one -128 in a row of zeros */
    M_OUTLIER,   /* one +-127 in each group of 32, the rest in [-1, 1] */
    M_SUM_128,   /* each group of 4 has positive values that add up to exactly 128 */
    M_PAIRS,     /* pairs of +-127 and -128: what saturates in a 16-bit sum of two products */
    M_RUNS,      /* long runs of -128 and of 127: 0 and 255 once an offset of 128 is added */
    M_RAMP,      /* a value tells its coordinate modulo 256 */
    M_SPARSE,
    M_SMALL,   /* [-1, 1] */
    M_SUM_129, /* as M_SUM_128, each sum too large by one */
    M_BELL,    /* nearly Gaussian, standard deviation 33: one weight row in int8 by its maximum */
    M_HEAVY,   /* standard deviation 16 with a few of any size: the weights of networks */
    M_MIXED,   /* 32 rows of M_BELL, M_HEAVY, M_RANDOM and M_SUM_129 in turn */
    MATRIX_PATTERNS
};
void suite_fill_matrix_row(enum matrix_pattern pattern, int8_t *row, int64_t k, int64_t index,
                           uint64_t seed);

/* The column that row `index` of M_ONE_HOT and M_ONE_COLD has its value in. */
int64_t suite_hot_column(int64_t index, int64_t k, uint64_t seed);

/* Floats: scales and bias. */
enum float_pattern {
    F_ORDINARY, /* 2^-12 .. 2^-2, as activations and weights have */
    F_ONE,
    F_MINUS_ONE,
    F_ZERO,
    F_MINUS_ZERO,
    F_NEGATIVE,
    F_DENORMAL,
    F_TINY, /* results become denormal in f16, bf16 or f32 */
    F_HUGE, /* results overflow */
    F_INFINITE,
    F_NAN,
    F_SPECIAL,     /* any of the above, by chance */
    F_BITS,        /* any 32 bits */
    F_HALFWAYS,    /* around every rounding boundary of f16: index / 4 is the half */
    F_BF_HALFWAYS, /* the same for bf16 */
    FLOAT_PATTERNS
};
float suite_float(enum float_pattern pattern, int64_t index, uint64_t seed);

/* Zero points. */
enum zero_pattern {
    Z_ORDINARY, /* [-128, 127] */
    Z_LOWEST,
    Z_HIGHEST,
    Z_ZERO,
    Z_BITS, /* any 32 bits: the arithmetic is modulo 2^32 */
    ZERO_PATTERNS
};
int32_t suite_zero_point(enum zero_pattern pattern, int64_t index, uint64_t seed);

/* Rows to quantise: row `index` has pattern index % ROW_PATTERNS. */
enum row_pattern {
    R_ORDINARY,
    R_OUTLIER,
    R_ZERO,
    R_MINUS_ZERO,
    R_CONSTANT,
    R_CONSTANT_NEGATIVE,
    R_POSITIVE,
    R_NEGATIVE,
    R_ONE_NAN,
    R_ONE_INFINITY,
    R_ONE_MINUS_INFINITY,
    R_DENORMAL,
    R_BELOW_SMALLEST, /* a range just below 2^-100: the zero row */
    R_ABOVE_SMALLEST,
    R_TIES,     /* x * inv is a half: to even */
    R_OVERFLOW, /* the largest values of both signs: the range is infinite */
    R_LARGEST,
    R_BITS, /* any bits: most rows of some length hold a NaN */
    R_FINITE_BITS,
    ROW_PATTERNS
};
/* Fills a row of k values of `type`. */
void suite_fill_row(void *row, octgemm_type type, int64_t k, int64_t index, uint64_t seed);

/* Conversions that share nothing with the library's: by way of double, exponent and nearbyint. */
uint16_t suite_round_half(double value, octgemm_type type);
double suite_half_value(uint16_t half, octgemm_type type);
double suite_value(const void *base, octgemm_type type, int64_t index);
void suite_store(void *base, octgemm_type type, int64_t index, double value);
int64_t suite_width(octgemm_type type);

#endif
