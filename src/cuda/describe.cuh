/* How Hopper's matrix instructions are told of a tile in shared memory. Plain arithmetic, apart
 * from the instructions, so that the simulator has the same (tests/sim/hopper.h). */
#ifndef OCTGEMM_CUDA_DESCRIBE_CUH
#define OCTGEMM_CUDA_DESCRIBE_CUH

#include <stdint.h>

/* Where a tile of 128-byte rows, in the 128-byte swizzle that TMA writes, lies in shared memory:
 * groups of 8 rows are 1024 bytes apart. A tile starts on 1024 bytes; the next 32 columns are 32
 * bytes behind it, and a description moves by describe_bytes() of that: an addition for each
 * product. */
__device__ __forceinline__ uint32_t describe_place(uint32_t address)
{
    return 1 << 16 | (address & 0x3ffff) >> 4;
}

__device__ __forceinline__ constexpr uint32_t describe_bytes(uint32_t bytes)
{
    return bytes >> 4;
}

__device__ __forceinline__ uint64_t describe_tile(uint32_t place)
{
    constexpr uint64_t swizzle_128b = 1, group_bytes = 1024;
    return swizzle_128b << 62 | (group_bytes >> 4) << 32 | place;
}

#endif
