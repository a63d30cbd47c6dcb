/* The product by Hopper's own matrix instruction (wgmma), one template for every tile.
 *
 * Orientation. Weights (rows of B) are the 64-row side of the instruction and tokens (rows of A)
 * its n, which can be 8, 24 or any multiple of 16 up to 256: few tokens waste little, and tiles of
 * many sizes let a product fill the multiprocessors evenly.
 *
 * Roles. One thread has the copy engine bring boxes of 128 bytes of k into a ring of `stages`; one
 * to three warpgroups multiply what is there and give the stage back. What the engine reads outside
 * of a matrix is zero, so no edge needs code here; but it takes long for that, so a box has no more
 * rows than its matrix, and the last tiles end where the matrix does. Blocks are
 * persistent: while sums are rounded and written, the next tile is already coming.
 *
 * Together, the warpgroups share the weights of one tile. In turns, each has a whole tile, and one
 * writes its tile while the other multiplies.
 *
 * A pair of blocks (`cluster` = 2) has neighbouring tiles of weights and the same tokens: each
 * brings half of these to both, which takes a quarter or more off what comes out of the L2.
 *
 * Where tiles do not fill the device, parts of k go to the blocks of a cluster, which add each
 * other's sums in shared memory: int32 sums are exact in any order.
 *
 * Shapes and who works on what: hopper_tile.cuh. Adding parts of k: hopper_join.cuh. Epilogue:
 * hopper_finish.cuh.
 *
 * Needs a, b, lda and ldb in multiples of 16 and the other pointers naturally aligned.
 *
 * Budget: 64K registers and 227 KB of shared memory for the blocks of a multiprocessor; hopper.cu
 * has the tiles. Where it is hot, power is the limit: an instruction less is worth more than a
 * cycle less, and what is brought to a multiprocessor more than either: no more than some 70 bytes
 * a clock come there. Measured on an H200 (doc/RESULTS.md): 0.98 to 1.02 of the best of CUTLASS'
 * sm90 kernels at m >= 1024, below 1.00 to 1.07 with weights as rows and to 1.21 with packed
 * weights, which are read while the kernel ahead ends, 1.03 to 1.21 between powers of two. Tried
 * and lost (bench/NOTES.md): a barrier inited by each of many threads, weights asked of the L2 far
 * ahead, the next kernel let in at once or not before the last load, blocks that start at different
 * places of k, two, four or eight blocks with the same few tokens, pairs of blocks with the same
 * weights and tokens of their own, results without shared memory or row by row of 128 bytes, a
 * kernel of its own for 16-bit results without zero points, one warpgroup of a tile some stages
 * behind the other, one half of a tile finished while the other is multiplied, three warpgroups
 * with 256 tokens (ptxas wants more registers).
 */
#ifndef OCTGEMM_HOPPER_CUH
#define OCTGEMM_HOPPER_CUH

#include "cuda/hopper_finish.cuh"
#include "cuda/hopper_join.cuh"
#include "cuda/hopper_tile.cuh"

/* -- the copying thread ----------------------------------------------------------------------- */

/* The first weights, while the kernel before this one ends: all that the ring holds of those that
 * it has not written, of others some to the L2. How many stages have theirs then. */
template <typename T>
__device__ __forceinline__ int hopper_come_early(const hopper_maps &maps,
                                                 const hopper_work<T> &work,
                                                 const hopper_ring<T> &ring, int n0, int bytes)
{
    const int there = work.early ? min(work.count, T::stages) : 0;
    for (int i = 0; i < there; i++) {
        barrier_expect(ring.full(i), bytes);
        tensor_load(ring.stage(i), maps.b, work.k_first + i * T::tile_k, n0, ring.full(i));
    }
    if (T::cluster == 1 && !work.early)
        for (int i = 0; i < T::ahead && i < work.count; i++)
            tensor_prefetch_l2(maps.b, work.k_first + i * T::tile_k, n0);
    return there;
}

