/* Units of work (a tile of D and a part of k), in which order blocks take them, and how the parts
 * of a split k are summed. */
#ifndef OCTGEMM_HIP_UNIT_H
#define OCTGEMM_HIP_UNIT_H

#include "target.h"

/* Numbers below 2^32, as hip.c sees to: the hardware has no 64-bit division. */
struct unit {
    uint32_t index, tile;
    uint32_t tile_m, tile_n; /* the tile's place, in tiles */
    int32_t k_begin, k_end;
};

OCTGEMM_FN uint32_t tile_count(const octgemm_gemm_params &p)
{
    return (uint32_t)p.tiles_m * (uint32_t)p.tiles_n;
}

OCTGEMM_FN uint32_t unit_count(const octgemm_gemm_params &p)
{
    return tile_count(p) * (uint32_t)p.splits;
}

/* Hardware deals consecutive blocks to the dies in turn. Gives each die a run of neighbouring
 * tiles instead, so that these share its L2 cache. A permutation of [0, count). */
OCTGEMM_FN uint32_t deal_to_dies(uint32_t index, uint32_t count)
{
    uint32_t share = count / dies,
             longer = count % dies; /* the first `longer` dies have one more */
    uint32_t die = index % dies;
    return die * share + (die < longer ? die : longer) + index / dies;
}

/* Tiles go down a column of p.group tiles of m before they step along n: a group of tiles in
 * flight then shares few rows of A and few rows of B. */
OCTGEMM_FN unit find_unit(const octgemm_gemm_params &p, uint32_t index)
{
    unit u;
    uint32_t tiles = tile_count(p), group = (uint32_t)p.group;
    uint32_t split = index / tiles;
    u.index = index;
    u.tile = index % tiles;
    uint32_t turn = deal_to_dies(u.tile, tiles);
    uint32_t group_tiles = group * (uint32_t)p.tiles_n;
    uint32_t first = turn / group_tiles * group;
    uint32_t rest = (uint32_t)p.tiles_m - first;
    uint32_t height = rest < group ? rest : group;
    u.tile_m = first + turn % group_tiles % height;
    u.tile_n = turn % group_tiles / height;
    u.k_begin = (int32_t)split * p.k_split;
    u.k_end = p.k - u.k_begin < p.k_split ? p.k : u.k_begin + p.k_split;
    return u;
}

/* In an unrolled loop: keeps the compiler from having all turns in flight, in registers, at once.
 */
OCTGEMM_FN void few_at_a_time(int i)
{
    if (i % 8 == 7)
        keep_order();
}

/* Adds up the parts of a split k. Each thread holds kernel::values sums. Every unit but the tile's
 * last one to arrive stores them and returns false; that one adds the others' to its own: integers,
 * so the order of arrival does not show. */
template <class kernel>
static __device__ __forceinline__ bool add_splits(const octgemm_gemm_params &p, const unit &u,
                                                  kernel &sums, uint32_t *shared_ticket)
{
    if (p.splits == 1)
        return true;
    int thread = thread_index();
    int64_t tile_values = (int64_t)kernel::values * block_threads;
    int32_t *own = p.partial + u.index * tile_values + thread;
#pragma unroll
    for (int i = 0; i < kernel::values; i++) {
        own[i * block_threads] = sums.value(i);
        few_at_a_time(i);
    }

    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "agent");
    block_barrier();
    if (thread == 0)
        *shared_ticket = __hip_atomic_fetch_add(&p.counter[u.tile], 1u, __ATOMIC_ACQ_REL,
                                                __HIP_MEMORY_SCOPE_AGENT);
    block_barrier();
    if (*shared_ticket + 1 != (uint32_t)p.splits)
        return false;
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "agent");

    for (uint32_t other = u.tile; other < unit_count(p); other += tile_count(p)) {
        if (other == u.index)
            continue;
        const int32_t *part = p.partial + other * tile_values + thread;
#pragma unroll
        for (int i = 0; i < kernel::values; i++) {
            sums.add(i, part[i * block_threads]);
            few_at_a_time(i);
        }
    }
    return true;
}

#endif
