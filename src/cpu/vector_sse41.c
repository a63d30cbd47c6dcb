/* Epilogue, quantiser and dot products with SSE4.1. */
#include "few_bytes.h"
#include "host.h"
#include "sse41_dots.h"

enum { lanes = 4, DOT_BYTES = 8, DOT_ROWS = 2 };
typedef __m128 vfloat;
typedef __m128i vint;
typedef __m128i vdots; /* int16 */

static inline vint load_int(const void *p)
{
    return _mm_loadu_si128(p);
}

static inline void store_int(void *p, vint x)
{
    _mm_storeu_si128(p, x);
}

static inline vint set_int(int32_t x)
{
    return _mm_set1_epi32(x);
}

static inline vint add_int(vint x, vint y)
{
    return _mm_add_epi32(x, y);
}

static inline vint sub_int(vint x, vint y)
{
    return _mm_sub_epi32(x, y);
}

static inline vint mul_int(vint x, vint y)
{
    return _mm_mullo_epi32(x, y);
}

static inline vint and_int(vint x, vint y)
{
    return _mm_and_si128(x, y);
}

static inline vint max_int(vint x, vint y)
{
    return _mm_max_epi32(x, y);
}

static inline void store_i8(int8_t *p, vint x)
{
    __m128i half = _mm_packs_epi32(x, x);
    int32_t bytes = _mm_cvtsi128_si32(_mm_packs_epi16(half, half));
    memcpy(p, &bytes, sizeof bytes);
}

static inline vfloat load_float(const void *p)
{
    return _mm_loadu_ps(p);
}

/* There is no f16 instruction yet. Exponent and fraction moved to their places make a number 2^112
 * too small, a subnormal one too; the product is exact, and infinities and NaN get their exponent.
 */
static inline vfloat load_f16(const void *p)
{
    __m128i half = _mm_cvtepu16_epi32(_mm_loadl_epi64(p));
    __m128i rest = _mm_and_si128(half, _mm_set1_epi32(0x7fff));
    __m128i sign = _mm_slli_epi32(_mm_xor_si128(half, rest), 16);
    __m128i special =
        _mm_and_si128(_mm_cmpgt_epi32(rest, _mm_set1_epi32(0x7bff)), _mm_set1_epi32(0x7f800000));
    __m128 number = _mm_mul_ps(_mm_castsi128_ps(_mm_slli_epi32(rest, 13)), _mm_set1_ps(0x1p112f));
    return _mm_or_ps(number, _mm_castsi128_ps(_mm_or_si128(sign, special)));
}

static inline vfloat load_bf16(const void *p)
{
    __m128i wide = _mm_cvtepu16_epi32(_mm_loadl_epi64(p));
    return _mm_castsi128_ps(_mm_slli_epi32(wide, 16));
}

static inline void store_float(void *p, vfloat x)
{
    _mm_storeu_ps(p, x);
}

static inline void store_f16(void *p, vfloat x)
{
    float wide[lanes];
    _mm_storeu_ps(wide, x);
    for (int i = 0; i < lanes; i++)
        octgemm_store_float(p, OCTGEMM_F16, i, wide[i]);
}

/* Nearest even in integers, as octgemm_f32_to_bf16(); a NaN only becomes quiet. */
static inline void store_bf16(void *p, vfloat x)
{
    __m128i in = _mm_castps_si128(x);
    __m128i odd = _mm_and_si128(_mm_srli_epi32(in, 16), _mm_set1_epi32(1));
    __m128i round = _mm_add_epi32(_mm_set1_epi32(0x7fff), odd);
    __m128i number = _mm_add_epi32(in, round);
    __m128i nan = _mm_or_si128(in, _mm_set1_epi32(0x400000));
    __m128i is_nan = _mm_castps_si128(_mm_cmpunord_ps(x, x));
    __m128i out = _mm_srli_epi32(_mm_blendv_epi8(number, nan, is_nan), 16);
    _mm_storel_epi64(p, _mm_packus_epi32(out, out));
}

static inline vfloat set_float(float x)
{
    return _mm_set1_ps(x);
}

static inline vfloat add(vfloat x, vfloat y)
{
    return _mm_add_ps(x, y);
}

static inline vfloat mul(vfloat x, vfloat y)
{
    return _mm_mul_ps(x, y);
}

static inline vfloat divide(vfloat x, vfloat y)
{
    return _mm_div_ps(x, y);
}

static inline vfloat min(vfloat x, vfloat y)
{
    return _mm_min_ps(x, y);
}

static inline vfloat max(vfloat x, vfloat y)
{
    return _mm_max_ps(x, y);
}

static inline vfloat zero_nan(vfloat x)
{
    return _mm_and_ps(x, _mm_cmpord_ps(x, x));
}

static inline vfloat to_float(vint x)
{
    return _mm_cvtepi32_ps(x);
}

static inline vint bits(vfloat x)
{
    return _mm_castps_si128(x);
}

/* To nearest even, as the register says (float_environment.h). */
static inline vint nearest(vfloat x)
{
    return _mm_cvtps_epi32(x);
}

static inline vdots load_dots(const int8_t *p)
{
    return sse41_load8(p);
}

/* `bytes` < DOT_BYTES, and zeros. */
static inline vdots load_few_dots(const int8_t *p, int64_t bytes)
{
    return _mm_cvtepi8_epi16(_mm_cvtsi64_si128((int64_t)few_bytes(p, bytes)));
}

static inline vdots and_dots(vdots x, vdots y)
{
    return _mm_and_si128(x, y);
}

static inline vint add_dots(vint sum, vdots x, vdots y)
{
    return _mm_add_epi32(sum, _mm_madd_epi16(x, y));
}

static inline void store_dots(int32_t to[4], const vint sums[4], int32_t more)
{
    store_int(to, _mm_add_epi32(sse41_sums(sums), _mm_set1_epi32(more)));
}

#include "vector_some.h"

#include "vector_body.h"

DOTS_2

const struct cpu_vector octgemm_cpu_vector_sse41 = {
    .isa = CPU_SSE41,
    .epilogue = {epilogue_f32, epilogue_f16, epilogue_bf16, epilogue_i32},
    .quantize = quantize_rows,
    .dot = dot,
};
