/* The table of cases: hand-written ones, each for a known way to be wrong, and sweeps over lists of
 * shapes, whose other properties are drawn. Everything here is data; problem.c makes arrays of it.
 */
#include "cases.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const suite_variant_names[VARIANTS] = {
    [V_ROWS] = "rows",
    [V_PACKED] = "packed",
    [V_BY_ROW] = "row-by-row",
    [V_BY_COLUMN] = "column-slices",
    [V_TWICE] = "twice",
    [V_ONE_THREAD] = "one-thread",
    [V_SEVEN_THREADS] = "seven-threads",
    [V_FLOAT_STATE] = "float-state",
    [V_PERMUTED] = "permuted",
};

#define EVERY_VARIANT (VARIANT(VARIANTS) - 1)
#define BASIC (VARIANT(V_ROWS) | VARIANT(V_PACKED))
#define MANY_CALLS (VARIANT(V_BY_ROW) | VARIANT(V_BY_COLUMN))

/* Fields that are left out are 0: no padding, aligned, no scale, F32, random values. A case without
 * variants has every variant. */
#define SCALED .sa = PER_ROW, .sb = PER_ROW
static const struct suite_case table[] = {
    {.name = "plain", .m = 5, .n = 7, .k = 33, SCALED},
    {.name = "aligned", .m = 64, .n = 64, .k = 128, SCALED, .d_type = OCTGEMM_BF16},
    {.name = "integers", .m = 37, .n = 43, .k = 259, .d_type = OCTGEMM_I32},
    {.name = "integers-aligned", .m = 128, .n = 128, .k = 256, .d_type = OCTGEMM_I32},
    /* Sums made in D itself, between padding, over several blocks of k and of rows. */
    {.name = "integers-in-place",
     .m = 205,
     .n = 192,
     .k = 1100,
     .pad_d = 16,
     .d_type = OCTGEMM_I32},
    /* D larger than what its writers keep in their caches. */
    {.name = "large-result", .m = 270, .n = 1024, .k = 70, SCALED},
    {.name = "large-result-bf16", .m = 530, .n = 1056, .k = 70, SCALED, .d_type = OCTGEMM_BF16},
    /* More k and rows than a kernel takes at once, and columns for every thread. */
    {.name = "blocks-of-k", .m = 70, .n = 330, .k = 4210, .d_type = OCTGEMM_I32},
    /* Few columns, long k, several blocks of rows: k is split between threads in each block. */
    {.name = "split-k-row-blocks", .m = 64, .n = 3, .k = 65792, .d_type = OCTGEMM_I32},
    /* Few tiles, long k: GPUs split it between blocks (tests/check_sim.c sees that they do). */
    {.name = "split-k",
     .m = 20,
     .n = 20,
     .k = 49187,
     SCALED,
     .za = PER_ROW,
     .bias = BIAS_F16,
     .d_type = OCTGEMM_BF16,
     .variants = BASIC},
    {.name = "everything",
     .m = 19,
     .n = 35,
     .k = 67,
     SCALED,
     .za = PER_ROW,
     .bias = BIAS_F32,
     .pad_a = 5,
     .pad_b = 3,
     .pad_d = 7},
    {.name = "tensor-scales",
     .m = 9,
     .n = 35,
     .k = 64,
     .sa = PER_TENSOR,
     .sb = PER_TENSOR,
     .za = PER_TENSOR,
     .bias = BIAS_BF16,
     .d_type = OCTGEMM_BF16},
    {.name = "odd-addresses",
     .m = 18,
     .n = 37,
     .k = 131,
     SCALED,
     .za = PER_ROW,
     .bias = BIAS_F32,
     .shift = {1, 1, 3, 3, 2, 1, 3, 1, 1}},
    {.name = "odd-addresses-f16",
     .m = 18,
     .n = 37,
     .k = 131,
     SCALED,
     .za = PER_ROW,
     .bias = BIAS_F16,
     .d_type = OCTGEMM_F16,
     .shift = {3, 7, 5, 1, 3, 2, 1, 3, 3},
     .pad_d = 1},
    {.name = "odd-addresses-bf16",
     .m = 18,
     .n = 37,
     .k = 131,
     SCALED,
     .za = PER_ROW,
     .bias = BIAS_BF16,
     .d_type = OCTGEMM_BF16,
     .shift = {1, 63, 33, 2, 1, 3, 3, 2, 2},
     .pad_a = 1,
     .pad_b = 1},

    /* wrong indices */
    {.name = "one-hot-a",
     .m = 70,
     .n = 67,
     .k = 150,
     .a_values = M_ONE_HOT,
     .d_type = OCTGEMM_I32,
     .b_values = M_RAMP},
    {.name = "one-hot-b",
     .m = 67,
     .n = 70,
     .k = 150,
     .b_values = M_ONE_HOT,
     .d_type = OCTGEMM_I32,
     .a_values = M_RAMP},
    {.name = "one-cold", .m = 70, .n = 67, .k = 256, .a_values = M_ONE_COLD, SCALED},

    /* the largest sums, and what saturates in 16-bit steps */
    {.name = "largest-sum",
     .m = 3,
     .n = 5,
     .k = OCTGEMM_K_MAX,
     .a_values = M_LOWEST,
     .b_values = M_LOWEST,
     .d_type = OCTGEMM_I32},
    {.name = "largest-sum-f32",
     .m = 17,
     .n = 16,
     .k = OCTGEMM_K_MAX,
     .a_values = M_LOWEST,
     .b_values = M_LOWEST,
     SCALED,
     .period = 2,
     .variants = BASIC},
    {.name = "lowest-sum",
     .m = 3,
     .n = 5,
     .k = OCTGEMM_K_MAX,
     .a_values = M_HIGHEST,
     .b_values = M_LOWEST,
     .d_type = OCTGEMM_I32},
    {.name = "largest-zero-point-low",
     .m = 3,
     .n = 5,
     .k = OCTGEMM_K_MAX_ZERO,
     .a_values = M_HIGHEST,
     .b_values = M_LOWEST,
     .za = PER_ROW,
     .za_values = Z_LOWEST,
     .d_type = OCTGEMM_I32},
    {.name = "largest-zero-point-high",
     .m = 3,
     .n = 5,
     .k = OCTGEMM_K_MAX_ZERO,
     .a_values = M_LOWEST,
     .b_values = M_LOWEST,
     .za = PER_TENSOR,
     .za_values = Z_HIGHEST,
     .d_type = OCTGEMM_I32},
    {.name = "zero-points-wrap",
     .m = 6,
     .n = 33,
     .k = 4097,
     .a_values = M_LOWEST,
     .b_values = M_LOWEST,
     .za = PER_ROW,
     .za_values = Z_BITS,
     .d_type = OCTGEMM_I32},
    {.name = "zero-points-wrap-f32",
     .m = 6,
     .n = 33,
     .k = 515,
     .za = PER_ROW,
     .za_values = Z_BITS,
     SCALED},
    {.name = "all-highest",
     .m = 33,
     .n = 17,
     .k = 1025,
     .a_values = M_HIGHEST,
     .b_values = M_HIGHEST,
     .d_type = OCTGEMM_I32},
    {.name = "all-lowest",
     .m = 33,
     .n = 17,
     .k = 1025,
     .a_values = M_LOWEST,
     .b_values = M_LOWEST,
     .d_type = OCTGEMM_I32},
    {.name = "highest-lowest",
     .m = 17,
     .n = 33,
     .k = 1024,
     .a_values = M_HIGHEST,
     .b_values = M_LOWEST,
     .d_type = OCTGEMM_I32},
    {.name = "alternating",
     .m = 17,
     .n = 33,
     .k = 1023,
     .a_values = M_ALTERNATE,
     .b_values = M_ALTERNATE,
     .d_type = OCTGEMM_I32},
    {.name = "checker",
     .m = 17,
     .n = 33,
     .k = 1023,
     .a_values = M_CHECKER,
     .b_values = M_CHECKER,
     .d_type = OCTGEMM_I32},
    {.name = "saturating-pairs",
     .m = 34,
     .n = 34,
     .k = 516,
     .a_values = M_PAIRS,
     .b_values = M_PAIRS,
     .d_type = OCTGEMM_I32},
    {.name = "high-by-pairs",
     .m = 34,
     .n = 34,
     .k = 516,
     .a_values = M_HIGHEST,
     .b_values = M_PAIRS,
     .d_type = OCTGEMM_I32},
    {.name = "pairs-by-high",
     .m = 34,
     .n = 34,
     .k = 516,
     .a_values = M_PAIRS,
     .b_values = M_HIGHEST,
     .d_type = OCTGEMM_I32},
    {.name = "offset-runs",
     .m = 21,
     .n = 39,
     .k = 600,
     .a_values = M_RUNS,
     .b_values = M_PAIRS,
     .d_type = OCTGEMM_I32},
    {.name = "runs-by-high",
     .m = 21,
     .n = 39,
     .k = 600,
     .a_values = M_RUNS,
     .b_values = M_HIGHEST,
     .d_type = OCTGEMM_I32},
    {.name = "sums-of-128",
     .m = 21,
     .n = 39,
     .k = 600,
     .a_values = M_PAIRS,
     .b_values = M_SUM_128,
     .d_type = OCTGEMM_I32},
    {.name = "high-by-sums-of-128",
     .m = 21,
     .n = 39,
     .k = 600,
     .a_values = M_HIGHEST,
     .b_values = M_SUM_128,
     .d_type = OCTGEMM_I32},
    {.name = "low-by-sums-of-128",
     .m = 21,
     .n = 39,
     .k = 600,
     .a_values = M_LOWEST,
     .b_values = M_SUM_128,
     .d_type = OCTGEMM_I32},
    {.name = "high-by-sums-of-129",
     .m = 21,
     .n = 39,
     .k = 600,
     .a_values = M_HIGHEST,
     .b_values = M_SUM_129,
     .d_type = OCTGEMM_I32},
    {.name = "low-by-sums-of-129",
     .m = 21,
     .n = 39,
     .k = 600,
     .a_values = M_LOWEST,
     .b_values = M_SUM_129,
     .d_type = OCTGEMM_I32},
    {.name = "high-by-bell",
     .m = 37,
     .n = 70,
     .k = 1100,
     .a_values = M_HIGHEST,
     .b_values = M_BELL,
     .d_type = OCTGEMM_I32},
    {.name = "pairs-by-bell",
     .m = 8,
     .n = 70,
     .k = 1100,
     .a_values = M_PAIRS,
     .b_values = M_BELL,
     .d_type = OCTGEMM_I32},
    {.name = "low-by-heavy",
     .m = 37,
     .n = 70,
     .k = 1100,
     .a_values = M_LOWEST,
     .b_values = M_HEAVY,
     .d_type = OCTGEMM_I32},
    {.name = "high-by-heavy",
     .m = 7,
     .n = 70,
     .k = 1100,
     .a_values = M_HIGHEST,
     .b_values = M_HEAVY,
     .d_type = OCTGEMM_I32},
    {.name = "checker-by-mixed",
     .m = 70,
     .n = 200,
     .k = 1100,
     .a_values = M_CHECKER,
     .b_values = M_MIXED,
     .d_type = OCTGEMM_I32},
    {.name = "high-by-outliers",
     .m = 21,
     .n = 39,
     .k = 600,
     .a_values = M_HIGHEST,
     .b_values = M_OUTLIER,
     .d_type = OCTGEMM_I32},
    {.name = "mixed-zero-points",
     .m = 40,
     .n = 150,
     .k = 1100,
     SCALED,
     .za = PER_ROW,
     .b_values = M_MIXED,
     .d_type = OCTGEMM_BF16},
    {.name = "mixed-deep",
     .m = 9,
     .n = 130,
     .k = 9000,
     .a_values = M_RUNS,
     .b_values = M_MIXED,
     .d_type = OCTGEMM_I32,
     .variants = BASIC},
    {.name = "mixed-wide",
     .m = 64,
     .n = 1200,
     .k = 2100,
     .a_values = M_RUNS,
     .b_values = M_MIXED,
     .d_type = OCTGEMM_I32,
     .variants = BASIC},
    {.name = "outliers",
     .m = 21,
     .n = 39,
     .k = 600,
     .a_values = M_OUTLIER,
     .b_values = M_OUTLIER,
     .d_type = OCTGEMM_I32},

    /* scales and bias */
    {.name = "zero-scales", .m = 9, .n = 33, .k = 65, SCALED, .sa_values = F_ZERO},
    {.name = "minus-zero-scales",
     .m = 9,
     .n = 33,
     .k = 65,
     SCALED,
     .sb_values = F_MINUS_ZERO,
     .bias = BIAS_F32,
     .bias_values = F_MINUS_ZERO},
    {.name = "minus-zero-sum",
     .m = 9,
     .n = 33,
     .k = 65,
     SCALED,
     .a_values = M_ZEROS,
     .sa_values = F_MINUS_ONE,
     .bias = BIAS_F16,
     .bias_values = F_MINUS_ZERO,
     .d_type = OCTGEMM_F16},
    {.name = "negative-scales", .m = 9, .n = 33, .k = 65, SCALED, .sa_values = F_NEGATIVE},
    {.name = "denormal-scales",
     .m = 9,
     .n = 33,
     .k = 65,
     SCALED,
     .sa_values = F_DENORMAL,
     .sb_values = F_HUGE},
    {.name = "denormal-results", .m = 9, .n = 33, .k = 65, SCALED, .sb_values = F_DENORMAL},
    {.name = "denormal-bf16",
     .m = 9,
     .n = 33,
     .k = 65,
     SCALED,
     .sb_values = F_DENORMAL,
     .d_type = OCTGEMM_BF16},
    {.name = "denormal-f16",
     .m = 9,
     .n = 65,
     .k = 65,
     SCALED,
     .sb_values = F_TINY,
     .d_type = OCTGEMM_F16},
    {.name = "huge-scales", .m = 9, .n = 33, .k = 65, SCALED, .sb_values = F_HUGE},
    {.name = "overflow-bf16",
     .m = 9,
     .n = 33,
     .k = 65,
     SCALED,
     .sa_values = F_HUGE,
     .sb_values = F_HUGE,
     .d_type = OCTGEMM_BF16},
    {.name = "overflow-f16",
     .m = 9,
     .n = 33,
     .k = 65,
     SCALED,
     .sb_values = F_HUGE,
     .d_type = OCTGEMM_F16},
    {.name = "infinite-scales",
     .m = 9,
     .n = 33,
     .k = 65,
     SCALED,
     .sa_values = F_INFINITE,
     .a_values = M_SPARSE,
     .b_values = M_SPARSE},
    {.name = "nan-scales",
     .m = 9,
     .n = 33,
     .k = 65,
     SCALED,
     .sb_values = F_NAN,
     .d_type = OCTGEMM_F16},
    {.name = "nan-bias",
     .m = 9,
     .n = 33,
     .k = 65,
     SCALED,
     .bias = BIAS_F32,
     .bias_values = F_NAN,
     .d_type = OCTGEMM_BF16},
    {.name = "bias-f16-any-bits",
     .m = 3,
     .n = 4097,
     .k = 17,
     SCALED,
     .bias = BIAS_F16,
     .bias_values = F_BITS,
     .d_type = OCTGEMM_F32,
     .variants = BASIC},
    {.name = "bias-bf16-any-bits",
     .m = 3,
     .n = 4097,
     .k = 17,
     SCALED,
     .bias = BIAS_BF16,
     .bias_values = F_BITS,
     .d_type = OCTGEMM_F32,
     .variants = BASIC},
    {.name = "special-f32",
     .m = 40,
     .n = 50,
     .k = 20,
     SCALED,
     .sa_values = F_SPECIAL,
     .sb_values = F_SPECIAL,
     .bias = BIAS_F32,
     .bias_values = F_SPECIAL,
     .a_values = M_SPARSE},
    {.name = "special-f16",
     .m = 40,
     .n = 50,
     .k = 20,
     SCALED,
     .sa_values = F_SPECIAL,
     .sb_values = F_SPECIAL,
     .bias = BIAS_F16,
     .bias_values = F_SPECIAL,
     .d_type = OCTGEMM_F16},
    {.name = "special-bf16",
     .m = 40,
     .n = 50,
     .k = 20,
     SCALED,
     .sa_values = F_SPECIAL,
     .sb_values = F_SPECIAL,
     .bias = BIAS_BF16,
     .bias_values = F_SPECIAL,
     .d_type = OCTGEMM_BF16},
    {.name = "random-bits",
     .m = 50,
     .n = 50,
     .k = 40,
     SCALED,
     .sa_values = F_BITS,
     .sb_values = F_BITS,
     .bias = BIAS_F32,
     .bias_values = F_BITS},

    /* rounding: S = 1 times every value near a boundary of f16 and of bf16; then as bias, k = 0 */
    {.name = "round-f16",
     .m = 2,
     .n = 4 * 65536,
     .k = 1,
     .sb = PER_ROW,
     .a_values = M_ONES,
     .b_values = M_ONES,
     .sb_values = F_HALFWAYS,
     .d_type = OCTGEMM_F16,
     .variants = BASIC},
    {.name = "round-bf16",
     .m = 2,
     .n = 4 * 65536,
     .k = 1,
     .sb = PER_ROW,
     .a_values = M_ONES,
     .b_values = M_ONES,
     .sb_values = F_BF_HALFWAYS,
     .d_type = OCTGEMM_BF16,
     .variants = BASIC},
    {.name = "round-bias-f16",
     .m = 1,
     .n = 4 * 65536,
     .k = 0,
     .sa = PER_TENSOR,
     .sa_values = F_MINUS_ONE,
     .bias = BIAS_F32,
     .bias_values = F_HALFWAYS,
     .d_type = OCTGEMM_F16,
     .variants = BASIC},
    {.name = "round-bias-bf16",
     .m = 1,
     .n = 4 * 65536,
     .k = 0,
     .sa = PER_TENSOR,
     .sa_values = F_MINUS_ONE,
     .bias = BIAS_F32,
     .bias_values = F_BF_HALFWAYS,
     .d_type = OCTGEMM_BF16,
     .variants = BASIC},
    {.name = "round-any-bits-f16",
     .m = 3,
     .n = 70001,
     .k = 1,
     .sb = PER_ROW,
     .sb_values = F_BITS,
     .d_type = OCTGEMM_F16,
     .variants = BASIC},
    {.name = "round-any-bits-bf16",
     .m = 3,
     .n = 70001,
     .k = 1,
     .sb = PER_ROW,
     .sb_values = F_BITS,
     .d_type = OCTGEMM_BF16,
     .variants = BASIC},

    /* awkward sizes of real models */
    {.name = "vision-mlp",
     .m = 5,
     .n = 3420,
     .k = 1280,
     SCALED,
     .bias = BIAS_BF16,
     .d_type = OCTGEMM_BF16,
     .period = 61,
     .variants = BASIC},
    {.name = "whisper-vocabulary",
     .m = 3,
     .n = 51866,
     .k = 48,
     SCALED,
     .d_type = OCTGEMM_F16,
     .period = 61,
     .variants = BASIC},
    {.name = "unaligned-vllm", .m = 33, .n = 255, .k = 513, SCALED, .d_type = OCTGEMM_BF16},
    {.name = "down-tp16",
     .m = 16,
     .n = 512,
     .k = 1848,
     SCALED,
     .d_type = OCTGEMM_BF16,
     .period = 61,
     .variants = BASIC},
    {.name = "deep-split",
     .m = 16,
     .n = 64,
     .k = 16384,
     SCALED,
     .d_type = OCTGEMM_BF16,
     .period = 7,
     .variants = BASIC | VARIANT(V_TWICE)},
    {.name = "wide-tile",
     .m = 513,
     .n = 520,
     .k = 1100,
     SCALED,
     .d_type = OCTGEMM_BF16,
     .period = 37,
     .variants = BASIC},
    {.name = "wide-tile-integers",
     .m = 384,
     .n = 512,
     .k = 1024,
     .d_type = OCTGEMM_I32,
     .period = 37,
     .variants = BASIC},

    /* indices beyond 2^31 elements, then real layers */
    {.name = "d-beyond-2^31",
     .tier = SUITE_BIG,
     .m = 65537,
     .n = 32771,
     .k = 33,
     SCALED,
     .d_type = OCTGEMM_BF16,
     .period = 61,
     .variants = VARIANT(V_ROWS)},
    {.name = "d-beyond-2^31-by-ld",
     .tier = SUITE_BIG,
     .m = 5,
     .n = 33,
     .k = 70,
     SCALED,
     .d_type = OCTGEMM_F16,
     .pad_d = 536870912,
     .variants = VARIANT(V_ROWS)},
    {.name = "a-beyond-2^31",
     .tier = SUITE_BIG,
     .m = 32771,
     .n = 17,
     .k = 65536,
     SCALED,
     .d_type = OCTGEMM_BF16,
     .period = 61,
     .variants = VARIANT(V_ROWS)},
    {.name = "a-beyond-2^31-odd",
     .tier = SUITE_BIG,
     .m = 16400,
     .n = 5,
     .k = OCTGEMM_K_MAX,
     SCALED,
     .period = 61,
     .variants = VARIANT(V_ROWS),
     .shift = {0, 1}},
    {.name = "b-beyond-2^31",
     .tier = SUITE_BIG,
     .m = 5,
     .n = 32771,
     .k = 65536,
     SCALED,
     .d_type = OCTGEMM_BF16,
     .period = 61,
     .variants = BASIC},
    {.name = "llama-8b-gate-up",
     .tier = SUITE_BIG,
     .m = 64,
     .n = 28672,
     .k = 4096,
     SCALED,
     .d_type = OCTGEMM_BF16,
     .period = 61,
     .variants = BASIC},
    {.name = "llama-8b-down",
     .tier = SUITE_BIG,
     .m = 200,
     .n = 4096,
     .k = 14336,
     SCALED,
     .d_type = OCTGEMM_BF16,
     .period = 61,
     .variants = BASIC},
    {.name = "qwen-7b-qkv",
     .tier = SUITE_BIG,
     .m = 512,
     .n = 4608,
     .k = 3584,
     SCALED,
     .bias = BIAS_BF16,
     .d_type = OCTGEMM_BF16,
     .period = 61,
     .variants = BASIC},
};
#undef SCALED

