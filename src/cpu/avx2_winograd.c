/* Winograd's inner product in 16 bits: sum of (a0 + w1)(a1 + w0), two multiplications in one.
 *
 * a0 w0 + a1 w1 = (a0 + w1)(a1 + w0) - a0 a1 - w0 w1, and the two last terms belong to a row and to
 * a column alone. The sums are within 9 bits and vpmaddwd adds their products in 32: exact for any
 * int8, and one vpmaddwd does 32 MACs instead of 16.
 *
 * Tile: 4 rows x 16 columns: 8 accumulators, four vectors of weights and four registers for a row,
 * which are all there are: a row is one piece of assembly, since compilers spill. Weights are
 * widened once per block of k into L1, half a panel at a time. A few rows, for which that does not
 * pay, widen in registers. Either way a tile fetches its share of the next step's weights, from
 * `ahead` on, `stride` bytes with each quad (or four): evenly, for memory that is slower than the
 * product.
 *
 * Measured on one core of an EPYC with Zen 3 cores, K = 512, 128 rows, A from L2: 27.9 MACs per
 * cycle, widening and storing included (vpmaddwd alone: 32). Widening in registers, on Zen 5: 16
 * (1 row), 22 (2) and 25 (4).
 * Tried and lost: one of the vectors of weights from memory (26.6), all of them (21 on Zen 5, where
 * the tile then had 31.5), a row's halves one after the other (-3 %), rows widened in registers by
 * the wide tile's assembly (-3 to +5 %), 2x4 with half of the weights in registers (31.3 on Zen 5),
 * 3x3 (24), vpmaddwd without Winograd (24, its register-only loop ends at 28.2). */
#include "avx2_add.h"
#include "avx2_fetch.h"
#include "avx2_panel.h"
#include "inline.h"

#include <immintrin.h>

enum {
    half_vectors = AVX2_COLUMNS / 16,
    few_rows = 16 /* up to so many, weights are widened in registers */
};

INLINE __m256i load(const void *from)
{
    return _mm256_loadu_si256(from);
}

/* w1 w3 and w0 w2 of 8 columns. */
INLINE __m256i odd(__m256i quads)
{
    return _mm256_srai_epi16(quads, 8);
}

INLINE __m256i even(__m256i quads)
{
    return _mm256_srai_epi16(_mm256_slli_epi16(quads, 8), 8);
}

INLINE __m256i broadcast_pair(const int16_t *a)
{
    return _mm256_set1_epi32(octgemm_load_i32(a, 0));
}

INLINE void store_sums(int rows, int vectors, __m256i sum[][4], int32_t *c, int64_t ldc,
                       struct avx2_start start)
{
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
    for (int v = 0; v < vectors; v++) {
        __m256i *to = (__m256i *)(c + i * ldc + 8 * v), total;
        if (start.columns)
            total = _mm256_sub_epi32(_mm256_sub_epi32(sum[i][v], load(start.columns + 8 * v)),
                                     _mm256_set1_epi32(start.rows[i]));
        else
            total = _mm256_add_epi32(sum[i][v], _mm256_load_si256(to));
        _mm256_store_si256(to, total);
    }
}

/* The start of the tile `rows` lower and `columns` further right. */
static struct avx2_start move_start(struct avx2_start start, int64_t rows, int64_t columns)
{
    if (start.columns) {
        start.rows += rows;
        start.columns += columns;
    }
    return start;
}

INLINE void clear_sums(int rows, int vectors, __m256i sum[][4])
{
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        sum[i][v] = _mm256_setzero_si256();
}

