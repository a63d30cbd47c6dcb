/* Timing of calls that may be asynchronous.
 *
 * Calls are timed in batches between two octgemm_sync(), long enough that the clock and the wait
 * weigh nothing and, on a GPU, that launches overlap with work; a sample is a batch's time divided
 * by its calls. */
#ifndef OCTGEMM_TIMING_H
#define OCTGEMM_TIMING_H

#include "octgemm.h"

struct timing {
    double median, best; /* seconds per call */
    int64_t calls;       /* how many were timed */
};

/* Repeats call(user, 0), call(user, 1) ... for about `seconds`. Returns 0 or the exit status. */
int octgemm_time_calls(const octgemm_ctx *ctx, octgemm_status (*call)(void *user, int64_t index),
                       void *user, double seconds, struct timing *out);

/* Seconds of a clock that only goes forward. */
double octgemm_now(void);

#endif
