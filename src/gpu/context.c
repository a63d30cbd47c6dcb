/* A context on a GPU: opened and closed, memory, copies.
 *
 * Everything that a run needs is prepared while the context is opened (code loaded, functions
 * found, limits raised), because a run may be recorded into a graph, where a driver can do none of
 * that. The device's state is the one that every user in the process shares ("primary"), so
 * pointers and streams of PyTorch or of the runtime API are good here; each call makes it current
 * and then restores what the calling thread had.
 */
#include "gpu/gpu.h"
#include "error.h"

#include <stdlib.h>

static octgemm_status load_modules(struct gpu_ctx *ctx)
{
    const struct gpu_driver *driver = ctx->driver;
    for (unsigned i = 0; i < driver->module_count; i++) {
        const void *image = driver->image(ctx->device, i);
        if (!image)
            continue;
        int code = driver->calls->module_load(&ctx->modules[i], image);
        if (code) {
            ctx->modules[i] = NULL;
            return octgemm_gpu_fail(driver, &driver->calls->module_load, code, ctx->device->arch);
        }
    }
    return OCTGEMM_OK;
}

/* Finds a function of a loaded module; a name of NULL gives NULL. `shared` bytes of dynamic shared
 * memory may be more than a function gets unless it asks. */
static octgemm_status find_function(struct gpu_ctx *ctx, unsigned module, const char *name,
                                    int shared, void **out)
{
    enum { max_dynamic_shared = 8 }; /* CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, and HIP */
    const struct gpu_driver *driver = ctx->driver;
    const struct gpu_calls *calls = driver->calls;
    *out = NULL;
    if (!name)
        return OCTGEMM_OK;
    int code = calls->module_function(out, ctx->modules[module], name);
    if (code)
        return octgemm_gpu_fail(driver, &calls->module_function, code, name);
    if (shared > 0 && calls->function_set)
        code = calls->function_set(*out, max_dynamic_shared, shared);
    return code ? octgemm_gpu_fail(driver, &calls->function_set, code, name) : OCTGEMM_OK;
}

/* How many blocks of a kernel run at a time in clusters of each size. They lie within groups of
 * multiprocessors, whose sizes differ between two chips of one name; so the driver is asked. */
static void find_clusters(const struct gpu_ctx *ctx, const struct gpu_kernel *kernel,
                          struct gpu_functions *functions)
{
    if (!ctx->device->clusters || !kernel->clustered)
        return;
    for (int size = 2; size <= kernel->max_splits; size++) {
        const struct gpu_launch launch = {.function = functions->aligned,
                                          .name = kernel->function,
                                          .blocks = (unsigned)size,
                                          .threads = (unsigned)kernel->threads,
                                          .shared = (unsigned)kernel->shared,
                                          .cluster = size};
        functions->at_once[size] = ctx->driver->active_clusters(&launch) * size;
    }
}

static octgemm_status find_functions(struct gpu_ctx *ctx)
{
    const struct gpu_driver *driver = ctx->driver;
    const struct backend *backend = ctx->base.backend;
    octgemm_status status =
        find_function(ctx, driver->weights->module, driver->weights->function, 0, &ctx->weights);
    if (driver->join && status == OCTGEMM_OK)
        status = find_function(ctx, driver->join->module, driver->join->function, 0, &ctx->join);
    for (size_t i = 0; i < driver->quantizer_count && status == OCTGEMM_OK; i++) {
        const struct gpu_quantizer *row = &driver->quantizers[i];
        status = find_function(ctx, row->module, row->function, 0, &ctx->quantizers[i]);
    }
    for (size_t i = 0; i < backend->kernel_count && status == OCTGEMM_OK; i++) {
        const struct gpu_kernel *kernel = backend->kernels[i].impl;
        struct gpu_functions *functions = &ctx->functions[i];
        if (octgemm_gpu_obstacle(driver, ctx->device, kernel))
            continue;
        status = find_function(ctx, kernel->module, kernel->function, kernel->shared,
                               &functions->aligned);
        if (status == OCTGEMM_OK)
            status = find_function(ctx, kernel->module, kernel->unaligned, kernel->shared,
                                   &functions->unaligned);
        if (status == OCTGEMM_OK && ctx->device->packed_rows > 1)
            status = find_function(ctx, kernel->module, kernel->packed, kernel->shared,
                                   &functions->packed);
        if (status == OCTGEMM_OK)
            find_clusters(ctx, kernel, functions);
    }
    return status;
}

static octgemm_status prepare(struct gpu_ctx *ctx)
{
    int previous;
    octgemm_status status = ctx->driver->enter(ctx, &previous);
    if (status != OCTGEMM_OK)
        return status;
    status = load_modules(ctx);
    if (status == OCTGEMM_OK)
        status = find_functions(ctx);
    ctx->driver->leave(ctx, previous);
    return status;
}

static void free_context(struct gpu_ctx *ctx)
{
    free(ctx->quantizers);
    free(ctx->functions);
    free(ctx->memo);
    free(ctx);
}

