/* Rows of A times rows of B as the caller has them, by AMX: for weights that are not packed.
 *
 * tdpbssd wants its left operand as rows of 64 k, which weights are as they lie, and its right one
 * with four k of 16 columns side by side. So the roles change: weights are on the left, the rows of
 * A are rearranged on the right (they are few, and it is done once for all columns), and C comes
 * out transposed, 16 weights x 16 rows of A. Nothing of B is copied, and it is read once; with
 * more than 64 rows the second block finds its 16 weights in L2.
 *
 * While 16 rows of B are multiplied, those that come `ahead` bytes later are asked for, into L2:
 * rows 4096 bytes apart share a set of L1, which has fewer places than a tile has rows.
 *
 * Tiles 0 to 3 are C: with one row tile of A four k in turn, with two two, for tdpbssd takes 16
 * cycles, but its result 52. Up to VNNI_ROWS the dot products of VNNI are faster, which need one
 * tile for so many.
 *
 * Measured on 16 cores of a Xeon, weights of 4096 x 4096 in memory, over packing them first: m = 8
 * to 64 1.5 to 2 times as fast, on one thread 1.7 to 2.2, 65 to 256 1.2 to 1.6; k = 256 1.0 to 1.4.
 * What lost: the 16 rows of a tile a sixteenth of the columns apart, so that each is one run of
 * memory (C's columns lie apart, too: 1.5 to 1.9 over packing, and 0.3 at k = 256), asking for the
 * rest of the same rows (1.1 on one thread), for two tiles ahead or into L1 (no difference). */
#include "amx.h"
#include "avx2_transpose.h"
#include "integers.h"
#include "kernels.h"
#include "vnni16.h"

#include <immintrin.h>

enum { VNNI_ROWS = 6, C_TILES = 4, BLOCK_ROWS = C_TILES * TILE_ROWS };

/* What is prepared: for each row tile of A a panel of vnni16.h whose bytes are A's own, not 128
 * more. What is behind k, up to a whole tile, meets zeros of B. */
static int64_t row_tile_bytes(int64_t k)
{
    return VNNI16_SUM_BYTES + multiple(k, TILE_K) * TILE_ROWS;
}

size_t octgemm_cpu_amx_dot_bytes(int64_t rows, int64_t k)
{
    return rows <= VNNI_ROWS ? 0 : (size_t)(ceiling(rows, TILE_ROWS) * row_tile_bytes(k));
}

void octgemm_cpu_amx_dot_prepare(void *block, const int8_t *a, int64_t lda, int64_t rows, int64_t k)
{
    const __m512i offset = _mm512_set1_epi8(-128);
    for (int64_t i = 0; i < rows; i += TILE_ROWS) {
        char *panel = (char *)block + i / TILE_ROWS * row_tile_bytes(k);
        octgemm_cpu_vnni16.pack(panel, a + i * lda, lda, at_most(rows - i, TILE_ROWS), k, 1);
        char *quad = panel + VNNI16_SUM_BYTES;
        for (int64_t q = 0; q < ceiling(k, 4); q++, quad += VNNI16_QUAD_BYTES)
            _mm512_storeu_si512(quad, _mm512_xor_si512(_mm512_loadu_si512(quad), offset));
    }
}

/* 16 rows of B, `distance` apart, times a block of rows of A. */
struct amx_dot {
    const int8_t *b;
    int64_t distance, weights; /* `weights`: 16, or all that there are */
    const char *a;             /* the first row tile's, behind its sums */
    int64_t a_distance;
    int64_t k_tiles;    /* whole ones */
    const int8_t *last; /* and a last one, or NULL */
    uintptr_t ahead;    /* bytes to the rows that are asked for */
    int32_t *sums;      /* C_TILES x 16 weights x 16 rows of A */
};

static inline const char *a_tile(const struct amx_dot *s, int64_t i, int row_tile)
{
    return s->a + row_tile * s->a_distance + i * TILE_BYTES;
}

static inline void ask(const struct amx_dot *s, int64_t i)
{
    uintptr_t line = (uintptr_t)s->b + s->ahead + (uintptr_t)i * TILE_K;
    for (int64_t j = 0; j < s->weights; j++, line += (uintptr_t)s->distance)
        fetch_l2(line);
}

