/* Prepares rows of A for the AVX2 kernels: a + 128, widened pairs for Winograd, and transposed.
 *
 * All three are made because panels of one matrix may use different methods, and because it costs
 * little: about 1 cycle per element, against n / 40 cycles of multiplying. */
#include "avx2_panel.h"
#include "avx2_unroll.h"

#include <immintrin.h>

size_t octgemm_avx2_block_bytes(int64_t rows, int64_t k)
{
    return octgemm_avx2_block(rows, k).bytes;
}

/* 16 elements as a + 128 and as widened pairs a0 a2 a1 a3; adds to *sum a0 a1 of each pair. */
static void convert_16(const int8_t *a, uint8_t *offset, int16_t *wide, __m256i *sum)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)a);
    _mm_storeu_si128((__m128i *)offset, _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
    __m256i words = _mm256_cvtepi8_epi16(bytes);
    words = _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(words, 0xd8), 0xd8);
    _mm256_storeu_si256((__m256i *)wide, words);
    /* the low half of each 64 bits is the even places, the high half gets zeros: counted once */
    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(words, _mm256_srli_epi64(words, 32)));
}

static int32_t add_lanes(__m256i sum)
{
    int32_t lanes[8];
    uint32_t total = 0;
    _mm256_storeu_si256((__m256i *)lanes, sum);
    for (int l = 0; l < 8; l++)
        total += (uint32_t)lanes[l];
    return (int32_t)total;
}

/* One row of one block of k. Past the end of the row there are zeros. Returns its sum of a0 a1. */
static int32_t convert_row(const int8_t *a, int64_t length, uint8_t *offset, int16_t *wide)
{
    __m256i sum = _mm256_setzero_si256();
    int64_t p = 0;
    for (; p + 16 <= length; p += 16)
        convert_16(a + p, offset + p, wide + p, &sum);
    if (p < length) {
        int8_t tail[16] = {0};
        memcpy(tail, a + p, (size_t)(length - p));
        convert_16(tail, offset + p, wide + p, &sum);
    }
    return add_lanes(sum);
}

/* 16 k x 32 rows. Interleaving x[i] with x[i + 8], four times, transposes 16 x 16 bytes in each
 * half of the vectors. Rows past the end repeat the last one; their results are not used. */
static void transpose_wide(const uint8_t *offset, int64_t depth, int64_t rows, uint8_t *to)
{
    __m256i x[16], y[16];
    for (int64_t i = 0; i < 16; i++) {
        int64_t low = i < rows ? i : rows - 1, high = i + 16 < rows ? i + 16 : rows - 1;
        x[i] = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(offset + low * depth))),
            _mm_loadu_si128((const __m128i *)(offset + high * depth)), 1);
    }
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 8; i++) {
            y[2 * i] = _mm256_unpacklo_epi8(x[i], x[i + 8]);
            y[2 * i + 1] = _mm256_unpackhi_epi8(x[i], x[i + 8]);
        }
        memcpy(x, y, sizeof x);
    }
    for (int i = 0; i < 16; i++)
        _mm256_store_si256((__m256i *)(to + i * AVX2_STRIP), x[i]);
}

/* 16 k x 8 rows, likewise. */
static void transpose_narrow(const uint8_t *offset, int64_t depth, int64_t rows, uint8_t *to)
{
    __m128i x[8], y[8];
    for (int64_t i = 0; i < 8; i++)
        x[i] = _mm_loadu_si128((const __m128i *)(offset + (i < rows ? i : rows - 1) * depth));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) {
            y[2 * i] = _mm_unpacklo_epi8(x[i], x[i + 4]);
            y[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + 4]);
        }
        memcpy(x, y, sizeof x);
    }
    for (int i = 0; i < 8; i++)
        _mm_store_si128((__m128i *)(to + i * 16), x[i]);
}

static void transpose(const uint8_t *offset, int64_t depth, int64_t rows, uint8_t *to)
{
    if (rows <= AVX2_NARROW_ROWS) {
        for (int64_t p = 0; p < depth; p += 16)
            transpose_narrow(offset + p, depth, rows, to + p * AVX2_NARROW_ROWS);
        return;
    }
    for (int64_t i = 0; i < rows; i += AVX2_STRIP)
        for (int64_t p = 0; p < depth; p += 16)
            transpose_wide(offset + i * depth + p, depth, rows - i,
                           to + i * depth + p * AVX2_STRIP);
}

void octgemm_avx2_prepare(void *block, const int8_t *a, int64_t lda, int64_t rows, int64_t k0,
                          int64_t k1)
{
    struct avx2_block at = octgemm_avx2_block(rows, k1 - k0);
    int64_t padded = octgemm_avx2_round(rows, octgemm_avx2_strip_rows(rows));
    int32_t *pair_sum = (int32_t *)((char *)block + at.pair_sum);
    memset(pair_sum, 0, (size_t)rows * sizeof *pair_sum);
    for (int64_t p = k0; p < k1; p += AVX2_DEPTH) {
        int64_t length = k1 - p < AVX2_DEPTH ? k1 - p : AVX2_DEPTH;
        int64_t depth = octgemm_avx2_round(length, AVX2_K_ROUND);
        uint8_t *offset = (uint8_t *)block + (p - k0) * rows;
        int16_t *wide = (int16_t *)((char *)block + at.wide) + (p - k0) * rows;
        uint8_t *transposed = (uint8_t *)block + at.transposed + (p - k0) * padded;
        for (int64_t i = 0; i < rows; i++) {
            int32_t sum =
                convert_row(a + i * lda + p, length, offset + i * depth, wide + i * depth);
            pair_sum[i] = (int32_t)((uint32_t)pair_sum[i] + (uint32_t)sum);
        }
        transpose(offset, depth, rows, transposed);
    }
}
