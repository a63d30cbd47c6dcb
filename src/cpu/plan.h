/* How a product is cut into tasks, and what memory they need: arithmetic alone.
 *
 * Everything but the number of threads that take part is decided here from the context and the
 * arguments, once for one thread and once for as many as there may be, so that workspace() and
 * run() agree however the caller sets threads between. */
#ifndef OCTGEMM_CPU_PLAN_H
#define OCTGEMM_CPU_PLAN_H

#include "gemm.h"
#include "integers.h"

enum weights_from {
    FROM_PANELS, /* packed by the caller */
    FROM_ROWS,   /* packed group by group in the workspace */
    FROM_DOTS    /* not packed at all: dot() on the caller's rows */
};

struct plan {
    enum weights_from from;
    int64_t threads; /* most that take part */
    int64_t row_block, row_blocks;
    int64_t unit, units;   /* panels that stay together, and how many such there are */
    int64_t group, groups; /* most columns of a group, a multiple of nr, and how many groups */
    int64_t span, splits;  /* of k */
    int64_t ldc;
    int64_t outers, inners; /* row blocks and tasks in them (FROM_PANELS), or groups and tasks */
    /* Bytes, in cache lines, so that threads share none. */
    size_t share_bytes, done_bytes, partial_bytes;                          /* shared */
    size_t c_bytes, block_bytes, scratch_bytes, panels_bytes, thread_bytes; /* of each thread */
    size_t dot_bytes; /* of the block: what dot() has instead of rows of A; 0: rows */
};

/* A thread's share of the tasks in an outer, and how far they are taken; alone in its cache line.
 */
struct plan_share {
    int64_t next, unused[7];
};

/* How many of an outer for so many threads. */
static inline int64_t octgemm_cpu_shares(const struct plan *plan, int64_t threads)
{
    return ceiling(threads, plan->outers);
}

struct plan octgemm_cpu_plan(const struct cpu_ctx *cpu, const struct cpu_gemm *gemm,
                             const octgemm_args *args, int threads);

/* Cycles of the product on one thread, roughly: multiply-adds or weights from a cache, what weights
 * cost that are not packed (more the more rows there are, until packing them is better), results
 * and rows. They decide between one thread and all (octgemm_cpu_worth), which take about as long
 * where that is in doubt. */
double octgemm_cpu_cycles(const struct cpu_gemm *gemm, const octgemm_args *args);

#endif
