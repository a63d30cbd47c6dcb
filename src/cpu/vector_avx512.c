/* Epilogue, quantiser and dot products with AVX-512 (F, BW, DQ, VL). */
#include "avx512_sum.h"
#include "host.h"

#include <immintrin.h>

enum { lanes = 16, DOT_BYTES = 32, DOT_ROWS = 4 };
typedef __m512 vfloat;
typedef __m512i vint;
typedef __m512i vdots; /* int16 */

static inline vint load_int(const void *p)
{
    return _mm512_loadu_si512(p);
}

static inline void store_int(void *p, vint x)
{
    _mm512_storeu_si512(p, x);
}

static inline vint set_int(int32_t x)
{
    return _mm512_set1_epi32(x);
}

static inline vint add_int(vint x, vint y)
{
    return _mm512_add_epi32(x, y);
}

static inline vint sub_int(vint x, vint y)
{
    return _mm512_sub_epi32(x, y);
}

static inline vint mul_int(vint x, vint y)
{
    return _mm512_mullo_epi32(x, y);
}

static inline vint and_int(vint x, vint y)
{
    return _mm512_and_si512(x, y);
}

static inline vint max_int(vint x, vint y)
{
    return _mm512_max_epi32(x, y);
}

static inline void store_i8(int8_t *p, vint x)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtsepi32_epi8(x));
}

static inline vfloat load_float(const void *p)
{
    return _mm512_loadu_ps(p);
}

static inline vfloat load_f16(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256(p));
}

static inline vfloat load_bf16(const void *p)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

static inline void store_float(void *p, vfloat x)
{
    _mm512_storeu_ps(p, x);
}

static inline void store_f16(void *p, vfloat x)
{
    _mm256_storeu_si256(p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* Nearest even in integers, as octgemm_f32_to_bf16() (vcvtneps2bf16 flushes subnormals); a NaN only
 * becomes quiet. */
static inline void store_bf16(void *p, vfloat x)
{
    __m512i in = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(in, 16), _mm512_set1_epi32(1));
    __m512i round = _mm512_add_epi32(_mm512_set1_epi32(0x7fff), odd);
    __mmask16 is_nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    __m512i number = _mm512_add_epi32(in, round);
    __m512i out = _mm512_mask_or_epi32(number, is_nan, in, _mm512_set1_epi32(0x400000));
    _mm256_storeu_si256(p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(out, 16)));
}

static inline vfloat set_float(float x)
{
    return _mm512_set1_ps(x);
}

static inline vfloat add(vfloat x, vfloat y)
{
    return _mm512_add_ps(x, y);
}

static inline vfloat mul(vfloat x, vfloat y)
{
    return _mm512_mul_ps(x, y);
}

static inline vfloat divide(vfloat x, vfloat y)
{
    return _mm512_div_ps(x, y);
}

static inline vfloat min(vfloat x, vfloat y)
{
    return _mm512_min_ps(x, y);
}

static inline vfloat max(vfloat x, vfloat y)
{
    return _mm512_max_ps(x, y);
}

static inline vfloat zero_nan(vfloat x)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), x);
}

static inline vfloat to_float(vint x)
{
    return _mm512_cvtepi32_ps(x);
}

static inline vint bits(vfloat x)
{
    return _mm512_castps_si512(x);
}

/* To nearest even, as the register says (float_environment.h). */
static inline vint nearest(vfloat x)
{
    return _mm512_cvtps_epi32(x);
}

static inline vdots load_dots(const int8_t *p)
{
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p));
}

/* `bytes` < DOT_BYTES, and zeros. */
static inline vdots load_few_dots(const int8_t *p, int64_t bytes)
{
    __m256i few = _mm256_maskz_loadu_epi8(((__mmask32)1 << bytes) - 1, p);
    return _mm512_cvtepi8_epi16(few);
}

static inline vdots and_dots(vdots x, vdots y)
{
    return _mm512_and_si512(x, y);
}

static inline vint add_dots(vint sum, vdots x, vdots y)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(x, y));
}

static inline void store_dots(int32_t to[4], const vint sums[4], int32_t more)
{
    avx512_store_sums(to, sums, more);
}

/* Fewer elements than a vector has. */
static inline vint load_some_int(const char *p, int64_t count)
{
    return _mm512_maskz_loadu_epi32((__mmask16)((1u << count) - 1), p);
}

static inline vfloat load_some_float(const char *p, int64_t count)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}

/* By halves: what was stored as one can be loaded as one before it is in the cache. */
static inline void copy_some(void *to, const void *from, int64_t count, int64_t width)
{
    const __mmask64 mask = ((__mmask64)1 << count * width) - 1;
    _mm256_mask_storeu_epi8(to, (__mmask32)mask, _mm256_loadu_si256(from));
    if (width > 2)
        _mm256_mask_storeu_epi8((char *)to + 32, (__mmask32)(mask >> 32),
                                _mm256_loadu_si256((const __m256i *)from + 1));
}

#include "vector_body.h"

DOTS_4

static void write_around(void *to, const void *from, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += sizeof(__m512i))
        _mm512_stream_si512((__m512i *)(void *)((char *)to + at),
                            load_int((const char *)from + at));
}

const struct cpu_vector octgemm_cpu_vector_avx512 = {
    .isa = CPU_AVX512BW,
    .epilogue = {epilogue_f32, epilogue_f16, epilogue_bf16, epilogue_i32},
    .write_around = write_around,
    .quantize = quantize_rows,
    .dot = dot,
};
