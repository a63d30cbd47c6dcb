/* Arithmetic of sizes and shares: non-negative, 64 bits. */
#ifndef OCTGEMM_CPU_INTEGERS_H
#define OCTGEMM_CPU_INTEGERS_H

#include <stdint.h>

static inline int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ceiling(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static inline int64_t multiple(int64_t a, int64_t b)
{
    return ceiling(a, b) * b;
}

/* Where part `index` (0 .. parts, the last of them the end) of `count` things begins, when the
 * parts' sizes differ by one at most: count * index / parts, so that the larger parts lie among the
 * others, a product that may not fit. Where even that of the rest may not, they come first. */
static inline int64_t part_start(int64_t index, int64_t count, int64_t parts)
{
    int64_t rest = count % parts;
    int64_t larger = parts <= INT32_MAX ? rest * index / parts : at_most(index, rest);
    return count / parts * index + larger;
}

#endif
