/* Epilogue, quantiser and dot products in plain C: the floor. A vector has one lane here, and the
 * compiler makes wider ones of the loops of vector_body.h where it can. */
#include "host.h"

enum { lanes = 1, DOT_BYTES = 4, DOT_ROWS = 2 };
typedef float vfloat;
typedef int32_t vint;
typedef struct {
    int8_t value[DOT_BYTES];
} vdots;

static inline vint load_int(const void *p)
{
    return octgemm_load_i32(p, 0);
}

static inline void store_int(void *p, vint x)
{
    memcpy(p, &x, sizeof x);
}

static inline vint set_int(int32_t x)
{
    return x;
}

/* Zero points are arithmetic modulo 2^32, hence unsigned. */
static inline vint add_int(vint x, vint y)
{
    return (int32_t)((uint32_t)x + (uint32_t)y);
}

static inline vint sub_int(vint x, vint y)
{
    return (int32_t)((uint32_t)x - (uint32_t)y);
}

static inline vint mul_int(vint x, vint y)
{
    return (int32_t)((uint32_t)x * (uint32_t)y);
}

static inline vint and_int(vint x, vint y)
{
    return x & y;
}

static inline vint max_int(vint x, vint y)
{
    return x > y ? x : y;
}

static inline void store_i8(int8_t *p, vint x)
{
    *p = (int8_t)(x < -128 ? -128 : x > 127 ? 127 : x);
}

static inline vfloat load_float(const void *p)
{
    return octgemm_load_f32(p, 0);
}

/* octgemm_f16_to_f32() without branches, so that compilers vectorise it (vector_sse41.c). */
static inline vfloat load_f16(const void *p)
{
    uint32_t half = octgemm_load_u16(p, 0), rest = half & 0x7fff;
    uint32_t special = -(uint32_t)(rest > 0x7bff) & 0x7f800000;
    float number = octgemm_bits_float(rest << 13) * 0x1p112f;
    return octgemm_bits_float(octgemm_float_bits(number) | special | (half & 0x8000) << 16);
}

static inline vfloat load_bf16(const void *p)
{
    return octgemm_load_float(p, OCTGEMM_BF16, 0);
}

static inline void store_float(void *p, vfloat x)
{
    octgemm_store_float(p, OCTGEMM_F32, 0, x);
}

static inline void store_f16(void *p, vfloat x)
{
    octgemm_store_float(p, OCTGEMM_F16, 0, x);
}

static inline void store_bf16(void *p, vfloat x)
{
    octgemm_store_float(p, OCTGEMM_BF16, 0, x);
}

static inline vfloat set_float(float x)
{
    return x;
}

static inline vfloat add(vfloat x, vfloat y)
{
    return x + y;
}

static inline vfloat mul(vfloat x, vfloat y)
{
    return x * y;
}

static inline vfloat divide(vfloat x, vfloat y)
{
    return x / y;
}

static inline vfloat min(vfloat x, vfloat y)
{
    return x < y ? x : y;
}

static inline vfloat max(vfloat x, vfloat y)
{
    return x > y ? x : y;
}

static inline vfloat zero_nan(vfloat x)
{
    return x == x ? x : 0;
}

static inline vfloat to_float(vint x)
{
    return (float)x;
}

static inline vint bits(vfloat x)
{
    return (int32_t)octgemm_float_bits(x);
}

/* Adding 1.5 * 2^23 leaves no bits for a fraction: the sum is rounded to an integer, to nearest
 * even, found in its low bits. For |x| < 2^22; unlike rintf() every compiler can vectorise it. */
static inline vint nearest(vfloat x)
{
    const float magic = 0x1.8p23f;
    return bits(x + magic) - bits(magic);
}

static inline vdots load_dots(const int8_t *p)
{
    vdots dots;
    memcpy(dots.value, p, sizeof dots.value);
    return dots;
}

/* `bytes` < DOT_BYTES, and zeros. */
static inline vdots load_few_dots(const int8_t *p, int64_t bytes)
{
    vdots dots = {{0}};
    memcpy(dots.value, p, (size_t)bytes);
    return dots;
}

static inline vdots and_dots(vdots x, vdots y)
{
    for (int i = 0; i < DOT_BYTES; i++)
        x.value[i] &= y.value[i];
    return x;
}

static inline vint add_dots(vint sum, vdots x, vdots y)
{
    for (int i = 0; i < DOT_BYTES; i++)
        sum += x.value[i] * y.value[i];
    return sum;
}

static inline void store_dots(int32_t to[4], const vint sums[4], int32_t more)
{
    for (int j = 0; j < 4; j++)
        to[j] = sums[j] + more;
}

#include "vector_some.h"

#include "vector_body.h"

DOTS_2

const struct cpu_vector octgemm_cpu_vector_generic = {
    .isa = CPU_GENERIC,
    .epilogue = {epilogue_f32, epilogue_f16, epilogue_bf16, epilogue_i32},
    .quantize = quantize_rows,
    .dot = dot,
};
