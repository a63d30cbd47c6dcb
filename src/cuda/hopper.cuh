/* The product by Hopper's own matrix instruction (wgmma), one template for every tile.
 *
 * Orientation. Weights (rows of B) are the 64-row side of the instruction and tokens (rows of A)
 * its n, which can be 8, 24 or any multiple of 16 up to 256: few tokens waste little, and tiles of
 * many sizes let a product fill the multiprocessors evenly.
 *
 * Roles. One thread has the copy engine bring boxes of 128 bytes of k into a ring of `stages`; one
 * to three warpgroups multiply what is there and give the stage back. What the engine reads outside
 * of a matrix is zero, so no edge needs code here; but it takes long for that, so there are no more
 * rows of tokens in a box than in the matrix. Blocks are persistent: while sums are rounded and
 * written, the next tile is already coming.
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
 * Epilogue. In registers: a lane has few weights, so their scales are loaded once. The results
 * cross shared memory (16-bit ones by stmatrix, transposed), from where the copy engine writes
 * those of large tiles while the next are rounded. It writes whole 16 bytes, so a D whose rows do
 * not start on 16 bytes, and the end of an odd row, are written by hand, and so are small tiles,
 * where a map of D costs more than it saves. Where sums are to be added, these cross shared memory
 * as they are.
 *
 * Needs a, b, lda and ldb in multiples of 16 and the other pointers naturally aligned.
 *
 * Budget: 64K registers and 227 KB of shared memory for the blocks of a multiprocessor; hopper.cu
 * has the tiles. Where it is hot, power is the limit: an instruction less is worth more than a
 * cycle less, and what is brought to a multiprocessor more than either. Measured on an H200
 * (README): 1.00 to 1.02 of the best of CUTLASS' sm90 kernels at m >= 1024 after rests, 0.98 to
 * 0.99 under load, 0.96 to 1.05 below. Tried and lost (bench/NOTES.md): a barrier inited by each of
 * many threads, weights asked of the L2 far ahead, pairs with few tokens, clusters of four, results
 * without shared memory or row by row of 128 bytes, a kernel of its own for 16-bit results without
 * zero points, one warpgroup of a tile some stages behind the other, one half of a tile finished
 * while the other is multiplied, three warpgroups with 256 tokens (ptxas wants more registers).
 */
#ifndef OCTGEMM_HOPPER_CUH
#define OCTGEMM_HOPPER_CUH

#include "cuda/access.cuh"
#include "cuda/wgmma.cuh"
#include "gpu/params.h"

#include <type_traits>

/* As src/gpu/run.c lays them out; a kernel takes as many as it has use for. */
struct hopper_maps {
    tensor_map a, b;
};
struct hopper_maps_d : hopper_maps {
    tensor_map d;
};

template <int warpgroups_, bool turns_, int blocks_, int tile_m_, int stages_, int cluster_,
          int resident_, bool boxes_>
struct hopper_tile {
    static constexpr int warpgroups = warpgroups_; /* that multiply */
    static constexpr bool turns = turns_;
    static constexpr int blocks = blocks_; /* of 64 weights, of a warpgroup */
    static constexpr int stages = stages_, cluster = cluster_, resident = resident_;
    /* How many stages before its last a warpgroup gives its turn away. Fewer than the ring has: a
     * parity cannot tell this round of it from the one before the last. */
    static constexpr int early = 3;
    static_assert(!turns || early < stages, "of one round");
    static constexpr bool boxes = boxes_; /* the copy engine writes what it can of D */
    using maps = std::conditional_t<boxes, hopper_maps_d, hopper_maps>;
    static constexpr int sharers = turns ? 1 : warpgroups; /* warpgroups of a tile */
    static constexpr int tile_m = tile_m_, tile_n = 64 * blocks * sharers, tile_k = 128;
    static constexpr int workers = 128 * warpgroups;
    /* Of all that multiply; each warpgroup has one before it, and 0 is the block's. A number has
     * one size only: a warpgroup may be at its own while another is at this. */
    static constexpr int workers_barrier = 1 + warpgroups;
    static constexpr int threads = workers + (warpgroups > 1 ? 128 : 32);
    /* Of each thread, 64K together; where there is one warpgroup, launch bounds say it. */
    static constexpr int copier_registers = warpgroups == 3 ? 32 : 40;
    static constexpr int worker_registers = warpgroups == 3 ? 160 : 232;
    /* Boxes of weights that a block asks of the L2 before it may load them; more of them, and all
     * become slower (bench/NOTES.md). */
    static constexpr int ahead = 32768 / (tile_n * tile_k);
    static constexpr int bytes_n = tile_n * tile_k, bytes_m = tile_m * tile_k;
    static constexpr int stage_bytes = bytes_n + bytes_m, ring_bytes = stages * stage_bytes;

