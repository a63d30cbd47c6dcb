/* Parts of k, multiplied by the blocks of a cluster, become one by their sums in shared memory.
 *
 * What it costs is the network between multiprocessors: about 0.6 us for each 4096 sums that a
 * block sends and 0.25 us for meeting, on an H100. Lost (bench/NOTES.md): a slab of transposed sums
 * that the copy engine moved to the other blocks, added and finished token by token, 1 to 2 %
 * slower at 16 to 64 tokens; it was faster from four parts of a large tile on, which no choice
 * takes.
 */
#ifndef OCTGEMM_HOPPER_JOIN_CUH
#define OCTGEMM_HOPPER_JOIN_CUH

#include "cuda/hopper_tile.cuh"

/* Parts of k: each block of the cluster finishes some of the groups of 8 tokens that a lane's sums
 * are of, and gets the others' sums of these. Which lane has what is the same in every block, so
 * sums go from registers to where the same thread of the other block adds them, 16 bytes at a time.
 * They take the ring's place, which is free: only a block of one unit adds, and cluster_arrive()
 * came behind the products of every block. */
template <typename T>
__device__ __forceinline__ hopper_range hopper_join(hopper_sums<T> &sums, int tokens,
                                                    const uint8_t *shared,
                                                    const hopper_work<T> &work,
                                                    const hopper_ring<T> &ring)
{
    constexpr int groups = T::tile_m / 8, at_once = groups < 4 ? groups : 4;
    int32_t *const sum = sums[0];
    const int splits = work.splits, rank = work.rank;
    const int used = (tokens + 7) / 8, share = (used + splits - 1) / splits;
    const int first = min(rank * share, used), end = min(first + share, used);
    const uint32_t place = threadIdx.x * 16;
    if (threadIdx.x == 0)
        barrier_expect(ring.joined(), (splits - 1) * (end - first) * T::group_bytes);
    cluster_wait();

    /* Of this group of tokens, and the first group of the next owner. Past the last group that is
     * used both mean nothing, and nothing is sent. */
    int owner = -1, next = 0;
    uint32_t there = 0, joined = 0;
#pragma unroll
    for (int j = 0; j < groups; j++) {
        if (j == next) {
            const int part = rank < ++owner ? rank : rank - 1; /* of the owner's others */
            there =
                place_in_block(ring.start, owner) + place + (part * share - next) * T::group_bytes;
            joined = place_in_block(ring.joined(), owner);
            next += share;
        }
        if (j < used && owner != rank)
            store_to_block(there + j * T::group_bytes, sum + j * 4, joined);
    }

    barrier_wait(ring.joined(), 0);
#pragma unroll 1
    for (int part = 0; part < splits - 1; part++) {
        const uint8_t *const from = shared + place + (part * share - first) * T::group_bytes;
#pragma unroll
        for (int j0 = 0; j0 < groups; j0 += at_once) {
            if (j0 >= end || j0 + at_once <= first)
                continue;
            int4 v[at_once];
#pragma unroll
            for (int j = j0; j < j0 + at_once; j++)
                if (j >= first && j < end)
                    v[j - j0] = *(const int4 *)(from + j * T::group_bytes);
#pragma unroll
            for (int j = j0; j < j0 + at_once; j++)
                if (j >= first && j < end) {
                    sum[j * 4] += v[j - j0].x;
                    sum[j * 4 + 1] += v[j - j0].y;
                    sum[j * 4 + 2] += v[j - j0].z;
                    sum[j * 4 + 3] += v[j - j0].w;
                }
        }
    }
    return {first * 8, min(end * 8, tokens)};
}

#endif
