/* The rounding contract (octgemm-numerics(7), steps 3 to 6), one text for C, CUDA and HIP.
 *
 * Every operation below rounds once, to nearest even. A fused multiply-add would skip a rounding,
 * so every file that includes this is compiled with -ffp-contract=off (nvcc: -fmad=false); the f16
 * and bf16 conversions are done in integers so that they are the same on every machine, and vector
 * kernels may use an instruction instead where it gives the same bits.
 */
#ifndef OCTGEMM_EPILOGUE_H
#define OCTGEMM_EPILOGUE_H

#include <stdint.h>
#include <string.h>

#if defined(__CUDACC__) || defined(__HIP__)
#define OCTGEMM_FN static __device__ __forceinline__
#else
#include <float.h>
#define OCTGEMM_FN static inline
_Static_assert(FLT_EVAL_METHOD == 0, "float arithmetic must round to float at every step");
#ifdef __FAST_MATH__
#error "-ffast-math gives other bits, and wrong ones for NaN"
#endif
#endif

OCTGEMM_FN uint32_t octgemm_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

OCTGEMM_FN float octgemm_bits_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Steps 3 and 4. */
OCTGEMM_FN float octgemm_scale_sum(int32_t sum, float sa, float sb)
{
    float f = (float)sum;
    f = f * sa;
    f = f * sb;
    return f;
}

/* Step 5. */
OCTGEMM_FN float octgemm_add_bias(float f, float bias)
{
    return f + bias;
}

OCTGEMM_FN float octgemm_bf16_to_f32(uint16_t half)
{
    return octgemm_bits_float((uint32_t)half << 16);
}

OCTGEMM_FN uint16_t octgemm_f32_to_bf16(float value)
{
    uint32_t bits = octgemm_float_bits(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u); /* NaN stays NaN, quiet */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

OCTGEMM_FN float octgemm_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t rest = half & 0x7fffu;
    if (rest >= 0x7c00u) /* infinity, NaN */
        return octgemm_bits_float(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
    if (rest >= 0x0400u) /* normal: rebias the exponent by 127 - 15 */
        return octgemm_bits_float(sign | ((rest << 13) + (112u << 23)));
    /* zero and subnormal: rest * 2^-24 is exact */
    float value = (float)(int32_t)rest * 0x1p-24f;
    return octgemm_bits_float(sign | octgemm_float_bits(value));
}

/* Both ways are computed and one is chosen: without branches this is half the code on a GPU. */
OCTGEMM_FN uint16_t octgemm_f32_to_f16(float value)
{
    uint32_t bits = octgemm_float_bits(value);
    uint32_t rest = bits & 0x7fffffffu;
    uint32_t exponent = rest >> 23;
    /* normal result: drop 13 bits, nearest even */
    uint32_t normal = (rest + 0xfffu + (rest >> 13 & 1u) - (112u << 23)) >> 13;
    /* subnormal result: the 24-bit significand in units of 2^-24, nearest even; 25 places leave 0
     */
    uint32_t significand = (rest & 0x7fffffu) | 0x800000u;
    uint32_t shift = exponent > 101u ? 126u - exponent : 25u; /* 14 .. 25 where it counts */
    shift &= 31u;
    uint32_t even = significand >> shift & 1u;
    uint32_t subnormal = (significand + (1u << shift) / 2u - 1u + even) >> shift;
    uint32_t result = rest >= 0x38800000u ? normal : subnormal;
    result = rest >= 0x477ff000u ? 0x7c00u : result; /* 65520 and above round to infinity */
    result = rest > 0x7f800000u ? 0x7e00u : result;
    return (uint16_t)((bits >> 16 & 0x8000u) | result);
}

#endif
