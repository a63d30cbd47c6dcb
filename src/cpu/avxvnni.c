/* AVX-VNNI: the VEX form of vpdpbusd on ymm, for CPUs without AVX-512 (and 64 MACs/cycle on those
 * that issue two each cycle).
 *
 * Tile 6 rows x 16 columns: 12 accumulators, 2 registers of weights, 1 broadcast of A of the 16
 * there are; 8 loads for 12 vpdpbusd. The method is in vnni.h. */
#include "avx2_sum.h"
#include "last_bytes.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef __m256i vec;
enum { PANEL_VECTORS = 2, TILE_PANELS = 1, ONCE_PANELS = 1, ONCE_ROWS = 6 };
enum { DOT_ROWS = 2 };

static inline vec vec_load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* `bytes` < 32 bytes, and zeros, in any order. Read together with some of those `before` them,
 * which become zero; where there are too few of these, by way of a buffer. */
static inline vec vec_load_end(const int8_t *p, int64_t bytes, int64_t before)
{
    enum { all = sizeof(vec) };
    if (before + bytes >= all)
        return _mm256_and_si256(vec_load(p + bytes - all), vec_load(last_bytes(all, bytes)));
    int8_t end[all] = {0};
    memcpy(end, p, (size_t)bytes);
    return vec_load(end);
}

static inline void vec_store(void *p, vec v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

static inline vec vec_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}

static inline vec vec_add(vec a, vec b)
{
    return _mm256_add_epi32(a, b);
}

static inline vec vec_dpbusd(vec sum, vec u8, vec s8)
{
    return _mm256_dpbusd_avx_epi32(sum, u8, s8);
}

static inline int32_t vec_sum(vec v)
{
    return avx2_sum(v);
}

/* Bytes of two's complement as their values + 128. */
static inline vec vec_flip(vec v)
{
    return _mm256_xor_si256(v, _mm256_set1_epi8(-128));
}

/* Spelled out for the reason in avx512vnni.c. */
static inline void dot_add(vec *sum, vec s8, vec u8)
{
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(*sum) : "x"(u8), "x"(s8));
}

static inline void store_dots(int32_t to[4], const vec sums[4], int32_t more)
{
    avx2_store_sums(to, sums, more);
}

#include "vnni.h"

TILES(1)
static tile_function *const tiles[TILE_PANELS][ONCE_ROWS] = {{ROW_OF_TILES(1)}};

DOTS_2

const struct cpu_gemm octgemm_cpu_avxvnni = {
    .isa = CPU_AVXVNNI,
    .rate = 64,
    .format = &octgemm_cpu_vnni16,
    .mr = TILE_ROWS,
    .nt = TILE_PANELS * VNNI16_COLUMNS,
    .mc = 192,
    .nc = 256,
    /* Found by the same text with EVEX instructions on Zen 4. */
    .direct = {{1024, 16}, {512, 12}, {128, 8}, {64, 6}, {32, 4}},
    .dot = dot,
    .block_bytes = block_bytes,
    .prepare = prepare,
    .multiply = multiply,
};
