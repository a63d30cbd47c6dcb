/* AMX-INT8: 1024 MACs/cycle.
 *
 * tdpbsud multiplies 16 rows x 64 k of A (s8) by 64 k x 16 columns of weights (u8) in 16 cycles.
 * The weights are the panels of the VNNI kernels (vnni16.h): 16 steps of a panel are a tile as they
 * lie, and the +128 in them is undone the same way, by starting C at -128 * (sum of the row of A).
 *
 * Tiles 0 to 3 hold C, the others what is being multiplied. With more than 16 rows C is 2 tiles of
 * rows x 2 of columns: four loads for four products. Up to 16 rows it is 1 x 4, with as many rows
 * in a tile as there are, for tdpbsud takes a cycle for each. Up to 8 rows the VNNI kernel wins
 * (one thread, weights from memory: -9 to +11 %).
 *
 * A is copied tile by tile (prepare): rows whose stride is a power of two would share a set of L1.
 * While a block of rows uses the weights of two panels, the next two are prefetched into L2, where
 * what is used of A stays over all panels: 256 rows when one thread has its L2 to itself, else 128,
 * for two threads may share one. k stays uncut up to 4096, and the tiles' sums go to a scratch in
 * L1 and from there to C, whose rows lie far apart.
 *
 * Measured on 16 cores of a Xeon (2 MB L2 each, shared with others), n = k = 4096, m = 1024, int32
 * out: 22 TOPS in the best calls on 16 threads, 2.50 on one. One core reaches 4.6 to 5.0 in
 * registers, 4.6 with all tiles in L1, 3.5 with all in L2, where they are. What costs beyond that
 * is to read weights from L3 or memory and D (10 %; a large one is written around the caches).
 * What lost: no prefetch (-15 to -20 %), k cut so that weights stay in L1 (by 512, C added to
 * itself -5 to -20 %, C loaded and stored as tiles -4 %), rows of A in L1 and weights from L2
 * (-28 %), 384 rows (-2 %) and 512 (-35 %), D made piece by piece from the scratch (int32 +2 %,
 * bf16 -8 %), prefetching A or weights into L1, all loads ahead of all products, asking for every
 * second line of the weights (+2 % from the caches, up to -15 % from memory). No difference: 2 MB
 * pages, A of two row tiles side by side, weights or A loaded as a stream, sums of A's rows found
 * as they are copied, loads in another order.
 *
 * The tile configuration belongs to the thread, so multiply() loads it each time and releases it:
 * the caller's code never sees tiles in use. */
#include "amx.h"
#include "integers.h"
#include "kernels.h"
#include "vnni16.h"

#include <immintrin.h>
#include <string.h>

enum {
    BLOCK_K = 4096,
    MOST_PANELS = 4,
    CACHE_LINE = 64,
    RESIDENT_A = 1 << 20, /* bytes of A that stay in L2 */
    FEW_ROWS = 8,         /* for the VNNI kernel */
    STREAM_AHEAD = 4096,  /* bytes of each panel, when its weights are used once */
};

/* Rows of A and C: `first` in a row tile, `second` in the one below it; 0: there is none, and every
 * tile but A's and C's is weights. */
static void configure(int64_t first, int64_t second)
{
    const uint8_t a = (uint8_t)first, b = (uint8_t)second;
    const uint8_t two[] = {a, b, a, b, a, b, TILE_ROWS, TILE_ROWS};
    const uint8_t one[] = {a, a, a, a, a, TILE_ROWS, TILE_ROWS, TILE_ROWS};
    configure_tiles(second > 0 ? two : one);
}

/* The prepared rows: their sums, then tiles of 16 rows x 64 k, row tile by row tile. The last tile
 * of each is filled up with zeros behind k; what is behind the last row is never multiplied. */
static size_t sums_bytes(int64_t rows)
{
    return (size_t)multiple(rows, TILE_ROWS) * sizeof(int32_t);
}

static size_t block_bytes(int64_t rows, int64_t k)
{
    return sums_bytes(rows) + (size_t)(multiple(rows, TILE_ROWS) * multiple(k, TILE_K));
}