static inline void store_c(const struct amx_dot *s)
{
    enum { stride = TILE_ROWS * sizeof(int32_t), tile = TILE_ROWS * TILE_ROWS };
    _tile_stored(0, s->sums, stride);
    _tile_stored(1, s->sums + tile, stride);
    _tile_stored(2, s->sums + 2 * tile, stride);
    _tile_stored(3, s->sums + 3 * tile, stride);
    settle_memory();
}

/* The number of a tile is part of the instruction, so each use of C is written out. */
static inline void step_1(const struct amx_dot *s, int64_t i, const int8_t *b, int64_t distance)
{
    _tile_loadd(4, b, distance);
    _tile_loadd(6, a_tile(s, i, 0), TILE_K);
    _tile_dpbssd(0, 4, 6);
}

static inline void step_2(const struct amx_dot *s, int64_t i, const int8_t *b, int64_t distance)
{
    step_1(s, i, b, distance);
    _tile_loadd(7, a_tile(s, i, 1), TILE_K);
    _tile_dpbssd(1, 4, 7);
}

/* Three or four row tiles. */
static inline void step_many(const struct amx_dot *s, int64_t i, const int8_t *b, int64_t distance,
                             int row_tiles)
{
    step_2(s, i, b, distance);
    _tile_loadd(6, a_tile(s, i, 2), TILE_K);
    _tile_dpbssd(2, 4, 6);
    if (row_tiles > 3) {
        _tile_loadd(7, a_tile(s, i, 3), TILE_K);
        _tile_dpbssd(3, 4, 7);
    }
}

/* One row tile: C is the sum of all four. */
static void multiply_1(const struct amx_dot *s)
{
    const int8_t *b = s->b;
    int64_t i = 0;
    clear_c();
    for (; i + 4 <= s->k_tiles; i += 4, b += 4 * TILE_K) {
        step_1(s, i, b, s->distance);
        ask(s, i);
        _tile_loadd(5, b + TILE_K, s->distance);
        _tile_loadd(7, a_tile(s, i + 1, 0), TILE_K);
        _tile_dpbssd(1, 5, 7);
        ask(s, i + 1);
        _tile_loadd(4, b + 2 * TILE_K, s->distance);
        _tile_loadd(6, a_tile(s, i + 2, 0), TILE_K);
        _tile_dpbssd(2, 4, 6);
        ask(s, i + 2);
        _tile_loadd(5, b + 3 * TILE_K, s->distance);
        _tile_loadd(7, a_tile(s, i + 3, 0), TILE_K);
        _tile_dpbssd(3, 5, 7);
        ask(s, i + 3);
    }
    for (; i < s->k_tiles; i++, b += TILE_K) {
        step_1(s, i, b, s->distance);
        ask(s, i);
    }
    if (s->last)
        step_1(s, i, s->last, TILE_K);
    store_c(s);
}

/* Two: C is 0 + 2 and 1 + 3. */
static void multiply_2(const struct amx_dot *s)
{
    const int8_t *b = s->b;
    int64_t i = 0;
    clear_c();
    for (; i + 2 <= s->k_tiles; i += 2, b += 2 * TILE_K) {
        step_2(s, i, b, s->distance);
        ask(s, i);
        _tile_loadd(5, b + TILE_K, s->distance);
        _tile_loadd(6, a_tile(s, i + 1, 0), TILE_K);
        _tile_dpbssd(2, 5, 6);
        _tile_loadd(7, a_tile(s, i + 1, 1), TILE_K);
        _tile_dpbssd(3, 5, 7);
        ask(s, i + 1);
    }
    for (; i < s->k_tiles; i++, b += TILE_K)
        step_2(s, i, b, s->distance);
    if (s->last)
        step_2(s, i, s->last, TILE_K);
    store_c(s);
}

static inline void multiply_many(const struct amx_dot *s, int row_tiles)
{
    clear_c();
    for (int64_t i = 0; i < s->k_tiles; i++) {
        step_many(s, i, s->b + i * TILE_K, s->distance, row_tiles);
        ask(s, i);
    }
    if (s->last)
        step_many(s, s->k_tiles, s->last, TILE_K, row_tiles);
    store_c(s);
}

static void multiply_3(const struct amx_dot *s)
{
    multiply_many(s, 3);
}