/* A sweep: every combination of three lists, drawn `draws` times. Lists end with -1. */
struct sweep {
    const char *name;
    enum suite_tier tier;
    const int64_t *m, *n, *k;
    int draws;
    int64_t period;
    unsigned variants; /* 0: the basic ones and one drawn from the rest */
};

static const int64_t zero_to_three[] = {0, 1, 3, -1};
static const int64_t one[] = {1, -1};
static const int64_t all_to_70[] = {
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, -1};
static const int64_t few_m[] = {1, 2, 6, 17, -1};
static const int64_t edge_n[] = {1, 7, 15, 31, 33, 64, -1};
static const int64_t edge_k[] = {1,   3,   4,   8,   15,  16,   17,   31,  32,  33,
                                 47,  63,  64,  65,  96,  127,  128,  129, 255, 256,
                                 257, 511, 512, 513, 640, 1023, 1025, -1};
static const int64_t n_33[] = {33, -1}, n_48[] = {48, -1}, k_65[] = {65, -1}, k_128[] = {128, -1};
static const int64_t m_19[] = {19, -1}, tile_m[] = {65, 128, 300, -1};
static const int64_t tile_n[] = {64, 129, 320, -1}, tile_k[] = {64, 320, 700, -1};
static const int64_t deep_m[] = {1, 8, -1}, deep_n[] = {16, 65, -1};
static const int64_t deep_k[] = {4096, 4099, 16400, -1};
static const int64_t some_m[] = {1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 33, 64, 65, 100, 129, -1};
static const int64_t some_n[] = {1,  2,  3,  5,  8,  15, 16,  17,  24,
                                 32, 47, 48, 49, 63, 65, 127, 130, -1};

