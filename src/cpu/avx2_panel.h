/* The AVX2 kernels' packed panel and prepared block of A: who finds what where.
 *
 * AVX2 has no exact int8 dot product: vpmaddubsw saturates at 16 bits. Two exact methods share one
 * layout of the weights, and every panel says which one it is for:
 *   acc16     A as a + 128 in 0..255. In a group of 1, 2 or 4 quads (a quad = 4 consecutive k) the
 *             two 16-bit lanes of a column add up 2, 4 or 8 products before they are widened. When
 *             in every lane the positive weights sum to at most 128 and the negative ones to at
 *             least -128, each partial sum is within 255 * 128 = 32640, which neither saturates
 *             nor wraps. That is a fact about the weights, established when they are packed;
 *             what breaks it is moved from the weights to a list of (k, difference) that is
 *             multiplied apart.
 *   Winograd  (a0 + w1)(a1 + w0) - a0 a1 - w0 w1 in 16 bits: takes any weights, needs no list. One
 *             row takes these panels by way of |w| (avx2_signs.c).
 *
 * A panel of 32 columns, k in blocks of 512 and rounded up to 16:
 *   int32     column sums, as the driver wants them
 *   int32     sums of w0 w1 over the pairs of a column (Winograd)
 *   int32     method: the quads of a group, or 0 for Winograd
 *   uint32    list_start[blocks + 1]: the first entry of each block of k
 *   int8      weights[k / 4][32][4]
 *             list[]: entries of four weights of one column, in any order within a block of k
 *   uint16      place[4]: 8 times the place in the block of k
 *   int8        difference[4]: -64 .. 64
 *   uint8     list_column[]: the column of each entry
 *
 * Everything may be misaligned. */
#ifndef OCTGEMM_CPU_AVX2_PANEL_H
#define OCTGEMM_CPU_AVX2_PANEL_H

#include "gemm.h"
#include "host.h"
#include "integers.h"

enum {
    AVX2_COLUMNS = 32,
    AVX2_DEPTH = 512, /* k of a block: 16 KB of weights lie in L1 */
    AVX2_K_ROUND = 16,
    AVX2_QUAD_BYTES = 4 * AVX2_COLUMNS, /* four k of the weights */
    AVX2_VECTORS = AVX2_COLUMNS / 8,    /* registers of these, and of a row of sums */
    AVX2_LIST_ENTRY = 12,               /* bytes */
    AVX2_LIST_MAX_DIFFERENCE = 64,
    AVX2_STRIP = 32,     /* rows of transposed A that lie side by side, at most */
    AVX2_ACC16_ROWS = 2, /* of a register tile; prepared A is in the order in which tiles read */
    AVX2_WINOGRAD_ROWS = 4,
};

static inline int64_t octgemm_avx2_blocks(int64_t k)
{
    return ceiling(k, AVX2_DEPTH);
}

/* k of the block that begins at p, rounded up, where k ends at k1. */
static inline int64_t octgemm_avx2_depth(int64_t p, int64_t k1)
{
    return multiple(at_most(k1 - p, AVX2_DEPTH), AVX2_K_ROUND);
}

/* Where the parts of a panel begin, in bytes. */
struct avx2_layout {
    size_t pair_sum, method, list_start, weights, list, list_column, bytes;
    int64_t list_limit; /* entries that there is room for */
};

static inline struct avx2_layout octgemm_avx2_layout(int64_t k)
{
    int64_t blocks = octgemm_avx2_blocks(k), rounded = multiple(k, AVX2_K_ROUND);
    struct avx2_layout at = {.pair_sum = AVX2_COLUMNS * sizeof(int32_t)};
    at.method = 2 * at.pair_sum;
    at.list_start = at.method + sizeof(int32_t);
    size_t end = at.list_start + (size_t)(blocks + 1) * sizeof(uint32_t);
    at.weights = (size_t)multiple((int64_t)end, 64);
    at.list = at.weights + (size_t)(rounded * AVX2_COLUMNS);
    at.list_limit = rounded * AVX2_COLUMNS / 96; /* 1 weight in 24 may be in the list */
    at.list_column = at.list + (size_t)at.list_limit * AVX2_LIST_ENTRY;
    at.bytes = (size_t)multiple((int64_t)at.list_column + at.list_limit, 64);
    return at;
}

/* A block of A: rows x [k0, k1) in the orders that the methods want, each made when the first panel
 * that wants it comes. All are cut at the blocks of k, so that what one step of multiply() reads is
 * contiguous. At 0 lies one int32 for each form: is it there? */
enum avx2_form { AVX2_BYTES, AVX2_WORDS, AVX2_TRANSPOSED, AVX2_FORMS };