    /* Results of a warpgroup: buffers, by turns, of some tokens and 64 weights. Of large tiles 8
     * KB, where whole boxes make that: each costs a fence and a barrier. */
    template <int bytes>
    static constexpr int chunk_rows = boxes ? OCTGEMM_D_BOX_ROWS(tile_m, bytes)
                                            : (tile_m % 32 == 0 ? 64 : 32) / bytes;
    static constexpr int chunk_bytes = chunk_rows<2> * 128;
    static constexpr int buffers = boxes && chunk_bytes < 8192 ? 3 : 2;
    static constexpr int staging_bytes = warpgroups * buffers * chunk_bytes;
    static constexpr int vectors_m = tile_m * 4;
    static constexpr int vectors_at = ring_bytes + staging_bytes;
    static constexpr int barriers_at = vectors_at + warpgroups * vectors_m;
    static constexpr int shared_bytes = barriers_at + (2 * stages + 2) * 8;
    /* Sums of 8 tokens to be added, of all threads. A block gets those of its share from each of
     * the others. */
    static constexpr bool adds = cluster == 1 && !turns;
    static constexpr int group_bytes = workers * 16;
    static constexpr int most_splits = tile_m > 128 || tile_n > 128 ? 2 : 8;
    static_assert(!adds || blocks == 1, "sums of 8 tokens are four of a lane");
    static_assert(!adds || (most_splits - 1) * ((tile_m / 8 + most_splits - 1) / most_splits) *
                                   group_bytes <=
                               ring_bytes,
                  "the others' sums of a share fit where the ring was");
    static_assert(cluster == 1 || tile_m % 16 == 0, "half of the tokens is whole groups of rows");
    static_assert((tile_m / cluster) <= 256 && tile_n <= 256, "a box has at most 256 rows");
};

/* A position in the ring, and the parity of this round through it. */
template <int stages>
struct ring_position {
    int stage = 0;
    uint32_t parity = 0;

    __device__ __forceinline__ void next()
    {
        if (++stage == stages) {
            stage = 0;
            parity ^= 1;
        }
    }

    __device__ __forceinline__ void skip(int count)
    {
        stage += count;
        parity ^= stage / stages & 1;
        stage %= stages;
    }
};

/* Where the result for weight `weight` of token `token` waits in a buffer: in the order that the
 * copy engine reads, boxes of 128 bytes by some tokens, swizzled. Free of bank conflicts both for 8
 * tokens of 16 bytes and for 8 neighbouring weights of 4 tokens that are two apart. */
template <typename T, int bytes>
__device__ __forceinline__ int staged_at(int token, int weight)
{
    constexpr int per_box = 128 / bytes, rows = T::template chunk_rows<bytes>;
    const int column = weight % per_box * bytes;
    return (weight / per_box * rows + token) * 128 + (column ^ (token & 7) << 4);
}

/* -- who does what ---------------------------------------------------------------------------- */

/* What a block does. Units: a tile, or two neighbours in n that a pair of blocks has, or a part of
 * k of a tile. */
template <typename T>
struct hopper_work {
    int splits;
    int rank; /* of this block in its cluster */
    uint32_t first_unit, units, step;
    uint32_t tiles_m, tiles_n, group;
    int last_m, box_rows; /* where the last tile starts; tokens that a block loads of one */
    int k_first, count;   /* of each unit: where its k starts, and how many stages it has */