static const struct sweep sweeps[] = {
    {"empty", SUITE_QUICK, zero_to_three, zero_to_three, zero_to_three, 1, 0, 0},
    {"rows", SUITE_QUICK, all_to_70, n_33, k_65, 1, 0, 0},
    {"rows-aligned", SUITE_QUICK, all_to_70, n_48, k_128, 1, 0, 0},
    {"columns", SUITE_QUICK, m_19, all_to_70, k_65, 1, 0, 0},
    {"depth", SUITE_QUICK, m_19, n_33, all_to_70, 1, 0, 0},
    {"dots", SUITE_QUICK, one, one, all_to_70, 1, 0, 0},
    {"edges", SUITE_QUICK, few_m, edge_n, edge_k, 1, 0, 0},
    {"tiles", SUITE_QUICK, tile_m, tile_n, tile_k, 1, 61, BASIC},
    {"deep", SUITE_QUICK, deep_m, deep_n, deep_k, 1, 7, BASIC},
    {"edges-again", SUITE_BIG, few_m, edge_n, edge_k, 5, 0, 0},
    {"tiles-again", SUITE_BIG, tile_m, tile_n, tile_k, 4, 61, BASIC | MANY_CALLS},
    {"range", SUITE_PARANOID, some_m, some_n, edge_k, 4, 0, 0},
    {"range-rows", SUITE_PARANOID, all_to_70, some_n, all_to_70, 1, 0, 0},
};

