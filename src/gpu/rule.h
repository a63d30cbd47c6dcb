/* The rule that quantises a row, from what one pass over the row finds (octgemm-numerics(7)). One
 * text for CUDA and HIP; src/ref/ref.c is the definition. */
#ifndef OCTGEMM_GPU_RULE_H
#define OCTGEMM_GPU_RULE_H

#include "epilogue.h"

/* What is kept of a row while it is read. Any order of reading ends in the same values. */
struct octgemm_range {
    uint32_t magnitude; /* the largest |x|, as bits: an infinity or a NaN is above every number */
    float low, high;    /* of x and 0 */
};

struct octgemm_rule {
    float scale, inv;
    float zero;
    float lowest;
    int32_t all_zero; /* the row has no rule: every q is 0 */
};

OCTGEMM_FN float octgemm_min(float a, float b)
{
    return b < a ? b : a;
}

OCTGEMM_FN float octgemm_max(float a, float b)
{
    return b > a ? b : a;
}

/* Nearest integer, ties to even, for |x| < 2^22: the sum has no bits left for a fraction. */
OCTGEMM_FN float octgemm_rint(float x)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23 */
    return (x + shift) - shift;
}

OCTGEMM_FN struct octgemm_range octgemm_range_of(float x)
{
    struct octgemm_range range;
    range.magnitude = octgemm_float_bits(x) & 0x7fffffffu;
    range.low = octgemm_min(0.0f, x);
    range.high = octgemm_max(0.0f, x);
    return range;
}

OCTGEMM_FN struct octgemm_range octgemm_join(struct octgemm_range a, struct octgemm_range b)
{
    if (b.magnitude > a.magnitude)
        a.magnitude = b.magnitude;
    a.low = octgemm_min(a.low, b.low);
    a.high = octgemm_max(a.high, b.high);
    return a;
}

OCTGEMM_FN struct octgemm_rule octgemm_find_rule(struct octgemm_range range, int asymmetric)
{
    const float smallest = 7.888609052210118e-31f; /* 2^-100 */
    struct octgemm_rule rule;
    float extent = asymmetric ? range.high - range.low : octgemm_bits_float(range.magnitude);
    float steps = asymmetric ? 255.0f : 127.0f;
    rule.zero = 0;
    rule.inv = 0;
    rule.lowest = asymmetric ? -128.0f : -127.0f;
    rule.scale = 1;
    rule.all_zero = 1;
    if (range.magnitude >= 0x7f800000u)
        rule.scale = octgemm_bits_float(0x7fc00000u);
    else if (extent >= smallest) {
        rule.all_zero = 0;
        rule.scale = extent / steps;
        rule.inv = steps / extent;
        if (asymmetric)
            rule.zero = octgemm_max(
                -128.0f, octgemm_min(127.0f, octgemm_rint(-128.0f - range.low * rule.inv)));
    }
    return rule;
}

/* x in steps, not yet rounded, to q. The first clamp changes no result and keeps rint in range. */
OCTGEMM_FN int8_t octgemm_round_value(float steps, float zero, float lowest)
{
    const float far = 1024.0f;
    if (steps != steps)
        return 0;
    float q = octgemm_rint(octgemm_max(-far, octgemm_min(far, steps))) + zero;
    return (int8_t)(int32_t)octgemm_max(lowest, octgemm_min(127.0f, q));
}

#endif
