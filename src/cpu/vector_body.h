/* The epilogue, the quantiser and dot products on vectors: one text, included by each
 * vector_<isa>.c after it has defined the few operations used here on `vfloat` and `vint`, vectors
 * of `lanes` elements, and on `vdots`, DOT_BYTES bytes as its dot products want them. Loads and
 * stores take any alignment. The arithmetic is the contract's, lane by lane; vectorising it changes
 * no rounding because no two floats meet except in maxima and minima.
 *
 * Nothing is read or written past the end of a row. Where a row of D is made from floats, its last
 * vector starts where it ends with the row (some elements are then done twice); so it does in dot
 * products, where what was done becomes zeros. Integer results end element by element, and what is
 * left goes through a buffer or a few smaller loads.
 */
#ifndef OCTGEMM_CPU_VECTOR_BODY_H
#define OCTGEMM_CPU_VECTOR_BODY_H

#include "dot_no_terms.h"
#include "host.h"
#include "inline.h"
#include "last_bytes.h"
#include "vector.h"

#include <math.h>

/* ---- epilogue ------------------------------------------------------------------------------- */

typedef void store_floats(void *d, vfloat value);

INLINE vint sum_lanes(const char *c, const char *sums, vint za)
{
    vint sum = load_int(c);
    return sums ? sub_int(sum, mul_int(za, load_int(sums))) : sum;
}

INLINE vfloat finish(vint sum, vfloat sa, vfloat sb, vfloat bias)
{
    vfloat f = mul(mul(to_float(sum), sa), sb);
    return add(f, bias);
}

/* Elements from j on, `lanes` of them. */
INLINE void finish_lanes(char *d, const char *c, int64_t j, vint za, vfloat sa,
                         const struct cpu_columns *columns, store_floats *store, int64_t width)
{
    const char *sb = columns->sb, *bias = columns->bias, *sums = columns->sums;
    vint sum = sum_lanes(c + 4 * j, sums ? sums + 4 * j : NULL, za);
    store(d + j * width, finish(sum, sa, load_float(sb + 4 * j), load_float(bias + 4 * j)));
}

/* The same of a row that has fewer. */
INLINE void finish_some(char *d, const char *c, int64_t count, vint za, vfloat sa,
                        const struct cpu_columns *columns, store_floats *store, int64_t width)
{
    int32_t end[lanes];
    vint sum = load_some_int(c, count);
    if (columns->sums)
        sum = sub_int(sum, mul_int(za, load_some_int(columns->sums, count)));
    store(end, finish(sum, sa, load_some_float(columns->sb, count),
                      load_some_float(columns->bias, count)));
    copy_some(d, end, count, width);
}

INLINE void finish_row(void *d, const int32_t *c, int64_t count, int32_t za, float sa,
                       const struct cpu_columns *columns, store_floats *store, int64_t width)
{
    const char *in = (const char *)c;
    const struct cpu_columns local = *columns; /* D may not alias its pointers */
    const vint vza = set_int(za);
    const vfloat vsa = set_float(sa);
    int64_t j = 0;
    for (; j + lanes <= count; j += lanes)
        finish_lanes(d, in, j, vza, vsa, &local, store, width);
    if (j < count && count >= lanes)
        finish_lanes(d, in, count - lanes, vza, vsa, &local, store, width);
    else if (j < count)
        finish_some(d, in, count, vza, vsa, &local, store, width);
}

static void epilogue_f32(void *d, const int32_t *c, int64_t count, int32_t za, float sa,
                         const struct cpu_columns *columns)
{
    finish_row(d, c, count, za, sa, columns, store_float, 4);
}

static void epilogue_f16(void *d, const int32_t *c, int64_t count, int32_t za, float sa,
                         const struct cpu_columns *columns)
{
    finish_row(d, c, count, za, sa, columns, store_f16, 2);
}

static void epilogue_bf16(void *d, const int32_t *c, int64_t count, int32_t za, float sa,
                          const struct cpu_columns *columns)
{
    finish_row(d, c, count, za, sa, columns, store_bf16, 2);
}

/* No float at all. */
static void epilogue_i32(void *d, const int32_t *c, int64_t count, int32_t za, float sa,
                         const struct cpu_columns *columns)
{
    const char *sums = columns->sums;
    char *out = d;
    (void)sa;
    if (!sums) {
        memcpy(d, c, (size_t)count * sizeof *c);
        return;
    }
    int64_t j = 0;
    for (; j + lanes <= count; j += lanes)
        store_int(out + 4 * j, sum_lanes((const char *)(c + j), sums + 4 * j, set_int(za)));
    for (; j < count; j++) {
        uint32_t sum = (uint32_t)c[j] - (uint32_t)za * (uint32_t)octgemm_load_i32(columns->sums, j);
        memcpy(out + 4 * j, &sum, sizeof sum);
    }
}