/* Draws the next value below `below` from a case's own stream. */
struct stream {
    uint64_t seed, index;
};

static unsigned draw(struct stream *stream, unsigned below)
{
    return (unsigned)(suite_hash(stream->seed, stream->index++) >> 20) % below;
}

/* One of a few likely patterns, or by chance any. */
static unsigned draw_pattern(struct stream *stream, unsigned count)
{
    return draw(stream, 10) < 7 ? 0 : draw(stream, count);
}

static void draw_properties(struct suite_case *c, struct stream *stream)
{
    static const unsigned char pads[] = {0, 0, 1, 3, 13, 16, 64};
    enum { pad_count = sizeof pads };
    int natural = draw(stream, 2) == 0; /* strides and addresses that suit vector loads */
    c->pad_a = natural ? (16 - c->k % 16) % 16 : pads[draw(stream, pad_count)];
    c->pad_b = natural ? (16 - c->k % 16) % 16 : pads[draw(stream, pad_count)];
    c->pad_d = natural ? (8 - c->n % 8) % 8 : pads[draw(stream, pad_count)];
    for (int array = 0; array < ARRAYS && !natural; array++)
        c->shift[array] = (unsigned char)draw(stream, 64);
    c->sa = (enum suite_mode)draw(stream, 3);
    c->sb = (enum suite_mode)draw(stream, 3);
    c->za = draw(stream, 2) ? ABSENT : (enum suite_mode)draw(stream, 3);
    c->bias = (enum suite_bias)draw(stream, 4);
    c->d_type = (octgemm_type)draw(stream, 4);
    c->a_values = (enum matrix_pattern)draw_pattern(stream, MATRIX_PATTERNS);
    c->b_values = (enum matrix_pattern)draw_pattern(stream, MATRIX_PATTERNS);
    c->sa_values = (enum float_pattern)draw_pattern(stream, F_HALFWAYS);
    c->sb_values = (enum float_pattern)draw_pattern(stream, F_HALFWAYS);
    c->bias_values = (enum float_pattern)draw_pattern(stream, F_HALFWAYS);
    c->za_values = (enum zero_pattern)draw_pattern(stream, ZERO_PATTERNS);
    if (c->variants == 0)
        c->variants = BASIC | VARIANT(draw(stream, VARIANTS));
}

