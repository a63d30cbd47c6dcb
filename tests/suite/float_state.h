/* A caller that has changed its floating-point state: it rounds to zero and flushes denormals, as
 * audio engines do. Results may not depend on it, and it must survive the call. */
#ifndef OCTGEMM_SUITE_FLOAT_STATE_H
#define OCTGEMM_SUITE_FLOAT_STATE_H

#include <fenv.h>
#include <stdint.h>

struct suite_float_state {
    fenv_t before;
    uint64_t changed; /* the control register, where there is one that fenv.h does not reach */
};

void suite_float_state_change(struct suite_float_state *state);

/* Gives back what was before. Returns whether the changed state was still there. */
int suite_float_state_restore(const struct suite_float_state *state);

#endif
