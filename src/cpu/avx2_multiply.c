/* The AVX2 kernels' loops over blocks of k and panels: which method each panel takes, and the terms
 * that make its sums those of A and B. */
#include "avx2_panel.h"
#include "kernels.h"

enum {
    most_rows = 128,
    most_columns = 128,
    /* Up to this many bytes of a + 128 the whole of it stays in L2 and panels are walked one by
     * one, which reads weights in the order in which they lie; above it, block of k by block of k.
     */
    resident_bytes = 128 << 10,
};

/* What the steps of one call share. */
struct product {
    const struct cpu_tile *tile;
    struct avx2_layout panel;
    struct avx2_block block;
    int64_t padded; /* rows of the transposed A */
    void *widened;
    int32_t *list_sums; /* most_columns / AVX2_COLUMNS times */
};

/* Panels that are walked together, block of k by block of k: [first, end). */
struct pass {
    int64_t first, end;
};

static const char *panel_at(const struct product *of, int64_t index)
{
    return of->tile->panels + (size_t)index * of->tile->panel_bytes;
}

static int32_t *sums_of(const struct product *of, int64_t index)
{
    return of->list_sums + index * of->padded * AVX2_COLUMNS;
}

static int has_list(const struct product *of, const char *panel)
{
    const char *start = panel + of->panel.list_start;
    return octgemm_load_i32(start, octgemm_avx2_blocks(of->tile->k)) != 0;
}

/* Do the list's products gather in sums_of()? One row's go to C. */
static int gathers_list(const struct product *of, const char *panel)
{
    return of->tile->rows > 1 && has_list(of, panel);
}

/* One row has a better way through the panels that are not for acc16. */
static int is_winograd(const struct product *of, const char *panel)
{
    return of->tile->rows > 1 && octgemm_load_i32(panel + of->panel.method, 0) == 0;
}

/* The terms that do not depend on a pair of row and column. Those of the columns belong to the
 * whole of k and so to the first range of k alone. */
static struct avx2_start start_of(const struct product *of, const char *panel)
{
    static const int32_t no_terms[AVX2_COLUMNS];
    const char *columns = panel + (is_winograd(of, panel) ? of->panel.pair_sum : 0);
    return (struct avx2_start){
        .rows = (const int32_t *)((const char *)of->tile->block + of->block.pair_sum),
        .columns = of->tile->k0 > 0 ? no_terms : (const int32_t *)(const void *)columns};
}

static const char *weights_at(const struct product *of, int64_t index, int64_t p)
{
    return panel_at(of, index) + of->panel.weights + p * AVX2_COLUMNS;
}

/* The weights of the step after panel `index` at p, or, after the last, some that are there. */
static uintptr_t weights_after(const struct product *of, struct pass pass, int64_t index, int64_t p)
{
    const struct cpu_tile *t = of->tile;
    if (index + 1 < pass.end)
        return (uintptr_t)weights_at(of, index + 1, p);
    if (p + AVX2_DEPTH < t->k1)
        return (uintptr_t)weights_at(of, pass.first, p + AVX2_DEPTH);
    return (uintptr_t)weights_at(of, index + 1 < t->panel_count ? index + 1 : index, t->k0);
}

/* The entries of a panel's list before this block of k. */
static int64_t list_start(const struct product *of, const char *panel, int64_t block)
{
    return octgemm_load_i32(panel + of->panel.list_start, block);
}

/* How many entries of the list fetch weights: those of so few rows that their one tile waits for
 * memory, which the list would leave idle. */
static int64_t fetching_entries(const struct product *of, const char *panel, int64_t block)
{
    if (of->tile->rows > AVX2_ACC16_ROWS)
        return 0;
    return list_start(of, panel, block + 1) - list_start(of, panel, block);
}

/* Adds [p, p + depth) of one panel. Returns what of the next weights is to be fetched by the list.
 */
static uintptr_t step(const struct product *of, int64_t index, int64_t p, uintptr_t next)
{
    const struct cpu_tile *t = of->tile;
    const char *panel = panel_at(of, index), *block = t->block;
    const int8_t *weights = (const int8_t *)weights_at(of, index, p);
    int64_t depth = octgemm_avx2_depth(p, t->k1);
    int32_t *c = t->c + index * AVX2_COLUMNS;
    int group = octgemm_load_i32(panel + of->panel.method, 0);
    int64_t done = p - t->k0;
    struct avx2_start start = {0};
    if (done == 0)
        start = start_of(of, panel);
    if (is_winograd(of, panel)) {
        const int16_t *a = (const int16_t *)(block + of->block.words) + done * t->rows;
        octgemm_avx2_winograd(a, t->rows, weights, depth, c, t->ldc, start, of->widened, next);
        return next;
    }
    const uint8_t *bytes = (const uint8_t *)block + of->block.bytes + done * t->rows;
    if (group == 0) {
        octgemm_avx2_signs(bytes, weights, depth, c, done == 0, next);
        return next;
    }
    return octgemm_avx2_acc16(group, bytes, t->rows, weights, depth, c, t->ldc, start, next,
                              fetching_entries(of, panel, p / AVX2_DEPTH));
}

