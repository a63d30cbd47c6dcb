/* The public entry points: check arguments, ask for a kernel, call it. */
#include "args.h"
#include "backend.h"
#include "error.h"
#include "float_environment.h"
#include "verbose.h"

unsigned octgemm_version(void)
{
    return OCTGEMM_VERSION_MAJOR << 16 | OCTGEMM_VERSION_MINOR << 8 | OCTGEMM_VERSION_PATCH;
}

/* Complete, valid arguments and the kernel for them: what query, workspace and run share. */
struct plan {
    octgemm_args args;
    const struct kernel *kernel;
    const char *why;
    size_t workspace;
};

/* The answers of query and workspace hold for data at any address: they are those for aligned data.
 * Of zero points it matters whether they are there. */
static void forget_addresses(octgemm_args *args)
{
    static const _Alignas(16) int32_t zero_points[4];
    args->a = NULL;
    args->b = NULL;
    args->sa = NULL;
    args->sb = NULL;
    args->za = args->za ? zero_points : NULL;
    args->bias = NULL;
    args->d = NULL;
}

/* What of the arguments is looked at besides sizes and types: nothing, the header of packed
 * weights, or every pointer. */
enum looks { at_sizes, at_weights, at_everything };

static octgemm_status make_plan(struct plan *plan, const char *function, const octgemm_ctx *ctx,
                                const octgemm_args *args, enum looks looks)
{
    if (!ctx)
        return octgemm_null_argument(function, "ctx");
    octgemm_status status = octgemm_complete_args(&plan->args, args, looks == at_everything);
    if (status != OCTGEMM_OK)
        return status;
    int reads_b = looks != at_sizes && plan->args.b && plan->args.m > 0 && plan->args.n > 0;
    if (plan->args.b_layout == OCTGEMM_B_PACKED && reads_b && ctx->backend->check_packed)
        status = ctx->backend->check_packed(ctx, &plan->args);
    if (status != OCTGEMM_OK)
        return status;
    if (looks != at_everything)
        forget_addresses(&plan->args);
    plan->workspace = 0;
    /* Costs are reckoned in floats too, and the caller may have exceptions end the process. */
    const octgemm_float_state state = octgemm_float_enter();
    plan->kernel = octgemm_choose_kernel(ctx, &plan->args, &plan->why);
    if (plan->kernel && plan->kernel->workspace && plan->args.m > 0 && plan->args.n > 0)
        plan->workspace = plan->kernel->workspace(ctx, plan->kernel, &plan->args);
    octgemm_float_leave(state);
    return plan->kernel ? OCTGEMM_OK : OCTGEMM_ERR_UNSUPPORTED;
}

octgemm_status octgemm_query(const octgemm_ctx *ctx, const octgemm_args *args, octgemm_info *out)
{
    struct plan plan;
    if (!out)
        return octgemm_null_argument("octgemm_query", "out");
    octgemm_status status =
        make_plan(&plan, "octgemm_query", ctx, args ? args : &octgemm_large_product, at_weights);
    if (status != OCTGEMM_OK)
        return status;
    *out = ctx->info;
    out->kernel = plan.kernel->name;
    out->reason = plan.why;
    return OCTGEMM_OK;
}

octgemm_status octgemm_kernel(const octgemm_ctx *ctx, const octgemm_args *args, size_t index,
                              octgemm_info *out)
{
    octgemm_args complete;
    if (!ctx)
        return octgemm_null_argument("octgemm_kernel", "ctx");
    if (!out)
        return octgemm_null_argument("octgemm_kernel", "out");
    if (args) {
        octgemm_status status = octgemm_complete_args(&complete, args, 0);
        if (status != OCTGEMM_OK)
            return status;
    }
    if (index >= ctx->backend->kernel_count)
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "octgemm_kernel: index %zu is past the end of the table", index);
    const struct kernel *kernel = &ctx->backend->kernels[index];
    const char *obstacle = octgemm_kernel_obstacle(ctx, kernel, args ? &complete : NULL);
    *out = ctx->info;
    out->arch = kernel->arch;
    out->kernel = kernel->name;
    out->reason = obstacle ? obstacle : "";
    return OCTGEMM_OK;
}

octgemm_status octgemm_workspace(const octgemm_ctx *ctx, const octgemm_args *args, size_t *bytes)
{
    struct plan plan;
    if (!bytes)
        return octgemm_null_argument("octgemm_workspace", "bytes");
    octgemm_status status = make_plan(&plan, "octgemm_workspace", ctx, args, at_sizes);
    if (status == OCTGEMM_OK)
        *bytes = plan.workspace;
    return status;
}