template <typename T>
__device__ __forceinline__ void hopper_produce(const hopper_maps &maps, const hopper_work<T> &work,
                                               const hopper_ring<T> &ring)
{
    int m0, n0;
    const int box_bytes = work.box_rows * T::tile_k;
    const int bytes = work.box_rows_n * T::tile_k + T::cluster * box_bytes;
    tensor_prefetch_map(maps.a);
    tensor_prefetch_map(maps.b);
    work.place(work.first_unit, m0, n0);
    const int there = hopper_come_early<T>(maps, work, ring, n0, bytes);
    ring_position<T::stages> at;
    at.skip(there);
    grid_wait();
    for (int i = 0; i < there; i++)
        tensor_load(ring.stage(i) + T::bytes_n, maps.a, work.k_first + i * T::tile_k, m0,
                    ring.full(i));
    for (uint32_t unit = work.first_unit; unit < work.units; unit += work.step) {
        work.place(unit, m0, n0);
        const int first = unit == work.first_unit ? there : 0;
        /* Then the next kernel may do likewise: when all but half a ring is on its way. */
        const bool releases = work.early && unit + work.step >= work.units;
        const int release_at = releases ? max(work.count - T::stages / 2, first) : -1;
#pragma unroll(T::boxes ? 4 : 1)
        for (int i = first; i < work.count; i++, at.next()) {
            if (i == release_at)
                grid_release();
            const int k = work.k_first + i * T::tile_k;
            const uint32_t to = ring.stage(at.stage), full = ring.full(at.stage);
            barrier_wait(ring.empty(at.stage), at.parity ^ 1);
            barrier_expect(full, bytes);
            tensor_load(to, maps.b, k, n0, full);
            if constexpr (T::cluster > 1)
                tensor_load_all(to + T::bytes_n + work.rank * box_bytes, maps.a, k,
                                m0 + work.rank * work.box_rows, full, (1 << T::cluster) - 1);
            else
                tensor_load(to + T::bytes_n, maps.a, k, m0, full);
        }
        if (work.count == release_at)
            grid_release();
    }
    /* The other block of a pair signals here that it is done with a stage: not before the last of
     * that has come may this one end. */
    if (T::cluster > 1)
        for (int i = 0; i < T::stages; i++, at.next())
            barrier_wait(ring.empty(at.stage), at.parity ^ 1);
}

/* -- products --------------------------------------------------------------------------------- */

/* The sums of a unit. turn: how many units the block had before this one. */
template <typename T>
__device__ __forceinline__ void
hopper_multiply(hopper_sums<T> &sum, ring_position<T::stages> &at, int turn,
                const hopper_work<T> &work, const hopper_ring<T> &ring, const hopper_lane<T> &my)
{
    /* The first products of a turn fill what gaps the last ones of the turn before leave. */
    if (T::turns && turn > 0)
        barrier_wait(ring.lead(), (turn & 1) ^ 1);
    int before = 0;
    const uint32_t empties = ring.empties(my.lane);
    /* Out of a shuffle, so that ptxas knows nothing of its bits and adds to both halves at once. */
    const uint64_t first = describe_tile(__shfl_sync(0xffffffff, describe_place(ring.start), 0));
#pragma unroll 1
    for (int i = 0; i < work.count; i++) {
        barrier_wait(ring.full(at.stage), at.parity);
        const uint64_t stage = first + (uint32_t)at.stage * describe_bytes(T::stage_bytes);
        const uint64_t weights = stage + my.rows_at * describe_bytes(T::tile_k);
        const uint64_t tokens = stage + describe_bytes(T::bytes_n);
        wgmma_begin();
#pragma unroll
        for (int s = 0; s < T::tile_k / 32; s++)
#pragma unroll
            for (int b = 0; b < T::blocks; b++)
                wgmma<T::tile_m>::multiply(sum[b],
                                           weights + describe_bytes(b * 64 * T::tile_k + s * 32),
                                           tokens + describe_bytes(s * 32), i > 0 || s > 0);
        wgmma_commit();
        /* The products before these are done, and their stage is free. */
        wgmma_wait<1>();
        if (i > 0)
            ring.give_back(empties, before, my.lane);
        if (T::turns && my.self == 0 && i == max(work.count - 1 - T::early, 0))
            barrier_arrive(ring.lead());
        before = at.stage;
        at.next();
    }
    wgmma_wait<0>();
#pragma unroll
    for (int b = 0; b < T::blocks; b++)
        wgmma_settle(sum[b]);
    ring.give_back(empties, before, my.lane);
}

