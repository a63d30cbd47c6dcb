/* Every CPU kernel against the reference: shapes, strides, alignments, modes, types, zero points
 * and data come from the input. Unpacked weights, packed ones, and packed ones whose header was
 * damaged: those are refused, or the damage does not matter. Inputs, gaps and what lies before an
 * array stay as they were. */
#include "fuzz.h"
#include "../suite/patterns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { M_MOST = 80, N_MOST = 300, K_MOST = 1500, WORK_MOST = 400000, HEADER = 64 };
enum { A, B, SA, SB, ZA, BIAS, D, EXPECTED, PACKED, WORKSPACE, ARRAYS };

struct product {
    octgemm_args args;
    struct fuzz_array arrays[ARRAYS];
    int packs, damages;
};

static size_t span(int64_t rows, int64_t columns, int64_t ld, size_t width)
{
    return rows > 0 && columns > 0 ? (size_t)((rows - 1) * ld + columns) * width : 0;
}

/* NULL where there are no bytes, or now and then where NULL is a choice. */
static void *make_array(struct product *product, int array, size_t bytes, struct fuzz_input *input)
{
    fuzz_array_make(&product->arrays[array], bytes, (size_t)fuzz_below(input, fuzz_shifts));
    return bytes > 0 ? product->arrays[array].at : NULL;
}

/* A vector that may be absent, one value, or one for each row. */
static void *make_vector(struct product *product, int array, int64_t rows, octgemm_scale *mode,
                         struct fuzz_input *input)
{
    int kind = (int)fuzz_below(input, 3);
    *mode = kind == 2 ? OCTGEMM_SCALE_TENSOR : OCTGEMM_SCALE_ROW;
    size_t count = kind == 0 ? 0 : kind == 1 ? (size_t)rows : 1;
    return make_array(product, array, count * 4, input);
}

static void choose(struct product *product, struct fuzz_input *input)
{
    octgemm_args *args = &product->args;
    *args = (octgemm_args){.size = sizeof *args};
    product->packs = (int)fuzz_below(input, 2);
    product->damages = (int)fuzz_below(input, 4) == 3;
    args->m = fuzz_below(input, M_MOST);
    args->n = fuzz_below(input, N_MOST);
    args->k = fuzz_below(input, K_MOST);
    if (args->n * args->k > 0 && args->m > WORK_MOST / (args->n * args->k))
        args->m = WORK_MOST / (args->n * args->k);
    args->lda = args->k + fuzz_below(input, 70);
    args->ldb = args->k + fuzz_below(input, 70);
    args->ldd = args->n + fuzz_below(input, 70);
    args->d_type = (octgemm_type)fuzz_below(input, 4);
    args->bias_type = (octgemm_type)fuzz_below(input, 3);
    args->a = make_array(product, A, span(args->m, args->k, args->lda, 1), input);
    args->b = make_array(product, B, span(args->n, args->k, args->ldb, 1), input);
    args->sa = make_vector(product, SA, args->m, &args->sa_mode, input);
    args->sb = make_vector(product, SB, args->n, &args->sb_mode, input);
    args->za = make_vector(product, ZA, args->m, &args->za_mode, input);
    size_t bias = fuzz_below(input, 2) ? (size_t)args->n * fuzz_width(args->bias_type) : 0;
    args->bias = make_array(product, BIAS, bias, input);
    args->d =
        make_array(product, D, span(args->m, args->n, args->ldd, fuzz_width(args->d_type)), input);
}

/* Rows by one of the suite's patterns, or everything as the input has it. */
static void fill_matrix(struct fuzz_array *array, int64_t rows, int64_t k, int64_t ld,
                        struct fuzz_input *input)
{
    int64_t pattern = fuzz_below(input, MATRIX_PATTERNS + 1);
    uint64_t seed = fuzz_byte(input);
    if (array->bytes == 0)
        return;
    if (pattern == MATRIX_PATTERNS)
        fuzz_fill(input, array->at, array->bytes);
    for (int64_t i = 0; i < rows && pattern < MATRIX_PATTERNS; i++)
        suite_fill_matrix_row((enum matrix_pattern)pattern, (int8_t *)array->at + i * ld, k, i,
                              seed);
}

/* Scales, bias or zero points: floats of a pattern, or bits. */
static void fill_vector(struct fuzz_array *array, octgemm_type type, struct fuzz_input *input)
{
    int64_t pattern = fuzz_below(input, FLOAT_PATTERNS + 1);
    uint64_t seed = fuzz_byte(input);
    if (pattern == FLOAT_PATTERNS) {
        fuzz_fill(input, array->at, array->bytes);
        return;
    }
    int64_t count = (int64_t)(array->bytes / fuzz_width(type));
    for (int64_t i = 0; i < count; i++) {
        if (type == OCTGEMM_I32) {
            int32_t zero = suite_zero_point((enum zero_pattern)(pattern % ZERO_PATTERNS), i, seed);
            memcpy(array->at + i * 4, &zero, sizeof zero);
        } else {
            suite_store(array->at, type, i, suite_float((enum float_pattern)pattern, i, seed));
        }
    }
}

