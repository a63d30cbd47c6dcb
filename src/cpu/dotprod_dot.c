/* Rows of A times rows of B as they lie (dot.h), with sdot: for dotprod_s8.c and i8mm_s8.c. 16 of k
 * of four rows by four take 8 loads and 16 sdot, where the vectors of every aarch64 machine
 * (vector_neon.c) take 16 loads that widen and 64 multiplications. */
#include "dot_no_terms.h"
#include "few_bytes.h"
#include "kernels.h"
#include "neon_sum.h"

#include <arm_neon.h>

enum { DOT_BYTES = 16, DOT_ROWS = 4 };
typedef int32x4_t dot_sums;
typedef int8x16_t dot_left;
typedef int8x16_t dot_right;

static inline int32x4_t dot_zero(void)
{
    return vdupq_n_s32(0);
}

static inline int8x16_t load_left(const int8_t *p, int64_t bytes, int64_t before)
{
    (void)before;
    if (bytes == DOT_BYTES)
        return vld1q_s8(p);
    int8x8_t low = vcreate_s8(few_bytes(p, bytes < 8 ? bytes : 8));
    return vcombine_s8(low, vcreate_s8(bytes > 8 ? few_bytes(p + 8, bytes - 8) : 0));
}

static inline int8x16_t load_right(const int8_t *p, int64_t bytes, int64_t before)
{
    return load_left(p, bytes, before);
}

static inline void dot_add(int32x4_t *sums, int8x16_t left, int8x16_t right)
{
    *sums = vdotq_s32(*sums, left, right);
}

static inline void store_dots(int32_t to[4], const int32x4_t sums[4], int32_t more)
{
    neon_store_sums(to, sums, more);
}

#include "dot.h"

DOTS_4

void octgemm_cpu_dotprod_dot(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda, int64_t rows,
                             const int8_t *b, int64_t ldb, int64_t columns, int64_t k,
                             int64_t ahead)
{
    dot(c, ldc, a, lda, rows, b, ldb, columns, k, ahead);
}
