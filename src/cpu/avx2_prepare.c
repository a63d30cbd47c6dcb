/* Rows of A in the orders that the AVX2 kernels want: a + 128, widened pairs, transposed. */
#include "avx2_panel.h"
#include "avx2_sum.h"
#include "inline.h"

#include <immintrin.h>

size_t octgemm_avx2_block_bytes(int64_t rows, int64_t k)
{
    return octgemm_avx2_block(rows, k).end;
}

enum { chunk = AVX2_STRIP }; /* rows that are prepared together */

static inline void offset_step(uint8_t *to, const int8_t *a)
{
    _mm256_storeu_si256((__m256i *)to, _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)a),
                                                        _mm256_set1_epi8(-128)));
}

/* Rows of one block of k as a + 128, padded with 128 (which is a = 0). */
static void offset_rows(uint8_t (*to)[AVX2_DEPTH], const int8_t *a, int64_t lda, int64_t rows,
                        int64_t length, int64_t depth)
{
    enum { step = sizeof(__m256i) };
    for (int64_t i = 0; i < rows; i++) {
        const int8_t *row = a + i * lda;
        int64_t p = 0;
        for (; p + step <= length; p += step)
            offset_step(to[i] + p, row + p);
        if (p < length && length >= step)
            offset_step(to[i] + length - step, row + length - step);
        else
            for (; p < length; p++)
                to[i][p] = (uint8_t)(row[p] + 128);
        memset(to[i] + length, 128, (size_t)(depth - length));
    }
}

/* acc16's order: rows in pairs, quad by quad. */
static void interleave_bytes(uint8_t *to, uint8_t (*from)[AVX2_DEPTH], int64_t rows, int64_t depth)
{
    for (int64_t i = 0; i < rows; i += AVX2_ACC16_ROWS, to += AVX2_ACC16_ROWS * depth) {
        if (i + 1 == rows) {
            memcpy(to, from[i], (size_t)depth);
            return;
        }
        for (int64_t p = 0; p < depth; p += 16) {
            __m128i first = _mm_load_si128((const __m128i *)(from[i] + p));
            __m128i second = _mm_load_si128((const __m128i *)(from[i + 1] + p));
            _mm_storeu_si128((__m128i *)(to + 2 * p), _mm_unpacklo_epi32(first, second));
            _mm_storeu_si128((__m128i *)(to + 2 * p + 16), _mm_unpackhi_epi32(first, second));
        }
    }
}

/* 16 elements widened, a0 a2 a1 a3 in each quad. */
static __m256i widen(const uint8_t *from)
{
    __m128i bytes = _mm_xor_si128(_mm_load_si128((const __m128i *)from), _mm_set1_epi8(-128));
    __m256i words = _mm256_cvtepi8_epi16(bytes);
    return _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(words, 0xd8), 0xd8);
}

/* Winograd's order: rows in fours, quad by quad. Adds to pair_sum[row] the a0 a1 of each pair. */
static void interleave_words(int16_t *to, uint8_t (*from)[AVX2_DEPTH], int64_t rows, int64_t depth,
                             int32_t *pair_sum)
{
    for (int64_t i = 0; i < rows; i++) {
        int64_t first = i / AVX2_WINOGRAD_ROWS * AVX2_WINOGRAD_ROWS;
        int64_t stride = rows - first < AVX2_WINOGRAD_ROWS ? rows - first : AVX2_WINOGRAD_ROWS;
        int16_t *row = to + first * depth + (i - first) * 4;
        __m256i sum = _mm256_setzero_si256();
        for (int64_t p = 0; p < depth; p += 16, row += 16 * stride) {
            __m256i words = widen(from[i] + p);
            /* the low half of each 64 bits is the even places; the high half meets zeros */
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(words, _mm256_srli_epi64(words, 32)));
            __m128i low = _mm256_castsi256_si128(words), high = _mm256_extracti128_si256(words, 1);
            _mm_storel_epi64((__m128i *)row, low);
            _mm_storeh_pd((double *)(void *)(row + 4 * stride), _mm_castsi128_pd(low));
            _mm_storel_epi64((__m128i *)(row + 8 * stride), high);
            _mm_storeh_pd((double *)(void *)(row + 12 * stride), _mm_castsi128_pd(high));
        }
        pair_sum[i] = (int32_t)((uint32_t)pair_sum[i] + (uint32_t)avx2_sum(sum));
    }
}

/* 16 k x 32 rows, or 16 by the first half. Interleaving x[i] with x[i + 8], four times, transposes
 * 16 x 16 bytes in each half of the vectors. Rows past the end repeat the last one; their results
 * are not used. */