static void multiply_4(const struct amx_dot *s)
{
    multiply_many(s, 4);
}

/* By number of row tiles, which is also how far apart in C's tiles the parts of one sum are. */
static void (*const multiply[C_TILES])(const struct amx_dot *s) = {multiply_1, multiply_2,
                                                                   multiply_3, multiply_4};

/* Where no tile has stored, what is loaded is not written. */
static inline void write_c(const struct amx_dot *s, int32_t *c, int64_t ldc, int64_t rows)
{
    enum { half = 8, tile = TILE_ROWS * TILE_ROWS };
    const int64_t row_tiles = ceiling(rows, TILE_ROWS);
    const int32_t present = (1 << s->weights) - 1;
    for (int64_t i = 0; i < rows; i += half)
        for (int64_t j = 0; j < s->weights; j += half) {
            __m256i sums[half];
            for (int64_t l = 0; l < half; l++) {
                const int32_t *from =
                    s->sums + i / TILE_ROWS * tile + (j + l) * TILE_ROWS + i % TILE_ROWS;
                sums[l] = _mm256_load_si256((const __m256i *)from);
                for (int64_t part = i / TILE_ROWS + row_tiles; part < C_TILES; part += row_tiles) {
                    from += row_tiles * tile;
                    sums[l] = _mm256_add_epi32(sums[l], _mm256_load_si256((const __m256i *)from));
                }
            }
            avx2_transpose(sums);
            for (int64_t l = 0; l < at_most(half, rows - i); l++)
                _mm256_mask_storeu_epi32(c + (i + l) * ldc + j, (__mmask8)(present >> j), sums[l]);
        }
}

/* The last of k, with zeros up to a whole tile: memory may end with it. */
static void copy_last(int8_t *to, const struct amx_dot *s, int64_t rest)
{
    const int8_t *from = s->b + s->k_tiles * TILE_K;
    const __mmask64 present = ((__mmask64)1 << rest) - 1;
    for (int64_t j = 0; j < s->weights; j++)
        _mm512_storeu_si512(to + j * TILE_K,
                            _mm512_maskz_loadu_epi8(present, from + j * s->distance));
}

void octgemm_cpu_amx_dot(int32_t *c, int64_t ldc, const int8_t *a, int64_t lda, int64_t rows,
                         const int8_t *b, int64_t ldb, int64_t columns, int64_t k, int64_t ahead)
{
    if (rows <= VNNI_ROWS) {
        octgemm_cpu_avx512vnni_dot(c, ldc, a, lda, rows, b, ldb, columns, k, ahead);
        return;
    }
    int32_t sums[C_TILES * TILE_ROWS * TILE_ROWS] __attribute__((aligned(64))) = {0};
    int8_t last[TILE_BYTES] __attribute__((aligned(64)));
    const int64_t rest = k % TILE_K;
    struct amx_dot s = {
        .distance = ldb,
        .weights = at_most(columns, TILE_ROWS),
        .a_distance = row_tile_bytes(k),
        .k_tiles = k / TILE_K,
        .last = rest > 0 ? last : NULL,
        /* Whole tiles of rows, one at least; 0 if `ahead` is: these very rows. */
        .ahead = (uintptr_t)ceiling(ahead, TILE_ROWS * k) * TILE_ROWS * (uintptr_t)ldb,
        .sums = sums,
    };
    const uint8_t weights = (uint8_t)s.weights;
    configure_tiles((const uint8_t[TILES]){weights, weights, weights, weights, weights, weights,
                                           TILE_ROWS, TILE_ROWS});
    for (int64_t j = 0; j < columns; j += TILE_ROWS) {
        /* The last 16 rows of B, too, are whole: some are multiplied twice. */
        const int64_t column = at_least(at_most(j, columns - TILE_ROWS), 0);
        s.b = b + column * ldb;
        if (rest > 0)
            copy_last(last, &s, rest);
        settle_memory();
        for (int64_t i = 0; i < rows; i += BLOCK_ROWS) {
            const int64_t block = at_most(rows - i, BLOCK_ROWS);
            s.a = (const char *)a + i / TILE_ROWS * s.a_distance + VNNI16_SUM_BYTES;
            multiply[(block - 1) / TILE_ROWS](&s);
            write_c(&s, c + i * ldc + column, ldc, block);
        }
    }
    _tile_release();
}
