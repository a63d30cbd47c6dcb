/* The floor: plain C that the compiler vectorises at its baseline, taking anything.
 *
 * Both sides are widened to int16 a few KB at a time, because sums of int16 products into int32 are
 * what compilers know an instruction for on every machine (pmaddwd, smlal); eight sums at once
 * reuse the loads. */
#include "dots4.h"
#include "kernels.h"

enum { nr = dots4_nr, kr = dots4_kr, kc = dots4_kc, mr = 2 };

static void widen(int16_t *restrict out, const int8_t *restrict in, int64_t count)
{
    for (int64_t p = 0; p < count; p++)
        out[p] = in[p];
}

/* The four columns of a block of groups, kc apart. */
static void widen_columns(int16_t *restrict out, const int8_t *restrict groups, int64_t depth)
{
    for (int64_t p = 0; p < depth; p += kr)
        for (int64_t j = 0; j < nr; j++)
            for (int64_t q = 0; q < kr; q++)
                out[j * kc + p + q] = groups[p * nr + j * kr + q];
}

/* A of a tile as int16, in blocks of kc: rows of a block lie together. */
static size_t block_bytes(int64_t rows, int64_t k)
{
    return (size_t)(rows * k) * sizeof(int16_t);
}

static void prepare(void *block, const int8_t *a, int64_t lda, int64_t rows, int64_t k0, int64_t k1)
{
    int16_t *out = block;
    for (int64_t p = k0; p < k1; p += kc) {
        int64_t depth = at_most(k1 - p, kc);
        for (int64_t i = 0; i < rows; i++, out += depth)
            widen(out, a + i * lda + p, depth);
    }
}

static void one_row(int32_t *sums, const int16_t *a, const int16_t *b, int64_t depth)
{
    const int16_t *b1 = b + kc, *b2 = b + 2 * kc, *b3 = b + 3 * kc;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int64_t p = 0; p < depth; p++) {
        s0 += a[p] * b[p];
        s1 += a[p] * b1[p];
        s2 += a[p] * b2[p];
        s3 += a[p] * b3[p];
    }
    sums[0] += s0;
    sums[1] += s1;
    sums[2] += s2;
    sums[3] += s3;
}

static void two_rows(int32_t *sums, int64_t ldc, const int16_t *a, const int16_t *b, int64_t depth)
{
    const int16_t *a1 = a + depth, *b1 = b + kc, *b2 = b + 2 * kc, *b3 = b + 3 * kc;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0;
    for (int64_t p = 0; p < depth; p++) {
        s0 += a[p] * b[p];
        s1 += a[p] * b1[p];
        s2 += a[p] * b2[p];
        s3 += a[p] * b3[p];
        t0 += a1[p] * b[p];
        t1 += a1[p] * b1[p];
        t2 += a1[p] * b2[p];
        t3 += a1[p] * b3[p];
    }
    int32_t *next = sums + ldc;
    sums[0] += s0;
    sums[1] += s1;
    sums[2] += s2;
    sums[3] += s3;
    next[0] += t0;
    next[1] += t1;
    next[2] += t2;
    next[3] += t3;
}

static void multiply(const struct cpu_tile *tile)
{
    int16_t wide[nr * kc];
    const int16_t *a = tile->block;
    const char *groups = tile->panels + octgemm_groups_offset(nr);
    for (int64_t i = 0; i < tile->rows; i++)
        memset(tile->c + i * tile->ldc, 0, (size_t)(tile->panel_count * nr) * sizeof(int32_t));
    for (int64_t p = tile->k0; p < tile->k1; p += kc) {
        int64_t depth = at_most(tile->k1 - p, kc);
        for (int64_t panel = 0; panel < tile->panel_count; panel++) {
            int32_t *c = tile->c + panel * nr;
            int64_t i = 0;
            widen_columns(wide, (const int8_t *)groups + (size_t)panel * tile->panel_bytes + p * nr,
                          depth);
            for (; i + mr <= tile->rows; i += mr)
                two_rows(c + i * tile->ldc, tile->ldc, a + i * depth, wide, depth);
            if (i < tile->rows)
                one_row(c + i * tile->ldc, a + i * depth, wide, depth);
        }
        a += tile->rows * depth;
    }
}

const struct cpu_gemm octgemm_cpu_generic_i16 = {
    .isa = CPU_GENERIC,
    .rate = 10,
    .format = &octgemm_cpu_dots4,
    .mr = mr,
    .nt = nr,
    .mc = 64,
    .nc = 64,
    .direct = {{0, 1}},
    .block_bytes = block_bytes,
    .prepare = prepare,
    .multiply = multiply,
};
