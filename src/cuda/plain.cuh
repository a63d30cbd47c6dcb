/* In plain arithmetic what newer chips have instructions for (ptx.cuh): sm_75 takes these, and the
 * simulator (tests/sim/ptx.h). */
#ifndef OCTGEMM_CUDA_PLAIN_CUH
#define OCTGEMM_CUDA_PLAIN_CUH

#include "epilogue.h"

#include <stdint.h>

/* The larger or the smaller of two numbers; a NaN if either is one. */
template <bool larger>
__device__ __forceinline__ float plain_pick(float a, float b)
{
    return a != a || (larger ? a > b : a < b) ? a : b;
}

/* The same for each of two values in a word, F16 or BF16. */
template <bool bf16, bool larger>
__device__ __forceinline__ uint32_t plain_pick_pair(uint32_t a, uint32_t b)
{
    uint32_t d = 0;
    for (int at = 0; at < 32; at += 16) {
        uint16_t low = (uint16_t)(a >> at), high = (uint16_t)(b >> at);
        float x = bf16 ? octgemm_bf16_to_f32(low) : octgemm_f16_to_f32(low);
        float y = bf16 ? octgemm_bf16_to_f32(high) : octgemm_f16_to_f32(high);
        d |= (uint32_t)(x != x || (larger ? x > y : x < y) ? low : high) << at;
    }
    return d;
}

#endif
