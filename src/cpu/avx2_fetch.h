/* How the AVX2 tiles ask for the weights of their next step: a tile's lines together, ahead of
 * what it multiplies. Left to compilers, prefetches wander between the products, and products of 3
 * to 6 rows take up to 15 % longer (Zen 3, weights from memory or a shared L3). What is asked for
 * may end behind the last weights, so its address is no pointer's. */
#ifndef OCTGEMM_CPU_AVX2_FETCH_H
#define OCTGEMM_CPU_AVX2_FETCH_H

#include "inline.h"

#include <stdint.h>

INLINE void avx2_fetch(uintptr_t ahead, int lines)
{
    UNROLL
    for (int line = 0; line < lines; line++)
        __asm__ volatile("prefetcht0 %0"
                         :
                         : "m"(*(const char *)(ahead + 64 * (uintptr_t)line))
                         : "memory");
}

#endif
