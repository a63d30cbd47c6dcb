/* The CPU backend's context, and the instruction sets it knows.
 *
 * An instruction set is a row of a table (detect_<machine>.c, chosen by the Makefile) that says
 * what it needs. The table is in the order of OCTGEMM_CPU: naming one there makes every later row
 * unusable. */
#ifndef OCTGEMM_CPU_H
#define OCTGEMM_CPU_H

#include "backend.h"

enum cpu_isa {
    CPU_GENERIC, /* plain C at the compiler's baseline */
    CPU_SSE41,
    CPU_AVX2, /* with F16C */
    CPU_AVXVNNI,
    CPU_AVX512BW, /* with F, DQ and VL */
    CPU_AVX512VNNI,
    CPU_AMX,
    CPU_NEON,
    CPU_DOTPROD,
    CPU_I8MM,
    CPU_ISA_COUNT
};

/* What a machine has: bits whose meaning is its detect_<machine>.c's. */
struct cpu_features {
    uint32_t word[5];
    uint32_t saved; /* registers that the system saves */
};

struct cpu_features octgemm_cpu_features(void);

struct cpu_isa_row {
    enum cpu_isa isa;
    const char *name;   /* as in OCTGEMM_CPU */
    enum cpu_isa below; /* which must be usable too; itself where none must */
    struct cpu_features needs;
    const char *missing, *unsaved; /* what is said where a word, where `saved` lacks them */
    /* What a process must ask for, and is changed by: only where a context is opened. Why it was
     * refused, or NULL. */
    const char *(*request)(void);
};

extern const struct cpu_isa_row octgemm_cpu_isas[]; /* weakest first */
extern const size_t octgemm_cpu_isa_count;

struct cpu_caches {
    size_t l2, l3; /* bytes: of a core, and shared. L1 is the kernels' own business. */
};

struct cpu_caches octgemm_cpu_caches(void);

/* stream_<machine>.c: how far ahead of itself a kernel that reads weights once asks for them, in
 * bytes, shared by the streams it reads. 0: no further than it has come; dot.h then asks for
 * nothing, other kernels for what they are about to load, which fetches nothing early. */
int64_t octgemm_cpu_stream_ahead(void);

/* What it costs to call threads and to meet them again, in cycles: at all, and for each. */
struct cpu_team {
    double call, each;
};

struct cpu_ctx {
    struct octgemm_ctx base;
    const char *obstacle[CPU_ISA_COUNT]; /* why an instruction set is not used, or NULL */
    struct cpu_caches caches;
    int64_t stream_ahead;
    int threads; /* most threads an operation uses: workspaces are for so many */
    struct cpu_team team;
    const struct cpu_vector *vector; /* epilogue, quantiser, dot products (vector.h) */
};

enum { CPU_DOT_ROWS = 256 };

/* Sums over rows x columns straight from rows of B: c[i * ldc + j] = sum over k of a_i b_j, of
 * CPU_DOT_ROWS rows at most. ahead: stream_ahead of the context. */
typedef void cpu_dot(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda, int64_t rows,
                     const int8_t *b, int64_t ldb, int64_t columns, int64_t k, int64_t ahead);

static inline const struct cpu_ctx *octgemm_cpu_ctx(const octgemm_ctx *ctx)
{
    return (const struct cpu_ctx *)ctx;
}

/* threads.c: OpenMP, or one thread without it. */
octgemm_status octgemm_cpu_threads_open(void); /* before the others */
int octgemm_cpu_threads_at_most(void);         /* for a context opened now */
struct cpu_team octgemm_cpu_team(void);        /* likewise: reads the environment */

/* Is work that takes one thread so many cycles worth calling so many threads? */
int octgemm_cpu_worth(const struct cpu_team *team, int threads, double cycles);

/* For such work started now: one thread, or all that the runtime would give, which may be more than
 * octgemm_cpu_threads_at_most() said. One where more are not worth it, in a nested region, and in a
 * child of a process that had threads when it forked. */
int octgemm_cpu_threads_now(const struct cpu_team *team, double cycles);

/* Calls work(arg, thread) on up to `threads` threads at once (on this one alone when 1); no more
 * than octgemm_cpu_threads_now() said. */
void octgemm_cpu_parallel(int threads, void (*work)(void *arg, int thread), void *arg);

#endif
