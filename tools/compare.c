/* The float64 product, tiled so that it keeps pace: 4 rows of activations by 8 of weights in
 * registers, stretches of k in the first-level cache, threads over blocks of weights. Sums of error
 * are kept per block and added in order, so the report is the same for any number of threads. */
#include "compare.h"
#include "command.h"
#include "progress.h"
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { tile_rows = 4, tile_columns = 8, depth = 256 };

static int64_t blocks_of(int64_t count, int64_t block)
{
    return (count + block - 1) / block;
}

/* sums[r][c] += sum over p of a[r][p] * w[p][c] */
static void add_tile(double *restrict sums, const double *restrict a, int64_t lda,
                     const double *restrict w, int64_t count)
{
    double tile[tile_rows][tile_columns];
    memcpy(tile, sums, sizeof tile);
    for (int64_t p = 0; p < count; p++)
        for (int r = 0; r < tile_rows; r++)
            for (int c = 0; c < tile_columns; c++)
                tile[r][c] += a[r * lda + p] * w[p * tile_columns + c];
    memcpy(sums, tile, sizeof tile);
}

/* The rows of a block of weights, as they lie in add_tile(): columns beyond n are zero. */
static void fill_weights(double *w, double *row, const struct matrix *weights, int64_t first)
{
    int64_t k = weights->columns;
    for (int c = 0; c < tile_columns; c++) {
        int inside = first + c < weights->rows;
        if (inside)
            octgemm_matrix_row(weights, first + c, row);
        for (int64_t p = 0; p < k; p++)
            w[p * tile_columns + c] = inside ? row[p] : 0;
    }
}

/* Error sums of a block of columns. */
struct part {
    double signal, noise, error_max, value_max;
    int64_t left_out;
};

static double scale_at(const float *scale, int64_t count, int64_t index)
{
    return scale ? scale[count > 1 ? index : 0] : 1;
}

static void add_element(struct part *part, const struct compared *what, int64_t i, int64_t j,
                        double reference)
{
    int64_t n = what->weights->rows;
    double value = octgemm_element(what->d, (enum tensor_kind)what->d_type, i * n + j);
    if (what->d_type == OCTGEMM_I32)
        value =
            value * scale_at(what->sa, what->sa_count, i) * scale_at(what->sb, what->sb_count, j);
    else if (what->bias)
        reference += octgemm_element(what->bias, what->bias_kind, j);
    if (!isfinite(value) || !isfinite(reference)) {
        part->left_out++;
        return;
    }
    double error = fabs(value - reference);
    part->signal += reference * reference;
    part->noise += error * error;
    part->error_max = fmax(part->error_max, error);
    part->value_max = fmax(part->value_max, fabs(reference));
}

/* Memory of one thread. */
struct scratch {
    double *w, *row, *sums;
};

static void compare_block(const struct compared *what, const double *a, int64_t block,
                          const struct scratch *scratch, struct part *part)
{
    int64_t m = what->activations->rows, n = what->weights->rows, k = what->weights->columns;
    int64_t first = block * tile_columns, tiles = blocks_of(m, tile_rows);
    fill_weights(scratch->w, scratch->row, what->weights, first);
    memset(scratch->sums, 0, (size_t)(tiles * tile_rows * tile_columns) * sizeof *scratch->sums);
    for (int64_t p = 0; p < k; p += depth)
        for (int64_t t = 0; t < tiles; t++)
            add_tile(scratch->sums + t * tile_rows * tile_columns, a + t * tile_rows * k + p, k,
                     scratch->w + p * tile_columns, k - p < depth ? k - p : depth);
    for (int64_t i = 0; i < m; i++)
        for (int64_t c = 0; c < tile_columns && first + c < n; c++)
            add_element(part, what, i, first + c, scratch->sums[i * tile_columns + c]);
}

static int compare_blocks(const struct compared *what, const double *a, struct part *parts,
                          int64_t blocks)
{
    int64_t m = what->activations->rows, k = what->weights->columns;
    int64_t sums = blocks_of(m, tile_rows) * tile_rows;
    int failed = 0;
#pragma omp parallel reduction(| : failed)
    {
        struct scratch scratch = {
            .w = octgemm_allocate(k, tile_columns, sizeof(double), "the float64 product"),
            .row = octgemm_allocate(k, 1, sizeof(double), "the float64 product"),
            .sums = octgemm_allocate(sums, tile_columns, sizeof(double), "the float64 product")};
        failed = !scratch.w || !scratch.row || !scratch.sums;
#pragma omp for schedule(dynamic)
        for (int64_t block = 0; block < blocks; block++) {
            if (!failed)
                compare_block(what, a, block, &scratch, &parts[block]);
            octgemm_progress_add(1);
        }
        free(scratch.w);
        free(scratch.row);
        free(scratch.sums);
    }
    return failed ? EXIT_INPUT : 0;
}

static void sum_up(const struct part *parts, int64_t blocks, int64_t elements,
                   struct comparison *out)
{
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < blocks; i++) {
        signal += parts[i].signal;
        noise += parts[i].noise;
        out->error_max = fmax(out->error_max, parts[i].error_max);
        out->value_max = fmax(out->value_max, parts[i].value_max);
        out->left_out += parts[i].left_out;
    }
    out->compared = elements - out->left_out;
    out->decibel = noise > 0 ? 10 * log10(signal / noise) : INFINITY;
    if (out->compared == 0)
        out->decibel = out->error_max = out->value_max = NAN;
}

int octgemm_compare(const struct compared *what, struct comparison *out)
{
    int64_t m = what->activations->rows, k = what->weights->columns;
    int64_t blocks = blocks_of(what->weights->rows, tile_columns);
    int64_t padded = blocks_of(m, tile_rows) * tile_rows;
    *out = (struct comparison){.compared = 0};
    octgemm_progress_step("comparing with the float64 product", blocks);
    double *a = octgemm_allocate(padded, k, sizeof *a, "the float64 product");
    struct part *parts = calloc((size_t)blocks + 1, sizeof *parts);
    int status = a ? 0 : EXIT_INPUT;
    if (a && !parts)
        status = octgemm_complain("no memory for the float64 product");
    if (status == 0) {
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < padded; i++) {
            if (i < m)
                octgemm_matrix_row(what->activations, i, a + i * k);
            else
                memset(a + i * k, 0, (size_t)k * sizeof *a);
        }
        status = compare_blocks(what, a, parts, blocks);
        sum_up(parts, blocks, m * what->weights->rows, out);
    }
    free(parts);
    free(a);
    return status;
}
