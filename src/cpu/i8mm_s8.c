/* NEON with int8 matrix instructions (FEAT_I8MM: Neoverse V1, N2, Apple M2 and later): smmla
 * multiplies 2 rows by 2 columns over 8 of k, 32 MACs, summed exactly in int32.
 *
 * 8 rows by 8 columns: a row pair of A is 8 bytes of each row, zipped from 16 bytes of both, so one
 * zip serves four smmla; 16 sums of 2 x 2 are put in order at the end. 32 smmla (1024 MACs) take 16
 * loads and 8 zips, and A stays in the caller's rows. */
#include "groups.h"
#include "kernels.h"

#include <arm_neon.h>

enum { nr = 8, kr = 8, mr = 8, pairs = mr / 2, step_k = 16, kc = 2048 };

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
    .name = "mmla8", .nr = nr, .k_step = kc, .panel_bytes = panel_bytes, .pack = pack};

/* One group of eight of k; left[i] holds it for rows 2i and 2i + 1. */
INLINE void group(int32x4_t sums[][4], int row_pairs, const int8x16_t left[], const int8_t *w)
{
    for (int j = 0; j < 4; j++) {
        int8x16_t right = vld1q_s8(w + 16 * j);
        for (int i = 0; i < row_pairs; i++)
            sums[i][j] = vmmlaq_s32(sums[i][j], left[i], right);
    }
}

INLINE int8x16_t zip_low(int8x16_t x, int8x16_t y)
{
    return vreinterpretq_s8_s64(vzip1q_s64(vreinterpretq_s64_s8(x), vreinterpretq_s64_s8(y)));
}

INLINE int8x16_t zip_high(int8x16_t x, int8x16_t y)
{
    return vreinterpretq_s8_s64(vzip2q_s64(vreinterpretq_s64_s8(x), vreinterpretq_s64_s8(y)));
}

/* An odd last row is paired with itself; the second of the pair is not stored. */
INLINE void micro(int rows, const struct groups_step *s)
{
    const int8_t *a = s->a, *w = s->w;
    const int64_t lda = s->lda, depth = s->depth;
    const int row_pairs = (rows + 1) / 2;
    int32x4_t sums[pairs][4];
    for (int i = 0; i < row_pairs; i++)
        for (int j = 0; j < 4; j++)
            sums[i][j] = vdupq_n_s32(0);
    int64_t p = 0;
    for (; p + step_k <= depth; p += step_k) {
        int8x16_t low[pairs], high[pairs];
        for (int i = 0; i < row_pairs; i++) {
            int8x16_t x = vld1q_s8(a + 2 * i * lda + p);
            int8x16_t y = vld1q_s8(a + (2 * i + 1 < rows ? 2 * i + 1 : 2 * i) * lda + p);
            low[i] = zip_low(x, y);
            high[i] = zip_high(x, y);
        }
        group(sums, row_pairs, low, w);
        group(sums, row_pairs, high, w + nr * kr);
        w += nr * step_k;
    }
    for (; p < depth; p += kr) { /* the last groups, the last of them filled up with zeros */
        int8x16_t left[pairs];
        size_t left_over = (size_t)(depth - p < kr ? depth - p : kr);
        for (int i = 0; i < row_pairs; i++) {
            int8_t two[16] = {0};
            memcpy(two, a + 2 * i * lda + p, left_over);
            memcpy(two + 8, a + (2 * i + 1 < rows ? 2 * i + 1 : 2 * i) * lda + p, left_over);
            left[i] = vld1q_s8(two);
        }
        group(sums, row_pairs, left, w);
        w += nr * kr;
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++) {
            int64x2_t x = vreinterpretq_s64_s32(sums[i / 2][2 * j]);
            int64x2_t y = vreinterpretq_s64_s32(sums[i / 2][2 * j + 1]);
            int32x4_t four = vreinterpretq_s32_s64(i % 2 ? vzip2q_s64(x, y) : vzip1q_s64(x, y));
            int32_t *out = s->c + i * s->ldc + 4 * j;
            vst1q_s32(out, s->first ? four : vaddq_s32(four, vld1q_s32(out)));
        }
}

static void multiply(const struct cpu_tile *tile)
{
    octgemm_groups_multiply(tile, micro, nr, mr, kc);
}

const struct cpu_gemm octgemm_cpu_i8mm_s8 = {
    .isa = CPU_I8MM,
    .rate = 64,
    .format = &format,
    .mr = mr,
    .nt = nr,
    .mc = 128,
    .nc = 128,
    .direct = {{256, 8}, {0, 4}}, /* by counting instructions */
    .dot = octgemm_cpu_dotprod_dot,
    .multiply = multiply,
};