struct avx2_block {
    size_t bytes;      /* a + 128, [block][2 rows][depth / 4][row][4]: acc16, signs */
    size_t words;      /* int16 a0 a2 a1 a3, [block][4 rows][depth / 4][row][4]: Winograd */
    size_t pair_sum;   /* with it: int32 per row, sum of a0 a1 */
    size_t transposed; /* a + 128, [block][strip][depth][8, 16 or 32 rows]: the list */
    size_t end;
};

/* Rows of a strip, and of all strips, where so many rows are left. */
static inline int64_t octgemm_avx2_strip_rows(int64_t rows)
{
    return rows <= 8 ? 8 : rows <= 16 ? 16 : AVX2_STRIP;
}

static inline int64_t octgemm_avx2_padded_rows(int64_t rows)
{
    int64_t rest = rows % AVX2_STRIP;
    return rows - rest + (rest > 0 ? octgemm_avx2_strip_rows(rest) : 0);
}

static inline struct avx2_block octgemm_avx2_block(int64_t rows, int64_t k)
{
    int64_t rounded = multiple(k, AVX2_K_ROUND);
    int64_t padded = octgemm_avx2_padded_rows(rows);
    struct avx2_block at = {.bytes = 64};
    at.words = at.bytes + (size_t)multiple(rows * rounded, 64);
    at.pair_sum = at.words + (size_t)multiple(2 * rows * rounded, 64);
    at.transposed = at.pair_sum + (size_t)multiple(rows * (int64_t)sizeof(int32_t), 64);
    at.end = at.transposed + (size_t)multiple(padded * rounded, 64);
    return at;
}

/* avx2_pack.c: one format that chooses the method panel by panel, one that is Winograd throughout.
 */
extern const struct cpu_format octgemm_avx2_acc16_format, octgemm_avx2_winograd_format;

/* avx2_prepare.c */
size_t octgemm_avx2_block_bytes(int64_t rows, int64_t k);
void octgemm_avx2_prepare(void *block, const int8_t *a, int64_t lda, int64_t rows, int64_t k0,
                          int64_t k1);
void octgemm_avx2_make_form(const struct cpu_tile *tile, enum avx2_form form);

/* What follows adds one block of k of one panel to C. a: the block's own part of the prepared A;
 * weights: its weights; depth: its k, a multiple of 16. */

/* What C begins with when its first block of k is added: minus a term of each row and minus one of
 * each column. columns NULL: C has begun. */
struct avx2_start {
    const int32_t *rows;    /* Winograd: sums of a0 a1 */
    const int32_t *columns; /* Winograd: sums of w0 w1; acc16: sums of w, which count 128 times */
};

/* avx2_acc16.c. group: 1, 2 or 4. next: the weights of the step to come, to be fetched but for
 * what `list_entries` entries of the list will, a line each. Returns where the list begins. */
uintptr_t octgemm_avx2_acc16(int group, const uint8_t *a, int64_t rows, const int8_t *weights,
                             int64_t depth, int32_t *c, int64_t ldc, struct avx2_start start,
                             uintptr_t next, int64_t list_entries);

/* avx2_winograd.c. widened: AVX2_WIDENED_BYTES of scratch. */
enum { AVX2_WIDENED_BYTES = AVX2_DEPTH * AVX2_COLUMNS };
void octgemm_avx2_winograd(const int16_t *a, int64_t rows, const int8_t *weights, int64_t depth,
                           int32_t *c, int64_t ldc, struct avx2_start start, void *widened,
                           uintptr_t next);

/* avx2_signs.c: one row, weights as for Winograd. a: its bytes. begins: C has not begun. */
void octgemm_avx2_signs(const uint8_t *a, const int8_t *weights, int64_t depth, int32_t *c,
                        int begins, uintptr_t next);

/* avx2_list.c: one block of k of one row, added to C. a: its bytes. ahead: what to fetch, a line
 * with each entry. */
void octgemm_avx2_list_of_row(const void *list, const void *columns, int64_t count,
                              const uint8_t *a, int32_t *c, uintptr_t ahead);

/* avx2_list.c: one strip of rows (width: octgemm_avx2_strip_rows), one block of k. sums collects
 * the list's part of C in the order in which it is computed, over all blocks of k
 * (octgemm_avx2_list_bytes, zeroed by the caller), strip by strip; finish adds it to C. ahead: what
 * a narrow strip fetches, a line with each entry. */
size_t octgemm_avx2_list_bytes(int64_t rows);
void octgemm_avx2_list(const void *list, const void *columns, int64_t count, const uint8_t *a,
                       int64_t width, int32_t *sums, uintptr_t ahead);
void octgemm_avx2_list_finish(const int32_t *sums, int64_t rows, int32_t *c, int64_t ldc);

#endif
