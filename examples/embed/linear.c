/* A linear layer in W8A8: what an engine does with octgemm. Weights are quantised per output
 * channel and packed at load; activations are quantised per token at every call.
 *
 * Memory comes from octgemm_alloc(), so the same lines serve a CPU and a GPU; on a CPU the copies
 * are a memcpy() of a few kilobytes. */
#include "embed.h"
#include "float_math.h"

void engine_open(struct engine *engine, const char *backend, int64_t rows, int64_t width)
{
    size_t values = (size_t)(rows * width);
    void *x, *y, *q, *scales;
    *engine = (struct engine){.ctx = NULL};
    must(octgemm_open(&engine->ctx, backend, 0));
    must(octgemm_alloc(engine->ctx, values * sizeof(float), &x));
    must(octgemm_alloc(engine->ctx, values * sizeof(float), &y));
    must(octgemm_alloc(engine->ctx, values, &q));
    must(octgemm_alloc(engine->ctx, (size_t)rows * sizeof(float), &scales));
    engine->x = x, engine->y = y, engine->q = q, engine->scales = scales;
}

void engine_close(struct engine *engine)
{
    octgemm_free(engine->ctx, engine->x);
    octgemm_free(engine->ctx, engine->y);
    octgemm_free(engine->ctx, engine->q);
    octgemm_free(engine->ctx, engine->scales);
    octgemm_free(engine->ctx, engine->workspace);
    octgemm_close(&engine->ctx);
}

static void *on_device(const octgemm_ctx *ctx, const void *host, int64_t bytes)
{
    void *memory;
    must(octgemm_alloc(ctx, (size_t)bytes, &memory));
    must(octgemm_upload(ctx, memory, host, (size_t)bytes, NULL));
    return memory;
}

void linear_prepare(struct linear *layer, const octgemm_ctx *ctx)
{
    int64_t n = layer->n, k = layer->k, bytes = (int64_t)sizeof(float);
    octgemm_quantize_args args = {.size = sizeof args, .rows = n, .k = k, .ldx = k, .ldq = k};
    void *weights = on_device(ctx, layer->weights, n * k * bytes), *q, *scales;
    must(octgemm_alloc(ctx, (size_t)(n * k), &q));
    must(octgemm_alloc(ctx, (size_t)(n * bytes), &scales));
    args.x = weights, args.x_type = OCTGEMM_F32, args.q = q, args.scale = scales;
    must(octgemm_quantize(ctx, &args));

    size_t size;
    must(octgemm_packed_size(ctx, n, k, &size));
    must(octgemm_alloc(ctx, size, &layer->packed));
    must(octgemm_pack(ctx, n, k, q, k, layer->packed, NULL));
    must(octgemm_sync(ctx, NULL));
    octgemm_free(ctx, weights);
    octgemm_free(ctx, q);
    layer->scales = scales;
    layer->device_bias = on_device(ctx, layer->bias, n * bytes);
}

void linear_release(struct linear *layer, const octgemm_ctx *ctx)
{
    octgemm_free(ctx, layer->packed);
    octgemm_free(ctx, layer->scales);
    octgemm_free(ctx, layer->device_bias);
    layer->packed = layer->scales = layer->device_bias = NULL;
}

/* Kept from call to call, and made larger when a call wants more. */
static void take_workspace(struct engine *engine, octgemm_args *args)
{
    size_t wanted;
    must(octgemm_workspace(engine->ctx, args, &wanted));
    if (wanted > engine->workspace_size) {
        octgemm_free(engine->ctx, engine->workspace);
        engine->workspace = NULL;
        must(octgemm_alloc(engine->ctx, wanted, &engine->workspace));
        engine->workspace_size = wanted;
    }
    args->workspace = engine->workspace, args->workspace_size = engine->workspace_size;
}

static void apply_int8(const struct linear *layer, struct engine *engine, int64_t rows,
                       const float *x, float *y)
{
    const octgemm_ctx *ctx = engine->ctx;
    octgemm_quantize_args tokens = {.size = sizeof tokens, .rows = rows, .k = layer->k};
    octgemm_args args = {.size = sizeof args, .m = rows, .n = layer->n, .k = layer->k};
    must(octgemm_upload(ctx, engine->x, x, (size_t)(rows * layer->k) * sizeof *x, NULL));
    tokens.x = engine->x, tokens.ldx = layer->k, tokens.x_type = OCTGEMM_F32;
    tokens.q = engine->q, tokens.ldq = layer->k, tokens.scale = engine->scales;
    must(octgemm_quantize(ctx, &tokens));

    args.a = engine->q, args.lda = layer->k, args.sa = engine->scales;
    args.b = layer->packed, args.b_layout = OCTGEMM_B_PACKED, args.sb = layer->scales;
    args.bias = layer->device_bias, args.bias_type = OCTGEMM_F32;
    args.d = engine->y, args.ldd = layer->n, args.d_type = OCTGEMM_F32;
    take_workspace(engine, &args);
    must(octgemm_run(ctx, &args));
    must(octgemm_download(ctx, y, engine->y, (size_t)(rows * layer->n) * sizeof *y, NULL));
    must(octgemm_sync(ctx, NULL));
}

/* The yardstick: no quantisation, and no effort but for the order of the loops. */
static void apply_float32(const struct linear *layer, int64_t rows, const float *x, float *y)
{
#pragma omp parallel for
    for (int64_t j = 0; j < layer->n; j++)
        for (int64_t i = 0; i < rows; i++)
            y[i * layer->n + j] =
                dot(x + i * layer->k, layer->weights + j * layer->k, layer->k) + layer->bias[j];
}

void linear_apply(const struct linear *layer, struct engine *engine, int64_t rows, const float *x,
                  float *y)
{
    if (engine->ctx)
        apply_int8(layer, engine, rows, x, y);
    else
        apply_float32(layer, rows, x, y);
}