/* The lists of these panels in [p, p + depth): strip by strip, so that its A stays in L1. */
static void list_step(const struct product *of, struct pass pass, int64_t p, uintptr_t ahead)
{
    const struct cpu_tile *t = of->tile;
    int64_t depth = octgemm_avx2_depth(p, t->k1), number = p / AVX2_DEPTH, done = p - t->k0;
    const uint8_t *bytes = (const uint8_t *)t->block + of->block.bytes + done;
    const uint8_t *a = (const uint8_t *)t->block + of->block.transposed + done * of->padded;
    for (int64_t i = 0; i < t->rows; i += AVX2_STRIP)
        for (int64_t j = pass.first; j < pass.end; j++) {
            const char *panel = panel_at(of, j);
            int64_t start = list_start(of, panel, number);
            int64_t count = list_start(of, panel, number + 1) - start;
            if (count == 0)
                continue;
            const char *list = panel + of->panel.list + start * AVX2_LIST_ENTRY;
            const char *columns = panel + of->panel.list_column + start;
            if (t->rows == 1)
                octgemm_avx2_list_of_row(list, columns, count, bytes, t->c + j * AVX2_COLUMNS,
                                         ahead);
            else
                octgemm_avx2_list(list, columns, count, a + i * depth,
                                  octgemm_avx2_strip_rows(t->rows - i),
                                  sums_of(of, j) + i * AVX2_COLUMNS, ahead);
        }
}

static void end(const struct product *of, int64_t index)
{
    const struct cpu_tile *t = of->tile;
    if (gathers_list(of, panel_at(of, index)))
        octgemm_avx2_list_finish(sums_of(of, index), t->rows, t->c + index * AVX2_COLUMNS, t->ldc);
}

/* The forms of A that a panel wants, and zeros to add its list's part to. */
static void begin(const struct product *of, int64_t index)
{
    const char *panel = panel_at(of, index);
    octgemm_avx2_make_form(of->tile, is_winograd(of, panel) ? AVX2_WORDS : AVX2_BYTES);
    if (gathers_list(of, panel)) {
        octgemm_avx2_make_form(of->tile, AVX2_TRANSPOSED);
        memset(sums_of(of, index), 0, octgemm_avx2_list_bytes(of->tile->rows));
    }
}

static size_t scratch_bytes(int64_t k)
{
    (void)k;
    return AVX2_WIDENED_BYTES + most_columns / AVX2_COLUMNS * octgemm_avx2_list_bytes(most_rows);
}

static void multiply(const struct cpu_tile *t)
{
    struct product of = {
        .tile = t,
        .panel = octgemm_avx2_layout(t->k),
        .block = octgemm_avx2_block(t->rows, t->k1 - t->k0),
        .padded = octgemm_avx2_padded_rows(t->rows),
        .widened = t->scratch,
        .list_sums = (int32_t *)((char *)t->scratch + AVX2_WIDENED_BYTES),
    };
    int64_t together = t->rows * (t->k1 - t->k0) <= resident_bytes ? 1 : t->panel_count;
    for (int64_t first = 0; first < t->panel_count; first += together) {
        struct pass pass = {first, first + together};
        for (int64_t j = pass.first; j < pass.end; j++)
            begin(&of, j);
        for (int64_t p = t->k0; p < t->k1; p += AVX2_DEPTH) {
            uintptr_t ahead = 0;
            for (int64_t j = pass.first; j < pass.end; j++)
                ahead = step(&of, j, p, weights_after(&of, pass, j, p));
            list_step(&of, pass, p, ahead);
        }
        for (int64_t j = pass.first; j < pass.end; j++)
            end(&of, j);
    }
}

/* The two differ in what their weights are packed for; each panel says how it is multiplied. */
#define AVX2_GEMM(packed)                                                                          \
    {                                                                                              \
        .isa = CPU_AVX2, .rate = 32, .format = &packed, .mr = 4, .nt = AVX2_COLUMNS,               \
        .mc = most_rows, .nc = most_columns,                                                       \
        .direct = {{1024, 8}, {256, 6}, {128, 4}, {64, 3}, {32, 2}, {0, 8}},                       \
        .block_bytes = octgemm_avx2_block_bytes, .prepare = octgemm_avx2_prepare,                  \
        .scratch_bytes = scratch_bytes, .multiply = multiply,                                      \
    }
const struct cpu_gemm octgemm_cpu_avx2_acc16 = AVX2_GEMM(octgemm_avx2_acc16_format);
const struct cpu_gemm octgemm_cpu_avx2_winograd = AVX2_GEMM(octgemm_avx2_winograd_format);
