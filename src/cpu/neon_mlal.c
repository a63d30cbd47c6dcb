/* NEON without dot product instructions (Cortex-A53, A72): 4 rows by 4 columns of dot products.
 *
 * smull and smlal multiply 8 bytes by 8 into int16, and sadalp adds pairs into int32: three
 * instructions for 16 products instead of four. The sum of two products fits int16 but for
 * -128 * -128 + -128 * -128; a panel whose weights allow that (dots4.h) takes four. */
#include "dots4.h"
#include "kernels.h"
#include "neon_sum.h"

#include <arm_neon.h>

enum { mr = 4 };

INLINE void step(int32x4_t sums[][4], int rows, int wide, const int8_t *const a[], const int8_t *w)
{
    int8x16_t left[mr];
    for (int i = 0; i < rows; i++)
        left[i] = vld1q_s8(a[i]);
    for (int j = 0; j < dots4_nr; j++) {
        int8x16_t right = vld1q_s8(w + j * dots4_kr);
        for (int i = 0; i < rows; i++) {
            int16x8_t product = vmull_s8(vget_low_s8(left[i]), vget_low_s8(right));
            if (wide) {
                sums[i][j] = vpadalq_s16(sums[i][j], product);
                product = vmull_s8(vget_high_s8(left[i]), vget_high_s8(right));
            } else {
                product = vmlal_s8(product, vget_high_s8(left[i]), vget_high_s8(right));
            }
            sums[i][j] = vpadalq_s16(sums[i][j], product);
        }
    }
}

INLINE void micro(int rows, int wide, const struct groups_step *s)
{
    const int8_t *a = s->a, *w = s->w;
    const int64_t lda = s->lda, depth = s->depth;
    int32x4_t sums[mr][4];
    const int8_t *row[mr];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < dots4_nr; j++)
            sums[i][j] = vdupq_n_s32(0);
    int64_t p = 0;
    for (; p + dots4_kr <= depth; p += dots4_kr) {
        for (int i = 0; i < rows; i++)
            row[i] = a + i * lda + p;
        step(sums, rows, wide, row, w + p * dots4_nr);
    }
    if (p < depth) {
        int8_t end[mr][dots4_kr] = {{0}};
        for (int i = 0; i < rows; i++) {
            memcpy(end[i], a + i * lda + p, (size_t)(depth - p));
            row[i] = end[i];
        }
        step(sums, rows, wide, row, w + p * dots4_nr);
    }
    for (int i = 0; i < rows; i++) {
        int32_t *out = s->c + i * s->ldc;
        int32x4_t total = neon_sums(sums[i]);
        vst1q_s32(out, s->first ? total : vaddq_s32(total, vld1q_s32(out)));
    }
}

INLINE void narrow(int rows, const struct groups_step *step)
{
    micro(rows, 0, step);
}

INLINE void wide(int rows, const struct groups_step *step)
{
    micro(rows, 1, step);
}

static void multiply(const struct cpu_tile *tile)
{
    struct cpu_tile one = *tile;
    one.panel_count = 1;
    for (int64_t panel = 0; panel < tile->panel_count; panel++) {
        int32_t is_wide;
        memcpy(&is_wide, one.panels + dots4_wide_offset, sizeof is_wide);
        if (is_wide)
            octgemm_groups_multiply(&one, wide, dots4_nr, mr, dots4_kc);
        else
            octgemm_groups_multiply(&one, narrow, dots4_nr, mr, dots4_kc);
        one.panels += tile->panel_bytes;
        one.c += dots4_nr;
    }
}

const struct cpu_gemm octgemm_cpu_neon_mlal = {
    .isa = CPU_NEON,
    .rate = 10,
    .format = &octgemm_cpu_dots4,
    .mr = mr,
    .nt = dots4_nr,
    .mc = 64,
    .nc = 64,
    .direct = {{0, 4}},
    .multiply = multiply,
};
