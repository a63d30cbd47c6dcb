/* Selection: the table of backends, what `auto` means, and which kernel of a backend runs.
 *
 * The environment is read in octgemm_open(), and where backends are listed:
 *   OCTGEMM_BACKEND   the backend when the caller names none
 *   OCTGEMM_KERNEL    forces one kernel of the backend
 *   OCTGEMM_VERBOSE   1: one line on stderr for each operation (verbose.c)
 *   OCTGEMM_CPU       read by the cpu backend: caps the instruction set
 */
#include "backend.h"
#include "environment.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

/* In the order in which `auto` tries them. ref is last and never chosen unless it is named. */
static const struct backend *const backends[] = {
    &octgemm_hip_backend,
    &octgemm_cuda_backend,
    &octgemm_cpu_backend,
    &octgemm_ref_backend,
};
enum { backend_count = sizeof backends / sizeof *backends };

const octgemm_args octgemm_large_product = {.size = sizeof octgemm_large_product,
                                            .m = 4096,
                                            .n = 4096,
                                            .k = 4096,
                                            .lda = 4096,
                                            .ldb = 4096,
                                            .ldd = 4096};

static const struct backend *find_backend(const char *name)
{
    for (size_t i = 0; i < backend_count; i++)
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    return NULL;
}

octgemm_status octgemm_backend(size_t index, octgemm_info *out)
{
    if (!out)
        return octgemm_null_argument("octgemm_backend", "out");
    size_t row = index;
    for (size_t i = 0; i < backend_count; i++) {
        int devices = backends[i]->devices(backends[i]);
        size_t rows = devices > 0 ? (size_t)devices : 1;
        if (row < rows) {
            (void)backends[i]->probe(backends[i], (int)row,
                                     out); /* an unusable device is a row, not an error */
            return OCTGEMM_OK;
        }
        row -= rows;
    }
    return octgemm_fail(OCTGEMM_ERR_ARG, "octgemm_backend: index %zu is past the end of the list",
                        index);
}

static const struct kernel *find_kernel(const struct backend *backend, const char *name)
{
    for (size_t i = 0; i < backend->kernel_count; i++)
        if (strcmp(backend->kernels[i].name, name) == 0)
            return &backend->kernels[i];
    return NULL;
}

static octgemm_status open_device(octgemm_ctx **out, const struct backend *backend, int device,
                                  const octgemm_info *info)
{
    octgemm_ctx *ctx = NULL;
    octgemm_status status = backend->open(backend, device, &ctx);
    if (status != OCTGEMM_OK)
        return status;
    const char *arch = ctx->info.arch;
    ctx->info = *info;
    ctx->info.arch = arch ? arch : info->arch;
    const char *verbose = octgemm_environment("OCTGEMM_VERBOSE");
    ctx->verbose = verbose && strcmp(verbose, "0") != 0;

    const char *name = octgemm_environment("OCTGEMM_KERNEL");
    if (name) {
        const char *obstacle = "no kernel of this backend has that name";
        ctx->forced = find_kernel(backend, name);
        if (ctx->forced)
            obstacle = octgemm_kernel_obstacle(ctx, ctx->forced, NULL);
        if (obstacle) {
            backend->close(ctx);
            return octgemm_fail(OCTGEMM_ERR_ARG, "OCTGEMM_KERNEL=%s on backend %s: %s", name,
                                backend->name, obstacle);
        }
    }
    *out = ctx;
    return OCTGEMM_OK;
}

octgemm_status octgemm_open(octgemm_ctx **out, const char *name, int device)
{
    if (!out)
        return octgemm_null_argument("octgemm_open", "out");
    *out = NULL;
    if (device < 0)
        return octgemm_fail(OCTGEMM_ERR_ARG, "octgemm_open: device is %d, negative", device);
    const char *origin = "octgemm_open";
    if (!name) {
        name = octgemm_environment("OCTGEMM_BACKEND");
        origin = "OCTGEMM_BACKEND";
    }

    octgemm_info info;
    if (name && strcmp(name, "auto") != 0) {
        const struct backend *backend = find_backend(name);
        if (!backend)
            return octgemm_fail(OCTGEMM_ERR_ARG,
                                "%s: no backend is called \"%s\" (auto, hip, cuda, cpu, ref)",
                                origin, name);
        octgemm_status status = backend->probe(backend, device, &info);
        if (status != OCTGEMM_OK)
            return octgemm_fail(status, "backend %s, device %d: %s", backend->name, device,
                                info.reason);
        return open_device(out, backend, device, &info);
    }
    octgemm_status status = OCTGEMM_ERR_NO_BACKEND;
    for (size_t i = 0; i < backend_count && backends[i] != &octgemm_ref_backend; i++) {
        if (backends[i]->probe(backends[i], device, &info) != OCTGEMM_OK)
            continue;
        status = open_device(out, backends[i], device, &info);
        /* A GPU that was found and cannot be opened (its memory is full, say) cannot run here. */
        if (status != OCTGEMM_ERR_DEVICE && status != OCTGEMM_ERR_NOMEM)
            return status;
    }
    if (status != OCTGEMM_ERR_NO_BACKEND) /* what the last one said of itself */
        return status;
    return octgemm_fail(OCTGEMM_ERR_NO_BACKEND, "auto: no backend has a device %d that opens",
                        device);
}

void octgemm_close(octgemm_ctx **ctx)
{
    if (!ctx || !*ctx)
        return;
    (*ctx)->backend->close(*ctx);
    *ctx = NULL;
}

const char *octgemm_kernel_obstacle(const octgemm_ctx *ctx, const struct kernel *kernel,
                                    const octgemm_args *args)
{
    const char *reason = kernel->usable ? kernel->usable(ctx, kernel) : NULL;
    if (!reason && args && kernel->fits)
        reason = kernel->fits(ctx, kernel, args);
    return reason;
}

const struct kernel *octgemm_compare_kernels(const octgemm_ctx *ctx, const octgemm_args *args)
{
    const struct backend *backend = ctx->backend;
    const struct kernel *best = NULL;
    double best_cost = 0;
    for (size_t i = 0; i < backend->kernel_count; i++) {
        const struct kernel *kernel = &backend->kernels[i];
        if (octgemm_kernel_obstacle(ctx, kernel, args))
            continue;
        double cost = kernel->cost ? kernel->cost(ctx, kernel, args) : 0;
        if (!best || cost < best_cost) {
            best = kernel;
            best_cost = cost;
        }
    }
    return best;
}

const struct kernel *octgemm_choose_kernel(const octgemm_ctx *ctx, const octgemm_args *args,
                                           const char **why)
{
    const struct backend *backend = ctx->backend;
    if (ctx->forced) {
        const char *obstacle = octgemm_kernel_obstacle(ctx, ctx->forced, args);
        if (obstacle) {
            octgemm_fail(OCTGEMM_ERR_UNSUPPORTED, "OCTGEMM_KERNEL=%s does not take this: %s",
                         ctx->forced->name, obstacle);
            return NULL;
        }
        *why = "forced by OCTGEMM_KERNEL";
        return ctx->forced;
    }
    const struct kernel *best =
        backend->choose ? backend->choose(ctx, args) : octgemm_compare_kernels(ctx, args);
    if (!best) { /* the last row of every table takes anything, so this is a defect of a table */
        octgemm_fail(OCTGEMM_ERR_UNSUPPORTED, "no kernel of backend %s takes this", backend->name);
        return NULL;
    }
    *why = best->cost ? "smallest predicted time of the kernels that fit"
                      : "first kernel of the table that is usable and fits";
    return best;
}
