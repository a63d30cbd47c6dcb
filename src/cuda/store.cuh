/* From sums in MMA fragments to rows of D; rounding is src/epilogue.h's, step by step.
 *
 * A lane's sums are of neighbouring tokens, D's rows are of neighbouring weights. 16-bit results
 * that nobody else adds to are finished in registers (scales of a few weights stay there, and half
 * the bytes are left) and cross shared memory, so that a warp writes whole runs of a row; 32-bit
 * ones leave straight, in 32-byte runs. Other sums cross as they are and are added to those of
 * other warps and blocks.
 *
 * T is a gemm_tile. With g = lane / 4 and t = lane % 4, sum[i][j] of a warp are (weight 16i + g,
 * tokens 8j + 2t and the next) and the same of weight 16i + g + 8.
 */
#ifndef OCTGEMM_STORE_CUH
#define OCTGEMM_STORE_CUH

#include "cuda/access.cuh"
#include "cuda/runs.cuh"
#include "cuda/ptx.cuh"
#include "gpu/params.h"

template <typename T>
using warp_sums = int32_t[T::tn][T::tm][4];

template <typename T>
struct warp_place {
    int64_t m0, n0; /* of the warp's sums, in D */
    int warp, lane;
};

/* What finishing needs of some weights. A bias of -0 changes nothing. */
template <int count, int align>
struct weight_factors {
    float sb[count], bias[count];
    int32_t column[count];

    /* Those of weight first, first + step ... */
    __device__ __forceinline__ void load(const octgemm_gemm_params &p, int64_t first, int step)
    {
#pragma unroll
        for (int e = 0; e < count; e++) {
            const int64_t j = min(first + e * step, p.n - 1);
            sb[e] = p.sb ? load_32<align, float>(p.sb, j * p.sb_step) : 1.0f;
            bias[e] = p.bias ? load_typed<align>(p.bias, p.bias_type, j) : -0.0f;
            column[e] = p.za ? load_32<align, int32_t>(p.column, j) : 0;
        }
    }
};

template <int align>
__device__ __forceinline__ float token_scale(const octgemm_gemm_params &p, int64_t i)
{
    return p.sa ? load_32<align, float>(p.sa, min(i, p.m - 1) * p.sa_step) : 1.0f;
}

template <int align>
__device__ __forceinline__ int32_t token_zero(const octgemm_gemm_params &p, int64_t i)
{
    return p.za ? load_32<align, int32_t>(p.za, min(i, p.m - 1) * p.za_step) : 0;
}

__device__ __forceinline__ bool is_half(int32_t type)
{
    return type == OCTGEMM_F16 || type == OCTGEMM_BF16;
}

/* Subtracts what the tokens' zero points add. */
template <typename T, int align>
__device__ __forceinline__ void centre(const octgemm_gemm_params &p, warp_sums<T> &sum,
                                       const weight_factors<T::tn * 2, align> &factors, int64_t m0)
{
#pragma unroll
    for (int j = 0; j < T::tm; j++)
#pragma unroll
        for (int c = 0; c < 2; c++) {
            const uint32_t za = (uint32_t)token_zero<align>(p, m0 + j * 8 + c);
#pragma unroll
            for (int f = 0; f < T::tn * 2; f++) {
                int32_t &v = sum[f / 2][j][f % 2 * 2 + c];
                v = (int32_t)((uint32_t)v - za * (uint32_t)factors.column[f]);
            }
        }
}

/* 16 tokens of a slab, from `first` on, to a D whose rows do not start on 16 bytes. */
template <typename T>
__device__ __forceinline__ void store_runs(const octgemm_gemm_params &p, const uint8_t *slab,
                                           const warp_place<T> &place, int first)
{
    constexpr int words = T::tn * 8, rows = 32 / words, turns = 2 / rows;
    static_assert(rows * turns == 2, "every other token starts at the same place of a word");
    const int word = place.lane % words;
    const int count = (int)max(min(p.n - place.n0, (int64_t)words * 2), (int64_t)0);
#pragma unroll
    for (int turn = 0; turn < turns; turn++) {
        int token = turn + place.lane / words;
        const int64_t i = place.m0 + first + token;
        uint16_t *row = (uint16_t *)p.d + i * p.ldd + place.n0;
        const uint8_t *own = slab + token * T::half_ld;
        const run_share share(row, 0, count, word, words);
        const int end = (int)min(p.m - place.m0 - first, (int64_t)16);
#pragma unroll 1
        for (; token < end; token += 2, row += 2 * p.ldd, own += 2 * T::half_ld)
            share.store(row, *(const uint32_t *)(own + word * 4),
                        *(const uint32_t *)(own + (word + 1) % words * 4));
    }
}

