/* What a CPU kernel is: a packed format of the weights and a function that multiplies one tile.
 *
 * The driver (plan.c, gemm.c) cuts D into tiles, shares them out over threads, and turns the exact
 * sums of a tile into D (epilogue). A kernel knows nothing of threads, scales, types or zero
 * points, and owns everything inside a tile: its loops over k, panels and rows, its registers, its
 * corrections.
 */
#ifndef OCTGEMM_CPU_GEMM_H
#define OCTGEMM_CPU_GEMM_H

#include "cpu.h"

enum { CPU_NR_MAX = 64, CPU_NC_MAX = 512 };

/* How weights lie once they are packed: panels of nr columns (rows of B), one behind the other,
 * each panel_bytes(k) long. A panel begins with its nr column sums (int32, sum of the weights of
 * each column over the whole k, 0 for the columns that pad the last panel); what follows is the
 * format's own: data in any order, correction lists, a choice of method for this panel ... The
 * caller owns the buffer and may have misaligned it: unaligned loads only. Packed by
 * octgemm_alloc() it is aligned to 64 bytes, and panel_bytes() should then keep panels aligned. */
struct cpu_format {
    const char *name; /* in the header of packed weights, at most 19 characters */
    int nr;           /* columns of a panel, a multiple of 4, at most CPU_NR_MAX */
    int k_step;       /* k may be split between threads at multiples of this */

    /* Bytes of a panel, column sums included: an upper bound known without the data. */
    size_t (*panel_bytes)(int64_t k);

    /* Writes one panel from `columns` (1 .. nr) rows of b, each k long, ldb apart. k > 0. May use a
     * few KB of stack, allocates nothing. `quick` asks for the cheapest choice: the weights came
     * unpacked and this panel serves one product only. */
    void (*pack)(void *panel, const int8_t *b, int64_t ldb, int64_t columns, int64_t k, int quick);
};

/* One call of multiply(): C = A B^T over rows x panels x [k0, k1). */
struct cpu_tile {
    const int8_t *a; /* the caller's rows at p = 0 (not at k0); may not be read past k1 */
    int64_t lda;
    void *block;  /* what prepare() wrote for these very rows and [k0, k1); the thread's own, so
                     multiply() may leave in it what it finds it needs */
    int64_t rows; /* 1 .. mc */
    const char *panels;
    size_t panel_bytes; /* the distance of panels */
    int64_t panel_count;
    int64_t k;      /* > 0 */
    int64_t k0, k1; /* k0 a multiple of k_step; k1 too, or k1 = k; k0 < k1 */
    int32_t *c;     /* rows x (panel_count * nr), overwritten with exact sums over [k0, k1) */
    int64_t ldc;    /* int32 elements, a multiple of 16; c is aligned to 64 bytes, or, as it may be
                       D itself, to nr elements where those are fewer bytes */
    int64_t stream_ahead; /* cpu.h */
    void *scratch;        /* scratch_bytes(k) bytes of this thread, aligned to 64 */
};

enum { CPU_DIRECT = 14 };

/* With k or more products in a row, up to how many rows of A are multiplied by rows of B directly.
 */
struct cpu_direct {
    int64_t k;
    int rows; /* at most CPU_DOT_ROWS */
};

/* Asks for the line with element p of a column that is packed soon: hardware fetches ahead within a
 * column only. The column need not be there, so its address is no pointer's. */
static inline void octgemm_cpu_ask(const int8_t *b, int64_t ldb, int64_t column, int64_t p)
{
    uintptr_t address = (uintptr_t)b + (uintptr_t)column * (uintptr_t)ldb + (uintptr_t)p;
    __builtin_prefetch((const void *)address);
}

struct cpu_gemm {
    enum cpu_isa isa;
    const struct cpu_format *format;
    int rate;     /* MACs per cycle, roughly: how much work is worth another thread */
    int mr;       /* rows of the register tile: rows are shared out in multiples of it ... */
    int nt;       /* ... and columns, a power of 2 times nr: likewise, where there are enough */
    int mc;       /* most rows of a tile: prepare() is called once for them ... */
    int mc_alone; /* ... (of one thread, which shares its core's caches with none; 0: mc) ... */
    int nc; /* ... and most columns of a tile (a multiple of nr, at most CPU_NC_MAX): C is in cache
             */

    /* Unpacked weights: with so few rows of A, rows of B are multiplied directly (dot(),
     * here or in vector.h), with more packed panel by panel into the workspace. Entries by falling
     * k; what is left out is zeros, which end the list: always packed. What a dot product has at
     * its end counts less the longer it is. */
    struct cpu_direct direct[CPU_DIRECT];
    cpu_dot *dot; /* where it has a faster one than the vector functions */
    /* Optional: what dot() gets in place of so many rows of A, of any k, that dot_bytes() is more
     * than 0. */
    size_t (*dot_bytes)(int64_t rows, int64_t k);
    void (*dot_prepare)(void *block, const int8_t *a, int64_t lda, int64_t rows, int64_t k);

    /* Optional: what multiply() wants of A, once for a block of rows and reused for every panel:
     * a copy in another order, a + 128, row sums, a transposition. */
    size_t (*block_bytes)(int64_t rows, int64_t k); /* for at most this many rows and k1 - k0 */
    void (*prepare)(void *block, const int8_t *a, int64_t lda, int64_t rows, int64_t k0,
                    int64_t k1);

    size_t (*scratch_bytes)(int64_t k); /* NULL: none */

    void (*multiply)(const struct cpu_tile *tile);

    /* So fast that it shows how long the lines of a large D are read before they are written. */
    int writes_around;
};

#endif