static void fill(struct product *product, struct fuzz_input *input)
{
    const octgemm_args *args = &product->args;
    struct fuzz_array *arrays = product->arrays;
    fill_vector(&arrays[SA], OCTGEMM_F32, input);
    fill_vector(&arrays[SB], OCTGEMM_F32, input);
    fill_vector(&arrays[ZA], OCTGEMM_I32, input);
    fill_vector(&arrays[BIAS], args->bias_type, input);
    fill_matrix(&arrays[A], args->m, args->k, args->lda, input);
    fill_matrix(&arrays[B], args->n, args->k, args->ldb, input);
}

/* The reference's D in an array of its own, gaps and all. */
static void compute_expected(struct product *product)
{
    octgemm_args args = product->args;
    fuzz_array_make(&product->arrays[EXPECTED], product->arrays[D].bytes, 0);
    args.d = args.d ? product->arrays[EXPECTED].at : NULL;
    if (octgemm_run(fuzz_reference(), &args) != OCTGEMM_OK)
        fuzz_fail("the reference: %s", octgemm_last_error());
}

static void pack(struct product *product, const octgemm_ctx *ctx, struct fuzz_input *input)
{
    octgemm_args *args = &product->args;
    size_t bytes;
    if (octgemm_packed_size(ctx, args->n, args->k, &bytes) != OCTGEMM_OK || bytes < HEADER)
        fuzz_fail("octgemm_packed_size: %zu bytes, %s", bytes, octgemm_last_error());
    unsigned char *packed = make_array(product, PACKED, bytes, input);
    if (octgemm_pack(ctx, args->n, args->k, args->b, args->ldb, packed, NULL) != OCTGEMM_OK)
        fuzz_fail("octgemm_pack: %s", octgemm_last_error());
    if (product->damages)
        packed[fuzz_below(input, HEADER)] ^= fuzz_byte(input);
    args->b = packed;
    args->b_layout = OCTGEMM_B_PACKED;
}

static octgemm_status run(struct product *product, const octgemm_ctx *ctx, struct fuzz_input *input)
{
    octgemm_args *args = &product->args;
    octgemm_status status = octgemm_workspace(ctx, args, &args->workspace_size);
    if (status != OCTGEMM_OK)
        return status;
    args->workspace = make_array(product, WORKSPACE, args->workspace_size, input);
    for (int array = A; array <= PACKED; array++)
        if (product->arrays[array].block)
            fuzz_array_keep(&product->arrays[array]);
    return octgemm_run(ctx, args);
}

static void verify(const struct product *product, octgemm_status status, const char *kernel)
{
    const octgemm_args *args = &product->args;
    const struct fuzz_array *d = &product->arrays[D], *expected = &product->arrays[EXPECTED];
    char shape[256];
    snprintf(shape, sizeof shape, "%s, %lld x %lld x %lld, ld %lld %lld %lld, d_type %d%s", kernel,
             (long long)args->m, (long long)args->n, (long long)args->k, (long long)args->lda,
             (long long)args->ldb, (long long)args->ldd, (int)args->d_type,
             product->packs ? ", packed" : "");
    int refused = status == OCTGEMM_ERR_UNSUPPORTED ||
                  (product->damages && product->packs && status == OCTGEMM_ERR_ARG);
    if (status != OCTGEMM_OK && !refused)
        fuzz_fail("%s: %s", shape, octgemm_last_error());
    if (status == OCTGEMM_OK &&
        !fuzz_same(args->d_type, d->at, expected->at, d->bytes / fuzz_width(args->d_type)))
        fuzz_fail("%s: another result than the reference's", shape);
    for (int array = A; array <= PACKED; array++)
        if (array != D && product->arrays[array].copy &&
            fuzz_array_changed(&product->arrays[array]))
            fuzz_fail("%s: array %d was changed", shape, array);
    if (d->copy &&
        memcmp(d->block, d->copy, status == OCTGEMM_OK ? d->shift : d->shift + d->bytes) != 0)
        fuzz_fail("%s: D was changed, or the bytes before it", shape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, data + size};
    struct product product;
    size_t count;
    memset(&product, 0, sizeof product);
    const struct fuzz_context *contexts = fuzz_contexts(FUZZ_KERNELS, &count);
    const struct fuzz_context *context = &contexts[fuzz_below(&input, (int64_t)count)];
    choose(&product, &input);
    fill(&product, &input);
    compute_expected(&product);
    if (product.packs)
        pack(&product, context->ctx, &input);
    octgemm_status status = run(&product, context->ctx, &input);
    verify(&product, status, context->name);
    for (int array = 0; array < ARRAYS; array++)
        fuzz_array_free(&product.arrays[array]);
    return 0;
}