static void prepare(void *block, const int8_t *a, int64_t lda, int64_t rows, int64_t k0, int64_t k1)
{
    octgemm_cpu_avx512vnni.prepare(block, a, lda, rows, k0, k1);
    if (rows <= FEW_ROWS)
        return;
    const int64_t row_tile = TILE_ROWS * multiple(k1 - k0, TILE_K);
    const __mmask64 end = ((__mmask64)1 << (k1 - k0) % TILE_K) - 1;
    for (int64_t i = 0; i < rows; i++) {
        int8_t *to =
            (int8_t *)block + sums_bytes(rows) + i / TILE_ROWS * row_tile + i % TILE_ROWS * TILE_K;
        int64_t k = k0;
        for (; k1 - k >= TILE_K; k += TILE_K, to += TILE_BYTES)
            _mm512_storeu_si512(to, _mm512_loadu_si512(a + i * lda + k));
        if (k < k1)
            _mm512_storeu_si512(to, _mm512_maskz_loadu_epi8(end, a + i * lda + k));
    }
}

/* One product: row tiles x panels over a block of k, written to the scratch. */
struct amx_step {
    const int8_t *a;       /* the first row tile's tiles */
    int64_t a_distance;    /* to the second's */
    const uint8_t *w;      /* the first panel's tiles */
    int64_t w_distance;    /* to the next panel's */
    int64_t k_tiles;       /* whole ones */
    const uint8_t *last_w; /* and a last one of each panel, TILE_BYTES apart, or NULL */
    uintptr_t ahead;       /* what to prefetch: `lines` lines of each panel in each step */
    int64_t lines;
    int32_t *scratch;
};

static inline void prefetch(const struct amx_step *s, int64_t i, int panels)
{
    uintptr_t ahead = s->ahead + (uintptr_t)(i * s->lines * CACHE_LINE);
    for (int64_t line = 0; line < s->lines; line++)
        for (int p = 0; p < panels; p++)
            fetch_l2(ahead + (uintptr_t)(p * s->w_distance + line * CACHE_LINE));
}

/* The number of a tile is part of the instruction, so the two shapes are written out; `panels` is a
 * constant where they are called. */
static inline void store_c_pair(int32_t *c, int panels)
{
    enum { ld = 2 * VNNI16_COLUMNS, stride = ld * sizeof(int32_t) };
    _tile_stored(0, c, stride);
    _tile_stored(1, c + TILE_ROWS * ld, stride);
    if (panels > 1) {
        _tile_stored(2, c + VNNI16_COLUMNS, stride);
        _tile_stored(3, c + TILE_ROWS * ld + VNNI16_COLUMNS, stride);
    }
}

static inline void multiply_pair_tile(const int8_t *a, int64_t a_distance, const uint8_t *w,
                                      int64_t w_distance, int panels)
{
    _tile_loadd(6, w, TILE_K);
    _tile_loadd(4, a, TILE_K);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(5, a + a_distance, TILE_K);
    _tile_dpbsud(1, 5, 6);
    if (panels > 1) {
        _tile_loadd(7, w + w_distance, TILE_K);
        _tile_dpbsud(2, 4, 7);
        _tile_dpbsud(3, 5, 7);
    }
}

static inline void multiply_pair(const struct amx_step *s, int panels)
{
    settle_memory();
    clear_c();
    for (int64_t i = 0; i < s->k_tiles; i++) {
        multiply_pair_tile(s->a + i * TILE_BYTES, s->a_distance, s->w + i * TILE_BYTES,
                           s->w_distance, panels);
        prefetch(s, i, panels);
    }
    if (s->last_w)
        multiply_pair_tile(s->a + s->k_tiles * TILE_BYTES, s->a_distance, s->last_w, TILE_BYTES,
                           panels);
    store_c_pair(s->scratch, panels);
}

static inline void store_c_single(int32_t *c, int panels)
{
    enum { stride = 4 * VNNI16_COLUMNS * sizeof(int32_t) };
    _tile_stored(0, c, stride);
    if (panels > 1)
        _tile_stored(1, c + VNNI16_COLUMNS, stride);
    if (panels > 2)
        _tile_stored(2, c + 2 * VNNI16_COLUMNS, stride);
    if (panels > 3)
        _tile_stored(3, c + 3 * VNNI16_COLUMNS, stride);
}

