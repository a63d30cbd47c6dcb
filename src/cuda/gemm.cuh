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
 * k is split three ways, all exact, since int32 sums do not care about order: among warps of a
 * block (warps_k), among the blocks of a cluster, which add each other's shared memory (sm_90), and
 * among any blocks, through p.partial, where the last to arrive adds (p.counter).
 *
 * Epilogue. Sums pass through shared memory, transposed, so that a warp writes whole 128-byte lines
 * of D; rounding is src/epilogue.h's, step by step.
 *
 * align = 16 needs a, b, lda and ldb to be multiples of 16 and the other pointers naturally
 * aligned; k, n, m and ldd are free. align = 1 takes anything.
 */
#ifndef OCTGEMM_GEMM_CUH
#define OCTGEMM_GEMM_CUH

#include "cuda/access.cuh"
#include "cuda/ptx.cuh"
#include "gpu/params.h"

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
    /* Epilogue: a warp's sums, `slab_m` tokens at a time, with 16 bytes of padding. */
    static constexpr int slab_tiles = warps_k > 1 ? tm : 2;
    static constexpr int slab_m = slab_tiles * 8, slab_ld = tn * 16 + 4;
    static constexpr int slab_bytes = slab_m * slab_ld * 4;
    static constexpr int vector_bytes = (3 * tile_n + 2 * tile_m) * 4;
    static constexpr int pool_bytes = stages * stage_bytes > threads / 32 * slab_bytes
                                          ? stages *stage_bytes
                                          : threads / 32 * slab_bytes;
    static constexpr int shared_bytes = pool_bytes + vector_bytes;
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
    int first, last, column, width;

    __device__ __forceinline__ copier(const int8_t *base, int64_t ld, int last_row, int width_,
                                      uint32_t shared)
        : first((int)threadIdx.x / chunks), last(last_row), column((int)threadIdx.x % chunks * 16),
          width(width_)
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

    /* Copy `i` of `count`; `at` starts at from + k0 and walks. Rows past the last become zero. */
    __device__ __forceinline__ void one(uint32_t stage, int i, const int8_t *&at, bool wanted) const
    {
        if (rows % stride == 0 || first + i * stride < rows)
            copy_async_16(stage + to + i * stride * tile_k, at, first + i * stride <= last, wanted);
        at += step;
    }

    /* Bytes [k0, k0 + tile_k) of every row; those from k on become zero. */
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
                int bytes = first + i * stride <= last ? k - k0 - column : 0;
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
    float *const sb = (float *)(shared + T::pool_bytes);
    float *const bias = sb + T::tile_n;
    int32_t *const column = (int32_t *)(bias + T::tile_n);
    float *const sa = (float *)(column + T::tile_n);
    int32_t *const za = (int32_t *)(sa + T::tile_m);

    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int warp_n = warp % T::warps_n, warp_m = warp / T::warps_n % T::warps_m;
    const int warp_k = warp / (T::warps_n * T::warps_m);

    /* The unit: which tile, which part of k. Blocks of a cluster are neighbours. */
    const bool cluster = p.splits > 1 && !p.partial;
    const uint32_t tiles_m = p.tiles_m, tiles_n = p.tiles_n, tiles = tiles_m * tiles_n;
    const uint32_t tile = cluster ? blockIdx.x / p.splits : blockIdx.x % tiles;
    const int split = cluster ? blockIdx.x % p.splits : blockIdx.x / tiles;
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

    for (int i = threadIdx.x; i < T::tile_n; i += T::threads) {
        int64_t j = n0 + min(i, last_n);
        sb[i] = p.sb ? load_32<align, float>(p.sb, j * p.sb_step) : 1.0f;
        bias[i] = p.bias ? load_typed<align>(p.bias, p.bias_type, j) : 0.0f;
        column[i] = p.za ? load_32<align, int32_t>(p.column, j) : 0;
    }
    for (int i = threadIdx.x; i < T::tile_m; i += T::threads) {
        int64_t j = m0 + min(i, last_m);
        sa[i] = p.sa ? load_32<align, float>(p.sa, j * p.sa_step) : 1.0f;
        za[i] = p.za ? load_32<align, int32_t>(p.za, j * p.za_step) : 0;
    }

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

    constexpr int loads = T::tn + T::tm / 2;
    auto load = [&](int buffer, uint32_t stage, int step, int l) {
        uint32_t k = (step * T::warps_k + warp_k) * 32;
        if (l < T::tn) {
            uint32_t(&f)[4] = bf[buffer][l];
            load_matrix_x4(f[0], f[1], f[2], f[3], (stage + b_at + l * 16 * T::tile_k) ^ k);
        } else {
            int j = (l - T::tn) * 2;
            uint32_t(&f)[2] = af[buffer][j], (&g)[2] = af[buffer][j + 1];
            load_matrix_x4(f[0], f[1], g[0], g[1], (stage + a_at + j * 8 * T::tile_k) ^ k);
        }
    };
    constexpr int products = T::tn * T::tm;
    auto multiply = [&](int buffer, int q) {
        /* To and fro over j, so that a register operand of one MMA serves the next. */
        int i = q / T::tm, j = i % 2 ? T::tm - 1 - q % T::tm : q % T::tm;
        mma_16832(sum[i][j], bf[buffer][i], af[buffer][j][0], af[buffer][j][1]);
    };

    /* Stages are byte offsets into the pool: `full` is being multiplied, `empty` is filled next. */
    constexpr uint32_t ring = T::stages * T::stage_bytes;
    auto next = [](uint32_t stage) {
        return stage + T::stage_bytes == ring ? 0 : stage + T::stage_bytes;
    };
    uint32_t full = 0, empty = ring - T::stage_bytes;
    if constexpr (ahead) {
        /* In order: an instruction that waits for shared memory holds up the MMAs behind it, so
         * fragment loads and copies are dealt out evenly between them. */
        constexpr int copies = copy_b.count + copy_a.count;
        constexpr int gaps = (T::steps - 1) * products;
        static_assert(copies <= gaps && loads <= products, "every load has its place");
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
                for (int q = 0; q < products; q++) {
                    if (q == 0 || q * loads / products != (q - 1) * loads / products)
                        load((step + 1) % buffers, full, (step + 1) % T::steps,
                             q * loads / products);
                    int place = step * products + q, c = place * copies / gaps;
                    if (step < T::steps - 1 && (place == 0 || (place - 1) * copies / gaps != c)) {
                        if (c < copy_b.count)
                            copy_b.one(empty, c, at_b, walk);
                        else
                            copy_a.one(empty, c - copy_b.count, at_a, walk);
                    }
                    multiply(step % buffers, q);
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
                for (int q = 0; q < products; q++)
                    multiply(0, q);
            }
            full = next(full);
        }
    }
    grid_release();
    copy_async_wait<0>();
    __syncthreads();

    /* Eight neighbouring weights of one token: what a thread finishes and writes at a time. */
    auto finish = [&](int token, int weight, const int32_t(&v)[8]) {
        int64_t i = m0 + token, j = n0 + weight;
        if (i >= p.m || j >= p.n)
            return;
        write_8<align>(p, i, j, v, sa[token], za[token], sb + weight, bias + weight,
                       column + weight);
    };

    /* Warps that hold parts of the same sums (warp_k, and the same warp of every block of the
     * cluster) share the slab's vectors. */
    const int ranks = cluster ? p.splits : 1;
    const int share = (cluster ? split : 0) * T::warps_k + warp_k, shares = ranks * T::warps_k;
    constexpr int vectors = T::tn * 2;
    const int t = lane & 3, g = lane >> 2;
    const int place = warp_m * T::warps_n + warp_n;
    int32_t *const slab = (int32_t *)(shared + warp * T::slab_bytes);
    int32_t *const partial = p.partial + (int64_t)blockIdx.x * T::tile_m * T::tile_n;
    auto join = [&]() {
        if (cluster)
            cluster_sync();
        else if (T::warps_k > 1)
            __syncthreads();
        else
            __syncwarp();
    };
