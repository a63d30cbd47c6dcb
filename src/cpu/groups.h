/* Weights packed in groups: [k / kr][nr][kr], kr consecutive weights of a column together, the
 * shape most instructions want. k is padded to whole groups with weights 0. The functions are
 * inline so that each format's constants become part of its loops. */
#ifndef OCTGEMM_CPU_GROUPS_H
#define OCTGEMM_CPU_GROUPS_H

#include "gemm.h"
#include "inline.h"
#include "integers.h"

#include <string.h>

/* A panel: column sums, padding to a cache line, groups, padding. */
static inline size_t octgemm_groups_offset(int nr)
{
    return ((size_t)nr * sizeof(int32_t) + 63) / 64 * 64;
}

static inline size_t octgemm_groups_bytes(int64_t k, int nr, int kr)
{
    size_t groups = (size_t)(k + kr - 1) / (size_t)kr * (size_t)(nr * kr);
    return octgemm_groups_offset(nr) + (groups + 63) / 64 * 64;
}

static inline void octgemm_groups_pack(void *panel, const int8_t *b, int64_t ldb, int64_t columns,
                                       int64_t k, int nr, int kr)
{
    int32_t sums[CPU_NR_MAX] = {0};
    int8_t *groups = (int8_t *)panel + octgemm_groups_offset(nr);
    int64_t whole = k / kr * kr;
    int64_t written = columns < nr ? 0 : whole * nr; /* every byte of them, below */
    memset(panel, 0, octgemm_groups_offset(nr));
    memset(groups + written, 0,
           octgemm_groups_bytes(k, nr, kr) - octgemm_groups_offset(nr) - (size_t)written);
    for (int64_t j = 0; j < columns; j++) {
        const int8_t *row = b + j * ldb;
        for (int64_t p = 0; p < whole; p += kr)
            memcpy(groups + p * nr + j * kr, row + p, (size_t)kr);
        if (whole < k)
            memcpy(groups + whole * nr + j * kr, row + whole, (size_t)(k - whole));
        for (int64_t p = 0; p < k; p++)
            sums[j] += row[p];
    }
    memcpy(panel, sums, (size_t)nr * sizeof *sums);
}

/* What a kernel's micro() does: adds to (or, `first`, sets) c[rows][nr] the sums over `depth` of
 * rows of A, straight from the caller's memory, and groups w. */
struct groups_step {
    const int8_t *a, *w;
    int64_t lda, depth;
    int32_t *c;
    int64_t ldc;
    int first;
};
typedef void groups_micro(int rows, const struct groups_step *step);

/* micro() for 1 to `most` (at most 8) rows, inlined for each number of them: its loops over rows
 * must disappear, for its sums to be registers. */
INLINE void octgemm_groups_rows(groups_micro *micro, int most, int rows,
                                const struct groups_step *step)
{
    if (rows >= most)
        micro(most, step);
    else if (most > 1 && rows == 1)
        micro(1, step);
    else if (most > 2 && rows == 2)
        micro(2, step);
    else if (most > 3 && rows == 3)
        micro(3, step);
    else if (most > 4 && rows == 4)
        micro(4, step);
    else if (most > 5 && rows == 5)
        micro(5, step);
    else if (most > 6 && rows == 6)
        micro(6, step);
    else if (most > 7)
        micro(7, step);
}

/* The loops over a tile: blocks of k so deep (kc, a multiple of kr) that a panel's part stays in L1
 * while the rows pass, then panels, then register tiles of mr rows. */
INLINE void octgemm_groups_multiply(const struct cpu_tile *tile, groups_micro *micro, int nr,
                                    int mr, int64_t kc)
{
    const char *groups = tile->panels + octgemm_groups_offset(nr);
    for (int64_t p = tile->k0; p < tile->k1; p += kc) {
        struct groups_step step = {.lda = tile->lda,
                                   .depth = at_most(tile->k1 - p, kc),
                                   .ldc = tile->ldc,
                                   .first = p == tile->k0};
        for (int64_t panel = 0; panel < tile->panel_count; panel++) {
            step.w = (const int8_t *)groups + (size_t)panel * tile->panel_bytes + p * nr;
            for (int64_t i = 0; i < tile->rows; i += mr) {
                step.a = tile->a + i * tile->lda + p;
                step.c = tile->c + i * tile->ldc + panel * nr;
                octgemm_groups_rows(micro, mr, (int)(tile->rows - i < mr ? tile->rows - i : mr),
                                    &step);
            }
        }
    }
}

#endif