    __device__ __forceinline__ explicit hopper_work(const octgemm_gemm_params &p)
    {
        splits = T::cluster > 1 ? 1 : p.splits;
        rank = cluster_rank();
        /* Not %clusterid, which is blockIdx times a reciprocal that the driver rounds as the
         * caller's floating-point state says. Parts of k have a block each. */
        if (T::cluster > 1 || splits == 1) {
            first_unit = blockIdx.x / T::cluster;
            step = gridDim.x / T::cluster;
        } else {
            first_unit = blockIdx.x / (uint32_t)splits;
            step = gridDim.x;
        }
        tiles_m = p.tiles_m;
        tiles_n = (p.tiles_n + T::cluster - 1) / T::cluster;
        units = tiles_m * tiles_n;
        group = p.group;
        last_m = (int)max(p.m - T::tile_m, (int64_t)0);
        box_rows = p.box_rows;
        k_first = splits > 1 ? rank * p.k_split : 0;
        const int k_last = splits > 1 ? min(p.k, k_first + p.k_split) : p.k;
        count = (k_last - k_first + T::tile_k - 1) / T::tile_k;
    }

    /* The first token and the first weight of a unit's tile. Raster: `group` tiles of m take turns
     * over the tiles of n, so that what is running at one time is nearly a square of D and reads
     * little. The one tile of few tokens needs no divisions, which the first load would wait for.
     * The last tile of more ends with the last token, and has some that its neighbour has too:
     * what both write is the same, and the engine takes long for rows that are not there. */
    __device__ __forceinline__ void place(uint32_t unit, int &m0, int &n0) const
    {
        if (T::cluster == 1 && tiles_m == 1) {
            m0 = 0;
            n0 = (int)unit * T::tile_n;
            return;
        }
        const uint32_t stripe = unit / (group * tiles_n), first = stripe * group;
        const uint32_t width = min(tiles_m - first, group), rest = unit - first * tiles_n;
        const uint32_t tile = rest / width;
        m0 = min((int)(first + rest - tile * width) * T::tile_m, last_m);
        n0 = (int)(T::cluster > 1 ? tile * T::cluster + rank : tile) * T::tile_n;
    }
};

/* Addresses in shared memory: the ring, which starts it, and the barriers. */
template <typename T>
struct hopper_ring {
    uint32_t start;

    /* A stage has come; it is free again, in every block of a pair. */
    __device__ __forceinline__ uint32_t full(int stage) const
    {
        return start + T::barriers_at + 8 * stage;
    }
    __device__ __forceinline__ uint32_t empty(int stage) const
    {
        return full(T::stages + stage);
    }

    /* One warpgroup to the other: now it is your turn. */
    __device__ __forceinline__ uint32_t lead() const
    {
        return full(2 * T::stages);
    }

    /* The other blocks' sums have come. */
    __device__ __forceinline__ uint32_t joined() const
    {
        return full(2 * T::stages + 1);
    }

    __device__ __forceinline__ uint32_t stage(int stage) const
    {
        return start + stage * T::stage_bytes;
    }

    /* By the thread that copies, which so needs nobody before its first load; unrolled, so that
     * addresses are constants (a thread for each barrier took 1400 cycles: ptxas makes a loop over
     * the threads of it, with a fence in each round). */
    __device__ __forceinline__ void init() const
    {
#pragma unroll
        for (int i = 0; i < T::stages; i++) {
            barrier_init(full(i), 1);
            barrier_init(empty(i), 4 * T::sharers * T::cluster);
        }
        barrier_init(lead(), 1);
        barrier_init(joined(), 1);
        barrier_init_done();
    }

    /* Where the empty() of stage 0 is that this lane signals: each block of a pair has a lane that
     * tells it. */
    __device__ __forceinline__ uint32_t empties(int lane) const
    {
        return T::cluster > 1 ? barrier_of_block(empty(0), lane & (T::cluster - 1)) : empty(0);
    }

    /* A warp is done with a stage. */
    static __device__ __forceinline__ void give_back(uint32_t empties, int stage, int lane)
    {
        if (lane >= T::cluster)
            return;
        if (T::cluster > 1)
            barrier_arrive_remote(empties + 8 * stage);
        else
            barrier_arrive(empties + 8 * stage);
    }
};

