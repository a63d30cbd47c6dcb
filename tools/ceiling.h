/* What the multipliers of this core reach at best: loops of nothing but the inner instructions of a
 * kernel, in registers. */
#ifndef OCTGEMM_CEILING_H
#define OCTGEMM_CEILING_H

#include <stdint.h>

struct ceiling {
    const char *arch;            /* of kernels, as octgemm_kernel() gives it */
    void (*loop)(int64_t count); /* `macs` multiply-adds, `count` times */
    int macs;
    int (*usable)(void); /* NULL: wherever the kernels of arch are */
};

extern const struct ceiling octgemm_ceilings[]; /* arch NULL ends it */

/* Adds `count` times 16 dependent 64-bit additions: 16 cycles each, whatever the clock does. */
void octgemm_spin(int64_t count);

#endif
