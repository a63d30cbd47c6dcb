/* The tensor-core product, one template for every tile: D = A * B^T with everything behind it.
 *
 * Orientation. Weights (rows of B) are the 16-row side of the MMA and tokens (rows of A) its
 * 8-column side, for every m: few tokens then waste little, and many are all the same. Both
 * operands come k-major, as int8 MMA wants them and as checkpoints store them.
 *
 * Loop. Tiles of tile_k bytes by (tile_n + tile_m) rows go to shared memory by cp.async, `stages`
 * deep, 16-byte chunks swizzled (chunk ^ row) so that neither the copies nor ldmatrix meet a bank
 * conflict. A warp multiplies (16 tn) x (8 tm); 64 x 64 and above is what keeps shared-memory reads
 * (a quarter of the limit on sm_89, two thirds on sm_90) under the MMA rate. `ahead` loads the
 * fragments of the next 32 bytes while these multiply; tiles whose sums fill the registers go
 * without.
 *
 * k is split two ways, both exact, since int32 sums do not care about order: among warps of a block
 * (warps_k), and among blocks, which leave their sums in p.partial for join.cu.
 *
 * Epilogue. store.cuh.
 *
 * align = 16 needs a, b, lda and ldb to be multiples of 16 and the other pointers naturally
 * aligned; k, n, m and ldd are free. align = 1 takes anything.
 */
#ifndef OCTGEMM_GEMM_CUH
#define OCTGEMM_GEMM_CUH

#include "cuda/store.cuh"

template <int warps_n_, int warps_m_, int warps_k_, int tn_, int tm_, int tile_k_, int stages_,
          int resident_, bool ahead_>
struct gemm_tile {
    static constexpr int warps_n = warps_n_, warps_m = warps_m_, warps_k = warps_k_;
    static constexpr int tn = tn_, tm = tm_; /* MMAs of a warp: 16-row, 8-column tiles */
    static constexpr int tile_n = warps_n * tn * 16, tile_m = warps_m * tm * 8, tile_k = tile_k_;
    static constexpr int stages = stages_, resident = resident_;
    static constexpr bool ahead = ahead_;
    static constexpr int threads = 32 * warps_n * warps_m * warps_k;
    static constexpr int steps = tile_k / 32 / warps_k; /* MMA steps of a warp in a stage */
    static constexpr int stage_bytes = (tile_n + tile_m) * tile_k;
    /* Epilogue: some tokens of a warp's sums at a time, with 16 bytes of padding to a row. */
    static constexpr int slab_tiles = warps_k > 1 ? tm : 2;
    static constexpr int slab_m = slab_tiles * 8, slab_ld = tn * 16 + 4;
    static constexpr int slab_bytes = slab_m * slab_ld * 4;
    static constexpr int half_ld = tn * 32 + 16, half_bytes = 16 * half_ld; /* of 16 tokens */
    static constexpr int shared_bytes = stages * stage_bytes > threads / 32 * slab_bytes
                                            ? stages *stage_bytes
                                            : threads / 32 * slab_bytes;
    static_assert(!ahead || steps % 2 == 0, "fragment buffers alternate");
    static_assert(tm % slab_tiles == 0 && tm % 2 == 0, "tokens come in pairs of MMA tiles");
    static_assert(tile_k % (32 * warps_k) == 0 && (tile_k & (tile_k - 1)) == 0, "tile_k");
};

/* Where 16-byte chunk `chunk` of row `row` lies in a tile. Eight rows that ldmatrix reads together,
 * and the chunks that a quarter warp writes, each meet all 32 banks. */
template <int tile_k>
__device__ __forceinline__ uint32_t swizzled(int row, int chunk)
{
    constexpr int rows_per_line = tile_k >= 128 ? 1 : 128 / tile_k;
    constexpr int mask = tile_k >= 128 ? 7 : tile_k / 16 - 1;
    return (uint32_t)(row * tile_k + ((chunk ^ (row / rows_per_line & mask)) << 4));
}

/* The rows of an operand that a tile has: the first, the last that exists, and how many bytes of
 * them can be copied at a time. */
struct gemm_rows {
    const int8_t *from;
    int64_t ld;
    int last, width;
};

/* What one thread copies of a tile: chunk `chunk` of the rows first, first + stride ... One address
 * walks down the rows, so that a copy costs an addition and no register. */
template <int rows, int tile_k, int threads, int align>
struct copier {
    static constexpr int chunks = tile_k / 16, stride = threads / chunks;
    static_assert(stride % 8 == 0, "one swizzle for all rows of a thread");
    const int8_t *from;
    int64_t step;
    uint32_t to;
    int first, last, column, width; /* last: from `first` on */

