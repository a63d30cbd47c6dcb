/* Weights packed in groups: [k / kr][nr][kr], kr consecutive weights of a column together, the
 * shape most instructions want. k is padded to whole groups with weights 0. The functions are
 * inline so that each format's constants become part of its loops. */
#ifndef OCTGEMM_CPU_GROUPS_H
#define OCTGEMM_CPU_GROUPS_H

#include "gemm.h"

#include <string.h>

/* A panel: column sums, padding to a cache line, groups. */
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
    memset(panel, 0, octgemm_groups_offset(nr));
    if (columns < nr || k % kr != 0)
        memset(groups, 0, octgemm_groups_bytes(k, nr, kr) - octgemm_groups_offset(nr));
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

/* The common loops over a tile for kernels that read A from the caller's rows: blocks of k so deep
 * that a panel's part stays in L1 while the rows pass, then panels, then register tiles of rows. */
struct groups_loop {
    int nr, kr, mr;
    int64_t kc; /* depth of a block, a multiple of kr */

    /* By rows - 1: adds (or, `first`, sets) c[rows][nr] = sums over `depth` of a and groups w. */
    void (*micro[8])(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda, const int8_t *w,
                     int64_t depth, int first);
};

/* An entry of `micro`: the kernel's inline function micro() with its first arguments fixed. */
#define OCTGEMM_MICRO(name, ...)                                                                   \
    static void name(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda, const int8_t *w,       \
                     int64_t depth, int first)                                                     \
    {                                                                                              \
        micro(__VA_ARGS__, c, ldc, a, lda, w, depth, first);                                       \
    }

#define OCTGEMM_INLINE static inline __attribute__((always_inline))

static inline void octgemm_groups_multiply(const struct cpu_tile *tile,
                                           const struct groups_loop *loop)
{
    const char *groups = tile->panels + octgemm_groups_offset(loop->nr);
    for (int64_t p = tile->k0; p < tile->k1; p += loop->kc) {
        int64_t depth = tile->k1 - p < loop->kc ? tile->k1 - p : loop->kc;
        for (int64_t panel = 0; panel < tile->panel_count; panel++) {
            const int8_t *w =
                (const int8_t *)groups + (size_t)panel * tile->panel_bytes + p * loop->nr;
            for (int64_t i = 0; i < tile->rows; i += loop->mr) {
                int64_t rows = tile->rows - i < loop->mr ? tile->rows - i : loop->mr;
                loop->micro[rows - 1](tile->c + i * tile->ldc + panel * loop->nr, tile->ldc,
                                      tile->a + i * tile->lda + p, tile->lda, w, depth,
                                      p == tile->k0);
            }
        }
    }
}

#endif