/* -- the kernel ------------------------------------------------------------------------------- */

/* A multiplying warpgroup's life. */
template <typename T>
__device__ __forceinline__ void
hopper_consume(const octgemm_gemm_params &p, const typename T::maps &maps, uint8_t *shared,
               const hopper_work<T> &work, const hopper_ring<T> &ring)
{
    const hopper_lane<T> my;
    const hopper_vectors<T> vectors(shared, my.warpgroup);
    if constexpr (T::boxes)
        if (my.self == 0 && p.boxed_n > 0)
            tensor_prefetch_map(maps.d);
    grid_wait();
    ring_position<T::stages> at;
    hopper_sums<T> sum;
    for (int turn = 0;; turn++) {
        const uint32_t unit = work.first_unit + turn * work.step;
        if (unit >= work.units)
            break;
        if (T::turns && (turn & 1) != my.warpgroup) {
            at.skip(work.count);
            continue;
        }
        int m0, n0;
        work.place(unit, m0, n0);
        hopper_factors<T> factors;
        factors.load(p, m0, n0, my);
        if (!T::turns)
            factors.load_zeros(p, m0, n0, my);
        hopper_multiply<T>(sum, at, turn, work, ring, my);
        if (T::adds && work.splits > 1)
            cluster_arrive();
        if (T::turns)
            factors.load_zeros(p, m0, n0, my);
        const bool last = unit + work.step >= work.units;
        if (last && !p.in_order)
            grid_release();
        const int own = 1 + my.warpgroup;
        if (T::boxes && my.self == 0)
            tensor_stores_read<0>();
        warpgroup_sync(own); /* Nobody reads anything of the tile before. */
        factors.settle(p);
        vectors.share_tokens(factors, my);
        const int tokens = min((int)p.m - m0, T::tile_m);
        hopper_range range = {0, tokens};
        if constexpr (T::adds)
            if (work.splits > 1)
                range = hopper_join<T>(sum, tokens, shared, work, ring);
        warpgroup_sync(own);
        if (p.za) {
            hopper_centre<T>(sum, factors, vectors, my);
            warpgroup_sync(own);
        }
        hopper_finish<T>(p, maps, shared, sum, m0, n0, range, factors, vectors, my);
        if (last)
            grid_release();
    }
    /* What is written may still be on its way when the block ends, but shared memory goes then. */
    if (T::boxes && my.self == 0)
        tensor_stores_read<0>();
}

template <typename T>
__device__ __forceinline__ void hopper(const octgemm_gemm_params &p, const typename T::maps &maps)
{
    extern __shared__ __align__(1024) uint8_t shared[];
    const hopper_ring<T> ring = {shared_address(shared)};
    const hopper_work<T> work(p);
    const bool copies = threadIdx.x >= T::workers;
    if (threadIdx.x == T::workers)
        ring.init();
    __syncwarp();
    /* A pair signals into each other's barriers. */
    if (T::cluster > 1)
        cluster_sync();
    else if (copies)
        block_arrive(T::threads);
    else
        block_sync(T::threads);

    if (copies) {
        if constexpr (T::warpgroups > 1)
            registers_down<T::copier_registers>();
        if (threadIdx.x >> 5 == T::workers / 32) {
            if (one_of_warp())
                hopper_produce<T>(maps, work, ring);
            __syncwarp();
        }
    } else {
        if constexpr (T::warpgroups > 1)
            registers_up<T::worker_registers>();
        hopper_consume<T>(p, maps, shared, work, ring);
    }
}

#endif