    __device__ __forceinline__ copier(const gemm_rows &tile, uint32_t shared)
        : first((int)threadIdx.x / chunks), last(tile.last - (int)threadIdx.x / chunks),
          column((int)threadIdx.x % chunks * 16), width(tile.width)
    {
        from = tile.from + first * tile.ld + column;
        step = stride * tile.ld;
        to = shared + swizzled<tile_k>(first, column / 16);
    }

    static constexpr int count = (rows + stride - 1) / stride;

    /* Can bytes [k0, k0 + tile_k) be copied by one()? */
    __device__ __forceinline__ bool whole(int k0, int k) const
    {
        return k0 + tile_k <= k && (align == 16 || width == 16);
    }

    /* Copy `i` of `count`; `at` starts at from + k0 and walks. Rows past the last are left as they
     * are: nobody stores what comes of them. */
    __device__ __forceinline__ void one(uint32_t stage, int i, const int8_t *&at, bool wanted) const
    {
        if (rows % stride == 0 || first + i * stride < rows)
            copy_async_16(stage + to + i * stride * tile_k, at, wanted && i * stride <= last);
        at += step;
    }

    /* Bytes [k0, k0 + tile_k) of every row that exists; those from k on become zero. */
    __device__ __forceinline__ void all(uint32_t stage, int k0, int k) const
    {
        const int8_t *at = from + k0;
        if (whole(k0, k)) {
#pragma unroll
            for (int i = 0; i < count; i++)
                one(stage, i, at, true);
        } else {
#pragma unroll 1
            for (int i = 0; first + i * stride < rows; i++, at += step) {
                int bytes = i * stride <= last ? k - k0 - column : 0;
                copy_any_16(stage + to + i * stride * tile_k, at, bytes, width);
            }
        }
    }
};

/* What a block has to do: one tile of D, from one part of k. */
template <typename T, int align>
struct gemm_unit {
    int64_t m0, n0; /* the tile's first token and weight */
    gemm_rows a, b; /* the tile's rows of each operand */
    int split;      /* which part of k */
    int k_first;    /* the first byte of that */
    int count;      /* stages of the part */

    /* Raster: `group` tiles of m take turns over the tiles of n, so that what is running at one
     * time is nearly a square of D and reads little. */
    __device__ __forceinline__ explicit gemm_unit(const octgemm_gemm_params &p)
    {
        const uint32_t tiles_m = p.tiles_m, tiles_n = p.tiles_n, tiles = tiles_m * tiles_n;
        const uint32_t tile = blockIdx.x % tiles;
        const uint32_t group = p.group, stripe = group * tiles_n;
        const uint32_t first = tile / stripe * group;
        const uint32_t width = min(tiles_m - first, group);
        m0 = (int64_t)(first + tile % stripe % width) * T::tile_m;
        n0 = (int64_t)(tile % stripe / width) * T::tile_n;
        const int last_m = (int)min(p.m - m0, (int64_t)T::tile_m) - 1;
        const int last_n = (int)min(p.n - n0, (int64_t)T::tile_n) - 1;
        split = blockIdx.x / tiles;
        k_first = split * p.k_split;
        const int k_last = p.splits > 1 ? min(p.k, k_first + p.k_split) : p.k;
        count = (k_last - k_first + T::tile_k - 1) / T::tile_k;
        const int8_t *const from_a = p.a + m0 * p.lda, *const from_b = p.b + n0 * p.ldb;
        const int width_a = align == 16 ? 16 : copy_width(p.a, p.lda);
        const int width_b = align == 16 ? 16 : copy_width(p.b, p.ldb);
        a = {from_a, p.lda, last_m, width_a};
        b = {from_b, p.ldb, last_n, width_b};
    }
};

/* A thread's place: its warp's number, and which weights (n), tokens (m) and steps of k that has.
 */
template <typename T>
struct gemm_warp {
    int lane, warp, n, m, k;

    __device__ __forceinline__ gemm_warp()
        : lane(threadIdx.x & 31), warp(threadIdx.x >> 5), n(warp % T::warps_n),
          m(warp / T::warps_n % T::warps_m), k(warp / (T::warps_n * T::warps_m))
    {
    }
};

/* -- from memory to a stage ------------------------------------------------------------------- */

/* A thread's next copies of weights and of tokens, in memory. */
struct gemm_walk {
    const int8_t *b, *a;
};

/* What a thread copies of a stage: of the weights, which come first in it, and of the tokens. */
template <typename T, int align>
struct gemm_copies {
    copier<T::tile_n, T::tile_k, T::threads, align> b;
    copier<T::tile_m, T::tile_k, T::threads, align> a;
    static constexpr int count = decltype(b)::count + decltype(a)::count;

    __device__ __forceinline__ gemm_copies(const gemm_unit<T, align> &unit, uint32_t pool)
        : b(unit.b, pool), a(unit.a, pool + T::tile_n * T::tile_k)
    {
    }

