/* The format of kernels that make dot products of rows: panels of four columns in groups of 16
 * weights (groups.h). Behind the column sums stands whether some column has -128 at places p and
 * p + 8 of a group: only then can two products overflow int16 (neon_mlal.c). */
#ifndef OCTGEMM_CPU_DOTS4_H
#define OCTGEMM_CPU_DOTS4_H

#include "groups.h"

enum {
    dots4_nr = 4,
    dots4_kr = 16,
    dots4_kc = 1024, /* k of a block: 4 KB of weights */
    dots4_wide_offset = dots4_nr * sizeof(int32_t)
};

extern const struct cpu_format octgemm_cpu_dots4;

#endif
