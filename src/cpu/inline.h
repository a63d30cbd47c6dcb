/* Functions and loops over registers: they must disappear at compile time, and each compiler has
 * its own word for loops. */
#ifndef OCTGEMM_CPU_INLINE_H
#define OCTGEMM_CPU_INLINE_H

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
#define INLINE static inline __attribute__((always_inline))

#endif
