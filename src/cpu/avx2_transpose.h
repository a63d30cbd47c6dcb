/* 8 x 8 values of 32 bits in registers, transposed: row j to column j. For sums, and for quads of
 * weights or activations as one value. */
#ifndef OCTGEMM_CPU_AVX2_TRANSPOSE_H
#define OCTGEMM_CPU_AVX2_TRANSPOSE_H

#include "inline.h"

#include <immintrin.h>
#include <string.h>

INLINE void avx2_transpose(__m256i x[8])
{
    __m256i y[8];
    UNROLL
    for (int j = 0; j < 8; j += 2) {
        y[j] = _mm256_unpacklo_epi32(x[j], x[j + 1]);
        y[j + 1] = _mm256_unpackhi_epi32(x[j], x[j + 1]);
    }
    UNROLL
    for (int j = 0; j < 8; j += 4)
        UNROLL
    for (int h = 0; h < 2; h++) {
        x[j + 2 * h] = _mm256_unpacklo_epi64(y[j + h], y[j + 2 + h]);
        x[j + 2 * h + 1] = _mm256_unpackhi_epi64(y[j + h], y[j + 2 + h]);
    }
    UNROLL
    for (int l = 0; l < 4; l++) {
        y[l] = _mm256_permute2x128_si256(x[l], x[l + 4], 0x20);
        y[l + 4] = _mm256_permute2x128_si256(x[l], x[l + 4], 0x31);
    }
    memcpy(x, y, sizeof y);
}

#endif
