/* Loops over registers: they must disappear at compile time, and each compiler has its own word. */
#ifndef OCTGEMM_CPU_AVX2_UNROLL_H
#define OCTGEMM_CPU_AVX2_UNROLL_H

#ifdef __clang__
#define AVX2_UNROLL _Pragma("clang loop unroll(full)")
#else
#define AVX2_UNROLL _Pragma("GCC unroll 16")
#endif
#define AVX2_INLINE static inline __attribute__((always_inline))

#endif
