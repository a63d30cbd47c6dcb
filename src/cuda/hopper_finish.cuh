/* The epilogue of a Hopper kernel (hopper.cuh): from sums in registers to D, by way of shared
 * memory.
 *
 * A lane has few weights, so their scales are loaded once; the tokens' wait in shared memory.
 * Results cross shared memory too (16-bit ones by stmatrix, transposed), from where the copy engine
 * writes those of large tiles while the next are rounded. It writes whole 16 bytes, so a D whose
 * rows do not start on 16 bytes, and a tile that does not, are written by hand, and so are small
 * tiles, where a map of D costs more than it saves.
 */
#ifndef OCTGEMM_HOPPER_FINISH_CUH
#define OCTGEMM_HOPPER_FINISH_CUH

#include "cuda/hopper_tile.cuh"
#include "cuda/runs.cuh"

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

/* What the copy engine does not write goes to D by hand: by pieces of 16 bytes, one to a thread,
 * where a tile's rows in D are whole ones ... */
template <typename T, int bytes>
struct hopper_pieces {
    using element = std::conditional_t<bytes == 2, uint16_t, uint32_t>;
    static constexpr int piece = 16 / bytes, pieces = 64 / piece, at_once = 128 / pieces;
    static constexpr int chunk_m = T::template chunk_rows<bytes>;
    element *d; /* of this thread's first token and weight in the tile */
    int64_t ldd;
    int token, weight;       /* in a buffer */
    int first, end, weights; /* tokens and weights from these on that are written */

    __device__ __forceinline__ hopper_pieces(const octgemm_gemm_params &p, int64_t m0, int64_t n0,
                                             const hopper_range &range, const hopper_lane<T> &my)
        : ldd(p.ldd), token(my.self / pieces), weight(my.self % pieces * piece)
    {
        n0 += my.rows_at + weight;
        d = (element *)p.d + (m0 + token) * ldd + n0;
        first = range.first - token;
        end = range.end - token;
        weights = (int)min(p.n - n0, (int64_t)T::tile_n);
    }

    /* A buffer of 64 weights. */
    __device__ __forceinline__ void write(const uint8_t *buffer, int b, int chunk) const
    {
        element *row_d = d + chunk * chunk_m * ldd + b * 64;
#pragma unroll
        for (int i = 0; i < chunk_m / at_once; i++, row_d += at_once * ldd) {
            const uint8_t *const v = buffer + staged_at<T, bytes>(token + i * at_once, weight);
            const int row = chunk * chunk_m + i * at_once;
            if (row >= end || (T::adds && row < first))
                continue;
            if (b * 64 < weights)
                *(uint4 *)row_d = *(const uint4 *)v;
        }
    }
};

/* ... else by runs, each token's 64 weights by a warp. `token` and `weight` are the buffer's first,
 * tokens from `first` to `end` of it and weights from `boxed` on are written. Every fourth token
 * starts at the same place of a word. */
template <typename T, int bytes>
__device__ __forceinline__ void hopper_write_runs(const octgemm_gemm_params &p,
                                                  const uint8_t *buffer, int token, int weight,
                                                  int first, int end, int boxed)
{
    using element = std::conditional_t<bytes == 2, uint16_t, uint32_t>;
    const int lane = threadIdx.x & 31, count = (int)min(p.n - weight, (int64_t)64);
    int i = threadIdx.x / 32 & 3;
    if (T::adds)
        i += max(first - i + 3, 0) & ~3;
    end = min(end, T::template chunk_rows<bytes>);
    element *row = (element *)p.d + (token + i) * p.ldd + weight;
    if constexpr (bytes == 2) {
        const run_share share(row, boxed, count, lane, 32);
#pragma unroll 1
        for (; i < end; i += 4, row += 4 * p.ldd)
            share.store(row, *(const uint32_t *)(buffer + staged_at<T, 2>(i, lane * 2)),
                        *(const uint32_t *)(buffer + staged_at<T, 2>(i, (lane * 2 + 2) % 64)));
    } else {
#pragma unroll 1
        for (; i < end; i += 4, row += 4 * p.ldd)
#pragma unroll
            for (int e = lane; e < 64; e += 32)
                if (e >= boxed && e < count)
                    row[e] = *(const uint32_t *)(buffer + staged_at<T, 4>(i, e));
    }
}

/* Results by way of shared memory, so that they leave as whole runs of 64 weights of a token:
 * chunks of some tokens, in buffers by turns. The copy engine writes them while the warpgroup goes
 * on, which fills a buffer again when it was read: one thread waits for that ahead of the barrier.
 * What it leaves is written by hand, by pieces or by runs. */