    /* Bytes [k0, k0 + tile_k) of both. */
    __device__ __forceinline__ void all(const octgemm_gemm_params &p, int k0, uint32_t stage) const
    {
        b.all(stage, k0, p.k);
        a.all(stage, k0, p.k);
    }

    /* Stage `i` of the unit as a group of copies; past the last an empty one, so that waits may
     * count groups. */
    __device__ __forceinline__ void fetch(const octgemm_gemm_params &p,
                                          const gemm_unit<T, align> &unit, int i,
                                          uint32_t stage) const
    {
        if (i < unit.count)
            all(p, unit.k_first + i * T::tile_k, stage);
        copy_async_commit();
    }

    /* A stage copy by copy: where it starts ... */
    __device__ __forceinline__ gemm_walk start(int k0) const
    {
        return {b.from + k0, a.from + k0};
    }

    /* ... and what is copied behind fragment `gap` of the weights, `from` walking on. The last step
     * has none to copy: it begins with their commit. */
    __device__ __forceinline__ void some(uint32_t stage, int gap, gemm_walk &from,
                                         bool wanted) const
    {
        constexpr int gaps = (T::steps - 1) * T::tn;
#pragma unroll
        for (int c = gap * count / gaps; gap < gaps && c < (gap + 1) * count / gaps; c++)
            if (c < b.count)
                b.one(stage, c, from.b, wanted);
            else
                a.one(stage, c - b.count, from.a, wanted);
    }
};

/* The ring of stages, which are byte offsets into the pool. */
template <typename T>
struct gemm_ring {
    static constexpr uint32_t end = T::stages * T::stage_bytes;
    uint32_t full = 0;                     /* is multiplied */
    uint32_t empty = end - T::stage_bytes; /* is filled next */

    static __device__ __forceinline__ uint32_t next(uint32_t stage)
    {
        return stage + T::stage_bytes == end ? 0 : stage + T::stage_bytes;
    }

    __device__ __forceinline__ void turn()
    {
        empty = full;
        full = next(full);
    }
};

/* The oldest stage on its way has come, for all; the one before it nobody reads any more. */
template <typename T>
__device__ __forceinline__ void gemm_wait_stage()
{
    copy_async_wait<T::stages - 2>();
    __syncthreads();
}

/* -- from a stage to sums --------------------------------------------------------------------- */

/* A warp's fragments of one step, 32 bytes of k, and with two buffers those of the next. The rows
 * of a fragment differ by multiples of 8, so one swizzle serves all, and a step is an exclusive or.
 */
template <typename T, int buffers>
struct gemm_fragments {
    static constexpr int loads_a = T::tm / 2, loads = loads_a + T::tn;
    uint32_t b_at, a_at; /* of this lane in stage 0, at step 0 of warp 0 of warps_k */
    int warp_k;          /* which of these this is */
    uint32_t b[buffers][T::tn][4], a[buffers][T::tm][2];

    __device__ __forceinline__ gemm_fragments(uint32_t pool, const gemm_warp<T> &my) : warp_k(my.k)
    {
        b_at = pool + swizzled<T::tile_k>(my.n * T::tn * 16 + (my.lane & 15), my.lane >> 4);
        a_at = pool + T::tile_n * T::tile_k +
               swizzled<T::tile_k>(my.m * T::tm * 8 + (my.lane & 7) + (my.lane >> 4 << 3),
                                   my.lane >> 3 & 1);
    }

    /* Load `l` of a step's, tokens first: the first weights meet all of them. */
    __device__ __forceinline__ void load(int buffer, uint32_t stage, int step, int l)
    {
        const uint32_t k = (step * T::warps_k + warp_k) * 32;
        if (l < loads_a) {
            uint32_t(&f)[2] = a[buffer][2 * l], (&g)[2] = a[buffer][2 * l + 1];
            load_matrix_x4(f[0], f[1], g[0], g[1], ((stage + a_at) ^ k) + l * 16 * T::tile_k);
        } else {
            uint32_t(&f)[4] = b[buffer][l - loads_a];
            load_matrix_x4(f[0], f[1], f[2], f[3],
                           ((stage + b_at) ^ k) + (l - loads_a) * 16 * T::tile_k);
        }
    }

    /* All products of fragment `i` of the weights, to and fro over the tokens, so that a register
     * operand of one MMA serves the next. */
    __device__ __forceinline__ void multiply(warp_sums<T> &sum, int buffer, int i) const
    {
#pragma unroll
        for (int q = 0; q < T::tm; q++) {
            const int j = i % 2 ? T::tm - 1 - q : q;
            mma_16832(sum[i][j], b[buffer][i], a[buffer][j][0], a[buffer][j][1]);
        }
    }
};

