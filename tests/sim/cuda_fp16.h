/* What src/cuda takes of CUDA's header of this name. */
#ifndef OCTGEMM_SIM_CUDA_FP16_H
#define OCTGEMM_SIM_CUDA_FP16_H

#include "elements.h"

static inline uint16_t __float2half_rn(float value)
{
    return octgemm_f32_to_f16(value);
}

static inline uint16_t __half_as_ushort(uint16_t half)
{
    return half;
}

static inline uint16_t __ushort_as_half(uint16_t bits)
{
    return bits;
}

static inline float __half2float(uint16_t half)
{
    return octgemm_f16_to_f32(half);
}

#endif
