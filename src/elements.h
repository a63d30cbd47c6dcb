/* Access to the typed arrays of octgemm_args, at any address, and the conversions that go with it.
 * One text for C, CUDA and HIP. */
#ifndef OCTGEMM_ELEMENTS_H
#define OCTGEMM_ELEMENTS_H

#include "epilogue.h"
#include "octgemm.h"

/* Bytes of an element. */
OCTGEMM_FN int64_t octgemm_width(octgemm_type type)
{
    return type == OCTGEMM_F16 || type == OCTGEMM_BF16 ? 2 : 4;
}

/* base[index], wherever base points: no array of octgemm_args needs an alignment. */
OCTGEMM_FN float octgemm_load_f32(const void *base, int64_t index)
{
    float value;
    memcpy(&value, (const char *)base + index * (int64_t)sizeof value, sizeof value);
    return value;
}

OCTGEMM_FN int32_t octgemm_load_i32(const void *base, int64_t index)
{
    int32_t value;
    memcpy(&value, (const char *)base + index * (int64_t)sizeof value, sizeof value);
    return value;
}

OCTGEMM_FN uint16_t octgemm_load_u16(const void *base, int64_t index)
{
    uint16_t value;
    memcpy(&value, (const char *)base + index * (int64_t)sizeof value, sizeof value);
    return value;
}

/* Element `index` of an array of F32, F16 or BF16, as float. */
OCTGEMM_FN float octgemm_load_float(const void *base, octgemm_type type, int64_t index)
{
    if (type == OCTGEMM_F32)
        return octgemm_load_f32(base, index);
    uint16_t half = octgemm_load_u16(base, index);
    return type == OCTGEMM_F16 ? octgemm_f16_to_f32(half) : octgemm_bf16_to_f32(half);
}

/* Step 6: rounds to F32, F16 or BF16 and stores element `index`. */
OCTGEMM_FN void octgemm_store_float(void *base, octgemm_type type, int64_t index, float value)
{
    if (type == OCTGEMM_F32) {
        memcpy((char *)base + index * (int64_t)sizeof value, &value, sizeof value);
        return;
    }
    uint16_t half = type == OCTGEMM_F16 ? octgemm_f32_to_f16(value) : octgemm_f32_to_bf16(value);
    memcpy((char *)base + index * (int64_t)sizeof half, &half, sizeof half);
}

/* Which value of a scale or zero-point array belongs to row i. */
OCTGEMM_FN int64_t octgemm_scale_index(octgemm_scale mode, int64_t i)
{
    return mode == OCTGEMM_SCALE_TENSOR ? 0 : i;
}

#endif
