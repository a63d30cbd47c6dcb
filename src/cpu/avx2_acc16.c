/* acc16: vpmaddubsw on a + 128, sums of 2, 4 or 8 products in 16-bit lanes, then vpmaddwd to 32.
 *
 * Tile: 2 rows x 32 columns, 8 accumulators. Weights are the memory operand of vpmaddubsw (each
 * load is used once per row; L1 has the bandwidth, registers are scarcer), 4 bytes of A are
 * broadcast. Exact for the reason given in avx2_panel.h.
 *
 * Measured on one core of an EPYC with Zen 5 cores, 256-bit, K = 512, all in L1, MACs per cycle (a
 * register-only loop in brackets): group 1 32.7 (32.8), 2 41.8 (42.3), 4 48.1 (47.6).
 * Tiles also fetch the next block of weights: with 16 rows of A that took whole products (N = K =
 * 4096, heavy-tailed weights) from 28 to 38 MACs per cycle, with 4 rows from 21 to 32. Each fetches
 * its share, evenly; all of it in the first tiles costs 2 to 5 % from 12 rows on (Zen 3).
 * Tried and lost: 4x2, 5x2 and 6x2 vectors (0 to 3 % slower, and weights would have to lie in
 * panels of 16), 3x4 (spills), the sign trick (27.9 at most, and wrong for -128), one 16-bit sum
 * for the whole of k with periodic widening (not exact). */
#include "avx2_add.h"
#include "avx2_fetch.h"
#include "avx2_panel.h"
#include "inline.h"

#include <immintrin.h>

/* Spelled out for the reason in avx2_add.h. */
INLINE __m256i multiply_memory(__m256i a, const int8_t *weights)
{
    __m256i product;
    __asm__("vpmaddubsw %2, %1, %0"
            : "=x"(product)
            : "x"(a), "m"(*(const __m256i_u *)(const void *)weights));
    return product;
}

INLINE __m256i broadcast_quad(const uint8_t *a)
{
    return _mm256_set1_epi32(octgemm_load_i32(a, 0));
}

/* What 8 columns of C have before this block of k. column_sums: NULL when C has begun. */
INLINE __m256i sum_before(const int32_t *c, const int32_t *column_sums)
{
    if (!column_sums)
        return _mm256_load_si256((const __m256i *)c);
    __m256i sums = _mm256_loadu_si256((const __m256i_u *)(const void *)column_sums);
    return _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(sums, 7));
}

/* ahead: what to fetch for the next step, `stride` bytes with each group: up to so many `lines`. */
INLINE void tile(int rows, int group, int lines, const uint8_t *a, const int8_t *weights,
                 int64_t depth, int32_t *c, int64_t ldc, const int32_t *column_sums,
                 uintptr_t ahead, int64_t stride)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[2][AVX2_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
    for (int v = 0; v < AVX2_VECTORS; v++)
        sum[i][v] = _mm256_setzero_si256();

    for (int64_t k = 0; k < depth; k += 4 * group) {
        const int8_t *w = weights + k * AVX2_COLUMNS;
        avx2_fetch(ahead, lines);
        ahead += (uintptr_t)stride;
        UNROLL
        for (int i = 0; i < rows; i++) {
            __m256i lanes[AVX2_VECTORS];
            UNROLL
            for (int q = 0; q < group; q++) {
                __m256i quad = broadcast_quad(a + (k + 4 * q) * rows + 4 * i);
                UNROLL
                for (int v = 0; v < AVX2_VECTORS; v++) {
                    __m256i product = multiply_memory(quad, w + (q * AVX2_VECTORS + v) * 32);
                    if (q == 0)
                        lanes[v] = product;
                    else
                        avx2_add16(&lanes[v], product);
                }
            }
            UNROLL
            for (int v = 0; v < AVX2_VECTORS; v++)
                avx2_add32(&sum[i][v], _mm256_madd_epi16(lanes[v], ones));
        }
    }

    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
    for (int v = 0; v < AVX2_VECTORS; v++) {
        int32_t *to = c + i * ldc + 8 * v;
        __m256i before = sum_before(to, column_sums ? column_sums + 8 * v : NULL);
        _mm256_store_si256((__m256i *)to, _mm256_add_epi32(before, sum[i][v]));
    }
}

typedef void tile_function(const uint8_t *a, const int8_t *weights, int64_t depth, int32_t *c,
                           int64_t ldc, const int32_t *column_sums, uintptr_t ahead,
                           int64_t stride);

#define TILE(name, rows, group, lines)                                                             \
    static void name(const uint8_t *a, const int8_t *weights, int64_t depth, int32_t *c,           \
                     int64_t ldc, const int32_t *column_sums, uintptr_t ahead, int64_t stride)     \
    {                                                                                              \
        tile(rows, group, lines, a, weights, depth, c, ldc, column_sums, ahead, stride);           \
    }
#define TILES(group, lines)                                                                        \
    TILE(one_by_##group##_##lines, 1, group, lines)                                                \
    TILE(two_by_##group##_##lines, 2, group, lines)
TILES(1, 1)
TILES(1, 2)
TILES(2, 1)
TILES(2, 2)
TILES(2, 4)
TILES(4, 1)
TILES(4, 2)
TILES(4, 4)
TILES(4, 8)

#define ROW(group, lines)                                                                          \
    {                                                                                              \
        group, lines, one_by_##group##_##lines, two_by_##group##_##lines                           \
    }

/* By quads of a group, and by lines fetched with each, up to all of a lone tile's. */
static const struct {
    int group, lines;
    tile_function *one_row, *two_rows; /* the last row of an odd number, and two */
} tiles[] = {ROW(1, 1), ROW(1, 2), ROW(2, 1), ROW(2, 2), ROW(2, 4),
             ROW(4, 1), ROW(4, 2), ROW(4, 4), ROW(4, 8)};

uintptr_t octgemm_avx2_acc16(int group, const uint8_t *a, int64_t rows, const int8_t *weights,
                             int64_t depth, int32_t *c, int64_t ldc, struct avx2_start start,
                             uintptr_t next, int64_t list_entries)
{
    /* The tiles share the fetching of the next step's weights, evenly, for memory that is slower
     * than the product; the list takes its part of it. */
    int64_t tile_count = ceiling(rows, AVX2_ACC16_ROWS);
    int64_t groups = depth / (4 * group) * tile_count, block = depth * AVX2_COLUMNS;
    int64_t stride = ceiling(at_least(block - 64 * list_entries, 1), groups);
    int chosen = 0;
    while (tiles[chosen].group < group || 64 * tiles[chosen].lines < stride)
        chosen++;
    int64_t share = stride * (groups / tile_count);
    for (int64_t i = 0; i < rows; i += AVX2_ACC16_ROWS) {
        tile_function *multiply = i + 1 < rows ? tiles[chosen].two_rows : tiles[chosen].one_row;
        multiply(a + i * depth, weights, depth, c + i * ldc, ldc, start.columns,
                 next + (uintptr_t)(i / AVX2_ACC16_ROWS * share), stride);
    }
    return list_entries > 0 ? next + (uintptr_t)(share * tile_count) : next;
}