octgemm_status octgemm_run(const octgemm_ctx *ctx, const octgemm_args *args)
{
    struct plan plan;
    octgemm_status status = make_plan(&plan, "octgemm_run", ctx, args, at_everything);
    if (status != OCTGEMM_OK)
        return status;
    if (plan.args.m == 0 || plan.args.n == 0)
        return OCTGEMM_OK;
    if (plan.workspace > 0 && (!plan.args.workspace || plan.args.workspace_size < plan.workspace))
        return octgemm_fail(
            OCTGEMM_ERR_WORKSPACE,
            "octgemm_run: workspace is %s with workspace_size %zu, kernel %s wants %zu "
            "bytes (octgemm_workspace)",
            plan.args.workspace ? "set" : "NULL", plan.args.workspace_size, plan.kernel->name,
            plan.workspace);
    if (ctx->verbose)
        octgemm_verbose_run(ctx, &plan.args, plan.kernel, plan.why);
    const octgemm_float_state state = octgemm_float_enter();
    status = plan.kernel->run(ctx, plan.kernel, &plan.args);
    octgemm_float_leave(state);
    return status;
}

octgemm_status octgemm_quantize(const octgemm_ctx *ctx, const octgemm_quantize_args *args)
{
    octgemm_quantize_args complete;
    if (!ctx)
        return octgemm_null_argument("octgemm_quantize", "ctx");
    octgemm_status status = octgemm_complete_quantize_args(&complete, args);
    if (status != OCTGEMM_OK || octgemm_quantizes_nothing(&complete))
        return status;
    const octgemm_float_state state = octgemm_float_enter();
    status = ctx->backend->quantize(ctx, &complete);
    octgemm_float_leave(state);
    return status;
}

octgemm_status octgemm_packed_size(const octgemm_ctx *ctx, int64_t n, int64_t k, size_t *bytes)
{
    if (!ctx)
        return octgemm_null_argument("octgemm_packed_size", "ctx");
    if (!bytes)
        return octgemm_null_argument("octgemm_packed_size", "bytes");
    const char *function = "octgemm_packed_size";
    octgemm_status status = octgemm_check_weights(function, n, k);
    return status == OCTGEMM_OK ? ctx->backend->packed_size(function, ctx, n, k, bytes) : status;
}

octgemm_status octgemm_pack(const octgemm_ctx *ctx, int64_t n, int64_t k, const int8_t *b,
                            int64_t ldb, void *packed, void *stream)
{
    if (!ctx)
        return octgemm_null_argument("octgemm_pack", "ctx");
    octgemm_status status = octgemm_check_weights("octgemm_pack", n, k);
    if (status == OCTGEMM_OK)
        status = octgemm_check_matrix("octgemm_pack", "ldb", n, k, ldb, 1);
    if (status != OCTGEMM_OK)
        return status;
    if (!b && n > 0 && k > 0)
        return octgemm_null_argument("octgemm_pack", "b");
    if (!packed)
        return octgemm_null_argument("octgemm_pack", "packed");
    return ctx->backend->pack(ctx, n, k, b, ldb, packed, stream);
}

octgemm_status octgemm_alloc(const octgemm_ctx *ctx, size_t bytes, void **out)
{
    if (!out)
        return octgemm_null_argument("octgemm_alloc", "out");
    *out = NULL;
    if (!ctx)
        return octgemm_null_argument("octgemm_alloc", "ctx");
    return ctx->backend->alloc(ctx, bytes, out);
}

void octgemm_free(const octgemm_ctx *ctx, void *memory)
{
    if (ctx && memory)
        ctx->backend->free(ctx, memory);
}

static octgemm_status check_copy(const char *function, const octgemm_ctx *ctx, const void *device,
                                 const void *host, size_t bytes)
{
    if (!ctx)
        return octgemm_null_argument(function, "ctx");
    if (bytes > 0 && !device)
        return octgemm_null_argument(function, "device");
    if (bytes > 0 && !host)
        return octgemm_null_argument(function, "host");
    return OCTGEMM_OK;
}

octgemm_status octgemm_upload(const octgemm_ctx *ctx, void *device, const void *host, size_t bytes,
                              void *stream)
{
    octgemm_status status = check_copy("octgemm_upload", ctx, device, host, bytes);
    if (status != OCTGEMM_OK || bytes == 0)
        return status;
    return ctx->backend->upload(ctx, device, host, bytes, stream);
}

octgemm_status octgemm_download(const octgemm_ctx *ctx, void *host, const void *device,
                                size_t bytes, void *stream)
{
    octgemm_status status = check_copy("octgemm_download", ctx, device, host, bytes);
    if (status != OCTGEMM_OK || bytes == 0)
        return status;
    return ctx->backend->download(ctx, host, device, bytes, stream);
}

octgemm_status octgemm_sync(const octgemm_ctx *ctx, void *stream)
{
    if (!ctx)
        return octgemm_null_argument("octgemm_sync", "ctx");
    return ctx->backend->sync(ctx, stream);
}