/* ---- quantiser ------------------------------------------------------------------------------ */

typedef vfloat load_floats(const void *x);

/* The last `count` < lanes elements, and zeros behind them: no reading past the end of a row. */
INLINE vfloat load_end(const char *x, int64_t count, load_floats *load, int64_t width)
{
    float end[lanes] = {0};
    memcpy(end, x, (size_t)(count * width));
    return load(end);
}

/* The range of a row. The bits of |x| as integers are in the order of the numbers, with infinities
 * and NaN above all others, so one integer maximum finds both. */
struct range {
    float most;      /* of |x|; infinite or NaN if any is */
    float low, high; /* of asymmetric rows, with 0; anything if `most` is no number */
};

/* The same so far, a lane each. */
struct ranges {
    vint magnitude;
    vfloat low, high;
};

INLINE void widen_ranges(struct ranges *range, vfloat value, int asymmetric)
{
    range->magnitude = max_int(range->magnitude, and_int(bits(value), set_int(0x7fffffff)));
    if (asymmetric) {
        range->low = min(range->low, value);
        range->high = max(range->high, value);
    }
}

/* Of float32. Two sets of ranges, for the latency of a maximum; where there is one lane and no
 * float minimum, compilers make vectors of the second loop and need all of the row there. */
INLINE struct range find_range_32(const char *x, int64_t k, int asymmetric)
{
    struct ranges ranges = {set_int(0), set_float(0), set_float(0)}, other = ranges;
    int64_t p = 0;
    for (; (lanes > 1 || asymmetric) && p + 2 * lanes <= k; p += 2 * lanes) {
        widen_ranges(&ranges, load_float(x + 4 * p), asymmetric);
        widen_ranges(&other, load_float(x + 4 * (p + lanes)), asymmetric);
    }
    for (; p + lanes <= k; p += lanes)
        widen_ranges(&ranges, load_float(x + 4 * p), asymmetric);
    if (p < k)
        widen_ranges(&ranges, load_end(x + 4 * p, k - p, load_float, 4), asymmetric);
    int32_t magnitudes[lanes], most = 0;
    float lows[lanes], highs[lanes];
    store_int(magnitudes, max_int(ranges.magnitude, other.magnitude));
    store_float(lows, min(ranges.low, other.low));
    store_float(highs, max(ranges.high, other.high));
    struct range range = {0, 0, 0};
    for (int i = 0; i < lanes; i++) {
        most = magnitudes[i] > most ? magnitudes[i] : most;
        range.low = lows[i] < range.low ? lows[i] : range.low;
        range.high = highs[i] > range.high ? highs[i] : range.high;
    }
    range.most = octgemm_bits_float((uint32_t)most);
    return range;
}

static float float_of(int16_t bits, octgemm_type type)
{
    return octgemm_load_float(&bits, type, 0);
}

/* The bits of a 16-bit number as an integer in the order of the numbers, and back. */
INLINE int16_t ordered(int16_t bits)
{
    return (int16_t)(bits ^ (bits >> 15 & 0x7fff));
}

/* Of 16-bit numbers, which need not be widened for that. Left to the compiler's vectors. */
INLINE struct range find_range_16(const char *x, int64_t k, int asymmetric, octgemm_type type)
{
    int16_t most = 0, low = 0, high = 0;
    for (int64_t p = 0; p < k; p++) {
        int16_t bits = (int16_t)octgemm_load_u16(x, p), magnitude = bits & 0x7fff;
        most = magnitude > most ? magnitude : most;
        if (asymmetric) {
            int16_t order = ordered(bits);
            low = order < low ? order : low;
            high = order > high ? order : high;
        }
    }
    return (struct range){float_of(most, type), float_of(ordered(low), type), float_of(high, type)};
}

/* What a row of quantised values needs: x ~ (q - zero) * scale, q = rint(x * inv) + zero. */
struct rule {
    float scale, inv;
    int32_t zero;
};

/* The rule of a dynamic row. Returns 0 for one that becomes all zeros, because it has too small a
 * range (scale 1) or an infinity or NaN (scale NaN). */
INLINE int find_rule(struct rule *rule, const char *x, int64_t k, int asymmetric, octgemm_type type)
{
    static const float smallest_range = 0x1p-100f, largest = 0x1.fffffep127f;
    struct range range = type == OCTGEMM_F32 ? find_range_32(x, k, asymmetric)
                                             : find_range_16(x, k, asymmetric, type);
    *rule = (struct rule){.scale = NAN};
    if (!(range.most <= largest))
        return 0;
    float span = asymmetric ? range.high - range.low : range.most;
    float steps = asymmetric ? 255 : 127;
    rule->scale = 1;
    if (span < smallest_range)
        return 0;
    rule->scale = span / steps;
    rule->inv = steps / span;
    if (asymmetric) {
        float zero = rintf(-128 - range.low * rule->inv);
        rule->zero = (int32_t)(zero < -128 ? -128 : zero > 127 ? 127 : zero);
    }
    return 1;
}

