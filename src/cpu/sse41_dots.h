/* What dot products with SSE4.1 share: bytes as int16, and the sums of vectors' lanes. */
#ifndef OCTGEMM_CPU_SSE41_DOTS_H
#define OCTGEMM_CPU_SSE41_DOTS_H

#include <smmintrin.h>
#include <stdint.h>

static inline __m128i sse41_load8(const int8_t *p)
{
    return _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)p));
}

/* The sum of the four lanes of each. */
static inline __m128i sse41_sums(const __m128i v[4])
{
    return _mm_hadd_epi32(_mm_hadd_epi32(v[0], v[1]), _mm_hadd_epi32(v[2], v[3]));
}

#endif
