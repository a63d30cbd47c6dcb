/* The weights' list: differences that acc16 cannot carry, multiplied with a transposed copy of A.
 *
 * An entry is four differences of one column. Over a strip of 32 rows (16 or 8 where no more are
 * left) the four rows of the transposed A that they belong to are interleaved to quads, and from
 * there it is acc16 with a group of 1: |difference| <= 64 makes vpmaddubsw exact. Results gather
 * column by column in `sums` and are transposed once per panel; vector v of a column holds rows 4v
 * to 4v + 3, and as many from half the strip on, which is what the unpacks give.
 *
 * Per entry and 32 rows: 4 loads, 8 unpacks, 4 vpmaddubsw, 4 vpmaddwd, 4 vpaddd: 8 to 10 cycles, 13
 * to 16 MACs per cycle; 5 cycles for 8 rows, 3 to 4 for one, which goes to C straight away. 16 rows
 * are half of it (as 32 the whole products of 9 to 16 rows took up to 12 % longer on Zen 3).
 * Entries name their column: with a count per column and a loop over it the end of each column was
 * a branch miss, which cost more than its entries. They do not lie column by column either: an
 * entry after another of its column waits for its sum (m = 1 to 2 on Zen 5, Gaussian weights: 3 to
 * 6 %). Places and differences are stored ready for use: packing both into 16 bits cost 15
 * instructions per entry. Entries of a few rows fetch weights of the next step: with one row the
 * tile waits for memory, which the list left idle (m = 1: 11.1 to 12.5 MACs per cycle).
 *
 * Tried and lost for a few rows: 4 rows in half vectors, the list itself fetched before the tile
 * (both within 2 %). For one row, where the way of 8 rows takes 298 us and this one 280 (N = K =
 * 4096): scalars 317, the quad from shifts and ors 337, two entries at a time 282, entries between
 * the products of the tile 324. Considered and not taken: 16-bit chains of vpmullw (half the rows
 * per vector, and they must be cut where sums leave 16 bits). */
#include "avx2_panel.h"
#include "avx2_transpose.h"
#include "inline.h"

#include <immintrin.h>

/* Where the rows of place i of an entry lie in a transposed A that is `width` rows wide. */
INLINE const uint8_t *rows_of(const uint8_t *a, const char *entry, int i, int width)
{
    return a + (int64_t)octgemm_load_u16(entry, i) * (width / 8);
}

INLINE __m256i differences_of(const char *entry)
{
    return _mm256_set1_epi32(octgemm_load_i32(entry + 8, 0));
}

