/* Rows that start and end anywhere in memory: how the quantiser reads and writes them where they
 * are off 16 bytes.
 *
 * A row of x is read in 16-byte pieces of memory, so that a warp's load has whole lines; what a
 * row's first and last piece have of it is read element by element. The bytes made of a piece start
 * anywhere in a word of q, so they go to q by way of shared memory, in pieces of q's own 16 bytes.
 * Byte by byte the quantiser took 2.3 times as long as with rows on 16 bytes. */
#ifndef OCTGEMM_SHIFTED_CUH
#define OCTGEMM_SHIFTED_CUH

#include <stdint.h>

enum {
    piece_bytes = 16,
    piece_words = 4,
    staged_more = 3 * piece_words /* words of a staged row beyond its own bytes */
};

/* Elements [from, to) of a piece, and zeros in place of the others, which are not read. */
template <int size>
__device__ __forceinline__ uint4 load_some(const uint4 *piece, int from, int to)
{
    uint32_t w[piece_words] = {};
#pragma unroll
    for (int e = 0; e < piece_bytes / size; e++)
        if (e >= from && e < to)
            w[e * size / 4] |= size == 4 ? ((const uint32_t *)piece)[e]
                                         : (uint32_t)((const uint16_t *)piece)[e] << e % 2 * 16;
    return make_uint4(w[0], w[1], w[2], w[3]);
}

/* Where in a staged row the bytes of `row` from `at` on are: which word takes them, and how many
 * bytes ahead of their place in a piece of memory that is. `at` may be a piece ahead of the row;
 * there is a multiple of four between it and every other. */
__device__ __forceinline__ int staged_word(const int8_t *row, int at)
{
    return ((int)((uintptr_t)row % piece_bytes) + at + piece_bytes) / 4;
}

__device__ __forceinline__ int staged_shift(const int8_t *row, int at)
{
    return (int)((uintptr_t)(row + at) % 4);
}

/* Bytes [0, k) of a staged row to `row`, by all threads of a block. */
__device__ __forceinline__ void store_staged(int8_t *row, int k, const uint32_t *staged, int shift,
                                             int thread, int threads)
{
    const int begin = (int)((uintptr_t)row % piece_bytes), end = begin + k;
    int8_t *const first = row - begin; /* a piece's start in memory, as `staged + piece_words` */
    for (int at = thread * piece_bytes; at < end; at += threads * piece_bytes) {
        const uint32_t *const from = staged + piece_words + at / 4;
        const uint4 v = *(const uint4 *)from;
        const uint32_t before = from[-1];
        const uint32_t word[piece_words] = {
            __funnelshift_l(before, v.x, 8 * shift), __funnelshift_l(v.x, v.y, 8 * shift),
            __funnelshift_l(v.y, v.z, 8 * shift), __funnelshift_l(v.z, v.w, 8 * shift)};
        if (at >= begin && at + piece_bytes <= end)
            *(uint4 *)(first + at) = make_uint4(word[0], word[1], word[2], word[3]);
        else
#pragma unroll
            for (int i = 0; i < piece_bytes; i++)
                if (at + i >= begin && at + i < end)
                    first[at + i] = (int8_t)(word[i / 4] >> 8 * (i % 4));
    }
}

#endif
