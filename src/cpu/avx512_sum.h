/* The sums of four registers' sixteen lanes of 32 bits, each + `more`. */
#ifndef OCTGEMM_CPU_AVX512_SUM_H
#define OCTGEMM_CPU_AVX512_SUM_H

#include <immintrin.h>
#include <stdint.h>

static inline void avx512_store_sums(int32_t to[4], const __m512i v[4], int32_t more)
{
    __m512i low = _mm512_unpacklo_epi32(v[0], v[1]), high = _mm512_unpackhi_epi32(v[0], v[1]);
    __m512i left = _mm512_add_epi32(low, high);
    low = _mm512_unpacklo_epi32(v[2], v[3]), high = _mm512_unpackhi_epi32(v[2], v[3]);
    __m512i right = _mm512_add_epi32(low, high);
    low = _mm512_unpacklo_epi64(left, right), high = _mm512_unpackhi_epi64(left, right);
    __m512i all = _mm512_add_epi32(low, high);
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    _mm_storeu_si128((__m128i *)to, _mm_add_epi32(sums, _mm_set1_epi32(more)));
}

#endif
