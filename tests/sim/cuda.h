/* The words of CUDA C++ that the plain kernels use (src/cuda/generic.cu, weights.cu and what of
 * others is plain), made of the simulator's. Kernels with instructions of their own are for GPUs
 * alone. */
#ifndef OCTGEMM_SIM_CUDA_H
#define OCTGEMM_SIM_CUDA_H

#include "sim.h"

#include <algorithm>
#include <cstdint>

using std::max;
using std::min;

#define __global__
#define __device__
#define __grid_constant__
#define __launch_bounds__(threads)
#define __forceinline__ inline
#define __shared__ static /* blocks run one after another */
#define _Static_assert static_assert

struct sim_index {
    unsigned x;
};
extern sim_index gridDim;
#define threadIdx (sim_index{sim_thread()})
#define blockIdx (sim_index{sim_block()})

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
