/* What the kernels need of an AMD GPU, in clang's own words: attributes and __builtin_amdgcn_*,
 * no HIP header and no device library, so that plain clang builds them for every target it knows.
 *
 * The simulator in tests/sim/ defines these words for the host before this file is read.
 */
#ifndef OCTGEMM_HIP_DEVICE_H
#define OCTGEMM_HIP_DEVICE_H

#ifndef __device__
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __global__ __attribute__((global))
#define __forceinline__ __inline__ __attribute__((always_inline))
/* Registers for two waves on a SIMD at least; or for two and no more, where the compiler would
 * spill for the sake of a third. */
#define OCTGEMM_KERNEL_FOR(...)                                                                    \
    extern "C" __global__ __attribute__((amdgpu_flat_work_group_size(256, 256),                    \
                                         amdgpu_waves_per_eu(__VA_ARGS__))) void
#define OCTGEMM_KERNEL OCTGEMM_KERNEL_FOR(2)
#define OCTGEMM_LARGE_KERNEL OCTGEMM_KERNEL_FOR(2, 2)
#include <string.h>
#define memcpy __builtin_memcpy /* the header's is a host function */
#endif

#include "elements.h"
#include "gpu/params.h"

/* Every kernel runs in blocks of this many threads: 4 waves of 64 lanes or 8 waves of 32. */
enum { block_threads = 256 };

typedef int32_t i32x2 __attribute__((vector_size(8)));
typedef int32_t i32x4 __attribute__((vector_size(16)));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef long i64x2 __attribute__((vector_size(16)));

/* 16 consecutive bytes of a row: what a lane loads, stages and feeds to a matrix instruction. */
typedef i32x4 chunk;
enum { chunk_bytes = 16 };

OCTGEMM_FN int thread_index()
{
    return (int)__builtin_amdgcn_workitem_id_x();
}

OCTGEMM_FN uint32_t block_index()
{
    return __builtin_amdgcn_workgroup_id_x();
}

OCTGEMM_FN uint32_t block_count()
{
    return __builtin_amdgcn_grid_size_x() / block_threads;
}

/* Waits for the block's waves; what they wrote to LDS before is seen after. Naming the address
 * space keeps global loads in flight across the barrier; clang 17 and 18 cannot name it. */
OCTGEMM_FN void block_barrier()
{
#if __clang_major__ >= 19
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup", "local");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup", "local");
#else
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
#endif
}

/* The compiler moves nothing across: it would gladly load all that is to come into registers. */
OCTGEMM_FN void keep_order()
{
    __asm__ volatile("" ::: "memory");
    __builtin_amdgcn_sched_barrier(0);
}

/* One 16-byte access at any address: amdhsa runs with unaligned access enabled, so the compiler
 * makes a single instruction of it. */
OCTGEMM_FN chunk load_chunk(const int8_t *at)
{
    chunk value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Bytes [at, at + 16) of a row that ends at `end`, zeros from there on; nothing past the end is
 * read. The row has 16 bytes or more: one load that ends no later than it, shifted into place. */
OCTGEMM_FN chunk load_chunk_ending(const int8_t *row, int32_t at, int32_t end)
{
    int32_t last = end - chunk_bytes;
    int32_t past = at - last; /* bytes to drop */
    unsigned __int128 bits;
    chunk value;
    memcpy(&bits, row + (past > 0 ? last : at), sizeof bits);
    if (past > 0)
        bits = past < chunk_bytes ? bits >> 8 * past : 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The same for a row of any length. */
OCTGEMM_FN chunk load_chunk_before(const int8_t *row, int32_t at, int32_t end)
{
    if (end >= chunk_bytes)
        return load_chunk_ending(row, at, end);
    unsigned __int128 bits = 0;
    chunk value;
#pragma unroll 1
    for (int32_t i = end - 1; i >= at; i--)
        bits = bits << 8 | (uint8_t)row[i];
    memcpy(&value, &bits, sizeof value);
    return value;
}

OCTGEMM_FN int64_t clamp_index(int64_t index, int64_t count)
{
    return index < count ? index : count - 1;
}

#endif
