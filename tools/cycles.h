/* What a CPU reaches at best, and work per clock cycle: by processor time and the clock's rate,
 * found around a sample by a chain of dependent additions, so that neither a changing clock nor a
 * neighbour falsifies it. */
#ifndef OCTGEMM_CYCLES_H
#define OCTGEMM_CYCLES_H

#include "ceiling.h"

/* Take one before the work and ask after it. */
struct cycles {
    double rate;      /* of the clock, per second; 0 where that is not known */
    double processor; /* seconds of all threads */
};

struct cycles octgemm_cycles_now(void);

/* `work` per cycle since `begin`, never too much; 0 where that is not known. For one thread: what
 * the kernel adds up for others may be some milliseconds old. */
double octgemm_per_cycle(double work, struct cycles begin);

/* Waits, though not for long, until no thread of this process works: those of a library may look
 * for work for some time after its call, and would take the cores from the next one. */
void octgemm_settle(void);

/* What the machine reaches now: the loop in one thread, per cycle, and in all at once, in 1e12
 * operations a second; and all threads reading `count` blocks, in 1e9 bytes a second. */
struct roofs {
    double rate, tops, bandwidth; /* 0: not known */
};

void octgemm_sample_roofs(const struct ceiling *ceiling, int8_t *const *blocks, int64_t count,
                          int64_t bytes, struct roofs *best);

/* Threads that share a product at most, as octgemm(3) says: no more than 1024, or than there are
 * processors. */
int octgemm_threads(void);

/* Of a backend: one of ref, which is serial; 0 of a GPU. */
int octgemm_backend_threads(const char *backend);

/* The ceiling for kernels of this architecture, or NULL. */
const struct ceiling *octgemm_find_ceiling(const char *arch);

#endif
