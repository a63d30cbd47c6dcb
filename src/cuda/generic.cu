/* The floor: any shape, stride, address and argument, on every GPU that there is code for.
 *
 * Bytes are loaded one by one, so nothing has to be aligned, and packed in fours into shared
 * memory; __dp4a then does four multiply-adds at a time. A block of 256 threads makes a tile of
 * 64 x 64, each thread 4 x 4 elements that lie 16 apart, so that neighbours write neighbouring
 * elements of D. Blocks walk over tiles, so no matrix has too many of them.
 *
 * 48 registers, 8.7 KB of shared memory (sm_90). It was made to be right; nothing was tuned.
 */
#include "gpu/finish.h"

enum { tile = 64, words = 16, side = 16, each = tile / side };

/* Four values from row[p] on as one word; zeros outside of the matrix. */
static __device__ int load_word(const int8_t *matrix, int64_t ld, int64_t row, int64_t rows, int p,
                                int k)
{
    uint32_t word = 0;
    if (row < rows)
        for (int b = 0; b < 4 && p + b < k; b++)
            word |= (uint32_t)(uint8_t)matrix[row * ld + p + b] << (8 * b);
    return (int)word;
}

static __device__ void make_tile(const struct octgemm_gemm_params &p, int64_t row, int64_t column)
{
    __shared__ int a[tile][words + 1]; /* one more word: rows start in different banks */
    __shared__ int b[tile][words + 1];
    int x = threadIdx.x % side;
    int y = threadIdx.x / side;
    int sum[each * each] = {};

    for (int start = 0; start < p.k; start += 4 * words) {
        for (int r = y; r < tile; r += side) {
            a[r][x] = load_word(p.a, p.lda, row + r, p.m, start + 4 * x, p.k);
            b[r][x] = load_word(p.b, p.ldb, column + r, p.n, start + 4 * x, p.k);
        }
        __syncthreads();
        for (int w = 0; w < words; w++)
            for (int r = 0; r < each; r++)
                for (int c = 0; c < each; c++)
                    sum[each * r + c] =
                        __dp4a(a[y + side * r][w], b[x + side * c][w], sum[each * r + c]);
        __syncthreads();
    }
    /* One copy of the epilogue: the next sum moves to the front, an index would put the sums into
     * local memory. */
    for (int e = 0; e < each * each; e++) {
        int64_t i = row + y + side * (e / each);
        int64_t j = column + x + side * (e % each);
        if (i < p.m && j < p.n)
            octgemm_finish(&p, i, j, sum[0]);
        for (int next = 1; next < each * each; next++)
            sum[next - 1] = sum[next];
    }
}

extern "C" __global__ void __launch_bounds__(side *side)
    octgemm_generic(const __grid_constant__ struct octgemm_gemm_params p)
{
    for (int64_t unit = blockIdx.x; unit < p.tiles_m * p.tiles_n; unit += gridDim.x)
        make_tile(p, unit % p.tiles_m * tile, unit / p.tiles_m * tile);
}
