/* Winograd's inner product in 16 bits: sum of (a0 + w1)(a1 + w0), two multiplications in one.
 *
 * a0 w0 + a1 w1 = (a0 + w1)(a1 + w0) - a0 a1 - w0 w1, and the two last terms belong to a row and to
 * a column alone. The sums are within 9 bits and vpmaddwd adds their products in 32: exact for any
 * int8, and one vpmaddwd does 32 MACs instead of 16.
 *
 * Tile: 4 rows x 16 columns, 8 accumulators, three of the four vectors of weights in registers and
 * one from memory: with all four 16 registers are one too few. Weights are widened once per block
 * of k into L1, half a panel at a time. A few rows, for which that does not pay, widen in
 * registers (16 rows of a whole product on Zen 4: 22.8 MACs per cycle, 19.5 through L1).
 *
 * Measured on one core of an EPYC with Zen 5 cores, K = 512, all in L1: 31.5 MACs per cycle (a
 * register-only loop: 32.8), widening in registers 16 (1 row), 22 (2) and 25 (4).
 * Tried and lost: all weights from memory 21, all in registers 29.4 (spills), 2x4 with half of them
 * in registers 31.3, 3x3 24, vpmaddwd without Winograd 24 (its register-only loop ends at 28.2). */
#include "avx2_panel.h"
#include "inline.h"

#include <immintrin.h>

enum {
    half_vectors = AVX2_COLUMNS / 16,
    quad_bytes = 4 * AVX2_COLUMNS,
    few_rows = 16 /* up to so many, weights are widened in registers */
};

INLINE void add32(__m256i *sum, __m256i x)
{
    __asm__("vpaddd %1, %0, %0" : "+x"(*sum) : "x"(x));
}

/* x + what lies in memory, which stays there: a compiler would load it once into a register. */
INLINE __m256i add_memory(__m256i x, const int16_t *weights)
{
    __m256i sum;
    __asm__("vpaddw %2, %1, %0"
            : "=x"(sum)
            : "x"(x), "m"(*(const __m256i_u *)(const void *)weights));
    return sum;
}

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
                        const char *ahead)
{
    __m256i sum[4][4];
    clear_sums(rows, vectors, sum);
    for (int64_t k = 0; k < depth; k += 4) {
        __m256i w1[4], w0[4];
        UNROLL
        for (int line = 0; line < vectors / 2; line++)
            _mm_prefetch(ahead + 8 * vectors * k + 64 * line, _MM_HINT_T0);
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
                add32(&sum[i][v],
                      _mm256_madd_epi16(_mm256_add_epi16(a0, w1[v]), _mm256_add_epi16(a1, w0[v])));
        }
    }
    store_sums(rows, vectors, sum, c, ldc, start);
}

/* rows x 16 columns, weights widened: [k / 4][w1 w3 of 16 columns, w0 w2 of 16 columns]. */
INLINE void tile(int rows, const int16_t *a, const int16_t *widened, int64_t depth, int32_t *c,
                 int64_t ldc, struct avx2_start start, const char *ahead)
{
    __m256i sum[4][4];
    clear_sums(rows, half_vectors, sum);
    for (int64_t k = 0; k < depth; k += 4) {
        const int16_t *w = widened + k * 16;
        __m256i first_odd = load(w), first_even = load(w + 32), second_even = load(w + 48);
        _mm_prefetch(ahead + 16 * k, _MM_HINT_T0);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const int16_t *quad = a + k * rows + 4 * i;
            __m256i a0 = broadcast_pair(quad), a1 = broadcast_pair(quad + 2);
            add32(&sum[i][0], _mm256_madd_epi16(_mm256_add_epi16(a0, first_odd),
                                                _mm256_add_epi16(a1, first_even)));
            add32(&sum[i][1],
                  _mm256_madd_epi16(add_memory(a0, w + 16), _mm256_add_epi16(a1, second_even)));
        }
    }
    store_sums(rows, half_vectors, sum, c, ldc, start);
}

typedef void tile_function(const int16_t *a, const int16_t *widened, int64_t depth, int32_t *c,
                           int64_t ldc, struct avx2_start start, const char *ahead);
typedef void narrow_function(const int16_t *a, const int8_t *weights, int64_t depth, int32_t *c,
                             int64_t ldc, struct avx2_start start, const char *ahead);

/* rows x 32 columns, in two halves where there are more sums than registers. */
INLINE void narrow(int rows, const int16_t *a, const int8_t *weights, int64_t depth, int32_t *c,
                   int64_t ldc, struct avx2_start start, const char *ahead)
{
    if (rows <= 2) {
        narrow_tile(rows, 4, a, weights, depth, c, ldc, start, ahead);
        return;
    }
    narrow_tile(rows, 2, a, weights, depth, c, ldc, start, ahead);
    narrow_tile(rows, 2, a, weights + quad_bytes / 2, depth, c + 16, ldc, move_start(start, 0, 16),
                ahead + depth * 16);
}

#define TILE(name, kind, weight, rows)                                                             \
    static void name(const int16_t *a, const weight *weights, int64_t depth, int32_t *c,           \
                     int64_t ldc, struct avx2_start start, const char *ahead)                      \
    {                                                                                              \
        kind(rows, a, weights, depth, c, ldc, start, ahead);                                       \
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
            __m256i quads = load(weights + q * quad_bytes + 32 * v);
            __m256i *to = (__m256i *)(widened + q * 64 + 16 * v);
            _mm256_store_si256(to, odd(quads));
            _mm256_store_si256(to + half_vectors, even(quads));
        }
}

static int64_t rows_at(int64_t i, int64_t rows)
{
    return rows - i < AVX2_WINOGRAD_ROWS ? rows - i : AVX2_WINOGRAD_ROWS;
}

void octgemm_avx2_winograd(const int16_t *a, int64_t rows, const int8_t *weights, int64_t depth,
                           int32_t *c, int64_t ldc, struct avx2_start start, void *widened,
                           const char *next)
{
    if (rows <= few_rows) {
        for (int64_t i = 0; i < rows; i += AVX2_WINOGRAD_ROWS)
            narrow_tiles[rows_at(i, rows)](a + i * depth, weights, depth, c + i * ldc, ldc,
                                           move_start(start, i, 0), next);
        return;
    }
    for (int half = 0; half < 2; half++) {
        const char *ahead = next + half * depth * 16;
        widen(widened, weights + half * quad_bytes / 2, depth);
        for (int64_t i = 0; i < rows; i += AVX2_WINOGRAD_ROWS)
            tiles[rows_at(i, rows)](a + i * depth, widened, depth, c + i * ldc + half * 16, ldc,
                                    move_start(start, i, half * 16), ahead);
    }
}
