/* The floating-point environment of the contract: round to nearest, no flush-to-zero.
 *
 * A host program may have set another one on the calling thread (audio engines flush denormals).
 * octgemm.c enters the default one around what it chooses, runs and quantises, the cpu backend on
 * every other thread; the caller's is left as it was. Touching a control register costs a few
 * cycles; fesetenv() does not reach the flush-to-zero bits, so the registers are written directly
 * where that is known.
 */
#ifndef OCTGEMM_FLOAT_ENVIRONMENT_H
#define OCTGEMM_FLOAT_ENVIRONMENT_H

#if defined(__x86_64__) || defined(__SSE__)
#include <xmmintrin.h>
typedef unsigned octgemm_float_state;
static inline octgemm_float_state octgemm_float_enter(void)
{
    unsigned state = _mm_getcsr();
    _mm_setcsr(0x1f80); /* all exceptions masked, nearest even, FTZ and DAZ off */
    return state;
}
static inline void octgemm_float_leave(octgemm_float_state state)
{
    _mm_setcsr(state);
}
#elif defined(__aarch64__)
/* "memory": what is read and written stays on its side of the change. */
#include <stdint.h>
typedef uint64_t octgemm_float_state;
static inline octgemm_float_state octgemm_float_enter(void)
{
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0) : "memory");
    return state;
}
static inline void octgemm_float_leave(octgemm_float_state state)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(state) : "memory");
}
#else
#include <fenv.h>
typedef fenv_t octgemm_float_state;
static inline octgemm_float_state octgemm_float_enter(void)
{
    fenv_t state;
    fegetenv(&state);
    fesetenv(FE_DFL_ENV);
    return state;
}
static inline void octgemm_float_leave(octgemm_float_state state)
{
    fesetenv(&state);
}
#endif

#endif