/* Which weights of the tile a thread of a warpgroup has sums of: 2 in each block of 64, 8 apart. */
template <typename T>
struct hopper_lane {
    int warpgroup, self; /* the warpgroup, and the thread's number in it */
    int lane, t;
    int rows_at; /* the warpgroup's first weight in the tile */
    int row;     /* the first of the thread's in a block of 64 */

    __device__ __forceinline__ hopper_lane()
    {
        /* By a shuffle, so that ptxas knows it to be the same in all lanes: the main loop's
         * addresses are then in uniform registers and not moved there for each product. */
        warpgroup = __shfl_sync(0xffffffff, threadIdx.x / 128, 0);
        self = threadIdx.x & 127;
        lane = threadIdx.x & 31;
        t = lane & 3;
        rows_at = T::turns ? 0 : warpgroup * 64 * T::blocks;
        row = (self >> 5) * 16 + (lane >> 2);
    }

    /* Weight e (0 or 1) of block b, in the tile. */
    __device__ __forceinline__ int weight(int b, int e) const
    {
        return rows_at + b * 64 + row + e * 8;
    }
};

/* -- the copying thread ----------------------------------------------------------------------- */

template <typename T>
__device__ __forceinline__ void hopper_produce(const hopper_maps &maps, const hopper_work<T> &work,
                                               const hopper_ring<T> &ring)
{
    int m0, n0;
    const int box_bytes = work.box_rows * T::tile_k;
    tensor_prefetch_map(maps.a);
    tensor_prefetch_map(maps.b);
    work.place(work.first_unit, m0, n0);
    /* While the kernel before this one ends, the first weights come to the L2. */
    if (T::cluster == 1)
        for (int i = 0; i < T::ahead && i < work.count; i++)
            tensor_prefetch_l2(maps.b, work.k_first + i * T::tile_k, n0);
    grid_wait();
    ring_position<T::stages> at;
    for (uint32_t unit = work.first_unit; unit < work.units; unit += work.step) {
        work.place(unit, m0, n0);
#pragma unroll(T::boxes ? 4 : 1)
        for (int i = 0; i < work.count; i++, at.next()) {
            const int k = work.k_first + i * T::tile_k;
            const uint32_t to = ring.stage(at.stage), full = ring.full(at.stage);
            barrier_wait(ring.empty(at.stage), at.parity ^ 1);
            barrier_expect(full, T::bytes_n + T::cluster * box_bytes);
            tensor_load(to, maps.b, k, n0, full);
            if constexpr (T::cluster > 1)
                tensor_load_all(to + T::bytes_n + work.rank * box_bytes, maps.a, k,
                                m0 + work.rank * work.box_rows, full, (1 << T::cluster) - 1);
            else
                tensor_load(to + T::bytes_n, maps.a, k, m0, full);
        }
    }
    /* The other block of a pair signals here that it is done with a stage: not before the last of
     * that has come may this one end. */
    if (T::cluster > 1)
        for (int i = 0; i < T::stages; i++, at.next())
            barrier_wait(ring.empty(at.stage), at.parity ^ 1);
}

/* -- products --------------------------------------------------------------------------------- */

template <typename T>
using hopper_sums = int32_t[T::blocks][T::tile_m / 2];

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

/* -- epilogue --------------------------------------------------------------------------------- */

/* What a thread needs to finish sums: of its weights, and of every 128th token to share with its
 * warpgroup. Loaded ahead of the products, without waiting for what comes: a bias becomes a float
 * after them. A bias of -0 changes nothing. Zero points of a warpgroup that takes turns come behind
 * the products: the other one multiplies meanwhile, and 192 sums leave no registers for them. */
template <typename T>
struct hopper_factors {
    static constexpr int tokens = (T::tile_m + 127) / 128;
    float sa[tokens], sb[T::blocks][2], bias[T::blocks][2];
    uint32_t bias_bits[T::blocks][2];
    int32_t za[tokens], column[T::blocks][2];

