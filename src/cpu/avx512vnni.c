/* AVX512-VNNI: 128 MACs/cycle on CPUs that issue two zmm vpdpbusd each cycle.
 *
 * Tile 6 rows x 64 columns: 24 accumulators, 4 registers of weights, 1 broadcast of A; 10 loads for
 * 24 vpdpbusd. 7 and 8 rows, which would pass over the weights twice: 8 x 48, as many accumulators,
 * 11 loads (8x4096x14336 from memory on one core with Zen 4 1.5 times as fast, from L2 alike). 12 x
 * 32 lost: two streams of weights are not fetched as well as four. The method is in vnni.h. */
#include "avx512_sum.h"
#include "kernels.h"

#include <immintrin.h>
#include <stdint.h>

typedef __m512i vec;
enum { PANEL_VECTORS = 1, TILE_PANELS = 4, ONCE_PANELS = 3, ONCE_ROWS = 8 };
enum { DOT_ROWS = 6 };

static inline vec vec_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

/* `bytes` < 64 bytes, and zeros. */
static inline vec vec_load_end(const int8_t *p, int64_t bytes, int64_t before)
{
    (void)before;
    return _mm512_maskz_loadu_epi8(((__mmask64)1 << bytes) - 1, p);
}

static inline void vec_store(void *p, vec v)
{
    _mm512_storeu_si512(p, v);
}

static inline vec vec_set(int32_t x)
{
    return _mm512_set1_epi32(x);
}

static inline vec vec_add(vec a, vec b)
{
    return _mm512_add_epi32(a, b);
}

static inline vec vec_dpbusd(vec sum, vec u8, vec s8)
{
    return _mm512_dpbusd_epi32(sum, u8, s8);
}

static inline int32_t vec_sum(vec v)
{
    return _mm512_reduce_add_epi32(v);
}

/* Bytes of two's complement as their values + 128. */
static inline vec vec_flip(vec v)
{
    return _mm512_xor_si512(v, _mm512_set1_epi8(-128));
}

/* Spelled out: in a loop of dot products gcc 12 moves accumulators between registers and spills
 * them (m = 5: 149 instead of 104 us for 2048x2048). */
static inline void dot_add(vec *sum, vec s8, vec u8)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(u8), "v"(s8));
}

static inline void store_dots(int32_t to[4], const vec sums[4], int32_t more)
{
    avx512_store_sums(to, sums, more);
}

#include "vnni.h"

TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILE(7, 1)
TILE(7, 2)
TILE(7, 3)
TILE(8, 1)
TILE(8, 2)
TILE(8, 3)
static tile_function *const tiles[TILE_PANELS][ONCE_ROWS] = {
    {ROW_OF_TILES(1), tile_7x1, tile_8x1},
    {ROW_OF_TILES(2), tile_7x2, tile_8x2},
    {ROW_OF_TILES(3), tile_7x3, tile_8x3},
    {ROW_OF_TILES(4)},
};

DOTS_6

void octgemm_cpu_avx512vnni_dot(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda, int64_t rows,
                                const int8_t *b, int64_t ldb, int64_t columns, int64_t k,
                                int64_t ahead)
{
    dot(c, ldc, a, lda, rows, b, ldb, columns, k, ahead);
}

const struct cpu_gemm octgemm_cpu_avx512vnni = {
    .isa = CPU_AVX512VNNI,
    .rate = 128,
    .format = &octgemm_cpu_vnni16,
    .mr = TILE_ROWS,
    .nt = TILE_PANELS * VNNI16_COLUMNS,
    .mc = 192,
    .nc = 256,
    .direct = {{768, 32}, {512, 24}, {256, 12}, {128, 8}, {32, 4}, {0, 2}},
    .dot = octgemm_cpu_avx512vnni_dot,
    .block_bytes = block_bytes,
    .prepare = prepare,
    .multiply = multiply,
};