static uint64_t hash_name(const char *name, uint64_t seed)
{
    for (; *name; name++)
        seed = suite_hash(seed, (unsigned char)*name);
    return seed;
}

static long length(const int64_t *list)
{
    long count = 0;
    while (list[count] >= 0)
        count++;
    return count;
}

static void add_sweep(const struct sweep *sweep, uint64_t seed, struct suite_case **next)
{
    for (const int64_t *m = sweep->m; *m >= 0; m++)
        for (const int64_t *n = sweep->n; *n >= 0; n++)
            for (const int64_t *k = sweep->k; *k >= 0; k++)
                for (int again = 0; again < sweep->draws; again++) {
                    struct suite_case *c = (*next)++;
                    *c = (struct suite_case){.tier = sweep->tier, .m = *m, .n = *n, .k = *k};
                    c->period = sweep->period;
                    c->variants = sweep->variants;
                    snprintf(c->name, sizeof c->name, "%s/%" PRId64 "x%" PRId64 "x%" PRId64 "/%d",
                             sweep->name, *m, *n, *k, again);
                    c->seed = hash_name(c->name, seed);
                    struct stream stream = {.seed = c->seed};
                    draw_properties(c, &stream);
                }
}

/* Every pattern of A against every pattern of B. k is odd and longer than the blocks that kernels
 * cut it into. */
