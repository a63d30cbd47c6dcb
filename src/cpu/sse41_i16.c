/* SSE4.1: dot products of rows in int16 (pmovsxbw, pmaddwd), 2 rows by 4 columns, A straight from
 * the caller's rows. Twelve registers: eight sums, two of A, one or two of B. */
#include "dots4.h"
#include "kernels.h"
#include "sse41_dots.h"

enum { mr = 2 };

/* 8 of a group's 16: `w` points to their places in the first column. */
INLINE void step(__m128i sums[][4], int rows, const int8_t *const a[], const int8_t *w)
{
    __m128i left[mr];
    for (int i = 0; i < rows; i++)
        left[i] = sse41_load8(a[i]);
    for (int j = 0; j < dots4_nr; j++) {
        __m128i right = sse41_load8(w + j * dots4_kr);
        for (int i = 0; i < rows; i++)
            sums[i][j] = _mm_add_epi32(sums[i][j], _mm_madd_epi16(left[i], right));
    }
}

INLINE void micro(int rows, const struct groups_step *s)
{
    const int8_t *a = s->a, *w = s->w;
    const int64_t lda = s->lda, depth = s->depth;
    __m128i sums[mr][4];
    const int8_t *row[mr];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < dots4_nr; j++)
            sums[i][j] = _mm_setzero_si128();
    int64_t p = 0;
    for (; p + dots4_kr <= depth; p += dots4_kr)
        for (int half = 0; half < dots4_kr; half += 8) {
            for (int i = 0; i < rows; i++)
                row[i] = a + i * lda + p + half;
            step(sums, rows, row, w + p * dots4_nr + half);
        }
    if (p < depth) {
        int8_t end[mr][dots4_kr] = {{0}};
        for (int i = 0; i < rows; i++)
            memcpy(end[i], a + i * lda + p, (size_t)(depth - p));
        for (int half = 0; half < dots4_kr; half += 8) {
            for (int i = 0; i < rows; i++)
                row[i] = end[i] + half;
            step(sums, rows, row, w + p * dots4_nr + half);
        }
    }
    for (int i = 0; i < rows; i++) {
        __m128i *out = (__m128i *)(s->c + i * s->ldc);
        __m128i total = sse41_sums(sums[i]);
        _mm_storeu_si128(out, s->first ? total : _mm_add_epi32(total, _mm_loadu_si128(out)));
    }
}

static void multiply(const struct cpu_tile *tile)
{
    octgemm_groups_multiply(tile, micro, dots4_nr, mr, dots4_kc);
}

const struct cpu_gemm octgemm_cpu_sse41_i16 = {
    .isa = CPU_SSE41,
    .rate = 10,
    .format = &octgemm_cpu_dots4,
    .mr = mr,
    .nt = dots4_nr,
    .mc = 64,
    .nc = 64,
    .direct = {{0, 16}},
    .multiply = multiply,
};
