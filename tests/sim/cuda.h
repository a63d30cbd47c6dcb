/* The words of CUDA C++ that kernels use, made of the simulator's: all that the plain ones need
 * (src/cuda/generic.cu, weights.cu and what of others is plain). What is done by a warp is in
 * ptx.h, Hopper's instructions are in hopper.h. */
#ifndef OCTGEMM_SIM_CUDA_H
#define OCTGEMM_SIM_CUDA_H

#include "sim.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

using std::max;
using std::min;

#define __global__
#define __device__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline
#define __shared__ static /* blocks run one after another */
#define __align__(bytes) __attribute__((aligned(bytes)))
#define _Static_assert static_assert

struct sim_index {
    unsigned x;
};
extern sim_index gridDim;
#define threadIdx (sim_index{sim_thread()})
#define blockIdx (sim_index{sim_block()})
#define blockDim (sim_index{sim_threads() / gridDim.x})

static inline void __syncthreads()
{
    sim_barrier();
}

static inline int atomicAdd(int *sum, int value)
{
    int before = *sum;
    *sum += value;
    return before;
}

static inline int __ffs(int word)
{
    return __builtin_ffs(word);
}

static inline int __dp4a(int a, int b, int sum)
{
    for (int shift = 0; shift < 32; shift += 8)
        sum += (int8_t)(a >> shift) * (int8_t)(b >> shift);
    return sum;
}

struct uint4 {
    uint32_t x, y, z, w;
};

static inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w)
{
    return {x, y, z, w};
}

struct uint2 {
    uint32_t x, y;
};

static inline uint2 make_uint2(uint32_t x, uint32_t y)
{
    return {x, y};
}

struct int2 {
    int32_t x, y;
};

struct int4 {
    int32_t x, y, z, w;
};

static inline int4 make_int4(int32_t x, int32_t y, int32_t z, int32_t w)
{
    return {x, y, z, w};
}

struct float2 {
    float x, y;
};

struct float4 {
    float x, y, z, w;
};

static inline float2 make_float2(float x, float y)
{
    return {x, y};
}

static inline float __uint_as_float(uint32_t bits)
{
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rounded to nearest, each operation alone (-ffp-contract=off). */
static inline float __fadd_rn(float a, float b)
{
    return a + b;
}

static inline float __fmul_rn(float a, float b)
{
    return a * b;
}

static inline float __fdiv_rn(float a, float b)
{
    return a / b;
}

static inline float __fmaf_rn(float a, float b, float c)
{
    return std::fma(a, b, c);
}

/* The nearest integer; a NaN is 0, and what is too large the largest. */
static inline int __float2int_rn(float value)
{
    const float large = 2147483648.0f;
    if (value != value)
        return 0;
    return value >= large ? INT32_MAX : value < -large ? INT32_MIN : (int)std::nearbyint(value);
}

/* The lower word of two, moved right by 0 to 31 bits. */
static inline uint32_t __funnelshift_r(uint32_t low, uint32_t high, uint32_t bits)
{
    return (uint32_t)(((uint64_t)high << 32 | low) >> bits);
}

/* The upper word of two, moved left by 0 to 31 bits. */
static inline uint32_t __funnelshift_l(uint32_t low, uint32_t high, uint32_t bits)
{
    return (uint32_t)(((uint64_t)high << 32 | low) << bits >> 32);
}

/* Four of eight bytes, the lowest of which are `low`'s, by a digit each. */
static inline uint32_t __byte_perm(uint32_t low, uint32_t high, uint32_t digits)
{
    const uint64_t bytes = (uint64_t)high << 32 | low;
    uint32_t picked = 0;
    for (int i = 0; i < 4; i++)
        picked |= (uint32_t)(uint8_t)(bytes >> 8 * (digits >> 4 * i & 7)) << 8 * i;
    return picked;
}

#endif
