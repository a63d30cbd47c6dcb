/* Epilogue, quantiser and dot products with NEON, part of every aarch64 machine. */
#include "few_bytes.h"
#include "host.h"
#include "neon_sum.h"

#include <arm_neon.h>

enum { lanes = 4, DOT_BYTES = 8, DOT_ROWS = 4 };
typedef float32x4_t vfloat;
typedef int32x4_t vint;
typedef int16x8_t vdots;

/* Bytes first: a load of a wider type would promise the compiler its alignment. */
static inline vint load_int(const void *p)
{
    return vreinterpretq_s32_u8(vld1q_u8(p));
}

static inline void store_int(void *p, vint x)
{
    vst1q_u8(p, vreinterpretq_u8_s32(x));
}

static inline vint set_int(int32_t x)
{
    return vdupq_n_s32(x);
}

static inline vint add_int(vint x, vint y)
{
    return vaddq_s32(x, y);
}

static inline vint sub_int(vint x, vint y)
{
    return vsubq_s32(x, y);
}

static inline vint mul_int(vint x, vint y)
{
    return vmulq_s32(x, y);
}

static inline vint and_int(vint x, vint y)
{
    return vandq_s32(x, y);
}

static inline vint max_int(vint x, vint y)
{
    return vmaxq_s32(x, y);
}

static inline void store_i8(int8_t *p, vint x)
{
    int16x4_t half = vqmovn_s32(x);
    int8x8_t bytes = vqmovn_s16(vcombine_s16(half, half));
    memcpy(p, &bytes, lanes);
}

static inline vfloat load_float(const void *p)
{
    return vreinterpretq_f32_u8(vld1q_u8(p));
}

static inline vfloat load_f16(const void *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

static inline vfloat load_bf16(const void *p)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(p)), 16));
}

static inline void store_float(void *p, vfloat x)
{
    vst1q_u8(p, vreinterpretq_u8_f32(x));
}

static inline void store_f16(void *p, vfloat x)
{
    vst1_u8(p, vreinterpret_u8_f16(vcvt_f16_f32(x)));
}

/* Nearest even in integers, as octgemm_f32_to_bf16(); a NaN only becomes quiet. */
static inline void store_bf16(void *p, vfloat x)
{
    uint32x4_t in = vreinterpretq_u32_f32(x);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(in, 16), vdupq_n_u32(1));
    uint32x4_t number = vaddq_u32(in, vaddq_u32(vdupq_n_u32(0x7fff), odd));
    uint32x4_t nan = vorrq_u32(in, vdupq_n_u32(0x400000));
    uint32x4_t out = vbslq_u32(vceqq_f32(x, x), number, nan);
    vst1_u8(p, vreinterpret_u8_u16(vshrn_n_u32(out, 16)));
}

static inline vfloat set_float(float x)
{
    return vdupq_n_f32(x);
}

static inline vfloat add(vfloat x, vfloat y)
{
    return vaddq_f32(x, y);
}

static inline vfloat mul(vfloat x, vfloat y)
{
    return vmulq_f32(x, y);
}

static inline vfloat divide(vfloat x, vfloat y)
{
    return vdivq_f32(x, y);
}

static inline vfloat min(vfloat x, vfloat y)
{
    return vminq_f32(x, y);
}

static inline vfloat max(vfloat x, vfloat y)
{
    return vmaxq_f32(x, y);
}

static inline vfloat zero_nan(vfloat x)
{
    uint32x4_t kept = vandq_u32(vreinterpretq_u32_f32(x), vceqq_f32(x, x));
    return vreinterpretq_f32_u32(kept);
}

static inline vfloat to_float(vint x)
{
    return vcvtq_f32_s32(x);
}

static inline vint bits(vfloat x)
{
    return vreinterpretq_s32_f32(x);
}

/* To nearest even by its definition. */
static inline vint nearest(vfloat x)
{
    return vcvtnq_s32_f32(x);
}

static inline vdots load_dots(const int8_t *p)
{
    return vmovl_s8(vld1_s8(p));
}

/* `bytes` < DOT_BYTES, and zeros. */
static inline vdots load_few_dots(const int8_t *p, int64_t bytes)
{
    return vmovl_s8(vcreate_s8(few_bytes(p, bytes)));
}

static inline vdots and_dots(vdots x, vdots y)
{
    return vandq_s16(x, y);
}

static inline vint add_dots(vint sum, vdots x, vdots y)
{
    sum = vmlal_s16(sum, vget_low_s16(x), vget_low_s16(y));
    return vmlal_s16(sum, vget_high_s16(x), vget_high_s16(y));
}

static inline void store_dots(int32_t to[4], const vint sums[4], int32_t more)
{
    neon_store_sums(to, sums, more);
}

#include "vector_some.h"

#include "vector_body.h"

DOTS_4

const struct cpu_vector octgemm_cpu_vector_neon = {
    .isa = CPU_NEON,
    .epilogue = {epilogue_f32, epilogue_f16, epilogue_bf16, epilogue_i32},
    .quantize = quantize_rows,
    .dot = dot,
};
