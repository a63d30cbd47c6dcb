/* Few tokens: a product that takes as long as reading the weights once.
 *
 * No shared memory on the way in. A dot product does not care in which order k is summed, so a lane
 * gives the MMA whatever 16 bytes of k it likes as long as weights and tokens agree: each lane
 * loads 16 consecutive bytes of rows g and g + 8 (a warp: 64-byte runs of each row), and these are
 * the fragments of two MMAs. Plain row-major weights are thus already "packed".
 *
 * The warps of a block take the 128-byte lines of k in turn, one line each in flight in registers,
 * and add their sums in shared memory at the end. The first lines of packed weights are loaded
 * while the kernel ahead ends: on an H200 one token by 16 warps takes 5.6 us for 6.1 at 4096x4096,
 * 3.7 for 4.8 at 3072x3072; blocks of fewer warps gain next to nothing.
 *
 * Zero points without sums of B's rows (p.column): the MMA has a token to spare if m is no multiple
 * of tile_m, and a token of ones has these sums. The weights are then read once, not twice.
 */
#ifndef OCTGEMM_DECODE_CUH
#define OCTGEMM_DECODE_CUH

#include "cuda/access.cuh"
#include "cuda/ptx.cuh"
#include "gpu/params.h"

template <int warps_, int tn_, int tm_, int resident_>
struct decode_tile {
    static constexpr int warps = warps_, tn = tn_, tm = tm_;
    static constexpr int resident = resident_, threads = 32 * warps;
    static constexpr int tile_n = tn * 16, tile_m = tm * 8, tile_k = 128;
    static constexpr int slab_ld = tile_n + 4, slab_bytes = tile_m * slab_ld * 4;
    static constexpr int shared_bytes = warps * slab_bytes + 3 * tile_n * 4;
    static_assert(tile_n <= threads, "a thread loads the scale of one weight row");
};

/* What a lane holds of one 128-byte line: two 16-byte pieces of each of its rows. */
template <typename T>
struct decode_line {
    uint4 b[T::tn][2][2], a[T::tm][2];
};

/* whole: all of the 16 bytes are there, not `bytes` of them. */
template <int align, bool whole>
__device__ __forceinline__ uint4 load_row_16(const int8_t *from, int bytes, int width)
{
    if ((align == 16 || width == 16) && (whole || bytes >= 16))
        return load_stream_16(from);
    return load_any_16(from, whole ? 16 : bytes);
}

/* A lane's rows of a tile, from its own first bytes of k on; past the last row, the last again. */
template <typename T>
struct decode_rows {
    const int8_t *b[T::tn][2], *a[T::tm];
};

/* Line `at` of k, what is wanted of it. whole: k goes on to its end; else bytes from k on become
 * zero. */
template <typename T, int align, bool whole, bool weights = true, bool tokens = true>
__device__ __forceinline__ void decode_load(decode_line<T> &line, const decode_rows<T> &rows,
                                            int width_b, int width_a, int at, int k, int t)
{
#pragma unroll
    for (int piece = 0; piece < 2; piece++) {
        const int first = at * 128 + piece * 64;
        const int bytes = k - first - t * 16;
#pragma unroll
        for (int i = 0; weights && i < T::tn; i++)
#pragma unroll
            for (int half = 0; half < 2; half++)
                line.b[i][half][piece] =
                    load_row_16<align, whole>(rows.b[i][half] + first, bytes, width_b);
#pragma unroll
        for (int j = 0; tokens && j < T::tm; j++)
            line.a[j][piece] = load_row_16<align, whole>(rows.a[j] + first, bytes, width_a);
    }
}

/* The products of a line. ones: which of the lane's tokens is the one of ones. */
template <typename T>
__device__ __forceinline__ void decode_multiply(int32_t (&sum)[T::tn][T::tm][4],
                                                const decode_line<T> &line,
                                                const bool (&ones)[T::tm])
{
    const uint32_t one = 0x01010101;
#pragma unroll
    for (int piece = 0; piece < 2; piece++)
#pragma unroll
        for (int j = 0; j < T::tm; j++)
#pragma unroll
            for (int i = 0; i < T::tn; i++) {
                const uint4 low = line.b[i][0][piece], high = line.b[i][1][piece];
                const uint4 x = ones[j] ? make_uint4(one, one, one, one) : line.a[j][piece];
                const uint32_t first[4] = {low.x, high.x, low.y, high.y};
                const uint32_t second[4] = {low.z, high.z, low.w, high.w};
                mma_16832(sum[i][j], first, x.x, x.y);
                mma_16832(sum[i][j], second, x.z, x.w);
            }
}

/* A warp's sums to its slab. */
template <typename T>
__device__ __forceinline__ void decode_share(int32_t *slab, const int32_t (&sum)[T::tn][T::tm][4],
                                             int g, int t)
{
#pragma unroll
    for (int j = 0; j < T::tm; j++)
#pragma unroll
        for (int i = 0; i < T::tn; i++)
#pragma unroll
            for (int c = 0; c < 4; c++)
                slab[(j * 8 + t * 2 + (c & 1)) * T::slab_ld + i * 16 + g + (c >> 1) * 8] =
                    sum[i][j][c];
}

