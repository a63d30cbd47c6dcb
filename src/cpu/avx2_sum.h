/* The sum of a register's eight lanes of 32 bits. */
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

#endif