/* The main loop of tiles whose sums leave registers for one buffer of fragments. */
template <typename T, int align>
__device__ __forceinline__ void
gemm_multiply(const octgemm_gemm_params &p, warp_sums<T> &sum, const gemm_unit<T, align> &unit,
              const gemm_copies<T, align> &copies, uint32_t pool, const gemm_warp<T> &my)
{
    gemm_fragments<T, 1> held(pool, my);
    gemm_ring<T> ring;
    for (int i = 0; i < unit.count; i++) {
        gemm_wait_stage<T>();
        copies.fetch(p, unit, i + T::stages - 1, ring.empty);
#pragma unroll
        for (int step = 0; step < T::steps; step++) {
#pragma unroll
            for (int l = 0; l < held.loads; l++)
                held.load(0, ring.full, step, l);
#pragma unroll
            for (int w = 0; w < T::tn; w++)
                held.multiply(sum, 0, w);
        }
        ring.turn();
    }
}

/* The main loop with a step's fragments loaded while those of the step before multiply. In order:
 * an instruction that waits for shared memory holds up the MMAs behind it, so fragment loads and
 * copies are dealt out between the fragments of weights. */
template <typename T, int align>
__device__ __forceinline__ void gemm_multiply_ahead(const octgemm_gemm_params &p, warp_sums<T> &sum,
                                                    const gemm_unit<T, align> &unit,
                                                    const gemm_copies<T, align> &copies,
                                                    uint32_t pool, const gemm_warp<T> &my)
{
    gemm_fragments<T, 2> held(pool, my);
    gemm_ring<T> ring;
    gemm_wait_stage<T>();
#pragma unroll
    for (int l = 0; l < held.loads; l++)
        held.load(0, ring.full, 0, l);
    for (int i = 0; i < unit.count; i++) {
        const int k0 = unit.k_first + (i + T::stages - 1) * T::tile_k;
        const bool wanted = i + T::stages - 1 < unit.count;
        const bool dealt = wanted && copies.b.whole(k0, p.k) && copies.a.whole(k0, p.k);
        gemm_walk from = copies.start(k0);
        if (wanted && !dealt)
            copies.all(p, k0, ring.empty);
        const uint32_t empty = ring.empty;
#pragma unroll
        for (int step = 0; step < T::steps; step++) {
            if (step == T::steps - 1) { /* the next step is the next stage's first */
                copy_async_commit();
                gemm_wait_stage<T>();
                ring.turn();
            }
#pragma unroll
            for (int w = 0; w < T::tn; w++) {
#pragma unroll
                for (int l = w * held.loads / T::tn; l < (w + 1) * held.loads / T::tn; l++)
                    held.load((step + 1) % 2, ring.full, (step + 1) % T::steps, l);
                copies.some(empty, step * T::tn + w, from, dealt);
                held.multiply(sum, step % 2, w);
            }
        }
    }
}

/* -- the kernel ------------------------------------------------------------------------------- */

/* The ways from sums to D are store.cuh's; one is for sums that other warps or blocks add to. */
template <typename T, int align>
__device__ __forceinline__ void gemm_store(const octgemm_gemm_params &p, warp_sums<T> &sum,
                                           uint8_t *shared, const gemm_unit<T, align> &unit,
                                           const gemm_warp<T> &my)
{
    const bool alone = T::warps_k == 1 && p.splits == 1;
    const warp_place<T> place = {unit.m0 + my.m * T::tm * 8, unit.n0 + my.n * T::tn * 16, my.warp,
                                 my.lane};
    if (alone && is_half(p.d_type))
        store_halves<T, align>(p, sum, shared, place);
    else if (alone)
        store_words<T, align>(p, sum, place);
    else
        store_sums<T, align>(p, sum, shared, place, unit.split);
}

template <typename T, int align>
__device__ __forceinline__ void gemm(const octgemm_gemm_params &p)
{
    extern __shared__ __align__(256) uint8_t shared[];
    const uint32_t pool = shared_address(shared);
    const gemm_warp<T> my;
    const gemm_unit<T, align> unit(p);
    const gemm_copies<T, align> copies(unit, pool);

    grid_wait();
#pragma unroll
    for (int i = 0; i < T::stages - 1; i++)
        copies.fetch(p, unit, i, i * T::stage_bytes);

    warp_sums<T> sum = {};
    if constexpr (T::ahead && has_async_copy) /* copies by way of registers need those */
        gemm_multiply_ahead<T, align>(p, sum, unit, copies, pool, my);
    else
        gemm_multiply<T, align>(p, sum, unit, copies, pool, my);

    grid_release();
    __syncthreads(); /* every warp is done with the stages */
    gemm_store<T, align>(p, sum, shared, unit, my);
}

#endif