/* Item `item` of a tile of D, 8 weights of a token: adds the warps' sums and finishes them. */
template <typename T, int align>
__device__ __forceinline__ void decode_finish(const octgemm_gemm_params &p, const int32_t *slabs,
                                              const float *sb, const float *bias,
                                              const int32_t *column, int64_t m0, int64_t n0,
                                              int last_n, int item)
{
    int token = item / (T::tile_n / 8), weight = item % (T::tile_n / 8) * 8;
    if (weight > last_n)
        return;
    int32_t v[8] = {};
#pragma unroll
    for (int w = 0; w < T::warps; w++)
        add_8(v, (const int4 *)(slabs + w * (T::slab_bytes / 4) + token * T::slab_ld + weight));
    int64_t i = m0 + token;
    float sa = p.sa ? load_32<align, float>(p.sa, i * p.sa_step) : 1.0f;
    int32_t za = p.za ? load_32<align, int32_t>(p.za, i * p.za_step) : 0;
    write_8<align>(p, i, n0 + weight, v, sa, za, sb + weight, bias + weight, column + weight);
}

template <typename T, int align>
__device__ __forceinline__ void decode(const octgemm_gemm_params &p)
{
    extern __shared__ __align__(256) uint8_t shared[];
    int32_t *const slabs = (int32_t *)shared;
    float *const sb = (float *)(shared + T::warps * T::slab_bytes);
    float *const bias = sb + T::tile_n;
    int32_t *const column = (int32_t *)(bias + T::tile_n);

    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, g = lane >> 2, t = lane & 3;
    const uint32_t tile = blockIdx.x;
    const int64_t n0 = (int64_t)(tile % (uint32_t)p.tiles_n) * T::tile_n;
    const int64_t m0 = (int64_t)(tile / (uint32_t)p.tiles_n) * T::tile_m;
    const int last_n = (int)min(p.n - n0, (int64_t)T::tile_n) - 1;
    const int last_m = (int)min(p.m - m0, (int64_t)T::tile_m) - 1;
    const int full = p.k / 128; /* lines that exist to their end */
    const int width_a = align == 16 ? 16 : copy_width(p.a, p.lda);
    const int width_b = align == 16 ? 16 : copy_width(p.b, p.ldb);
    decode_rows<T> rows;
#pragma unroll
    for (int i = 0; i < T::tn; i++)
#pragma unroll
        for (int half = 0; half < 2; half++)
            rows.b[i][half] = p.b + (n0 + min(i * 16 + half * 8 + g, last_n)) * p.ldb + t * 16;
#pragma unroll
    for (int j = 0; j < T::tm; j++)
        rows.a[j] = p.a + (m0 + min(j * 8 + g, last_m)) * p.lda + t * 16;

    const bool count = p.za && !p.column;
    bool ones[T::tm]; /* is it the token of ones? */
#pragma unroll
    for (int j = 0; j < T::tm; j++)
        ones[j] = count && j * 8 + g == last_m + 1;

    decode_line<T> line;
    int32_t sum[T::tn][T::tm][4] = {};

    /* While the kernel before this one ends, the first weights already come: to their place when
     * it has not written them, else to the L2. (More of them there, and all become slower.) */
    if (p.early) {
        if (warp < full)
            decode_load<T, align, true, true, false>(line, rows, width_b, width_a, warp, p.k, t);
        grid_wait();
        if (warp < full)
            decode_load<T, align, true, false, true>(line, rows, width_b, width_a, warp, p.k, t);
    } else {
#pragma unroll 1
        for (int row = lane; row <= last_n; row += 32)
            if (warp < full)
                prefetch_l2(p.b + (n0 + row) * p.ldb + warp * 128);
        grid_wait();
        if (warp < full)
            decode_load<T, align, true>(line, rows, width_b, width_a, warp, p.k, t);
    }

    float my_sb = 1.0f, my_bias = 0.0f;
    int32_t my_column = 0;
    if (threadIdx.x < T::tile_n) {
        int64_t j = n0 + min((int)threadIdx.x, last_n);
        my_sb = p.sb ? load_32<align, float>(p.sb, j * p.sb_step) : 1.0f;
        my_bias = p.bias ? load_typed<align>(p.bias, p.bias_type, j) : 0.0f;
        my_column = p.za && !count ? load_32<align, int32_t>(p.column, j) : 0;
    }

    for (int at = warp; at < full; at += T::warps) {
        const int next = at + T::warps;
        if (p.early && next >= full)
            grid_release(); /* what is left is on its way */
        decode_multiply<T>(sum, line, ones);
        if (next < full)
            decode_load<T, align, true>(line, rows, width_b, width_a, next, p.k, t);
    }
    if (full % T::warps == warp && full * 128 < p.k) {
        decode_load<T, align, false>(line, rows, width_b, width_a, full, p.k, t);
        decode_multiply<T>(sum, line, ones);
    }
    grid_release();

    decode_share<T>(slabs + warp * (T::slab_bytes / 4), sum, g, t);
    if (threadIdx.x < T::tile_n) {
        sb[threadIdx.x] = my_sb;
        bias[threadIdx.x] = my_bias;
        column[threadIdx.x] = my_column;
    }
    __syncthreads();
    if (count) {
        if (threadIdx.x < T::tile_n)
            for (int w = 0; w < T::warps; w++)
                column[threadIdx.x] +=
                    slabs[w * (T::slab_bytes / 4) + (last_m + 1) * T::slab_ld + threadIdx.x];
        __syncthreads();
    }

    for (int item = threadIdx.x; item < (last_m + 1) * (T::tile_n / 8); item += T::threads)
        decode_finish<T, align>(p, slabs, sb, bias, column, m0, n0, last_n, item);
}

#endif
