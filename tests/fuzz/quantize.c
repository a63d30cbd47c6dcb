/* The quantiser under every instruction set against the reference: shapes, strides, alignments,
 * types, scales and data come from the input. */
#include "fuzz.h"
#include "../suite/patterns.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MOST = 20, K_MOST = 700 };
enum { X, Q, SCALE, ZERO, ARRAYS };

static size_t span(int64_t rows, int64_t columns, int64_t ld, size_t width)
{
    return rows > 0 && columns > 0 ? (size_t)((rows - 1) * ld + columns) * width : 0;
}

/* What goes in, from the input. */
static octgemm_quantize_args choose(struct fuzz_input *input, struct fuzz_array *x, float *scale)
{
    octgemm_quantize_args args = {.size = sizeof args};
    args.static_scale = (int)fuzz_below(input, 2);
    args.rows = fuzz_below(input, ROWS_MOST);
    args.k = fuzz_below(input, K_MOST);
    args.ldx = args.k + fuzz_below(input, 40);
    args.ldq = args.k + fuzz_below(input, 40);
    args.x_type = (octgemm_type)fuzz_below(input, 3);
    size_t width = fuzz_width(args.x_type);
    fuzz_array_make(x, span(args.rows, args.k, args.ldx, width),
                    (size_t)fuzz_below(input, fuzz_shifts));
    uint32_t bits = (uint32_t)fuzz_word(input);
    memcpy(scale, &bits, sizeof bits);
    int64_t first = fuzz_below(input, ROW_PATTERNS + 1);
    uint64_t seed = fuzz_byte(input);
    if (first == ROW_PATTERNS)
        fuzz_fill(input, x->at, x->bytes);
    for (int64_t i = 0; i < args.rows && args.k > 0 && first < ROW_PATTERNS; i++)
        suite_fill_row(x->at + (size_t)(i * args.ldx) * width, args.x_type, args.k, first + i,
                       seed);
    args.x = x->at;
    return args;
}

static void run(const octgemm_ctx *ctx, octgemm_quantize_args args, struct fuzz_array *arrays,
                int with_zero, float scale, size_t shift, const char *name)
{
    fuzz_array_make(&arrays[Q], span(args.rows, args.k, args.ldq, 1), shift);
    fuzz_array_make(&arrays[SCALE], (size_t)args.rows * sizeof(float), shift);
    fuzz_array_make(&arrays[ZERO], (size_t)args.rows * sizeof(int32_t), shift);
    args.q = (int8_t *)arrays[Q].at;
    args.scale = args.static_scale ? &scale : (float *)(void *)arrays[SCALE].at;
    args.zero = with_zero ? (int32_t *)(void *)arrays[ZERO].at : NULL;
    if (octgemm_quantize(ctx, &args) != OCTGEMM_OK)
        fuzz_fail("%s: %s", name, octgemm_last_error());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, data + size};
    struct fuzz_array arrays[2][ARRAYS];
    float scale;
    size_t count;
    memset(arrays, 0, sizeof arrays);
    const struct fuzz_context *contexts = fuzz_contexts(FUZZ_CAPS, &count);
    const struct fuzz_context *context = &contexts[fuzz_below(&input, (int64_t)count)];
    size_t shift = (size_t)fuzz_below(&input, fuzz_shifts);
    int with_zero = (int)fuzz_below(&input, 2);
    octgemm_quantize_args args = choose(&input, &arrays[0][X], &scale);
    with_zero &= !args.static_scale;
    run(fuzz_reference(), args, arrays[0], with_zero, scale, 0, "ref");
    fuzz_array_keep(&arrays[0][X]);
    run(context->ctx, args, arrays[1], with_zero, scale, shift, context->name);

    if (fuzz_array_changed(&arrays[0][X]))
        fuzz_fail("%s: x was changed", context->name);
    for (int array = Q; array < ARRAYS; array++) {
        const struct fuzz_array *expected = &arrays[0][array], *found = &arrays[1][array];
        octgemm_type type = array == SCALE ? OCTGEMM_F32 : OCTGEMM_I32;
        int same = array == Q ? memcmp(expected->at, found->at, found->bytes) == 0
                              : fuzz_same(type, expected->at, found->at, found->bytes / 4);
        for (size_t i = 0; i < found->shift; i++)
            same &= found->block[i] == 0xa5;
        if (!same)
            fuzz_fail("%s: array %d of %lld x %lld is not the reference's", context->name, array,
                      (long long)args.rows, (long long)args.k);
    }
    for (int array = 0; array < ARRAYS; array++) {
        fuzz_array_free(&arrays[0][array]);
        fuzz_array_free(&arrays[1][array]);
    }
    return 0;
}