/* rows x 8 * vectors columns, weights as they are packed, widened in registers. */
INLINE void narrow_tile(int rows, int vectors, const int16_t *a, const int8_t *weights,
                        int64_t depth, int32_t *c, int64_t ldc, struct avx2_start start,
                        uintptr_t ahead, int64_t stride)
{
    __m256i sum[4][4];
    clear_sums(rows, vectors, sum);
    for (int64_t k = 0; k < depth; k += 4) {
        __m256i w1[4], w0[4];
        avx2_fetch(ahead, vectors / 2);
        ahead += (uintptr_t)stride;
        UNROLL
        for (int v = 0; v < vectors; v++) {
            __m256i quads = load(weights + k * AVX2_COLUMNS + 32 * v);
            w1[v] = odd(quads);
            w0[v] = even(quads);
        }
        UNROLL
        for (int i = 0; i < rows; i++) {
            const int16_t *quad = a + k * rows + 4 * i;
            __m256i a0 = broadcast_pair(quad), a1 = broadcast_pair(quad + 2);
            UNROLL
            for (int v = 0; v < vectors; v++)
                avx2_add32(&sum[i][v], _mm256_madd_epi16(_mm256_add_epi16(a0, w1[v]),
                                                         _mm256_add_epi16(a1, w0[v])));
        }
    }
    store_sums(rows, vectors, sum, c, ldc, start);
}

/* A row of the wide tile, 32 MACs twice. One piece, because sixteen registers are just enough: four
 * of weights, eight of sums and these four. */
INLINE void multiply_row(__m256i sum[], const int16_t *quad, __m256i odd_0, __m256i even_0,
                         __m256i odd_1, __m256i even_1)
{
    __m256i x, y, a0, a1;
    __asm__(
        "vpbroadcastd %[pair_0], %[a0]\n\t"
        "vpaddw %[odd_0], %[a0], %[x]\n\t"
        "vpaddw %[odd_1], %[a0], %[a0]\n\t"
        "vpbroadcastd %[pair_1], %[a1]\n\t"
        "vpaddw %[even_0], %[a1], %[y]\n\t"
        "vpaddw %[even_1], %[a1], %[a1]\n\t"
        "vpmaddwd %[y], %[x], %[x]\n\t"
        "vpmaddwd %[a1], %[a0], %[a0]\n\t"
        "vpaddd %[x], %[sum_0], %[sum_0]\n\t"
        "vpaddd %[a0], %[sum_1], %[sum_1]\n\t"
        : [sum_0] "+x"(sum[0]), [sum_1] "+x"(sum[1]), [x] "=&x"(x), [y] "=&x"(y), [a0] "=&x"(a0),
          [a1] "=&x"(a1)
        : [odd_0] "x"(odd_0), [even_0] "x"(even_0), [odd_1] "x"(odd_1), [even_1] "x"(even_1),
          [pair_0] "m"(*(const int16_t(*)[2])quad), [pair_1] "m"(*(const int16_t(*)[2])(quad + 2)));
}

/* rows x 16 columns, weights widened: [k / 4][w1 w3 of 16 columns, w0 w2 of 16 columns]. */
INLINE void tile(int rows, const int16_t *a, const int16_t *widened, int64_t depth, int32_t *c,
                 int64_t ldc, struct avx2_start start, uintptr_t ahead, int64_t stride)
{
    __m256i sum[4][4];
    clear_sums(rows, half_vectors, sum);
    for (int64_t k = 0; k < depth; k += AVX2_K_ROUND, ahead += (uintptr_t)stride) {
        avx2_fetch(ahead, 1);
        UNROLL
        for (int q = 0; q < AVX2_K_ROUND / 4; q++) {
            const int16_t *w = widened + (k + 4 * q) * 16;
            __m256i odd_0 = load(w), odd_1 = load(w + 16), even_0 = load(w + 32),
                    even_1 = load(w + 48);
            UNROLL
            for (int i = 0; i < rows; i++)
                multiply_row(sum[i], a + (k + 4 * q) * rows + 4 * i, odd_0, even_0, odd_1, even_1);
        }
    }
    store_sums(rows, half_vectors, sum, c, ldc, start);
}

typedef void tile_function(const int16_t *a, const int16_t *widened, int64_t depth, int32_t *c,
                           int64_t ldc, struct avx2_start start, uintptr_t ahead, int64_t stride);