static inline void multiply_single_tile(const int8_t *a, const uint8_t *w, int64_t w_distance,
                                        int panels)
{
    _tile_loadd(4, a, TILE_K);
    _tile_loadd(5, w, TILE_K);
    _tile_dpbsud(0, 4, 5);
    if (panels > 1) {
        _tile_loadd(6, w + w_distance, TILE_K);
        _tile_dpbsud(1, 4, 6);
    }
    if (panels > 2) {
        _tile_loadd(7, w + 2 * w_distance, TILE_K);
        _tile_dpbsud(2, 4, 7);
    }
    if (panels > 3) {
        _tile_loadd(5, w + 3 * w_distance, TILE_K);
        _tile_dpbsud(3, 4, 5);
    }
}

static inline void multiply_single(const struct amx_step *s, int panels)
{
    settle_memory();
    clear_c();
    for (int64_t i = 0; i < s->k_tiles; i++) {
        multiply_single_tile(s->a + i * TILE_BYTES, s->w + i * TILE_BYTES, s->w_distance, panels);
        prefetch(s, i, panels);
    }
    if (s->last_w)
        multiply_single_tile(s->a + s->k_tiles * TILE_BYTES, s->last_w, TILE_BYTES, panels);
    store_c_single(s->scratch, panels);
}

static void pair_1(const struct amx_step *s)
{
    multiply_pair(s, 1);
}

static void pair_2(const struct amx_step *s)
{
    multiply_pair(s, 2);
}

static void single_1(const struct amx_step *s)
{
    multiply_single(s, 1);
}

static void single_2(const struct amx_step *s)
{
    multiply_single(s, 2);
}

static void single_3(const struct amx_step *s)
{
    multiply_single(s, 3);
}

static void single_4(const struct amx_step *s)
{
    multiply_single(s, 4);
}

/* The two shapes: how many row tiles, how many panels, and the code by number of panels. */
struct shape {
    int row_tiles, panels;
    void (*multiply[MOST_PANELS])(const struct amx_step *s);
};
static const struct shape pair = {2, 2, {pair_1, pair_2}};
static const struct shape single = {1, 4, {single_1, single_2, single_3, single_4}};

/* Rows [row, row + rows) of a tile, in pieces of one shape. Every piece but the last is whole. */
struct rows {
    const struct shape *shape;
    int64_t row, rows, piece, pieces;
};

/* Adds what the tiles left in the scratch to C, or begins C with it and -128 * (sum of the row of
 * A). */
static void add_piece(const struct cpu_tile *t, int64_t row, int64_t rows, int64_t column,
                      int64_t columns, int64_t ld, int begun)
{
    const int32_t *row_sums = (const int32_t *)t->block + row, *sums = t->scratch;
    for (int64_t i = 0; i < rows; i++, sums += ld) {
        int32_t *c = t->c + (row + i) * t->ldc + column;
        const __m512i start = _mm512_set1_epi32(-128 * row_sums[i]);
        for (int64_t j = 0; j < columns; j += VNNI16_COLUMNS) {
            __m512i before = begun ? _mm512_load_si512(c + j) : start;
            _mm512_store_si512(c + j, _mm512_add_epi32(before, _mm512_load_si512(sums + j)));
        }
    }
}

/* All rows x the panels from p on x [k, end). next: what is prefetched meanwhile, of weights or
 * behind them. */
static void multiply_block(const struct cpu_tile *t, const struct rows *r, int64_t p, int64_t k,
                           int64_t end, const uint8_t *w, uintptr_t next)
{
    const int64_t row_tile = TILE_ROWS * multiple(t->k1 - t->k0, TILE_K);
    const int8_t *a = (const int8_t *)t->block + sums_bytes(t->rows) + (k - t->k0) * TILE_ROWS;
    const int64_t panels = at_most(t->panel_count - p, r->shape->panels);
    const int64_t rest = (end - k) % TILE_K, ld = r->shape->panels * VNNI16_COLUMNS;
    uint8_t last_w[MOST_PANELS * TILE_BYTES];
    struct amx_step s = {
        .a_distance = row_tile,
        .w = w,
        .w_distance = (int64_t)t->panel_bytes,
        .k_tiles = (end - k) / TILE_K,
        .last_w = rest > 0 ? last_w : NULL,
        .lines = ceiling(TILE_ROWS, r->pieces),
        .scratch = t->scratch,
    };
    /* The weights' memory may end with them. What is behind them in last_w meets zeros of A. */
    for (int64_t i = 0; i < panels; i++)
        for (int64_t quad = 0; quad < ceiling(rest, 4); quad++)
            _mm512_storeu_si512(last_w + i * TILE_BYTES + quad * VNNI16_QUAD_BYTES,
                                _mm512_loadu_si512(w + i * s.w_distance + s.k_tiles * TILE_BYTES +
                                                   quad * VNNI16_QUAD_BYTES));
    for (int64_t i = 0; i < r->pieces; i++) {
        const int64_t first = r->row + i * r->piece;
        s.a = a + first / TILE_ROWS * row_tile;
        s.ahead = next + (uintptr_t)(i * s.k_tiles * s.lines * CACHE_LINE);
        r->shape->multiply[panels - 1](&s);
        settle_memory();
        add_piece(t, first, at_most(r->piece, r->row + r->rows - first), p * VNNI16_COLUMNS,
                  panels * VNNI16_COLUMNS, ld, k > t->k0);
    }
}

