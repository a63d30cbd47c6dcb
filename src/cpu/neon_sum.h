/* The sums of four registers' four lanes of 32 bits; to be stored, each + `more`. */
#ifndef OCTGEMM_CPU_NEON_SUM_H
#define OCTGEMM_CPU_NEON_SUM_H

#include <arm_neon.h>

static inline int32x4_t neon_sums(const int32x4_t v[4])
{
    return vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3]));
}

static inline void neon_store_sums(int32_t to[4], const int32x4_t v[4], int32_t more)
{
    vst1q_s32(to, vaddq_s32(neon_sums(v), vdupq_n_s32(more)));
}

#endif
