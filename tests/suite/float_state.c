/* The control register: mxcsr, fpcr, or none that is known. */
#include "float_state.h"

#if defined(__SSE__)
#include <xmmintrin.h>

enum { flush = 0x8040, control = 0xffc0 }; /* flush to zero, denormals are zero; all but flags */

static uint64_t read_register(void)
{
    return _mm_getcsr() & control;
}

static void set_flush(void)
{
    _mm_setcsr(_mm_getcsr() | flush);
}
#elif defined(__aarch64__)
static uint64_t read_register(void)
{
    uint64_t value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}

static void set_flush(void)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(read_register() | UINT64_C(1) << 24)); /* FZ */
}
#else
static uint64_t read_register(void)
{
    return 0;
}

static void set_flush(void)
{
}
#endif

void suite_float_state_change(struct suite_float_state *state)
{
    fegetenv(&state->before);
    fesetround(FE_TOWARDZERO);
    set_flush();
    state->changed = read_register();
}

int suite_float_state_restore(const struct suite_float_state *state)
{
    int kept = fegetround() == FE_TOWARDZERO && read_register() == state->changed;
    fesetenv(&state->before);
    return kept;
}
