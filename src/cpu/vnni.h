/* The multiply of the VNNI kernels, at two widths: avxvnni.c and avx512vnni.c define what a vector
 * is and include this text.
 *
 * vpdpbusd adds to each int32 lane four products of a u8 and an s8. Its u8 side is the weights,
 * packed as w + 128 (vnni16.c), so that its s8 side is A just as the caller gave it: four bytes of
 * a row, broadcast straight from the caller's memory. A is never copied, and
 *     sum a * (w + 128) = sum a * w + 128 * sum a
 * starts every accumulator at -128 * sum a: one number per row, found once (prepare). The sums wrap
 * modulo 2^32 on the way and end exact. The form of vpdpbusd that saturates is never used.
 *
 * The register tile is 6 rows x (TILE_PANELS panels of 16 columns), chosen because 24 zmm (or 12
 * ymm) accumulators + the weights of one step + one broadcast fill the register file, 6 rows whose
 * stride is a power of two still leave ways of L1 to the weights (12 rows do not: 75 instead of 120
 * MACs/cycle at lda = 4096), and W is read 6 rows to the load, so L2 feeds it.
 *
 * Rows beyond a tile are shared out evenly (13 = 5 + 4 + 4), so m has no steps, and so are panels.
 * Rows that one tile holds (where there are registers, up to 8 by a narrower one) pass over the
 * weights once, and what fetches them from memory is the hardware, or an instruction as far ahead
 * as the CPU likes it. For more rows k is cut so that the weights of a block stay in L2 while all
 * rows use them, and meanwhile the block after it is prefetched, evenly over all the rows' steps:
 * without that the first tile of a block waits for memory and the others leave it idle (m = 24 from
 * L3: 101 MACs/cycle without, 120 with). */
#ifndef OCTGEMM_CPU_VNNI_H
#define OCTGEMM_CPU_VNNI_H

#include "gemm.h"
#include "inline.h"
#include "integers.h"
#include "vnni16.h"

#include <string.h>

enum { TILE_ROWS = 6, TILE_VECTORS = TILE_PANELS * PANEL_VECTORS };
_Static_assert(TILE_ROWS *TILE_PANELS >= ONCE_ROWS * ONCE_PANELS, "accumulators");

/* One register tile over one block of k. */
struct vnni_tile {
    const int8_t *a;
    int64_t lda;
    const uint8_t *w;
    size_t panel_bytes;
    int64_t quads; /* whole ones; then `tail` bytes of one more */
    int64_t tail;
    uintptr_t ahead; /* what to prefetch, and how far to move on in each step */
    int64_t ahead_step;
    const int32_t *row_sums; /* of A, to start with; NULL: add to c */
    int32_t *c;
    int64_t ldc;
};

/* `bytes` (1 .. 4) bytes of a row, and zeros. Spelled out: a call of memcpy would spill every
 * accumulator. */
INLINE int32_t load_quad(const int8_t *a, int64_t bytes)
{
    int32_t quad;
    if (bytes == 4) {
        memcpy(&quad, a, sizeof quad);
        return quad;
    }
    quad = (uint8_t)a[0];
    if (bytes > 1)
        quad |= (uint8_t)a[1] << 8;
    if (bytes > 2)
        quad |= (uint8_t)a[2] << 16;
    return quad;
}

/* acc += four columns of A (`bytes` of them are there) x one step of W. */
INLINE void multiply_quad(vec *acc, const struct vnni_tile *s, const int8_t *a, const uint8_t *w,
                          int64_t bytes, int rows, int panels)
{
    vec weights[TILE_VECTORS];
    UNROLL
    for (int v = 0; v < panels * PANEL_VECTORS; v++)
        weights[v] = vec_load(w + (size_t)(v / PANEL_VECTORS) * s->panel_bytes +
                              v % PANEL_VECTORS * (int)sizeof(vec));
    UNROLL
    for (int i = 0; i < rows; i++) {
        vec quad = vec_set(load_quad(a + i * s->lda, bytes));
        UNROLL
        for (int v = 0; v < panels * PANEL_VECTORS; v++)
            acc[i * panels * PANEL_VECTORS + v] =
                vec_dpbusd(acc[i * panels * PANEL_VECTORS + v], weights[v], quad);
    }
}

