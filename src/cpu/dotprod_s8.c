/* NEON with dot products (FEAT_DotProd: Cortex-A76, Neoverse N1, Apple A11 and later): sdot is four
 * int8 products per lane, summed exactly in int32.
 *
 * 8 rows by 8 columns by 16 of k: 16 bytes of each row stay in a register and serve four sdot by
 * element, so 64 sdot (1024 MACs) take 8 loads of A, straight from the caller's rows, and 8 of B.
 * 16 sums, 8 registers of A and 2 of B are live. */
#include "groups.h"
#include "kernels.h"

#include <arm_neon.h>

enum { nr = 8, kr = 4, mr = 8, step_k = 16, kc = 2048 };

static size_t panel_bytes(int64_t k)
{
    return octgemm_groups_bytes(k, nr, kr);
}

static void pack(void *panel, const int8_t *b, int64_t ldb, int64_t columns, int64_t k, int quick)
{
    (void)quick;
    octgemm_groups_pack(panel, b, ldb, columns, k, nr, kr);
}

static const struct cpu_format format = {
    .name = "dot8", .nr = nr, .k_step = kc, .panel_bytes = panel_bytes, .pack = pack};

/* One group of four of k: element `lane` of each row's register. */
INLINE void group(int32x4_t sums[][2], int rows, const int8x16_t left[], const int8_t *w,
                  const int lane)
{
    int8x16_t right0 = vld1q_s8(w), right1 = vld1q_s8(w + 16);
    for (int i = 0; i < rows; i++) {
        sums[i][0] = vdotq_laneq_s32(sums[i][0], right0, left[i], lane);
        sums[i][1] = vdotq_laneq_s32(sums[i][1], right1, left[i], lane);
    }
}

INLINE void micro(int rows, const struct groups_step *s)
{
    const int8_t *a = s->a, *w = s->w;
    const int64_t lda = s->lda, depth = s->depth;
    int32x4_t sums[mr][2];
    int8x16_t left[mr];
    for (int i = 0; i < rows; i++)
        sums[i][0] = sums[i][1] = vdupq_n_s32(0);
    int64_t p = 0;
    for (; p + step_k <= depth; p += step_k) {
        for (int i = 0; i < rows; i++)
            left[i] = vld1q_s8(a + i * lda + p);
        group(sums, rows, left, w, 0);
        group(sums, rows, left, w + 32, 1);
        group(sums, rows, left, w + 64, 2);
        group(sums, rows, left, w + 96, 3);
        w += nr * step_k;
    }
    for (; p < depth; p += kr) { /* the last groups, the last of them filled up with zeros */
        size_t left_over = (size_t)(depth - p < kr ? depth - p : kr);
        for (int i = 0; i < rows; i++) {
            int8_t four[16] = {0};
            memcpy(four, a + i * lda + p, left_over);
            left[i] = vld1q_s8(four);
        }
        group(sums, rows, left, w, 0);
        w += nr * kr;
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++) {
            int32_t *out = s->c + i * s->ldc + 4 * j;
            vst1q_s32(out, s->first ? sums[i][j] : vaddq_s32(sums[i][j], vld1q_s32(out)));
        }
}

static void multiply(const struct cpu_tile *tile)
{
    octgemm_groups_multiply(tile, micro, nr, mr, kc);
}

const struct cpu_gemm octgemm_cpu_dotprod_s8 = {
    .isa = CPU_DOTPROD,
    .rate = 32,
    .format = &format,
    .mr = mr,
    .nt = nr,
    .mc = 128,
    .nc = 128,
    .direct = {{256, 8}, {0, 4}}, /* by counting instructions */
    .dot = octgemm_cpu_dotprod_dot,
    .multiply = multiply,
};
