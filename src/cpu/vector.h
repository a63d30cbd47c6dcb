/* What the backend does besides multiplying, for one instruction set: the epilogue, the quantiser
 * and dot products on unpacked weights. vector_<isa>.c each define one; the best usable one serves
 * every kernel of a context. */
#ifndef OCTGEMM_CPU_VECTOR_H
#define OCTGEMM_CPU_VECTOR_H

#include "cpu.h"

/* What a row of a tile needs to become a row of D, in the columns' order. Pointers may be
 * misaligned; what the caller left out is the value that changes nothing: sb 1, bias -0 (x + -0 = x
 * for every x, where +0 would lose the sign of -0). */
struct cpu_columns {
    const void *sb, *bias; /* float */
    const void *sums;      /* int32, column sums of B; NULL without zero points */
};

/* d[0..count) = the row c[0..count) after steps 2 to 6 of the contract; d at any alignment. */
typedef void cpu_epilogue_row(void *d, const int32_t *c, int64_t count, int32_t za, float sa,
                              const struct cpu_columns *columns);

struct cpu_vector {
    enum cpu_isa isa;
    cpu_epilogue_row *epilogue[4]; /* by octgemm_type of D */

    /* Whole cache lines, written to memory around the caches; a fence must follow before others may
     * read them. NULL: no such stores here. */
    void (*write_around)(void *to, const void *from, size_t bytes);

    /* Rows [first, last) of a quantisation. */
    void (*quantize)(const octgemm_quantize_args *args, int64_t first, int64_t last);

    cpu_dot *dot;
};

extern const struct cpu_vector *const octgemm_cpu_vectors[]; /* best first, the last is plain C */

extern const struct cpu_vector octgemm_cpu_vector_generic;
extern const struct cpu_vector octgemm_cpu_vector_sse41;
extern const struct cpu_vector octgemm_cpu_vector_avx2;
extern const struct cpu_vector octgemm_cpu_vector_avx512;
extern const struct cpu_vector octgemm_cpu_vector_neon;

#endif
