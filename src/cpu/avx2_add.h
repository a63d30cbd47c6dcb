/* Additions spelled out, because compilers break tiles otherwise: gcc 12 moves accumulators between
 * registers and spills two of them (acc16: 26 instead of 32 MACs per cycle). */
#ifndef OCTGEMM_CPU_AVX2_ADD_H
#define OCTGEMM_CPU_AVX2_ADD_H

#include "inline.h"

#include <immintrin.h>

INLINE void avx2_add32(__m256i *sum, __m256i x)
{
    __asm__("vpaddd %1, %0, %0" : "+x"(*sum) : "x"(x));
}

INLINE void avx2_add16(__m256i *sum, __m256i x)
{
    __asm__("vpaddw %1, %0, %0" : "+x"(*sum) : "x"(x));
}

#endif
