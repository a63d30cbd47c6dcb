/* What a GPU kernel is given: one struct, passed by value. One text for C, CUDA and HIP.
 *
 * Members have fixed sizes and fall in decreasing alignment, so that the host compiler and every
 * device compiler lay the structs out alike. A stride is in elements. A step is 0 or 1: element i
 * of a vector with one value per row, or of one with a single value, is v[i * v_step].
 */
#ifndef OCTGEMM_GPU_PARAMS_H
#define OCTGEMM_GPU_PARAMS_H

#include "octgemm.h"

#include <stdint.h>

/* D = A * B^T. The work is tiles_m * tiles_n * splits units in a grid of one dimension: unit u is
 * part u / (tiles_m * tiles_n) of tile u % (tiles_m * tiles_n); when the parts of a tile are a
 * cluster, partial is NULL and unit u is part u % splits of tile u / splits. Block x has the units
 * x, x + gridDim.x, ...; a kernel that is not persistent has a block for each, fewer than 2^31. */
struct octgemm_gemm_params {
    const int8_t *a;
    const int8_t *b; /* packed weights too: their rows, with ldb */
    void *d;
    const float *sa;       /* NULL: 1.0 */
    const float *sb;       /* NULL: 1.0 */
    const int32_t *za;     /* NULL: none */
    const int32_t *column; /* n sums of B's rows, with za; NULL: the kernel adds them up itself */
    const void *bias;      /* NULL: none */
    int32_t *partial;      /* splits > 1, no cluster: sums of every unit. HIP: unit after unit, in
                              an order of its own; CUDA: as struct octgemm_join_params says */
    uint32_t *counter; /* with partial, unless another launch adds: one per tile, zeroed before */
    int64_t m, n, lda, ldb, ldd;
    int64_t tiles_m, tiles_n;
    int32_t k;
    int32_t sa_step, sb_step, za_step;
    int32_t d_type, bias_type; /* enum octgemm_type */
    int32_t splits;            /* parts of k, each but the last of k_split columns */
    int32_t k_split;           /* a multiple of tile_k */
    int32_t group; /* tiles of m that are walked together, so that L2 serves them one tile of n */
    int32_t box_rows; /* of A, in a load of the copy engine; only where a kernel has tensor maps */
    int32_t box_rows_n; /* and of B */
    int32_t boxed_n;    /* columns of D that the copy engine writes, of which it has a tensor map */
    int32_t d_passes;   /* D is so large that whoever reads it next finds little of it in the L2 */
    int32_t in_order;   /* the launch behind this one is not to start before D is written */
    int32_t early;      /* the launch ahead has not written B, so B is read while that ends */
};

/* Rows of a box of D that the copy engine writes, of 128 bytes each: it takes half of them or all
 * for 64 weights, by the width of an element. The tile has whole boxes, few of them: each costs a
 * fence and a barrier. */
#define OCTGEMM_D_BOX_ROWS(tile_m, bytes)                                                          \
    (((tile_m) % 64 == 0 ? 128 : (tile_m) % 32 == 0 ? 64 : 96) / (bytes))

/* What CUDA's helpers and the host count alike. */
enum {
    octgemm_weights_threads = 128,
    octgemm_weights_piece = 1024, /* bytes of a row that a warp takes at once */
    octgemm_join_threads = 256,
    octgemm_join_columns = 8, /* of D, that a thread has at once */
};

/* Adding parts of k that are in gemm.partial: part s has the sums of D's whole tiles, row-major,
 * from s * step on. Thread x of the grid has octgemm_join_columns columns of D, then the same after
 * as many as there are. */
struct octgemm_join_params {
    struct octgemm_gemm_params gemm;
    int64_t ld, step;
};

/* Rows of x to int8. Block x has the rows x * rows_per_block and on, then the same after a stride
 * of gridDim.x * rows_per_block. */
struct octgemm_quantize_params {
    const void *x;
    int8_t *q;
    float *scale;  /* in (one value) when static_scale, else out */
    int32_t *zero; /* NULL: symmetric */
    int64_t rows, ldx, ldq;
    int64_t k;      /* without a limit: only a product has one */
    int32_t x_type; /* enum octgemm_type */
    int32_t static_scale;
};

/* Copying rows (to pack B, or A or B for a kernel that their stride does not fit), and the sums of
 * the rows. */
struct octgemm_weights_rows {
    const int8_t *b;
    int8_t *packed;  /* NULL: sums only. Rows of ldp bytes, zeros from k on. */
    int32_t *column; /* the sum of each row, at any address; NULL: not wanted */
    int64_t n, ldb, ldp;
    int64_t sharers; /* CUDA: warps that share a row, piece by piece; one or a whole block of them
                        where there is a column */
};

/* Of up to two matrices at once. Blocks share the rows out by whatever their number is. */
struct octgemm_weights_params {
    struct octgemm_weights_rows part[2];
    int32_t k;
    int32_t blocks;   /* 0: rows; else HIP's blocks of packed rows of part[0] (src/hip/blocks.h) */
    int32_t in_order; /* the launch behind this one is not to start before all is written */
    int32_t packs;    /* packed weights: nor before all is visible to what does not wait for it */
};

#endif
