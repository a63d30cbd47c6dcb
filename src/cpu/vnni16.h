/* The packed format of the VNNI and AMX kernels: panels of 16 columns,
 *     int32 sums[16], then u8 w[ceil(k / 4)][16][4], each weight stored as w + 128.
 * Four k of 16 columns are one zmm (two ymm) of vpdpbusd, and 16 steps of them one AMX tile. */
#ifndef OCTGEMM_CPU_VNNI16_H
#define OCTGEMM_CPU_VNNI16_H

#include "gemm.h"

enum {
    VNNI16_COLUMNS = 16,
    VNNI16_QUAD_BYTES = 4 * VNNI16_COLUMNS,
    VNNI16_SUM_BYTES = VNNI16_COLUMNS * sizeof(int32_t)
};

extern const struct cpu_format octgemm_cpu_vnni16;

static inline const uint8_t *octgemm_vnni16_weights(const char *panel)
{
    return (const uint8_t *)panel + VNNI16_SUM_BYTES;
}

#endif
