/* What vector_body.h does with fewer elements than a vector has, where instructions have no masks:
 * by way of a buffer. */
#ifndef OCTGEMM_CPU_VECTOR_SOME_H
#define OCTGEMM_CPU_VECTOR_SOME_H

#include <string.h>

static inline vint load_some_int(const char *p, int64_t count)
{
    int32_t buffer[lanes] = {0};
    memcpy(buffer, p, (size_t)count * sizeof *buffer);
    return load_int(buffer);
}

static inline vfloat load_some_float(const char *p, int64_t count)
{
    float buffer[lanes] = {0};
    memcpy(buffer, p, (size_t)count * sizeof *buffer);
    return load_float(buffer);
}

static inline void copy_some(void *to, const void *from, int64_t count, int64_t width)
{
    memcpy(to, from, (size_t)(count * width));
}

#endif