static void transpose_wide(uint8_t (*from)[AVX2_DEPTH], int64_t p, int64_t rows, uint8_t *to,
                           int64_t width)
{
    __m256i x[16], y[16];
    for (int64_t i = 0; i < 16; i++) {
        int64_t low = i < rows ? i : rows - 1, high = i + 16 < rows ? i + 16 : rows - 1;
        x[i] = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(from[low] + p))),
            _mm_loadu_si128((const __m128i *)(from[high] + p)), 1);
    }
    UNROLL
    for (int round = 0; round < 4; round++) {
        UNROLL
        for (int i = 0; i < 8; i++) {
            y[2 * i] = _mm256_unpacklo_epi8(x[i], x[i + 8]);
            y[2 * i + 1] = _mm256_unpackhi_epi8(x[i], x[i + 8]);
        }
        memcpy(x, y, sizeof x);
    }
    for (int i = 0; i < 16; i++)
        if (width == AVX2_STRIP)
            _mm256_store_si256((__m256i *)(to + i * width), x[i]);
        else
            _mm_store_si128((__m128i *)(to + i * width), _mm256_castsi256_si128(x[i]));
}

/* 16 k x 8 rows, likewise. */
static void transpose_narrow(uint8_t (*from)[AVX2_DEPTH], int64_t p, int64_t rows, uint8_t *to)
{
    __m128i x[8], y[8];
    for (int64_t i = 0; i < 8; i++)
        x[i] = _mm_loadu_si128((const __m128i *)(from[i < rows ? i : rows - 1] + p));
    UNROLL
    for (int round = 0; round < 3; round++) {
        UNROLL
        for (int i = 0; i < 4; i++) {
            y[2 * i] = _mm_unpacklo_epi8(x[i], x[i + 4]);
            y[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + 4]);
        }
        memcpy(x, y, sizeof x);
    }
    for (int i = 0; i < 8; i++)
        _mm_store_si128((__m128i *)(to + i * 16), x[i]);
}

static void transpose(uint8_t *to, uint8_t (*from)[AVX2_DEPTH], int64_t rows, int64_t depth,
                      int64_t width)
{
    for (int64_t p = 0; p < depth; p += 16)
        if (width == 8)
            transpose_narrow(from, p, rows, to + p * width);
        else
            transpose_wide(from, p, rows, to + p * width, width);
}

/* What is prepared is decided when panels are seen: here, that nothing is. */
void octgemm_avx2_prepare(void *block, const int8_t *a, int64_t lda, int64_t rows, int64_t k0,
                          int64_t k1)
{
    (void)a, (void)lda, (void)rows, (void)k0, (void)k1;
    memset(block, 0, AVX2_FORMS * sizeof(int32_t));
}

void octgemm_avx2_make_form(const struct cpu_tile *t, enum avx2_form form)
{
    _Alignas(64) uint8_t from[chunk][AVX2_DEPTH];
    int32_t *made = t->block;
    if (made[form])
        return;
    made[form] = 1;
    struct avx2_block at = octgemm_avx2_block(t->rows, t->k1 - t->k0);
    int64_t padded = octgemm_avx2_padded_rows(t->rows);
    uint8_t *bytes = (uint8_t *)t->block + at.bytes;
    int16_t *words = (int16_t *)((char *)t->block + at.words);
    int32_t *pair_sum = (int32_t *)((char *)t->block + at.pair_sum);
    uint8_t *transposed = (uint8_t *)t->block + at.transposed;
    if (form == AVX2_WORDS)
        memset(pair_sum, 0, (size_t)t->rows * sizeof *pair_sum);
    for (int64_t p = t->k0; p < t->k1; p += AVX2_DEPTH) {
        int64_t length = at_most(t->k1 - p, AVX2_DEPTH);
        int64_t depth = octgemm_avx2_depth(p, t->k1), done = p - t->k0;
        for (int64_t i = 0; i < t->rows; i += chunk) {
            int64_t rows = t->rows - i < chunk ? t->rows - i : chunk;
            offset_rows(from, t->a + i * t->lda + p, t->lda, rows, length, depth);
            switch (form) { /* a table of functions took 2 % of all at 128x128x128 */
            case AVX2_BYTES:
                interleave_bytes(bytes + done * t->rows + i * depth, from, rows, depth);
                break;
            case AVX2_WORDS:
                interleave_words(words + done * t->rows + i * depth, from, rows, depth,
                                 pair_sum + i);
                break;
            default:
                transpose(transposed + done * padded + i * depth, from, rows, depth,
                          octgemm_avx2_strip_rows(rows));
            }
        }
    }
}