    /* Number i of the thread's tokens, and number e of its weights in block b; past the last, the
     * last. 32 bits hold every index: coordinates of the copy engine have no more. */
    static __device__ __forceinline__ uint32_t token(const octgemm_gemm_params &p, int m0,
                                                     const hopper_lane<T> &my, int i)
    {
        return min(m0 + my.self + i * 128, (int)p.m - 1);
    }
    static __device__ __forceinline__ uint32_t weight(const octgemm_gemm_params &p, int n0,
                                                      const hopper_lane<T> &my, int b, int e)
    {
        return min(n0 + my.weight(b, e), (int)p.n - 1);
    }

    __device__ __forceinline__ void load(const octgemm_gemm_params &p, int m0, int n0,
                                         const hopper_lane<T> &my)
    {
#pragma unroll
        for (int i = 0; i < tokens; i++)
            sa[i] = p.sa ? p.sa[token(p, m0, my, i) * p.sa_step] : 1.0f;
#pragma unroll
        for (int b = 0; b < T::blocks; b++)
#pragma unroll
            for (int e = 0; e < 2; e++) {
                const uint32_t at = weight(p, n0, my, b, e);
                sb[b][e] = p.sb ? p.sb[at * p.sb_step] : 1.0f;
                bias_bits[b][e] = p.bias ? load_typed_bits(p.bias, p.bias_type, at) : 0;
            }
    }

    __device__ __forceinline__ void load_zeros(const octgemm_gemm_params &p, int m0, int n0,
                                               const hopper_lane<T> &my)
    {
#pragma unroll
        for (int i = 0; i < tokens; i++)
            za[i] = p.za ? p.za[token(p, m0, my, i) * p.za_step] : 0;
#pragma unroll
        for (int b = 0; b < T::blocks; b++)
#pragma unroll
            for (int e = 0; e < 2; e++)
                column[b][e] = p.za ? p.column[weight(p, n0, my, b, e)] : 0;
    }

    __device__ __forceinline__ void settle(const octgemm_gemm_params &p)
    {
#pragma unroll
        for (int b = 0; b < T::blocks; b++)
#pragma unroll
            for (int e = 0; e < 2; e++)
                bias[b][e] = -0.0f;
        if (!p.bias)
            return;
#pragma unroll
        for (int b = 0; b < T::blocks; b++)
#pragma unroll
            for (int e = 0; e < 2; e++)
                bias[b][e] = typed_float(p.bias_type, bias_bits[b][e]);
    }
};

/* The factors of a tile's tokens in shared memory, for each warpgroup. Of 16 tokens, what one lane
 * needs lies side by side. Zero points wait where the results will, which come when these are
 * subtracted. */
template <typename T>
struct hopper_vectors {
    float *sa;
    int32_t *za;

    __device__ __forceinline__ hopper_vectors(uint8_t *shared, int warpgroup)
    {
        sa = (float *)(shared + T::vectors_at + warpgroup * T::vectors_m);
        za = (int32_t *)(shared + T::ring_bytes + warpgroup * T::buffers * T::chunk_bytes);
    }

    /* Where the factor of a token is: a lane has sums of tokens 2t, 2t + 1 and of these plus 8. */
    static __device__ __forceinline__ int at(int token)
    {
        return (token & ~15) + (token >> 1 & 3) * 4 + (token >> 3 & 1) * 2 + (token & 1);
    }

    __device__ __forceinline__ void share_tokens(const hopper_factors<T> &factors,
                                                 const hopper_lane<T> &my) const
    {
#pragma unroll
        for (int i = 0; i < factors.tokens; i++)
            if (my.self + i * 128 < T::tile_m) {
                sa[at(my.self) + i * 128] = factors.sa[i];
                za[at(my.self) + i * 128] = factors.za[i];
            }
    }
};

/* The tokens of a tile that a block finishes: all that exist, or its share where parts of k are
 * added. */
struct hopper_range {
    int first, end;
};

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

    int owner = -1, next = 0; /* of this group of tokens; the first group of the next block */
    uint32_t there = 0, joined = 0;
