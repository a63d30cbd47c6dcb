/* The sum of a register's eight lanes of 32 bits, and those of four, each + `more`. */
#ifndef OCTGEMM_CPU_AVX2_SUM_H
#define OCTGEMM_CPU_AVX2_SUM_H

#include <immintrin.h>
#include <stdint.h>

static inline int32_t avx2_sum(__m256i v)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

static inline void avx2_store_sums(int32_t to[4], const __m256i v[4], int32_t more)
{
    __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
    __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    _mm_storeu_si128((__m128i *)to, _mm_add_epi32(sums, _mm_set1_epi32(more)));
}

#endif