/* x * inv is within 128 (symmetric) or 256 of 0, so only the final narrowing saturates: at 127 it
 * is the contract's clamp, and the lower bound of symmetric rows, -127, cannot be passed. */
INLINE vint quantize_dynamic(vfloat value, vfloat inv, vint zero)
{
    return add_int(nearest(mul(value, inv)), zero);
}

/* NaN (a NaN in x, 0 / 0, inf / inf) becomes 0. */
INLINE vint quantize_static(vfloat value, vfloat scale)
{
    vfloat quotient = zero_nan(divide(value, scale));
    return nearest(max(min(quotient, set_float(127)), set_float(-128)));
}

/* q[0 .. k) by a rule. */
INLINE void apply_rule(int8_t *q, const char *x, int64_t k, const struct rule *rule, int is_static,
                       load_floats *load, int64_t width)
{
    vfloat inv = set_float(rule->inv), scale = set_float(rule->scale);
    vint zero = set_int(rule->zero);
    int64_t p = 0;
    for (; p + lanes <= k; p += lanes) {
        vfloat value = load(x + p * width);
        store_i8(q + p,
                 is_static ? quantize_static(value, scale) : quantize_dynamic(value, inv, zero));
    }
    if (p < k) {
        int8_t end[lanes];
        vfloat value = load_end(x + p * width, k - p, load, width);
        store_i8(end,
                 is_static ? quantize_static(value, scale) : quantize_dynamic(value, inv, zero));
        memcpy(q + p, end, (size_t)(k - p));
    }
}

INLINE void quantize_row(const octgemm_quantize_args *args, int64_t row, load_floats *load,
                         octgemm_type type)
{
    const int64_t width = octgemm_width(type);
    const int64_t k = args->k;
    const char *x = k > 0 ? (const char *)args->x + row * args->ldx * width : NULL;
    int8_t *q = k > 0 ? args->q + row * args->ldq : NULL;
    struct rule rule = {.scale = 0};
    if (args->static_scale) {
        rule.scale = octgemm_load_f32(args->scale, 0);
        apply_rule(q, x, k, &rule, 1, load, width);
        return;
    }
    int has_rule = args->zero ? find_rule(&rule, x, k, 1, type) : find_rule(&rule, x, k, 0, type);
    memcpy((char *)args->scale + row * (int64_t)sizeof(float), &rule.scale, sizeof(float));
    if (args->zero)
        memcpy((char *)args->zero + row * (int64_t)sizeof(int32_t), &rule.zero, sizeof(int32_t));
    if (has_rule)
        apply_rule(q, x, k, &rule, 0, load, width);
    else if (k > 0)
        memset(q, 0, (size_t)k);
}

static void quantize_f32(const octgemm_quantize_args *args, int64_t row)
{
    quantize_row(args, row, load_float, OCTGEMM_F32);
}

static void quantize_f16(const octgemm_quantize_args *args, int64_t row)
{
    quantize_row(args, row, load_f16, OCTGEMM_F16);
}

static void quantize_bf16(const octgemm_quantize_args *args, int64_t row)
{
    quantize_row(args, row, load_bf16, OCTGEMM_BF16);
}

static void quantize_rows(const octgemm_quantize_args *args, int64_t first, int64_t last)
{
    static void (*const by_type[])(const octgemm_quantize_args *args, int64_t row) = {
        [OCTGEMM_F32] = quantize_f32, [OCTGEMM_F16] = quantize_f16, [OCTGEMM_BF16] = quantize_bf16};
    for (int64_t row = first; row < last; row++)
        by_type[args->x_type](args, row);
}

/* ---- dot products --------------------------------------------------------------------------- */

/* Ones in the last `count` < DOT_BYTES places. */
INLINE vdots keep_last(int64_t count)
{
    return load_dots(last_bytes(DOT_BYTES, count));
}

typedef vint dot_sums;
typedef vdots dot_left;
typedef vdots dot_right;

static inline vint dot_zero(void)
{
    return set_int(0);
}

/* Of a row's end: its last DOT_BYTES, or, when it has fewer, what there is and zeros. */
static inline vdots load_right(const int8_t *p, int64_t bytes, int64_t before)
{
    return before + bytes >= DOT_BYTES ? load_dots(p + bytes - DOT_BYTES) : load_few_dots(p, bytes);
}

/* Likewise, without what was done. */
static inline vdots load_left(const int8_t *p, int64_t bytes, int64_t before)
{
    vdots end = load_right(p, bytes, before);
    return bytes < DOT_BYTES && before + bytes >= DOT_BYTES ? and_dots(end, keep_last(bytes)) : end;
}

static inline void dot_add(vint *sums, vdots left, vdots right)
{
    *sums = add_dots(*sums, left, right);
}

#include "dot.h"

#endif
