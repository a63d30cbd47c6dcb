/* What the parts of a Hopper kernel (hopper.cuh) share: the shape of a tile and how shared memory
 * is laid out for it, which tiles a block works on, the ring of stages between the thread that
 * copies and the warpgroups that multiply, and which sums a lane has.
 */
#ifndef OCTGEMM_HOPPER_TILE_CUH
#define OCTGEMM_HOPPER_TILE_CUH

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
    static_assert(tile_m % chunk_rows<2> == 0 && tile_m % chunk_rows<4> == 0, "whole buffers");
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
    static_assert(!adds || (tile_m / 8 + most_splits) * group_bytes <= ring_bytes,
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

/* What a block does. Units: a tile, or two neighbours in n that a pair of blocks has, or a part of
 * k of a tile. */
template <typename T>
struct hopper_work {
    int splits;
    int rank; /* of this block in its cluster */
    uint32_t first_unit, units, step;
    uint32_t tiles_m, tiles_n, group;
    int last_m, last_n; /* where the last tiles start */
    int box_rows;       /* tokens that a block loads of a tile ... */
    int box_rows_n;     /* ... and weights */
    int k_first, count; /* of each unit: where its k starts, and how many stages it has */
    bool early;         /* weights may be read ahead of grid_wait() */

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
        last_n = (int)max(p.n - T::tile_n, (int64_t)0);
        box_rows = p.box_rows;
        box_rows_n = p.box_rows_n;
        k_first = splits > 1 ? rank * p.k_split : 0;
        const int k_last = splits > 1 ? min(p.k, k_first + p.k_split) : p.k;
        count = (k_last - k_first + T::tile_k - 1) / T::tile_k;
        early = T::cluster == 1 && p.early;
    }

    /* The first token and the first weight of a unit's tile. Raster: `group` tiles of m take turns
     * over the tiles of n, so that what is running at one time is nearly a square of D and reads
     * little. The one tile of few tokens needs no divisions, which the first load would wait for.
     * The last tile of more ends with the last token and with the last weight, and has some that
     * its neighbour has too: what both write is the same, and a box with even a few rows that are
     * not there takes the engine long. */
    __device__ __forceinline__ void place(uint32_t unit, int &m0, int &n0) const
    {
        if (T::cluster == 1 && tiles_m == 1) {
            m0 = 0;
            n0 = min((int)unit * T::tile_n, last_n);
            return;
        }
        const uint32_t stripe = unit / (group * tiles_n), first = stripe * group;
        const uint32_t width = min(tiles_m - first, group), rest = unit - first * tiles_n;
        const uint32_t tile = rest / width;
        m0 = min((int)(first + rest - tile * width) * T::tile_m, last_m);
        n0 = min((int)(T::cluster > 1 ? tile * T::cluster + rank : tile) * T::tile_n, last_n);
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
        return T::cluster > 1 ? place_in_block(empty(0), lane & (T::cluster - 1)) : empty(0);
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

/* Of a lane, four for each 8 tokens: two weights, 8 apart, of two tokens. */
template <typename T>
using hopper_sums = int32_t[T::blocks][T::tile_m / 2];

/* The tokens of a tile that a block finishes: all that exist, or its share where parts of k are
 * added. */
struct hopper_range {
    int first, end;
};

#endif