static void multiply_rows(const struct cpu_tile *t, const struct shape *shape, int64_t row,
                          int64_t rows)
{
    struct rows r = {.shape = shape, .row = row, .rows = rows};
    r.piece = shape->row_tiles * TILE_ROWS;
    r.pieces = ceiling(rows, r.piece);
    const int64_t block_k = r.pieces > 1 ? BLOCK_K : t->k1 - t->k0;
    const int64_t resident_k = at_least(RESIDENT_A / rows / block_k, 1) * block_k;
    for (int64_t outer = t->k0; outer < t->k1; outer += resident_k) {
        const int64_t outer_end = at_most(outer + resident_k, t->k1);
        for (int64_t p = 0; p < t->panel_count; p += shape->panels) {
            const uint8_t *panel = octgemm_vnni16_weights(t->panels + p * (int64_t)t->panel_bytes);
            for (int64_t k = outer; k < outer_end; k += block_k) {
                const int64_t end = at_most(k + block_k, outer_end);
                const uint8_t *w = panel + k * VNNI16_COLUMNS;
                int64_t next = k * VNNI16_COLUMNS + STREAM_AHEAD;
                if (r.pieces > 1)
                    next = end < outer_end
                               ? end * VNNI16_COLUMNS
                               : shape->panels * (int64_t)t->panel_bytes + outer * VNNI16_COLUMNS;
                multiply_block(t, &r, p, k, end, w, (uintptr_t)panel + (uintptr_t)next);
            }
        }
    }
}

static void multiply(const struct cpu_tile *t)
{
    if (t->rows <= FEW_ROWS) {
        octgemm_cpu_avx512vnni.multiply(t);
        return;
    }
    const int64_t rest = t->rows % (2 * TILE_ROWS);
    const int64_t whole = t->rows - rest;
    if (whole > 0) {
        configure(TILE_ROWS, TILE_ROWS);
        multiply_rows(t, &pair, 0, whole);
    }
    if (rest > TILE_ROWS) {
        configure(TILE_ROWS, rest - TILE_ROWS);
        multiply_rows(t, &pair, whole, rest);
    } else if (rest > 0) {
        configure(rest, 0);
        multiply_rows(t, &single, whole, rest);
    }
    _tile_release();
}

/* The sums of one piece, of either shape. */
static size_t scratch_bytes(int64_t k)
{
    (void)k;
    return 4 * TILE_ROWS * VNNI16_COLUMNS * sizeof(int32_t);
}

const struct cpu_gemm octgemm_cpu_amx = {
    .isa = CPU_AMX,
    .rate = 512,
    .format = &octgemm_cpu_vnni16,
    .mr = 2 * TILE_ROWS,
    .nt = 4 * VNNI16_COLUMNS,
    .mc = 128,
    .mc_alone = 256,
    .nc = 128,
    /* For a long k as much of A as stays in L2, 2 MB wherever there is AMX. */
    .direct = {{65536, 16},
               {32768, 32},
               {16384, 64},
               {12288, 96},
               {9216, 128},
               {7168, 192},
               {2048, 256},
               {1024, 128},
               {512, 64},
               {256, 32},
               {128, 16},
               {64, 6},
               {32, 4},
               {0, 2}},
    .dot = octgemm_cpu_amx_dot,
    .dot_bytes = octgemm_cpu_amx_dot_bytes,
    .dot_prepare = octgemm_cpu_amx_dot_prepare,
    .block_bytes = block_bytes,
    .prepare = prepare,
    .scratch_bytes = scratch_bytes,
    .multiply = multiply,
    .writes_around = 1,
};