static struct gpu_ctx *new_context(const struct backend *self, const struct gpu_device *device)
{
    const struct gpu_driver *driver = self->impl;
    struct gpu_ctx *ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        return NULL;
    ctx->base.backend = self;
    ctx->driver = driver;
    ctx->device = device;
    ctx->quantizers = calloc(driver->quantizer_count, sizeof *ctx->quantizers);
    ctx->functions = calloc(self->kernel_count, sizeof *ctx->functions);
    ctx->memo = octgemm_gpu_new_memo();
    if (ctx->quantizers && ctx->functions && ctx->memo)
        return ctx;
    free_context(ctx);
    return NULL;
}

octgemm_status octgemm_gpu_open(const struct backend *self, int device, octgemm_ctx **out)
{
    const struct gpu_driver *driver = self->impl;
    struct gpu_ctx *ctx = new_context(self, octgemm_gpu_device(driver, device));
    if (!ctx)
        return octgemm_fail(OCTGEMM_ERR_NOMEM, "octgemm_open: no memory for a context");
    octgemm_status status = driver->retain(ctx);
    if (status != OCTGEMM_OK) {
        free_context(ctx);
        return status;
    }
    status = prepare(ctx);
    if (status != OCTGEMM_OK) {
        octgemm_gpu_close(&ctx->base);
        return status;
    }
    *out = &ctx->base;
    return OCTGEMM_OK;
}

void octgemm_gpu_close(octgemm_ctx *base)
{
    struct gpu_ctx *ctx = (struct gpu_ctx *)base;
    const struct gpu_driver *driver = ctx->driver;
    int previous;
    if (driver->enter(ctx, &previous) == OCTGEMM_OK) {
        for (unsigned i = 0; i < driver->module_count; i++)
            if (ctx->modules[i])
                (void)driver->calls->module_unload(ctx->modules[i]);
        driver->leave(ctx, previous);
    }
    driver->release(ctx);
    free_context(ctx);
}

octgemm_status octgemm_gpu_alloc(const octgemm_ctx *base, size_t bytes, void **out)
{
    const struct gpu_ctx *ctx = (const struct gpu_ctx *)base;
    const struct gpu_calls *calls = ctx->driver->calls;
    int previous;
    octgemm_status status = ctx->driver->enter(ctx, &previous);
    if (status != OCTGEMM_OK)
        return status;
    int code = calls->memory_alloc(out, bytes > 0 ? bytes : 1);
    ctx->driver->leave(ctx, previous);
    return code ? octgemm_gpu_fail(ctx->driver, &calls->memory_alloc, code, "") : OCTGEMM_OK;
}

void octgemm_gpu_free(const octgemm_ctx *base, void *memory)
{
    const struct gpu_ctx *ctx = (const struct gpu_ctx *)base;
    int previous;
    if (ctx->driver->enter(ctx, &previous) != OCTGEMM_OK)
        return;
    (void)ctx->driver->calls->memory_free(memory);
    ctx->driver->leave(ctx, previous);
}

/* Both directions wait for the stream: only then may the host buffer be reused, whatever kind of
 * memory it is. */
static octgemm_status copy(const struct gpu_ctx *ctx, int down, void *to, const void *from,
                           size_t bytes, void *stream)
{
    const struct gpu_calls *calls = ctx->driver->calls;
    int previous;
    octgemm_status status = ctx->driver->enter(ctx, &previous);
    if (status != OCTGEMM_OK)
        return status;
    const void *slot = down ? (const void *)&calls->download : (const void *)&calls->upload;
    int code = (down ? calls->download : calls->upload)(to, from, bytes, stream);
    if (!code) {
        slot = &calls->stream_sync;
        code = calls->stream_sync(stream);
    }
    ctx->driver->leave(ctx, previous);
    return code ? octgemm_gpu_fail(ctx->driver, slot, code, "") : OCTGEMM_OK;
}

octgemm_status octgemm_gpu_upload(const octgemm_ctx *ctx, void *device, const void *host,
                                  size_t bytes, void *stream)
{
    return copy((const struct gpu_ctx *)ctx, 0, device, host, bytes, stream);
}

octgemm_status octgemm_gpu_download(const octgemm_ctx *ctx, void *host, const void *device,
                                    size_t bytes, void *stream)
{
    return copy((const struct gpu_ctx *)ctx, 1, host, device, bytes, stream);
}

octgemm_status octgemm_gpu_sync(const octgemm_ctx *base, void *stream)
{
    const struct gpu_ctx *ctx = (const struct gpu_ctx *)base;
    const struct gpu_calls *calls = ctx->driver->calls;
    int previous;
    octgemm_status status = ctx->driver->enter(ctx, &previous);
    if (status != OCTGEMM_OK)
        return status;
    int code = calls->stream_sync(stream);
    ctx->driver->leave(ctx, previous);
    return code ? octgemm_gpu_fail(ctx->driver, &calls->stream_sync, code, "") : OCTGEMM_OK;
}