template <typename T, octgemm_type type, bool biased, bool pieces>
__device__ __forceinline__ void
hopper_finish_rows(const octgemm_gemm_params &p, const typename T::maps &maps, uint8_t *shared,
                   const hopper_sums<T> &sum, int64_t m0, int64_t n0, const hopper_range &range,
                   const hopper_factors<T> &factors, const hopper_vectors<T> &vectors,
                   const hopper_lane<T> &my)
{
    constexpr int bytes = type == OCTGEMM_F16 || type == OCTGEMM_BF16 ? 2 : 4;
    constexpr int chunk_m = T::template chunk_rows<bytes>, chunks = T::tile_m / chunk_m;
    constexpr int per_box = 128 / bytes;
    constexpr bool boxes = T::boxes && !pieces;
    /* Each buffer is a batch, an empty one where the engine writes nothing of it: what may still
     * be read is counted in batches. Of one block of weights a tile's buffers are all alike. */
    constexpr bool every = T::blocks > 1 && T::buffers > 2;
    uint8_t *const staging = shared + T::ring_bytes + my.warpgroup * T::buffers * T::chunk_bytes;
#pragma unroll
    for (int b = 0; b < T::blocks; b++) {
        const int n = (int)n0 + my.rows_at + b * 64;
        /* A last tile that shares weights with its neighbour may start off D's 16 bytes. */
        const int boxed = boxes && n0 % 8 == 0 ? min(max(p.boxed_n - n, 0), 64) : 0;
#pragma unroll
        for (int chunk = 0; chunk < chunks; chunk++) {
            if (T::adds && (chunk * chunk_m >= range.end || (chunk + 1) * chunk_m <= range.first))
                continue;
            uint8_t *const buffer = staging + (b * chunks + chunk) % T::buffers * T::chunk_bytes;
            if constexpr (bytes == 2)
                hopper_stage_halves<T, type, biased>(buffer, b, chunk, sum, factors, vectors, my);
            else
                hopper_stage_words<T, type, biased>(buffer, b, chunk, sum, factors, vectors, my);
            if constexpr (boxes) {
                written_for_copies();
                if (my.self == 0)
                    tensor_stores_read<T::buffers - 2>();
            }
            /* Also the end of reading the buffer that is filled next. */
            warpgroup_sync(1 + my.warpgroup);
            if constexpr (boxes)
                if (my.self == 0 && (every || boxed > 0)) {
                    if (boxed > 0)
#pragma unroll
                        for (int at = 0; at < 64; at += per_box)
                            tensor_store(maps.d, n + at, (int)m0 + chunk * chunk_m,
                                         shared_address(buffer) + at / per_box * chunk_m * 128,
                                         l2_policy(p.d_passes));
                    tensor_stores_commit();
                }
            if (boxed < 64) {
                const int row = chunk * chunk_m;
                if constexpr (pieces)
                    hopper_pieces<T, bytes>(p, m0, n0, range, my).write(buffer, b, chunk);
                else
                    hopper_write_runs<T, bytes>(p, buffer, (int)m0 + row, n,
                                                T::adds ? range.first - row : 0, range.end - row,
                                                boxed);
            }
        }
    }
}

/* What the copy engine writes none of may be whole pieces: small tiles always, large ones of parts
 * of k. Code of its own for each way, since code that is not run costs few tokens 2 to 4 % where it
 * lies between what is. */
template <typename T, octgemm_type type, bool biased>
__device__ __forceinline__ void
hopper_finish_type(const octgemm_gemm_params &p, const typename T::maps &maps, uint8_t *shared,
                   const hopper_sums<T> &sum, int64_t m0, int64_t n0, const hopper_range &range,
                   const hopper_factors<T> &factors, const hopper_vectors<T> &vectors,
                   const hopper_lane<T> &my)
{
    constexpr int bytes = type == OCTGEMM_F16 || type == OCTGEMM_BF16 ? 2 : 4;
    const int64_t row_bytes = min(p.n - n0, (int64_t)T::tile_n) * bytes;
    const bool whole = ((uintptr_t)p.d | p.ldd * bytes | n0 * bytes | row_bytes) % 16 == 0;
    if ((!T::boxes || (T::adds && p.boxed_n == 0)) && whole)
        hopper_finish_rows<T, type, biased, true>(p, maps, shared, sum, m0, n0, range, factors,
                                                  vectors, my);
    else
        hopper_finish_rows<T, type, biased, false>(p, maps, shared, sum, m0, n0, range, factors,
                                                   vectors, my);
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
        return hopper_finish_type<T, OCTGEMM_F32, biased>(p, maps, shared, sum, m0, n0, range,
                                                          factors, vectors, my);
    case OCTGEMM_F16:
        return hopper_finish_type<T, OCTGEMM_F16, biased>(p, maps, shared, sum, m0, n0, range,
                                                          factors, vectors, my);
    default:
        return hopper_finish_type<T, OCTGEMM_BF16, biased>(p, maps, shared, sum, m0, n0, range,
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
        hopper_finish_type<T, OCTGEMM_I32, false>(p, maps, shared, sum, m0, n0, range, factors,
                                                  vectors, my);
    else if (T::boxes && !p.bias)
        hopper_finish_floats<T, false>(p, maps, shared, sum, m0, n0, range, factors, vectors, my);
    else
        hopper_finish_floats<T, true>(p, maps, shared, sum, m0, n0, range, factors, vectors, my);
}

#endif