INLINE void add_products(__m256i *sum, __m256i quads, __m256i differences)
{
    __m256i pairs = _mm256_maddubs_epi16(quads, differences);
    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* 32 rows. */
static void wide_strip(const char *list, const uint8_t *columns, int64_t count, const uint8_t *a,
                       int32_t *sums)
{
    for (int64_t n = 0; n < count; n++) {
        const char *entry = list + n * AVX2_LIST_ENTRY;
        __m256i row[4], pair[4], quad[4];
        UNROLL
        for (int i = 0; i < 4; i++)
            row[i] = _mm256_load_si256((const __m256i *)rows_of(a, entry, i, 32));
        pair[0] = _mm256_unpacklo_epi8(row[0], row[1]);
        pair[1] = _mm256_unpackhi_epi8(row[0], row[1]);
        pair[2] = _mm256_unpacklo_epi8(row[2], row[3]);
        pair[3] = _mm256_unpackhi_epi8(row[2], row[3]);
        quad[0] = _mm256_unpacklo_epi16(pair[0], pair[2]);
        quad[1] = _mm256_unpackhi_epi16(pair[0], pair[2]);
        quad[2] = _mm256_unpacklo_epi16(pair[1], pair[3]);
        quad[3] = _mm256_unpackhi_epi16(pair[1], pair[3]);
        __m256i differences = differences_of(entry);
        __m256i *to = (__m256i *)(sums + columns[n] * 32);
        UNROLL
        for (int i = 0; i < 4; i++)
            add_products(&to[i], quad[i], differences);
    }
}

/* The pairs of two rows of 16 bytes. */
INLINE __m256i pairs_of(__m128i even, __m128i odd)
{
    return _mm256_set_m128i(_mm_unpackhi_epi8(even, odd), _mm_unpacklo_epi8(even, odd));
}

/* 16 rows. */
static void middle_strip(const char *list, const uint8_t *columns, int64_t count, const uint8_t *a,
                         int32_t *sums)
{
    for (int64_t n = 0; n < count; n++) {
        const char *entry = list + n * AVX2_LIST_ENTRY;
        __m128i row[4];
        UNROLL
        for (int i = 0; i < 4; i++)
            row[i] = _mm_load_si128((const __m128i *)rows_of(a, entry, i, 16));
        __m256i left = pairs_of(row[0], row[1]), right = pairs_of(row[2], row[3]);
        __m256i differences = differences_of(entry);
        __m256i *to = (__m256i *)(sums + columns[n] * 16);
        add_products(&to[0], _mm256_unpacklo_epi16(left, right), differences);
        add_products(&to[1], _mm256_unpackhi_epi16(left, right), differences);
    }
}

/* 8 rows. */
static void narrow_strip(const char *list, const uint8_t *columns, int64_t count, const uint8_t *a,
                         int32_t *sums, uintptr_t ahead)
{
    for (int64_t n = 0; n < count; n++) {
        const char *entry = list + n * AVX2_LIST_ENTRY;
        __m128i row[4];
        _mm_prefetch((const char *)(ahead + 64 * (uintptr_t)n), _MM_HINT_T0);
        UNROLL
        for (int i = 0; i < 4; i++)
            row[i] = _mm_loadl_epi64((const __m128i *)rows_of(a, entry, i, 8));
        __m128i left = _mm_unpacklo_epi8(row[0], row[1]);
        __m128i right = _mm_unpacklo_epi8(row[2], row[3]);
        __m256i quads =
            _mm256_set_m128i(_mm_unpackhi_epi16(left, right), _mm_unpacklo_epi16(left, right));
        add_products((__m256i *)(sums + columns[n] * 8), quads, differences_of(entry));
    }
}

void octgemm_avx2_list_of_row(const void *list, const void *columns, int64_t count,
                              const uint8_t *a, int32_t *c, uintptr_t ahead)
{
    const __m128i ones = _mm_set1_epi16(1);
    for (int64_t n = 0; n < count; n++) {
        const char *entry = (const char *)list + n * AVX2_LIST_ENTRY;
        _mm_prefetch((const char *)(ahead + 64 * (uintptr_t)n), _MM_HINT_T0);
        __m128i quad = _mm_cvtsi32_si128(a[octgemm_load_u16(entry, 0) / 8]);
        quad = _mm_insert_epi8(quad, a[octgemm_load_u16(entry, 1) / 8], 1);
        quad = _mm_insert_epi8(quad, a[octgemm_load_u16(entry, 2) / 8], 2);
        quad = _mm_insert_epi8(quad, a[octgemm_load_u16(entry, 3) / 8], 3);
        __m128i differences = _mm256_castsi256_si128(differences_of(entry));
        __m128i sum = _mm_madd_epi16(_mm_maddubs_epi16(quad, differences), ones);
        int32_t *to = c + ((const uint8_t *)columns)[n];
        *to = (int32_t)((uint32_t)*to + (uint32_t)_mm_cvtsi128_si32(sum)); /* modulo 2^32 */
    }
}

size_t octgemm_avx2_list_bytes(int64_t rows)
{
    return (size_t)octgemm_avx2_padded_rows(rows) * AVX2_COLUMNS * sizeof(int32_t);
}

void octgemm_avx2_list(const void *list, const void *columns, int64_t count, const uint8_t *a,
                       int64_t width, int32_t *sums, uintptr_t ahead)
{
    if (width == AVX2_STRIP)
        wide_strip(list, columns, count, a, sums);
    else if (width == 16)
        middle_strip(list, columns, count, a, sums);
    else
        narrow_strip(list, columns, count, a, sums, ahead);
}

/* Adds 8 columns of vector v of their sums to C, as far as there are rows. */
static void transpose_add(const int32_t *sums, int64_t width, int v, int64_t rows, int32_t *c,
                          int64_t ldc)
{
    __m256i x[8];
    UNROLL
    for (int j = 0; j < 8; j++)
        x[j] = _mm256_load_si256((const __m256i *)(sums + j * width + 8 * v));
    avx2_transpose(x);
    for (int lane = 0; lane < 8; lane++) {
        int64_t row = 4 * v + lane % 4 + lane / 4 * (width / 2);
        if (row < rows) {
            __m256i *to = (__m256i *)(c + row * ldc);
            _mm256_store_si256(to, _mm256_add_epi32(_mm256_load_si256(to), x[lane]));
        }
    }
}

void octgemm_avx2_list_finish(const int32_t *sums, int64_t rows, int32_t *c, int64_t ldc)
{
    for (int64_t i = 0; i < rows; i += AVX2_STRIP) {
        int64_t width = octgemm_avx2_strip_rows(rows - i);
        for (int64_t j = 0; j < AVX2_COLUMNS; j += 8)
            for (int v = 0; v < width / 8; v++)
                transpose_add(sums + i * AVX2_COLUMNS + j * width, width, v, rows - i,
                              c + i * ldc + j, ldc);
    }
}
