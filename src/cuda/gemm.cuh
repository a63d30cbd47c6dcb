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

    __device__ __forceinline__ copier(const int8_t *base, int64_t ld, int last_row, int width_,
                                      uint32_t shared)
        : first((int)threadIdx.x / chunks), last(last_row - (int)threadIdx.x / chunks),
          column((int)threadIdx.x % chunks * 16), width(width_)
    {
        from = base + first * ld + column;
        step = stride * ld;
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

template <typename T, int align>
__device__ __forceinline__ void gemm(const octgemm_gemm_params &p)
{
    extern __shared__ __align__(256) uint8_t shared[];
    const uint32_t pool = shared_address(shared);
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int warp_n = warp % T::warps_n, warp_m = warp / T::warps_n % T::warps_m;
    const int warp_k = warp / (T::warps_n * T::warps_m);

    /* The unit: which tile, which part of k. */
    const uint32_t tiles_m = p.tiles_m, tiles_n = p.tiles_n, tiles = tiles_m * tiles_n;
    const uint32_t tile = blockIdx.x % tiles;
    const int split = blockIdx.x / tiles;
    /* Raster: `group` tiles of m take turns over the tiles of n, so that what is running at one
     * time is nearly a square of D and reads little. */
    const uint32_t group = p.group, stripe = group * tiles_n;
    const uint32_t first = tile / stripe * group;
    const uint32_t width = min(tiles_m - first, group);
    const int64_t m0 = (int64_t)(first + tile % stripe % width) * T::tile_m;
    const int64_t n0 = (int64_t)(tile % stripe / width) * T::tile_n;
    const int last_m = (int)min(p.m - m0, (int64_t)T::tile_m) - 1;
    const int last_n = (int)min(p.n - n0, (int64_t)T::tile_n) - 1;
    const int k_first = split * p.k_split;
    const int k_last = p.splits > 1 ? min(p.k, k_first + p.k_split) : p.k;
    const int count = (k_last - k_first + T::tile_k - 1) / T::tile_k;

    const int8_t *const a = p.a + m0 * p.lda;
    const int8_t *const b = p.b + n0 * p.ldb;
    const int width_a = align == 16 ? 16 : copy_width(p.a, p.lda);
    const int width_b = align == 16 ? 16 : copy_width(p.b, p.ldb);

    const copier<T::tile_n, T::tile_k, T::threads, align> copy_b(b, p.ldb, last_n, width_b, pool);
    const copier<T::tile_m, T::tile_k, T::threads, align> copy_a(a, p.lda, last_m, width_a,
                                                                 pool + T::tile_n * T::tile_k);
    auto fetch = [&](int i, uint32_t stage) {
        if (i < count) {
            copy_b.all(stage, k_first + i * T::tile_k, p.k);
            copy_a.all(stage, k_first + i * T::tile_k, p.k);
        }
        copy_async_commit();
    };

    grid_wait();
#pragma unroll
    for (int i = 0; i < T::stages - 1; i++)
        fetch(i, i * T::stage_bytes);

    /* Fragment addresses inside a stage. The rows of a fragment differ by multiples of 8, so one
     * swizzle serves all, and a step of 32 bytes of k is an exclusive or. */
    const uint32_t b_at = pool + swizzled<T::tile_k>(warp_n * T::tn * 16 + (lane & 15), lane >> 4);
    const uint32_t a_at =
        pool + T::tile_n * T::tile_k +
        swizzled<T::tile_k>(warp_m * T::tm * 8 + (lane & 7) + (lane >> 4 << 3), lane >> 3 & 1);

    int32_t sum[T::tn][T::tm][4] = {};
    constexpr bool ahead = T::ahead && has_async_copy; /* copies by way of registers need those */
    constexpr int buffers = ahead ? 2 : 1;
    uint32_t bf[buffers][T::tn][4], af[buffers][T::tm][2];

    /* Loads of a step, tokens first: the first weights meet all of them. */
    constexpr int loads_a = T::tm / 2, loads = loads_a + T::tn;
    auto load = [&](int buffer, uint32_t stage, int step, int l) {
        const uint32_t k = (step * T::warps_k + warp_k) * 32;
        if (l < loads_a) {
            uint32_t(&f)[2] = af[buffer][2 * l], (&g)[2] = af[buffer][2 * l + 1];
            load_matrix_x4(f[0], f[1], g[0], g[1], ((stage + a_at) ^ k) + l * 16 * T::tile_k);
        } else {
            uint32_t(&f)[4] = bf[buffer][l - loads_a];
            load_matrix_x4(f[0], f[1], f[2], f[3],
                           ((stage + b_at) ^ k) + (l - loads_a) * 16 * T::tile_k);
        }
    };
    /* All products of one fragment of weights, to and fro over the tokens, so that a register
     * operand of one MMA serves the next. */
    auto multiply = [&](int buffer, int i) {
#pragma unroll
        for (int q = 0; q < T::tm; q++) {
            const int j = i % 2 ? T::tm - 1 - q : q;
            mma_16832(sum[i][j], bf[buffer][i], af[buffer][j][0], af[buffer][j][1]);
        }
    };

    /* Stages are byte offsets into the pool: `full` is being multiplied, `empty` is filled next. */
    constexpr uint32_t ring = T::stages * T::stage_bytes;
    auto next = [](uint32_t stage) {
        return stage + T::stage_bytes == ring ? 0 : stage + T::stage_bytes;
    };
    uint32_t full = 0, empty = ring - T::stage_bytes;
    if constexpr (ahead) {
        /* In order: an instruction that waits for shared memory holds up the MMAs behind it, so
         * fragment loads and copies are dealt out between the fragments of weights. */
        constexpr int copies = copy_b.count + copy_a.count;
        constexpr int gaps = (T::steps - 1) * T::tn;
        copy_async_wait<T::stages - 2>();
        __syncthreads();
#pragma unroll
        for (int l = 0; l < loads; l++)
            load(0, full, 0, l);
        for (int i = 0; i < count; i++) {
            const int k0 = k_first + (i + T::stages - 1) * T::tile_k;
            const bool wanted = i + T::stages - 1 < count;
            const bool walk = wanted && copy_b.whole(k0, p.k) && copy_a.whole(k0, p.k);
            const int8_t *at_b = copy_b.from + k0, *at_a = copy_a.from + k0;
            if (wanted && !walk) {
                copy_b.all(empty, k0, p.k);
                copy_a.all(empty, k0, p.k);
            }
            uint32_t stage = full;
#pragma unroll
            for (int step = 0; step < T::steps; step++) {
                if (step == T::steps - 1) {
                    copy_async_commit();
                    copy_async_wait<T::stages - 2>();
                    __syncthreads();
                    full = next(full);
                }
#pragma unroll
                for (int i = 0; i < T::tn; i++) {
#pragma unroll
                    for (int l = i * loads / T::tn; l < (i + 1) * loads / T::tn; l++)
                        load((step + 1) % buffers, full, (step + 1) % T::steps, l);
                    const int gap = step * T::tn + i;
#pragma unroll
                    for (int c = gap * copies / gaps; gap < gaps && c < (gap + 1) * copies / gaps;
                         c++)
                        if (c < copy_b.count)
                            copy_b.one(empty, c, at_b, walk);
                        else
                            copy_a.one(empty, c - copy_b.count, at_a, walk);
                    multiply(step % buffers, i);
                }
            }
            empty = stage;
        }
    } else {
        for (int i = 0; i < count; i++) {
            copy_async_wait<T::stages - 2>();
            __syncthreads();
            fetch(i + T::stages - 1, empty);
            empty = full;
#pragma unroll
            for (int step = 0; step < T::steps; step++) {
#pragma unroll
                for (int l = 0; l < loads; l++)
                    load(0, full, step, l);
#pragma unroll
                for (int i = 0; i < T::tn; i++)
                    multiply(0, i);
            }
            full = next(full);
        }
    }
    grid_release();
    __syncthreads();                                     /* every warp is done with the stages */
    const bool alone = T::warps_k == 1 && p.splits == 1; /* nobody adds to these sums */
    const warp_place<T> place = {m0 + warp_m * T::tm * 8, n0 + warp_n * T::tn * 16, warp, lane};
    if (alone && is_half(p.d_type))
        store_halves<T, align>(p, sum, shared, place);
    else if (alone)
        store_words<T, align>(p, sum, place);
    else
        store_sums<T, align>(p, sum, shared, place, split);
}

#endif