#pragma unroll
    for (int j = 0; j < groups; j++) {
        if (j == next) {
            const int part = rank < ++owner ? rank : rank - 1; /* of the owner's others */
            there = barrier_of_block(ring.start, owner) + place +
                    (part * share - next) * T::group_bytes;
            joined = barrier_of_block(ring.joined(), owner);
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

/* Subtracts what zero points of the tokens add. */
template <typename T>
__device__ __forceinline__ void hopper_centre(hopper_sums<T> &sum, const hopper_factors<T> &factors,
                                              const hopper_vectors<T> &vectors,
                                              const hopper_lane<T> &my)
{
#pragma unroll
    for (int j = 0; j < T::tile_m / 8; j++) {
        const int2 za = *(const int2 *)(vectors.za + vectors.at(j * 8 + my.t * 2));
#pragma unroll
        for (int b = 0; b < T::blocks; b++)
#pragma unroll
            for (int e = 0; e < 2; e++) {
                int32_t *const v = &sum[b][j * 4 + e * 2];
                v[0] -= (uint32_t)za.x * (uint32_t)factors.column[b][e];
                v[1] -= (uint32_t)za.y * (uint32_t)factors.column[b][e];
            }
    }
}

/* Sum c (0 or 1) of the pair of tokens at 8 j + 2 t, of weight e of block b, scaled. */
template <typename T, bool biased>
__device__ __forceinline__ float hopper_scaled(const hopper_sums<T> &sum,
                                               const hopper_factors<T> &factors, int b, int j,
                                               int e, int c, float sa)
{
    const float f = octgemm_scale_sum(sum[b][j * 4 + e * 2 + c], sa, factors.sb[b][e]);
    return biased ? octgemm_add_bias(f, factors.bias[b][e]) : f;
}

/* Results of a chunk to shared memory: 16-bit ones by transposing stores of four 8 x 8 matrices,
 * 8 tokens by 16 weights, twice. Scales are loaded a step ahead: nothing passes such a store. */
template <typename T, octgemm_type type, bool biased>
__device__ __forceinline__ void
hopper_stage_halves(uint8_t *to, int b, int chunk, const hopper_sums<T> &sum,
                    const hopper_factors<T> &factors, const hopper_vectors<T> &vectors,
                    const hopper_lane<T> &my)
{
    constexpr int pairs = T::template chunk_rows<2> / 16;
    const int token = (my.lane >> 4) * 8 + (my.lane & 7);
    const int weight = (my.self >> 5) * 16 + (my.lane >> 3 & 1) * 8;
    const uint32_t matrices = shared_address(to) + staged_at<T, 2>(token, weight);
    const float4 *const sa =
        (const float4 *)(vectors.sa + vectors.at(chunk * pairs * 16 + my.t * 2));
    float4 next = sa[0];
#pragma unroll
    for (int pair = 0; pair < pairs; pair++) {
        const float2 now[2] = {make_float2(next.x, next.y), make_float2(next.z, next.w)};
        if (pair + 1 < pairs)
            next = sa[pair * 4 + 4];
        uint32_t r[4];
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int j = (chunk * pairs + pair) * 2 + h;
#pragma unroll
            for (int e = 0; e < 2; e++)
                r[h * 2 + e] =
                    round_pair(type, hopper_scaled<T, biased>(sum, factors, b, j, e, 0, now[h].x),
                               hopper_scaled<T, biased>(sum, factors, b, j, e, 1, now[h].y));
        }
        store_columns_x4(matrices + pair * 16 * 128, r[0], r[1], r[2], r[3]);
    }
}

/* The same for 32-bit ones, word by word. */
template <typename T, octgemm_type type, bool biased>
__device__ __forceinline__ void
hopper_stage_words(uint8_t *to, int b, int chunk, const hopper_sums<T> &sum,
                   const hopper_factors<T> &factors, const hopper_vectors<T> &vectors,
                   const hopper_lane<T> &my)
{
    constexpr int chunk_m = T::template chunk_rows<4>;
#pragma unroll
    for (int h = 0; h < chunk_m / 8; h++) {
        const int j = chunk * (chunk_m / 8) + h;
        const float2 sa = *(const float2 *)(vectors.sa + vectors.at(j * 8 + my.t * 2));
#pragma unroll
        for (int e = 0; e < 2; e++)
#pragma unroll
            for (int c = 0; c < 2; c++) {
                uint32_t bits = (uint32_t)sum[b][j * 4 + e * 2 + c];
                if (type == OCTGEMM_F32)
                    bits = octgemm_float_bits(
                        hopper_scaled<T, biased>(sum, factors, b, j, e, c, c ? sa.y : sa.x));
                *(uint32_t *)(to + staged_at<T, 4>(h * 8 + my.t * 2 + c, my.row + e * 8)) = bits;
            }
    }
}

/* What the copy engine does not write goes to D by hand, 16 bytes at a time where D lets it. */
template <typename T, int bytes>
struct hopper_hand {
    using element = std::conditional_t<bytes == 2, uint16_t, uint32_t>;
    static constexpr int piece = 16 / bytes, pieces = 64 / piece, at_once = 128 / pieces;
    static constexpr int chunk_m = T::template chunk_rows<bytes>;
    element *d; /* of this thread's first token and weight in the tile */
    int64_t ldd;
    int token, weight;       /* in a buffer */
    int first, end, weights; /* tokens and weights from these on that are written */
    bool wide;

    __device__ __forceinline__ hopper_hand(const octgemm_gemm_params &p, int64_t m0, int64_t n0,
                                           const hopper_range &range, const hopper_lane<T> &my)
        : ldd(p.ldd), token(my.self / pieces), weight(my.self % pieces * piece)
    {
        n0 += my.rows_at + weight;
        d = (element *)p.d + (m0 + token) * ldd + n0;
        first = range.first - token;
        end = range.end - token;
        weights = (int)min(p.n - n0, (int64_t)T::tile_n);
        wide = (uintptr_t)d % 16 == 0 && ldd % piece == 0;
    }

    /* A buffer of 64 weights, of which those before `boxed` are written. */
    __device__ __forceinline__ void write(const uint8_t *buffer, int b, int chunk, int boxed) const
    {
        if (weight < boxed)
            return;
        element *row_d = d + chunk * chunk_m * ldd + b * 64;
#pragma unroll(T::boxes ? 1 : chunk_m / at_once) /* rare there, and short code is fast code */
        for (int i = 0; i < chunk_m / at_once; i++, row_d += at_once * ldd) {
            const uint8_t *const v = buffer + staged_at<T, bytes>(token + i * at_once, weight);
            const int row = chunk * chunk_m + i * at_once;
            if (row >= end || (T::adds && row < first))
                continue;
            if (wide && b * 64 + piece <= weights) {
                *(uint4 *)row_d = *(const uint4 *)v;
            } else {
#pragma unroll 1
                for (int e = 0; e < piece; e++)
                    if (b * 64 + e < weights)
                        row_d[e] = ((const element *)v)[e];
            }
        }
    }
};

/* Results by way of shared memory, so that they leave as whole runs of 64 weights of a token:
 * chunks of some tokens, in buffers by turns. The copy engine writes them while the warpgroup goes
 * on, which fills a buffer again when it was read: one thread waits for that ahead of the barrier.
 */
template <typename T, octgemm_type type, bool biased>
__device__ __forceinline__ void
hopper_finish_rows(const octgemm_gemm_params &p, const typename T::maps &maps, uint8_t *shared,
                   const hopper_sums<T> &sum, int64_t m0, int64_t n0, const hopper_range &range,
                   const hopper_factors<T> &factors, const hopper_vectors<T> &vectors,
                   const hopper_lane<T> &my)
{
    constexpr int bytes = type == OCTGEMM_F16 || type == OCTGEMM_BF16 ? 2 : 4;
    constexpr int chunk_m = T::template chunk_rows<bytes>, chunks = T::tile_m / chunk_m;
    constexpr int per_box = 128 / bytes;
    uint8_t *const staging = shared + T::ring_bytes + my.warpgroup * T::buffers * T::chunk_bytes;
#pragma unroll
    for (int b = 0; b < T::blocks; b++) {
        const int n = (int)n0 + my.rows_at + b * 64;
        const int boxed = T::boxes ? min(max(p.boxed_n - n, 0), 64) : 0;
#pragma unroll
        for (int chunk = 0; chunk < chunks; chunk++) {
            if (T::adds && (chunk * chunk_m >= range.end || (chunk + 1) * chunk_m <= range.first))
                continue;
            uint8_t *const buffer = staging + (b * chunks + chunk) % T::buffers * T::chunk_bytes;
            if constexpr (bytes == 2)
                hopper_stage_halves<T, type, biased>(buffer, b, chunk, sum, factors, vectors, my);
            else
                hopper_stage_words<T, type, biased>(buffer, b, chunk, sum, factors, vectors, my);
            if constexpr (T::boxes) {
                written_for_copies();
                if (my.self == 0)
                    tensor_stores_read<T::buffers - 2>();
            }
            /* Also the end of reading the buffer that is filled next. */
            named_barrier(1 + my.warpgroup, 128);
            if constexpr (T::boxes)
                if (my.self == 0 && boxed > 0) {
#pragma unroll
                    for (int at = 0; at < 64; at += per_box)
                        tensor_store(maps.d, n + at, (int)m0 + chunk * chunk_m,
                                     shared_address(buffer) + at / per_box * chunk_m * 128,
                                     l2_policy(p.d_passes));
                    tensor_stores_commit();
                }
            if (boxed < 64)
                hopper_hand<T, bytes>(p, m0, n0, range, my).write(buffer, b, chunk, boxed);
        }
    }
}

/* A kernel for each type within the kernel: to ask for it with every pair of results costs more
 * than the pair. */
template <typename T, bool biased>
__device__ __forceinline__ void
hopper_finish_floats(const octgemm_gemm_params &p, const typename T::maps &maps, uint8_t *shared,
                     const hopper_sums<T> &sum, int64_t m0, int64_t n0, const hopper_range &range,
                     const hopper_factors<T> &factors, const hopper_vectors<T> &vectors,
                     const hopper_lane<T> &my)
{
    switch (p.d_type) {
    case OCTGEMM_F32:
        return hopper_finish_rows<T, OCTGEMM_F32, biased>(p, maps, shared, sum, m0, n0, range,
                                                          factors, vectors, my);
    case OCTGEMM_F16:
        return hopper_finish_rows<T, OCTGEMM_F16, biased>(p, maps, shared, sum, m0, n0, range,
                                                          factors, vectors, my);
    default:
        return hopper_finish_rows<T, OCTGEMM_BF16, biased>(p, maps, shared, sum, m0, n0, range,
                                                           factors, vectors, my);
    }
}

/* A bias is a seventh of a large tile's epilogue, so that has code without. */
template <typename T>
__device__ __forceinline__ void
hopper_finish(const octgemm_gemm_params &p, const typename T::maps &maps, uint8_t *shared,
              const hopper_sums<T> &sum, int64_t m0, int64_t n0, const hopper_range &range,
              const hopper_factors<T> &factors, const hopper_vectors<T> &vectors,
              const hopper_lane<T> &my)
{
    if (p.d_type == OCTGEMM_I32)
        hopper_finish_rows<T, OCTGEMM_I32, false>(p, maps, shared, sum, m0, n0, range, factors,
                                                  vectors, my);
    else if (T::boxes && !p.bias)
        hopper_finish_floats<T, false>(p, maps, shared, sum, m0, n0, range, factors, vectors, my);
    else
        hopper_finish_floats<T, true>(p, maps, shared, sum, m0, n0, range, factors, vectors, my);
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
        if (unit + work.step >= work.units)
            grid_release();
        const int own = 1 + my.warpgroup;
        if (T::boxes && my.self == 0)
            tensor_stores_read<0>();
        named_barrier(own, 128); /* Nobody reads anything of the tile before. */
        factors.settle(p);
        vectors.share_tokens(factors, my);
        const int tokens = min((int)p.m - m0, T::tile_m);
        hopper_range range = {0, tokens};
        if constexpr (T::adds)
            if (work.splits > 1)
                range = hopper_join<T>(sum, tokens, shared, work, ring);
        named_barrier(own, 128);
        if (p.za) {
            hopper_centre<T>(sum, factors, vectors, my);
            named_barrier(own, 128);
        }
        hopper_finish<T>(p, maps, shared, sum, m0, n0, range, factors, vectors, my);
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
