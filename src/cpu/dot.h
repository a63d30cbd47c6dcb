/* Rows of A times rows of B as the caller has them: for weights that are not packed, and too few
 * rows of A for packing them to pay. The text of every instruction set: included after the types
 * and functions
 *     dot_sums, dot_zero()                        a vector of int32 partial sums
 *     dot_left, load_left(p, bytes, before)       `bytes` of A at p, DOT_BYTES or fewer, and zeros;
 *     dot_right, load_right(p, bytes, before)     of B likewise, places alike; `before`: how many
 *                                                 of the row lie before p
 *     dot_add(sums, left, right)                  products of equal places
 *     store_dots(to, sums[STREAMS], more)         the sum of each vector's lanes, + more
 *     dot_terms(terms, a, lda, rows, k)           what is added to each row's sums
 * and DOT_ROWS, as many rows as there are registers for.
 *
 * B is taken four rows at a time, the next of each quarter of them: where rows lie one behind the
 * other each of the four streams is one run of memory, which hardware fetches ahead over the ends
 * of rows too (four neighbours at a time: 18 GB/s of 28 from memory on Zen 4, two thirds of what L3
 * gives). They are read once for all rows of a tile; the other tiles find them in L1. */
#ifndef OCTGEMM_CPU_DOT_H
#define OCTGEMM_CPU_DOT_H

#include "gemm.h"
#include "inline.h"
#include "integers.h"

enum { STREAMS = 4 };

/* Columns of C and their rows of B. */
struct streams {
    int64_t column[STREAMS];
    const int8_t *row[STREAMS];
};

/* The first step. The last quarters begin early enough to be as long as the others: what they have
 * in common is done twice. */
static inline struct streams first_streams(const int8_t *b, int64_t ldb, int64_t columns)
{
    int64_t steps = ceiling(columns, STREAMS);
    struct streams at;
    for (int i = 0; i < STREAMS; i++) {
        at.column[i] = at_most(i * steps, columns - steps);
        at.row[i] = b + at.column[i] * ldb;
    }
    return at;
}

/* `steps` later, where there are so many. */
static inline struct streams streams_after(struct streams at, int64_t steps, int64_t ldb)
{
    for (int i = 0; i < STREAMS; i++) {
        at.column[i] += steps;
        at.row[i] += steps * ldb;
    }
    return at;
}

/* sums += `bytes` of k. */
INLINE void dot_step(dot_sums sums[][STREAMS], int rows, const int8_t *a, int64_t lda,
                     const int8_t *const b[STREAMS], int64_t p, int64_t bytes)
{
    dot_left left[DOT_ROWS];
    UNROLL
    for (int j = 0; j < STREAMS; j++) {
        dot_right right = load_right(b[j] + p, bytes, p);
        UNROLL
        for (int i = 0; i < rows; i++) {
            if (j == 0) /* a loop of its own clang 14 leaves a loop */
                left[i] = load_left(a + i * lda + p, bytes, p);
            dot_add(&sums[i][j], left[i], right);
        }
    }
}

/* The rows of a tile. `ahead` bytes on in each stream are asked for, unless 0. */
INLINE void dot_tile(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda, const int32_t *terms,
                     int rows, struct streams b, int64_t steps, int64_t ldb, int64_t k,
                     int64_t ahead)
{
    enum { line = 64 };
    for (int64_t step = 0; step < steps; step++) {
        if (step > 0)
            b = streams_after(b, 1, ldb);
        dot_sums sums[DOT_ROWS][STREAMS];
        UNROLL
        for (int i = 0; i < rows; i++)
            UNROLL
        for (int j = 0; j < STREAMS; j++)
            sums[i][j] = dot_zero();
        int64_t p = 0;
        for (; p + DOT_BYTES <= k; p += DOT_BYTES) {
            if (ahead > 0 && p % line == 0)
                UNROLL
            for (int j = 0; j < STREAMS; j++)
                octgemm_cpu_ask(b.row[j], 0, 0, p + ahead);
            dot_step(sums, rows, a, lda, b.row, p, DOT_BYTES);
        }
        if (p < k)
            dot_step(sums, rows, a, lda, b.row, p, k - p);
        UNROLL
        for (int i = 0; i < rows; i++) {
            int32_t four[STREAMS];
            store_dots(four, sums[i], terms[i]);
            UNROLL
            for (int j = 0; j < STREAMS; j++)
                c[i * ldc + b.column[j]] = four[j];
        }
    }
}

typedef void dot_function(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda,
                          const int32_t *terms, struct streams b, int64_t steps, int64_t ldb,
                          int64_t k, int64_t ahead);

#define DOT(rows)                                                                                  \
    static void dot_##rows(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda,                  \
                           const int32_t *terms, struct streams b, int64_t steps, int64_t ldb,     \
                           int64_t k, int64_t ahead)                                               \
    {                                                                                              \
        dot_tile(c, ldc, a, lda, terms, rows, b, steps, ldb, k, ahead);                            \
    }

/* Who includes this ends with that of these that has DOT_ROWS. */
#define DOTS_2                                                                                     \
    DOT(1)                                                                                         \
    DOT(2)                                                                                         \
    static dot_function *const dots[] = {dot_1, dot_2};
#define DOTS_4                                                                                     \
    DOT(1)                                                                                         \
    DOT(2)                                                                                         \
    DOT(3)                                                                                         \
    DOT(4)                                                                                         \
    static dot_function *const dots[] = {dot_1, dot_2, dot_3, dot_4};
#define DOTS_6                                                                                     \
    DOT(1)                                                                                         \
    DOT(2)                                                                                         \
    DOT(3)                                                                                         \
    DOT(4)                                                                                         \
    DOT(5)                                                                                         \
    DOT(6)                                                                                         \
    static dot_function *const dots[] = {dot_1, dot_2, dot_3, dot_4, dot_5, dot_6};

static dot_function *const dots[DOT_ROWS]; /* by rows - 1 */

static void dot(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda, int64_t rows,
                const int8_t *b, int64_t ldb, int64_t columns, int64_t k, int64_t ahead)
{
    enum { kept = 16 << 10 }; /* bytes of B: they stay in L1 while tiles pass */
    int32_t terms[CPU_DOT_ROWS];
    int64_t blocks = ceiling(rows, DOT_ROWS), steps = ceiling(columns, STREAMS);
    int64_t most = blocks == 1 ? steps : at_least(kept / STREAMS / at_least(k, 1), 1);
    struct streams at = first_streams(b, ldb, columns);
    dot_terms(terms, a, lda, rows, k);
    for (int64_t step = 0; step < steps; step += most) {
        if (step > 0)
            at = streams_after(at, most, ldb);
        for (int64_t block = 0; block < blocks; block++) {
            int64_t i = part_start(block, rows, blocks);
            int64_t height = part_start(block + 1, rows, blocks) - i;
            dots[height - 1](c + i * ldc, ldc, a + i * lda, lda, terms + i, at,
                             at_most(most, steps - step), ldb, k, ahead / STREAMS);
        }
    }
}

#endif
