/* Where the suite's values come from: a hash as random source, and named patterns for each kind of
 * array. */
#include "patterns.h"

#include <float.h>
#include <math.h>
#include <string.h>

uint64_t suite_hash(uint64_t seed, uint64_t index)
{
    uint64_t z = seed * 0xd1342543de82ef95u + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---- int8 matrices ----------------------------------------------------------------------------
 */

static int8_t to_int8(uint64_t bits)
{
    return (int8_t)((int)(bits & 255) - 128);
}

static void fill_random(int8_t *row, int64_t k, uint64_t seed)
{
    for (int64_t p = 0; p < k; p += 8) {
        uint64_t bits = suite_hash(seed, (uint64_t)p);
        for (int64_t q = p; q < p + 8 && q < k; q++, bits >>= 8)
            row[q] = to_int8(bits);
    }
}

int64_t suite_hot_column(int64_t index, int64_t k, uint64_t seed)
{
    return (int64_t)((suite_hash(seed, 7) + (uint64_t)index * 37) % (uint64_t)k);
}

/* The sum of four uniform values, standard deviation 33. */
static int8_t bell(uint64_t random)
{
    int sum =
        to_int8(random) + to_int8(random >> 8) + to_int8(random >> 16) + to_int8(random >> 24);
    return (int8_t)(sum * 2 / 9);
}

static int8_t matrix_value(enum matrix_pattern pattern, int64_t index, int64_t p, uint64_t random)
{
    static const int8_t extremes[4] = {127, -127, -128, -128};
    static const int8_t sums[4][4] = {
        {127, 1, -128, -5}, {64, 64, -128, -128}, {32, 32, 32, 32}, {125, 1, 1, 1}};
    switch (pattern) {
    case M_LOWEST:
        return -128;
    case M_HIGHEST:
        return 127;
    case M_ONES:
        return 1;
    case M_ALTERNATE:
        return p % 2 ? -128 : 127;
    case M_CHECKER:
        return (p + index) % 2 ? -128 : 127;
    case M_OUTLIER:
        if (p % 32 == (index * 5 + 3) % 32)
            return random & 1 ? 127 : -127;
        return (int8_t)((int)(random % 3) - 1);
    case M_SUM_128:
        return sums[(p / 4 + index) % 4][p % 4];
    case M_PAIRS:
        return extremes[random / 2 % 4];
    case M_RUNS:
        return (p / 19 + index) % 2 ? 127 : -128;
    case M_RAMP:
        return to_int8((uint64_t)(index * 41 + p));
    case M_SPARSE:
        return random % 16 ? 0 : to_int8(random >> 8);
    case M_SMALL:
        return (int8_t)((int)(random % 3) - 1);
    case M_SUM_129:
        return (int8_t)(sums[(p / 4 + index) % 4][p % 4] + (p % 4 == 1));
    case M_BELL:
        return bell(random);
    case M_HEAVY:
        return random >> 40 & 63 ? (int8_t)(bell(random) / 2) : to_int8(random >> 48);
    default: /* M_ZEROS, and the background of the one-hot patterns */
        return 0;
    }
}

void suite_fill_matrix_row(enum matrix_pattern pattern, int8_t *row, int64_t k, int64_t index,
                           uint64_t seed)
{
    static const enum matrix_pattern mix[4] = {M_BELL, M_HEAVY, M_RANDOM, M_SUM_129};
    uint64_t row_seed = suite_hash(seed, (uint64_t)index);
    if (pattern == M_MIXED)
        pattern = mix[index / 32 % 4];
    if (pattern == M_RANDOM) {
        fill_random(row, k, row_seed);
        return;
    }
    for (int64_t p = 0; p < k; p++) /* M_PAIRS draws once for two neighbours */
        row[p] = matrix_value(pattern, index, p,
                              suite_hash(row_seed, (uint64_t)(pattern == M_PAIRS ? p / 2 : p)));
    if (k > 0 && (pattern == M_ONE_HOT || pattern == M_ONE_COLD))
        row[suite_hot_column(index, k, seed)] = pattern == M_ONE_HOT ? 1 : -128;
}

/* ---- conversions ------------------------------------------------------------------------------
 */

/* f16 and bf16 by their parameters. */
struct half_format {
    int mantissa, lowest_exponent, highest_exponent;
};

static struct half_format half_format(octgemm_type type)
{
    static const struct half_format f16 = {10, -14, 15}, bf16 = {7, -126, 127};
    return type == OCTGEMM_F16 ? f16 : bf16;
}

uint16_t suite_round_half(double value, octgemm_type type)
{
    struct half_format format = half_format(type);
    unsigned infinity = (unsigned)(format.highest_exponent * 2 + 1) << format.mantissa;
    unsigned sign = signbit(value) ? 0x8000u : 0;
    if (isnan(value))
        return (uint16_t)(sign | infinity | 1u << (format.mantissa - 1));
    double size = fabs(value);
    if (isinf(value))
        return (uint16_t)(sign | infinity);
    int exponent = size > 0 ? ilogb(size) : format.lowest_exponent;
    if (exponent < format.lowest_exponent)
        exponent = format.lowest_exponent;
    /* In units of the last place, rounded to nearest even; 2^(mantissa + 1) carries by itself. */
    double units = nearbyint(ldexp(size, format.mantissa - exponent));
    if (ldexp(units, exponent - format.mantissa) >= ldexp(1, format.highest_exponent + 1))
        return (uint16_t)(sign | infinity);
    unsigned bits = (unsigned)units;
    if (exponent > format.lowest_exponent || bits >> format.mantissa)
        bits += (unsigned)(exponent - format.lowest_exponent) << format.mantissa;
    return (uint16_t)(sign | bits);
}

/* 2^exponent, a normal number. (ldexp here was a tenth of the suite's time.) */
static double power_of_two(int exponent)
{
    uint64_t bits = (uint64_t)(1023 + exponent) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double suite_half_value(uint16_t half, octgemm_type type)
{
    struct half_format format = half_format(type);
    double sign = half & 0x8000u ? -1 : 1;
    int exponent = (half & 0x7fff) >> format.mantissa;
    int mantissa = half & ((1 << format.mantissa) - 1);
    if (exponent == format.highest_exponent * 2 + 1)
        return mantissa ? NAN : sign * INFINITY;
    if (exponent == 0)
        return sign * mantissa * power_of_two(format.lowest_exponent - format.mantissa);
    return sign * (mantissa + (1 << format.mantissa)) *
           power_of_two(format.lowest_exponent + exponent - 1 - format.mantissa);
}

int64_t suite_width(octgemm_type type)
{
    return type == OCTGEMM_F16 || type == OCTGEMM_BF16 ? 2 : 4;
}

double suite_value(const void *base, octgemm_type type, int64_t index)
{
    const unsigned char *at = (const unsigned char *)base + index * suite_width(type);
    float f32;
    int32_t i32;
    uint16_t half;
    if (type == OCTGEMM_F32)
        return memcpy(&f32, at, sizeof f32), f32;
    if (type == OCTGEMM_I32)
        return memcpy(&i32, at, sizeof i32), i32;
    return memcpy(&half, at, sizeof half), suite_half_value(half, type);
}

void suite_store(void *base, octgemm_type type, int64_t index, double value)
{
    unsigned char *at = (unsigned char *)base + index * suite_width(type);
    if (type == OCTGEMM_F32) {
        float f32 = (float)value;
        memcpy(at, &f32, sizeof f32);
        return;
    }
    uint16_t half = suite_round_half(value, type);
    memcpy(at, &half, sizeof half);
}

/* ---- floats -----------------------------------------------------------------------------------
 */

static float from_bits(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

/* A positive value with a random significand and an exponent in [low, low + count). */
static float positive(uint64_t random, int low, unsigned count)
{
    float significand = 1 + (float)(random & 0x7fffff) * 0x1p-23f;
    return ldexpf(significand, low + (int)(random >> 32 & 0xffff) % (int)count);
}

/* Four floats around each boundary between two neighbouring halves: the half itself, and just
 * below, at and just above the middle. */
static float halfway(octgemm_type type, int64_t index)
{
    uint16_t half = (uint16_t)(index / 4);
    double low = suite_half_value(half, type);
    double high = suite_half_value((uint16_t)(half + 1), type);
    float middle = (float)((low + high) / 2);
    if (index % 4 == 0 || !isfinite(low))
        return (float)low;
    if (!isfinite(high)) /* beyond the largest half: where rounding up becomes infinity */
        middle = (float)(low * 2 - (suite_half_value((uint16_t)(half - 1), type) + low) / 2);
    return index % 4 == 1   ? nextafterf(middle, -INFINITY)
           : index % 4 == 2 ? middle
                            : nextafterf(middle, INFINITY);
}

float suite_float(enum float_pattern pattern, int64_t index, uint64_t seed)
{
    uint64_t random = suite_hash(seed, (uint64_t)index);
    switch (pattern) {
    case F_ORDINARY:
        return positive(random, -12, 10);
    case F_ONE:
        return 1;
    case F_MINUS_ONE:
        return -1;
    case F_ZERO:
        return 0;
    case F_MINUS_ZERO:
        return -0.0f;
    case F_NEGATIVE:
        return -positive(random, -12, 10);
    case F_DENORMAL:
        return from_bits((random & 0x807fffff) | 1);
    case F_TINY:
        return positive(random, -80, 70);
    case F_HUGE:
        return positive(random, 8, 119);
    case F_INFINITE:
        return random & 1 ? INFINITY : -INFINITY;
    case F_NAN:
        return NAN;
    case F_SPECIAL:
        return suite_float((enum float_pattern)(random >> 40) % F_SPECIAL, index, seed + 1);
    case F_HALFWAYS:
        return halfway(OCTGEMM_F16, index);
    case F_BF_HALFWAYS:
        return halfway(OCTGEMM_BF16, index);
    default: /* F_BITS */
        return from_bits(random);
    }
}

int32_t suite_zero_point(enum zero_pattern pattern, int64_t index, uint64_t seed)
{
    uint64_t random = suite_hash(seed, (uint64_t)index);
    switch (pattern) {
    case Z_LOWEST:
        return -128;
    case Z_HIGHEST:
        return 127;
    case Z_ZERO:
        return 0;
    case Z_BITS:
        return (int32_t)(uint32_t)random;
    default: /* Z_ORDINARY */
        return to_int8(random);
    }
}

/* ---- rows to quantise -------------------------------------------------------------------------
 */

static double largest(octgemm_type type)
{
    return type == OCTGEMM_F16 ? 65504 : type == OCTGEMM_BF16 ? 0x1.fep127 : FLT_MAX;
}

static double row_value(enum row_pattern pattern, octgemm_type type, int64_t p, uint64_t random)
{
    double unit = (double)(random >> 11) * 0x1p-53; /* [0, 1) */
    double ordinary = (unit - 0.5) * (1 + (double)(random & 7));
    double denormal = type == OCTGEMM_F16 ? 0x1p-24 : type == OCTGEMM_BF16 ? 0x1p-133 : 0x1p-149;
    switch (pattern) {
    case R_OUTLIER:
        return p == 2 ? -300 : ordinary;
    case R_ZERO:
        return 0;
    case R_MINUS_ZERO:
        return -0.0;
    case R_CONSTANT:
        return 3.1875;
    case R_CONSTANT_NEGATIVE:
        return -0.0234375;
    case R_POSITIVE:
        return 5 + fabs(ordinary);
    case R_NEGATIVE:
        return -5 - fabs(ordinary);
    case R_DENORMAL:
        return denormal * (double)(random % 9);
    case R_BELOW_SMALLEST:
        return (p % 2 ? -0x1p-103 : 0x1p-103) * (1 + unit);
    case R_ABOVE_SMALLEST:
        return (p % 2 ? -0x1p-100 : 0x1p-100) * (1 + unit);
    case R_TIES: /* symmetric: absmax 127, inv 1; asymmetric: lo -127, hi 128, inv 1 */
        return p == 0 ? -127 : p == 1 ? 128 : (double)(int)(random % 253) - 126.5;
    case R_OVERFLOW:
        return p % 2 ? -largest(type) : largest(type);
    case R_LARGEST:
        return largest(type) * (1 - unit / 64);
    default: /* R_ORDINARY and the rows with one special value */
        return ordinary;
    }
}

void suite_fill_row(void *row, octgemm_type type, int64_t k, int64_t index, uint64_t seed)
{
    enum row_pattern pattern = (enum row_pattern)(index % ROW_PATTERNS);
    uint64_t row_seed = suite_hash(seed, (uint64_t)index);
    for (int64_t p = 0; p < k; p++)
        suite_store(row, type, p, row_value(pattern, type, p, suite_hash(row_seed, (uint64_t)p)));
    int64_t at = k > 0 ? (int64_t)(row_seed % (uint64_t)k) : 0;
    if (k > 0 && pattern == R_ONE_NAN)
        suite_store(row, type, at, NAN);
    if (k > 0 && pattern == R_ONE_INFINITY)
        suite_store(row, type, at, INFINITY);
    if (k > 0 && pattern == R_ONE_MINUS_INFINITY)
        suite_store(row, type, at, -INFINITY);
    if (pattern == R_TIES && k > 1 && index / ROW_PATTERNS % 2 == 0)
        suite_store(row, type, 1, 127); /* absmax 127 exactly in every other such row */
    int64_t width = suite_width(type);
    for (int64_t p = 0; p < k && (pattern == R_BITS || pattern == R_FINITE_BITS); p++) {
        uint64_t bits = suite_hash(row_seed + 1, (uint64_t)p);
        memcpy((char *)row + p * width, &bits, (size_t)width);
        if (pattern == R_FINITE_BITS && !isfinite(suite_value(row, type, p)))
            suite_store(row, type, p, 0.25);
    }
}
