/* AVX512-VNNI: 128 MACs/cycle on CPUs that issue two zmm vpdpbusd each cycle.
 *
 * Tile 6 rows x 64 columns: 24 accumulators, 4 registers of weights, 1 broadcast of A; 10 loads for
 * 24 vpdpbusd. The method is in vnni.h. */
#include <immintrin.h>
#include <stdint.h>

typedef __m512i vec;
enum { PANEL_VECTORS = 1, TILE_PANELS = 4 };

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

static inline vec vec_dpbusd(vec sum, vec u8, vec s8)
{
    return _mm512_dpbusd_epi32(sum, u8, s8);
}

static inline int32_t vec_sum(vec v)
{
    return _mm512_reduce_add_epi32(v);
}

#include "vnni.h"

TILES(1);
TILES(2);
TILES(3);
TILES(4);
static tile_function *const *const tiles[TILE_PANELS] = {tiles_1, tiles_2, tiles_3, tiles_4};

const struct cpu_gemm octgemm_cpu_avx512vnni = {
    .isa = CPU_AVX512VNNI,
    .rate = 128,
    .format = &octgemm_cpu_vnni16,
    .mr = TILE_ROWS,
    .nt = TILE_PANELS * VNNI16_COLUMNS,
    .mc = 192,
    .nc = 256,
    .direct = {{1024, 5}, {128, 4}, {32, 2}},
    .block_bytes = block_bytes,
    .prepare = prepare,
    .multiply = multiply,
};