static void add_patterns(uint64_t seed, struct suite_case **next)
{
    for (int a = 0; a < MATRIX_PATTERNS; a++)
        for (int b = 0; b < MATRIX_PATTERNS; b++) {
            struct suite_case *c = (*next)++;
            *c = (struct suite_case){.m = 7 + (a + b) % 11, .n = 35, .k = 579};
            c->a_values = (enum matrix_pattern)a;
            c->b_values = (enum matrix_pattern)b;
            c->d_type = OCTGEMM_I32;
            c->variants = BASIC;
            snprintf(c->name, sizeof c->name, "patterns/%dx%d", a, b);
            c->seed = hash_name(c->name, seed);
        }
}

long suite_make_cases(enum suite_tier tier, uint64_t seed, struct suite_case **out)
{
    enum {
        table_count = sizeof table / sizeof *table,
        sweep_count = sizeof sweeps / sizeof *sweeps
    };
    long count = table_count + MATRIX_PATTERNS * MATRIX_PATTERNS;
    for (int s = 0; s < sweep_count; s++)
        count += length(sweeps[s].m) * length(sweeps[s].n) * length(sweeps[s].k) * sweeps[s].draws;
    struct suite_case *next = *out = malloc((size_t)count * sizeof **out);
    if (!next)
        return -1;
    for (int i = 0; i < table_count; i++)
        if (table[i].tier <= tier) {
            *next = table[i];
            next->seed = hash_name(next->name, seed);
            if (next->variants == 0)
                next->variants = EVERY_VARIANT;
            next++;
        }
    for (int s = 0; s < sweep_count; s++)
        if (sweeps[s].tier <= tier)
            add_sweep(&sweeps[s], seed, &next);
    add_patterns(seed, &next);
    return (long)(next - *out);
}