INLINE void multiply_tile(const struct vnni_tile *s, int rows, int panels)
{
    enum { lanes = sizeof(vec) / sizeof(int32_t) };
    vec acc[TILE_ROWS * TILE_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
    for (int v = 0; v < panels * PANEL_VECTORS; v++)
        acc[i * panels * PANEL_VECTORS + v] =
            s->row_sums ? vec_set(-128 * s->row_sums[i]) : vec_load(s->c + i * s->ldc + v * lanes);
    const int8_t *a = s->a;
    const uint8_t *w = s->w;
    uintptr_t ahead = s->ahead;
    for (int64_t q = 0; q < s->quads; q++) {
        UNROLL
        for (int p = 0; p < panels; p++)
            _mm_prefetch((const char *)(ahead + (uintptr_t)p * s->panel_bytes), _MM_HINT_T0);
        multiply_quad(acc, s, a, w, 4, rows, panels);
        a += 4;
        w += VNNI16_QUAD_BYTES;
        ahead += (uintptr_t)s->ahead_step;
    }
    if (s->tail > 0)
        multiply_quad(acc, s, a, w, s->tail, rows, panels);
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
    for (int v = 0; v < panels * PANEL_VECTORS; v++)
        vec_store(s->c + i * s->ldc + v * lanes, acc[i * panels * PANEL_VECTORS + v]);
}

typedef void tile_function(const struct vnni_tile *s);

#define TILE(rows, panels)                                                                         \
    static void tile_##rows##x##panels(const struct vnni_tile *s)                                  \
    {                                                                                              \
        multiply_tile(s, rows, panels);                                                            \
    }
#define TILES(panels)                                                                              \
    TILE(1, panels)                                                                                \
    TILE(2, panels)                                                                                \
    TILE(3, panels)                                                                                \
    TILE(4, panels)                                                                                \
    TILE(5, panels)                                                                                \
    TILE(6, panels)
#define ROW_OF_TILES(panels)                                                                       \
    tile_1x##panels, tile_2x##panels, tile_3x##panels, tile_4x##panels, tile_5x##panels,           \
        tile_6x##panels

/* [panels - 1][rows - 1], up to TILE_ROWS, with ONCE_PANELS up to ONCE_ROWS: defined by the file
 * that includes this one, with the macros above. */
static tile_function *const tiles[TILE_PANELS][ONCE_ROWS];

/* How much of k makes a block, for a number of row tiles. One tile uses its weights once, so there
 * is nothing to keep. */
static int64_t block_k(int64_t row_tiles, int64_t k)
{
    return row_tiles == 1 ? k : 8192 / TILE_PANELS;
}

static void multiply(const struct cpu_tile *t)
{
    const int32_t *row_sums = t->block;
    int64_t row_tiles = t->rows <= ONCE_ROWS ? 1 : ceiling(t->rows, TILE_ROWS);
    int64_t most_panels = t->rows <= row_tiles * TILE_ROWS ? TILE_PANELS : ONCE_PANELS;
    int64_t columns = ceiling(t->panel_count, most_panels); /* of tiles */
    int64_t kc = block_k(row_tiles, t->k1 - t->k0);
    for (int64_t j = 0; j < columns; j++) {
        int64_t p = part_start(j, t->panel_count, columns);
        int64_t panels = part_start(j + 1, t->panel_count, columns) - p;
        const uint8_t *first = octgemm_vnni16_weights(t->panels + p * (int64_t)t->panel_bytes);
        for (int64_t k = t->k0; k < t->k1; k += kc) {
            int64_t end = at_most(k + kc, t->k1);
            const uint8_t *w = first + k * VNNI16_COLUMNS;
            int64_t next = end < t->k1 ? end * VNNI16_COLUMNS
                                       : panels * (int64_t)t->panel_bytes + t->k0 * VNNI16_COLUMNS;
            struct vnni_tile s = {.lda = t->lda,
                                  .w = w,
                                  .panel_bytes = t->panel_bytes,
                                  .quads = (end - k) / 4,
                                  .tail = (end - k) % 4,
                                  .ahead_step = VNNI16_QUAD_BYTES / row_tiles,
                                  .ldc = t->ldc};
            for (int64_t i = 0; i < row_tiles; i++) {
                int64_t row = part_start(i, t->rows, row_tiles);
                int64_t rows = part_start(i + 1, t->rows, row_tiles) - row;
                s.a = t->a + row * t->lda + k;
                s.ahead = row_tiles == 1
                              ? (uintptr_t)w + (uintptr_t)(t->stream_ahead / TILE_PANELS)
                              : (uintptr_t)first + (uintptr_t)(next + s.quads * s.ahead_step * i);
                s.row_sums = k == t->k0 ? row_sums + row : NULL;
                s.c = t->c + row * t->ldc + p * VNNI16_COLUMNS;
                tiles[panels - 1][rows - 1](&s);
            }
        }
    }
}

static size_t block_bytes(int64_t rows, int64_t k)
{
    (void)k;
    return (size_t)rows * sizeof(int32_t);
}

/* Row sums of A over [k0, k1): vpdpbusd with ones. */
static void prepare(void *block, const int8_t *a, int64_t lda, int64_t rows, int64_t k0, int64_t k1)
{
    int32_t *row_sums = block;
    const vec ones = vec_set(0x01010101);
    for (int64_t i = 0; i < rows; i++) {
        const int8_t *row = a + i * lda;
        vec even = vec_set(0), odd = vec_set(0);
        int64_t k = k0;
        for (; k1 - k >= 2 * (int64_t)sizeof(vec); k += 2 * (int64_t)sizeof(vec)) {
            even = vec_dpbusd(even, ones, vec_load(row + k));
            odd = vec_dpbusd(odd, ones, vec_load(row + k + sizeof(vec)));
        }
        if (k1 - k >= (int64_t)sizeof(vec)) {
            even = vec_dpbusd(even, ones, vec_load(row + k));
            k += (int64_t)sizeof(vec);
        }
        if (k < k1)
            odd = vec_dpbusd(odd, ones, vec_load_end(row + k, k1 - k, k - k0));
        row_sums[i] = vec_sum(vec_add(even, odd));
    }
}

/* Rows of B as they lie (dot.h): the u8 side is w + 128 here too, by an xor of what was loaded. */
typedef vec dot_sums;
typedef vec dot_left;
typedef vec dot_right;
enum { DOT_BYTES = sizeof(vec) };

static inline vec dot_zero(void)
{
    return vec_set(0);
}

static inline vec load_left(const int8_t *p, int64_t bytes, int64_t before)
{
    return bytes == DOT_BYTES ? vec_load(p) : vec_load_end(p, bytes, before);
}

static inline vec load_right(const int8_t *p, int64_t bytes, int64_t before)
{
    return vec_flip(load_left(p, bytes, before));
}

static inline void dot_terms(int32_t *terms, const int8_t *a, int64_t lda, int64_t rows, int64_t k)
{
    prepare(terms, a, lda, rows, 0, k);
    for (int64_t i = 0; i < rows; i++)
        terms[i] = (int32_t)(-128u * (uint32_t)terms[i]); /* modulo 2^32 */
}

#include "dot.h"

#endif