/* 16-bit results, 16 tokens at a time; `room` has half_bytes for each warp. */
template <typename T, int align>
__device__ __forceinline__ void store_halves(const octgemm_gemm_params &p, warp_sums<T> &sum,
                                             uint8_t *room, const warp_place<T> &place)
{
    constexpr int ld = T::half_ld;
    constexpr int vectors = T::tn * 2, rows = 32 / vectors;
    static_assert(T::tn % 2 == 0 && T::tm % 2 == 0, "16 tokens by 32 weights at a time");
    uint8_t *const slab = room + place.warp * T::half_bytes;
    const int g = place.lane >> 2, t = place.lane & 3;
    weight_factors<T::tn * 2, align> factors;
    factors.load(p, place.n0 + g, 8);
    if (p.za)
        centre<T, align>(p, sum, factors, place.m0 + t * 2);

    const int token = place.lane / vectors, weight = place.lane % vectors * 8;
    const int64_t j = place.n0 + weight;
    const bool pieces =
        (align == 1 && (uintptr_t)p.d % 2 != 0) || ((uintptr_t)p.d % 16 == 0 && p.ldd % 8 == 0);
#pragma unroll
    for (int chunk = 0; chunk < T::tm; chunk += 2) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int64_t i = place.m0 + (chunk + h) * 8 + t * 2;
            const float sa[2] = {token_scale<align>(p, i), token_scale<align>(p, i + 1)};
            uint32_t pair[T::tn * 2];
#pragma unroll
            for (int f = 0; f < T::tn * 2; f++) {
                const int32_t *v = &sum[f / 2][chunk + h][f % 2 * 2];
                float x = octgemm_scale_sum(v[0], sa[0], factors.sb[f]);
                float y = octgemm_scale_sum(v[1], sa[1], factors.sb[f]);
                pair[f] = round_pair(p.d_type, octgemm_add_bias(x, factors.bias[f]),
                                     octgemm_add_bias(y, factors.bias[f]));
            }
#pragma unroll
            for (int f = 0; f < T::tn * 2; f += 4)
                store_transposed_x4(shared_address(slab + h * 8 * ld + f * 16), ld, pair[f],
                                    pair[f + 1], pair[f + 2], pair[f + 3]);
        }
        __syncwarp();
        if (pieces) {
#pragma unroll
            for (int row = 0; row < 16; row += rows) {
                const int64_t i = place.m0 + chunk * 8 + row + token;
                if (i < p.m && j < p.n)
                    store_16<align, 2>(p, i, j,
                                       *(const uint4 *)(slab + (row + token) * ld + weight * 2));
            }
        } else {
            store_runs<T>(p, slab, place, chunk * 8);
        }
        __syncwarp();
    }
}

/* 32-bit results: of one token, eight lanes write eight neighbouring weights. */
template <typename T, int align>
__device__ __forceinline__ void store_words(const octgemm_gemm_params &p, warp_sums<T> &sum,
                                            const warp_place<T> &place)
{
    const int64_t j = place.n0 + (place.lane >> 2), first = place.m0 + (place.lane & 3) * 2;
    const bool whole = p.d_type == OCTGEMM_I32;
    weight_factors<T::tn * 2, align> factors;
    factors.load(p, j, 8);
    if (p.za)
        centre<T, align>(p, sum, factors, first);
    const int tokens = (int)min(p.m - first, (int64_t)T::tile_m);
    const int weights = (int)min(p.n - j, (int64_t)T::tile_n);
    uint8_t *to = (uint8_t *)p.d + (first * p.ldd + j) * 4;
#pragma unroll
    for (int row = 0; row < T::tm * 2; row++, to += (row % 2 ? 1 : 7) * 4 * p.ldd) {
        const int token = row / 2 * 8 + row % 2;
        const float sa = token_scale<align>(p, first + token);
#pragma unroll
        for (int f = 0; f < T::tn * 2; f++) {
            const int32_t v = sum[f / 2][row / 2][f % 2 * 2 + row % 2];
            float x = octgemm_scale_sum(v, sa, factors.sb[f]);
            x = octgemm_add_bias(x, factors.bias[f]);
            if (token < tokens && f * 8 < weights)
                store_element<align>(to, f * 8, 4, whole ? (uint32_t)v : octgemm_float_bits(x));
        }
    }
}

/* Sums with other parts, `slab_m` tokens at a time. Warps that hold parts of the same sums
 * (warps_k) share the work of adding them. What belongs to one of several blocks goes to memory. */
template <typename T, int align>
__device__ __forceinline__ void store_sums(const octgemm_gemm_params &p, const warp_sums<T> &sum,
                                           uint8_t *shared, const warp_place<T> &place, int split)
{
    constexpr int warps_mn = T::warps_n * T::warps_m, vectors = T::tn * 2;
    static_assert(32 % vectors == 0, "a lane has the same weights in every turn");
    const int warp_mn = place.warp % warps_mn, warp_k = place.warp / warps_mn;
    const int t = place.lane & 3, g = place.lane >> 2, weight = place.lane % vectors * 8;
    int32_t *const slab = (int32_t *)(shared + place.warp * T::slab_bytes);
    const int64_t j0 = place.n0 + weight;
    /* Whole tiles, row by row, part after part. */
    const int64_t ld = p.tiles_n * T::tile_n;
    int32_t *const partial =
        p.partial + (split * p.tiles_m * T::tile_m + place.m0) * ld + place.n0 + weight;
    weight_factors<8, align> factors;
    if (!p.partial)
        factors.load(p, j0, 1);
    auto join = [&]() {
        if (T::warps_k > 1)
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
#pragma unroll 1
        for (int item = warp_k * 32 + place.lane; item < T::slab_m * vectors;
             item += T::warps_k * 32) {
            const int token = item / vectors;
            const int64_t i = place.m0 + chunk * 8 + token;
            int32_t v[8] = {};
#pragma unroll
            for (int w = 0; w < T::warps_k; w++)
                add_8(v, (const int4 *)((const int32_t *)(shared + (w * warps_mn + warp_mn) *
                                                                       T::slab_bytes) +
                                        token * T::slab_ld + weight));
            if (p.partial) {
                int4 *to = (int4 *)(partial + (chunk * 8 + token) * ld);
                to[0] = make_int4(v[0], v[1], v[2], v[3]);
                to[1] = make_int4(v[4], v[5], v[6], v[7]);
            } else if (i < p.m && j0 < p.n) {
                write_8<align>(p, i, j0, v, token_scale<align>(p, i), token_zero<align>(p, i),
                               factors.sb, factors.bias, factors.column);
            }
        }
        join();
    }
}

#endif
