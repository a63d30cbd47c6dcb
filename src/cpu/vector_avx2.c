/* Epilogue, quantiser and dot products with AVX2 and F16C. Compiled without FMA on purpose: nothing
 * here can be contracted. */
#include "avx2_sum.h"
#include "few_bytes.h"
#include "host.h"

#include <immintrin.h>

enum { lanes = 8, DOT_BYTES = 16, DOT_ROWS = 2 };
typedef __m256 vfloat;
typedef __m256i vint;
typedef __m256i vdots; /* int16 */

static inline vint load_int(const void *p)
{
    return _mm256_loadu_si256(p);
}

static inline void store_int(void *p, vint x)
{
    _mm256_storeu_si256(p, x);
}

static inline vint set_int(int32_t x)
{
    return _mm256_set1_epi32(x);
}

static inline vint add_int(vint x, vint y)
{
    return _mm256_add_epi32(x, y);
}

static inline vint sub_int(vint x, vint y)
{
    return _mm256_sub_epi32(x, y);
}

static inline vint mul_int(vint x, vint y)
{
    return _mm256_mullo_epi32(x, y);
}

static inline vint and_int(vint x, vint y)
{
    return _mm256_and_si256(x, y);
}

static inline vint max_int(vint x, vint y)
{
    return _mm256_max_epi32(x, y);
}

/* Eight int32 that fit uint16 (or, saturated, int16), in order, in 128 bits. */
static inline __m128i halves_unsigned(vint x)
{
    return _mm_packus_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}

static inline __m128i halves_signed(vint x)
{
    return _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}

static inline void store_i8(int8_t *p, vint x)
{
    __m128i half = halves_signed(x);
    _mm_storel_epi64((__m128i *)p, _mm_packs_epi16(half, half));
}

static inline vfloat load_float(const void *p)
{
    return _mm256_loadu_ps(p);
}

static inline vfloat load_f16(const void *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128(p));
}

static inline vfloat load_bf16(const void *p)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

static inline void store_float(void *p, vfloat x)
{
    _mm256_storeu_ps(p, x);
}

static inline void store_f16(void *p, vfloat x)
{
    _mm_storeu_si128(p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* Nearest even in integers, as octgemm_f32_to_bf16(); a NaN only becomes quiet. */
static inline void store_bf16(void *p, vfloat x)
{
    __m256i in = _mm256_castps_si256(x);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(in, 16), _mm256_set1_epi32(1));
    __m256i round = _mm256_add_epi32(_mm256_set1_epi32(0x7fff), odd);
    __m256i number = _mm256_add_epi32(in, round);
    __m256i nan = _mm256_or_si256(in, _mm256_set1_epi32(0x400000));
    __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    __m256i out = _mm256_blendv_epi8(number, nan, is_nan);
    _mm_storeu_si128(p, halves_unsigned(_mm256_srli_epi32(out, 16)));
}

static inline vfloat set_float(float x)
{
    return _mm256_set1_ps(x);
}

static inline vfloat add(vfloat x, vfloat y)
{
    return _mm256_add_ps(x, y);
}

static inline vfloat mul(vfloat x, vfloat y)
{
    return _mm256_mul_ps(x, y);
}

static inline vfloat divide(vfloat x, vfloat y)
{
    return _mm256_div_ps(x, y);
}

static inline vfloat min(vfloat x, vfloat y)
{
    return _mm256_min_ps(x, y);
}

static inline vfloat max(vfloat x, vfloat y)
{
    return _mm256_max_ps(x, y);
}

static inline vfloat zero_nan(vfloat x)
{
    return _mm256_and_ps(x, _mm256_cmp_ps(x, x, _CMP_ORD_Q));
}

static inline vfloat to_float(vint x)
{
    return _mm256_cvtepi32_ps(x);
}

static inline vint bits(vfloat x)
{
    return _mm256_castps_si256(x);
}

/* To nearest even, as the register says (float_environment.h). */
static inline vint nearest(vfloat x)
{
    return _mm256_cvtps_epi32(x);
}

static inline vdots load_dots(const int8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
}

/* `bytes` < DOT_BYTES, and zeros. */
static inline vdots load_few_dots(const int8_t *p, int64_t bytes)
{
    uint64_t low = few_bytes(p, bytes < 8 ? bytes : 8);
    uint64_t high = bytes > 8 ? few_bytes(p + 8, bytes - 8) : 0;
    return _mm256_cvtepi8_epi16(_mm_set_epi64x((int64_t)high, (int64_t)low));
}

static inline vdots and_dots(vdots x, vdots y)
{
    return _mm256_and_si256(x, y);
}

static inline vint add_dots(vint sum, vdots x, vdots y)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, y));
}

static inline void store_dots(int32_t to[4], const vint sums[4], int32_t more)
{
    avx2_store_sums(to, sums, more);
}

#include "vector_some.h"

#include "vector_body.h"

DOTS_2

const struct cpu_vector octgemm_cpu_vector_avx2 = {
    .isa = CPU_AVX2,
    .epilogue = {epilogue_f32, epilogue_f16, epilogue_bf16, epilogue_i32},
    .quantize = quantize_rows,
    .dot = dot,
};
