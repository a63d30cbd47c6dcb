/* One row times any weights: |w| as an unsigned byte, and the sign of w put on a.
 *
 * vpmaddubsw takes |w| <= 128 and a of -127 to 127: two products are within 32512 and do not
 * saturate. vpsignb cannot negate -128, so such an a takes part as -127, and its column of weights
 * is subtracted once more behind the loop; a row has few of them.
 *
 * 5 instructions for 32 MACs, where Winograd with weights widened in registers takes 7; both of
 * these reload what another row would share, so it is for one row (two: 10 instead of 11).
 *
 * Measured on one core of an EPYC with Zen 5 cores, n = k = 4096: 16.8 MACs per cycle, Winograd
 * 14.7, of 20.4 that memory gives; 17.4 if no a is -128 (bench/NOTES.md). */
#include "avx2_panel.h"
#include "inline.h"

#include <immintrin.h>

static __m256i weights_of(const int8_t *weights, int64_t quad, int v)
{
    return _mm256_loadu_si256((const __m256i *)(weights + quad * AVX2_QUAD_BYTES + 32 * v));
}

/* Adds -w for every a of -128, which is a byte of 0. */
static void subtract_least(__m256i *sum, const uint8_t *a, const int8_t *weights, int64_t depth)
{
    for (int64_t p = 0; p < depth; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(a + p));
        unsigned least = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
        for (; least != 0; least &= least - 1) {
            int64_t place = p + __builtin_ctz(least);
            __m128i up = _mm_cvtsi32_si128(24 - 8 * (int)(place % 4));
            for (int v = 0; v < AVX2_VECTORS; v++) {
                __m256i quads = weights_of(weights, place / 4, v);
                __m256i w = _mm256_srai_epi32(_mm256_sll_epi32(quads, up), 24);
                sum[v] = _mm256_sub_epi32(sum[v], w);
            }
        }
    }
}

void octgemm_avx2_signs(const uint8_t *a, const int8_t *weights, int64_t depth, int32_t *c,
                        int begins, uintptr_t next)
{
    const __m256i offset = _mm256_set1_epi8(-128), least = _mm256_set1_epi8(-127);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[AVX2_VECTORS] = {_mm256_setzero_si256(), _mm256_setzero_si256(),
                                 _mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int64_t quad = 0; quad < depth / 4; quad++) {
        __m256i bytes = _mm256_set1_epi32(octgemm_load_i32(a, quad));
        __m256i signed_a = _mm256_max_epi8(_mm256_xor_si256(bytes, offset), least);
        /* One address for both lines: with two gcc 12 puts both prefetches in a row, and weights
         * from the caches take up to 6 % longer (Zen 3). */
        const char *ahead = (const char *)(next + (uintptr_t)quad * AVX2_QUAD_BYTES);
        UNROLL
        for (int line = 0; line < AVX2_QUAD_BYTES / 64; line++)
            _mm_prefetch(ahead + 64 * line, _MM_HINT_T0);
        UNROLL
        for (int v = 0; v < AVX2_VECTORS; v++) {
            __m256i w = weights_of(weights, quad, v);
            __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(signed_a, w));
            sum[v] = _mm256_add_epi32(sum[v], _mm256_madd_epi16(pairs, ones));
        }
    }
    subtract_least(sum, a, weights, depth);
    UNROLL
    for (int v = 0; v < AVX2_VECTORS; v++) {
        __m256i *to = (__m256i *)(c + 8 * v);
        __m256i before = begins ? _mm256_setzero_si256() : _mm256_load_si256(to);
        _mm256_store_si256(to, _mm256_add_epi32(before, sum[v]));
    }
}
