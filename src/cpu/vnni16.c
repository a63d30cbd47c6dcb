/* Packs the format of vnni16.h, with AVX2: every CPU that has a kernel for the format has it. */
#include "vnni16.h"
#include "avx2_transpose.h"
#include "integers.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = 8, BLOCK_K = 32, LINE = 64 }; /* one transposition: 8 columns x 8 quads of k */

/* Packs up to 32 bytes of 8 columns: `quads` steps, 64 bytes apart. Returns the columns' sums. */
static __m256i pack_block(uint8_t *w, const int8_t *const column[ROWS], int64_t quads)
{
    __m256i step[ROWS], sums = _mm256_setzero_si256();
    for (int j = 0; j < ROWS; j++)
        step[j] = _mm256_loadu_si256((const __m256i *)column[j]);
    avx2_transpose(step);
    for (int64_t q = 0; q < quads; q++) {
        __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), step[q]);
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
        _mm256_storeu_si256((__m256i *)(w + q * VNNI16_QUAD_BYTES),
                            _mm256_xor_si256(step[q], _mm256_set1_epi8(-128)));
    }
    return sums;
}

/* Packs 8 columns of a panel, of which the first `present` exist, and asks for the eight
 * behind them. */
static void pack_half(char *sums, uint8_t *w, const int8_t *b, int64_t ldb, int64_t present,
                      int64_t k)
{
    static const int8_t zeros[BLOCK_K];
    int8_t rest[ROWS][BLOCK_K] = {{0}};
    const int8_t *column[ROWS];
    __m256i total = _mm256_setzero_si256();
    int64_t p = 0;
    for (; k - p >= BLOCK_K; p += BLOCK_K) {
        for (int j = 0; j < ROWS; j++) {
            column[j] = j < present ? b + j * ldb + p : zeros;
            if (p % LINE == 0)
                octgemm_cpu_ask(b, ldb, ROWS + j, p);
        }
        total = _mm256_add_epi32(total, pack_block(w + p * VNNI16_COLUMNS, column, BLOCK_K / 4));
    }
    for (int j = 0; j < ROWS; j++) {
        if (j < present)
            memcpy(rest[j], b + j * ldb + p, (size_t)(k - p));
        column[j] = rest[j];
    }
    total = _mm256_add_epi32(total, pack_block(w + p * VNNI16_COLUMNS, column, ceiling(k - p, 4)));
    _mm256_storeu_si256((__m256i *)sums, total);
}

static void pack(void *panel, const int8_t *b, int64_t ldb, int64_t columns, int64_t k, int quick)
{
    (void)quick; /* there is one way */
    uint8_t *w = (uint8_t *)panel + VNNI16_SUM_BYTES;
    for (int64_t j = 0; j < VNNI16_COLUMNS; j += ROWS) {
        int64_t present = at_least(columns - j, 0);
        const int8_t *first = present > 0 ? b + j * ldb : b;
        pack_half((char *)panel + j * (int64_t)sizeof(int32_t), w + 4 * j, first, ldb, present, k);
    }
}

static size_t panel_bytes(int64_t k)
{
    return VNNI16_SUM_BYTES + (size_t)ceiling(k, 4) * VNNI16_QUAD_BYTES;
}

const struct cpu_format octgemm_cpu_vnni16 = {
    .name = "vnni16",
    .nr = VNNI16_COLUMNS,
    .k_step = 64, /* one AMX tile */
    .panel_bytes = panel_bytes,
    .pack = pack,
};