typedef void narrow_function(const int16_t *a, const int8_t *weights, int64_t depth, int32_t *c,
                             int64_t ldc, struct avx2_start start, uintptr_t ahead, int64_t stride);

/* rows x 32 columns, in two halves where there are more sums than registers. */
INLINE void narrow(int rows, const int16_t *a, const int8_t *weights, int64_t depth, int32_t *c,
                   int64_t ldc, struct avx2_start start, uintptr_t ahead, int64_t stride)
{
    if (rows <= 2) {
        narrow_tile(rows, 4, a, weights, depth, c, ldc, start, ahead, stride);
        return;
    }
    narrow_tile(rows, 2, a, weights, depth, c, ldc, start, ahead, stride / 2);
    narrow_tile(rows, 2, a, weights + AVX2_QUAD_BYTES / 2, depth, c + 16, ldc,
                move_start(start, 0, 16), ahead + (uintptr_t)(depth / 4 * (stride / 2)),
                stride / 2);
}

#define TILE(name, kind, weight, rows)                                                             \
    static void name(const int16_t *a, const weight *weights, int64_t depth, int32_t *c,           \
                     int64_t ldc, struct avx2_start start, uintptr_t ahead, int64_t stride)        \
    {                                                                                              \
        kind(rows, a, weights, depth, c, ldc, start, ahead, stride);                               \
    }
TILE(one, tile, int16_t, 1)
TILE(two, tile, int16_t, 2)
TILE(three, tile, int16_t, 3)
TILE(four, tile, int16_t, 4)
TILE(narrow_one, narrow, int8_t, 1)
TILE(narrow_two, narrow, int8_t, 2)
TILE(narrow_three, narrow, int8_t, 3)
TILE(narrow_four, narrow, int8_t, 4)

/* By rows of a tile. */
static tile_function *const tiles[] = {NULL, one, two, three, four};
static narrow_function *const narrow_tiles[] = {NULL, narrow_one, narrow_two, narrow_three,
                                                narrow_four};

static void widen(int16_t *widened, const int8_t *weights, int64_t depth)
{
    for (int64_t q = 0; q < depth / 4; q++)
        for (int v = 0; v < half_vectors; v++) {
            __m256i quads = load(weights + q * AVX2_QUAD_BYTES + 32 * v);
            __m256i *to = (__m256i *)(widened + q * 64 + 16 * v);
            _mm256_store_si256(to, odd(quads));
            _mm256_store_si256(to + half_vectors, even(quads));
        }
}

void octgemm_avx2_winograd(const int16_t *a, int64_t rows, const int8_t *weights, int64_t depth,
                           int32_t *c, int64_t ldc, struct avx2_start start, void *widened,
                           uintptr_t next)
{
    int64_t tiles_of_rows = ceiling(rows, AVX2_WINOGRAD_ROWS);
    if (rows <= few_rows) {
        int64_t stride = AVX2_QUAD_BYTES / tiles_of_rows;
        for (int64_t i = 0; i < rows;
             i += AVX2_WINOGRAD_ROWS, next += (uintptr_t)(depth / 4 * stride))
            narrow_tiles[at_most(rows - i, AVX2_WINOGRAD_ROWS)](
                a + i * depth, weights, depth, c + i * ldc, ldc, move_start(start, i, 0), next,
                stride);
        return;
    }
    int64_t stride = ceiling(AVX2_K_ROUND * AVX2_COLUMNS / 2, tiles_of_rows);
    for (int half = 0; half < 2; half++) {
        widen(widened, weights + half * AVX2_QUAD_BYTES / 2, depth);
        for (int64_t i = 0; i < rows;
             i += AVX2_WINOGRAD_ROWS, next += (uintptr_t)(depth / AVX2_K_ROUND * stride))
            tiles[at_most(rows - i, AVX2_WINOGRAD_ROWS)](
                a + i * depth, widened, depth, c + i * ldc + half * 16, ldc,
                move_start(start, i, half * 16), next, stride);
    }
}