#pragma unroll
    for (int chunk = 0; chunk < T::tm; chunk += T::slab_tiles) {
#pragma unroll
        for (int j = 0; j < T::slab_tiles; j++)
#pragma unroll
            for (int i = 0; i < T::tn; i++)
#pragma unroll
                for (int c = 0; c < 4; c++)
                    slab[(j * 8 + t * 2 + (c & 1)) * T::slab_ld + i * 16 + g + (c >> 1) * 8] =
                        sum[i][chunk + j][c];
        join();
        for (int item = share * 32 + lane; item < T::slab_m * vectors; item += shares * 32) {
            int token = item / vectors, weight = item % vectors * 8;
            int32_t v[8] = {};
            for (int rank = 0; rank < ranks; rank++)
#pragma unroll
                for (int w = 0; w < T::warps_k; w++) {
                    const int32_t *from =
                        (const int32_t *)(shared +
                                          (w * T::warps_n * T::warps_m + place) * T::slab_bytes) +
                        token * T::slab_ld + weight;
                    uint32_t at = shared_address(from);
                    int4 low = cluster ? load_cluster_16(at, rank) : *(const int4 *)from;
                    int4 high =
                        cluster ? load_cluster_16(at + 16, rank) : *(const int4 *)(from + 4);
                    v[0] += low.x, v[1] += low.y, v[2] += low.z, v[3] += low.w;
                    v[4] += high.x, v[5] += high.y, v[6] += high.z, v[7] += high.w;
                }
            token += (warp_m * T::tm + chunk) * 8;
            weight += warp_n * T::tn * 16;
            if (p.partial) {
                int4 *to = (int4 *)(partial + token * T::tile_n + weight);
                to[0] = make_int4(v[0], v[1], v[2], v[3]);
                to[1] = make_int4(v[4], v[5], v[6], v[7]);
            } else {
                finish(token, weight, v);
            }
        }
        join();
    }
    if (!p.partial)
        return;

    /* The last block of a tile to arrive adds what all of them left in memory. */
    __shared__ uint32_t arrived;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0)
        arrived = atomicAdd(&p.counter[tile], 1);
    __syncthreads();
    if ((int)arrived != p.splits - 1)
        return;
    __threadfence();
    for (int item = threadIdx.x; item < T::tile_m * T::tile_n / 8; item += T::threads) {
        int token = item / (T::tile_n / 8), weight = item % (T::tile_n / 8) * 8;
        int32_t v[8] = {};
        for (int s = 0; s < p.splits; s++) {
            const int4 *from =
                (const int4 *)(p.partial + ((int64_t)s * tiles + tile) * T::tile_m * T::tile_n +
                               item * 8);
            int4 low = __ldcg(from), high = __ldcg(from + 1);
            v[0] += low.x, v[1] += low.y, v[2] += low.z, v[3] += low.w;
            v[4] += high.x, v[5] += high.y, v[6] += high.z, v[7] += high.w;
        }
        finish(token, weight, v);
    }
}

#endif
