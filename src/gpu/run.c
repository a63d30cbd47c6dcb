/* The operations: from arguments to kernel parameters to launches. One text for CUDA and HIP.
 *
 * A run is one to three entries in the stream and nothing else: one launch for copies of A and B
 * (where their strides are off the kernel's alignment and the plan says so) and the sums of B's
 * rows (with zero points, unless the weights are packed and bring them, or the kernel finds them),
 * and the kernel. Where parts of k go to memory, a launch that adds them comes after it (CUDA), or
 * zeroed counters before it (HIP). What they need of memory is the caller's workspace.
 */
#include "gpu/gpu.h"

#include "args.h"
#include "elements.h"
#include "error.h"

#include <math.h>

enum {
    most_coordinate = 0x7ffffe00, /* of a row in a tensor map, and a tile more fits an int */
    most_stride = 0x7ffffff0,     /* of a tensor map, which could have more than an int says */
    packed_alignment = 128,       /* of a packed row's length: every kernel's loads divide it */
    workspace_alignment = 256     /* of the parts of a workspace; its start is aligned here */
};

static int64_t round_up(int64_t value, int64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

static const struct gpu_ctx *gpu(const octgemm_ctx *ctx)
{
    return (const struct gpu_ctx *)ctx;
}

/* -- does a kernel take it? ------------------------------------------------------------------ */

const char *octgemm_gpu_obstacle(const struct gpu_driver *driver, const struct gpu_device *device,
                                 const struct gpu_kernel *kernel)
{
    if (device->generation < kernel->first || device->generation > kernel->last)
        return "written for another architecture";
    if (kernel->shared > device->shared_per_block)
        return "needs more shared memory than a block has on this device";
    if (!driver->image(device, kernel->module))
        return "this library has no code of it for this device";
    if (kernel->maps && !device->maps)
        return "needs tensor maps and clusters";
    return NULL;
}

const char *octgemm_gpu_usable(const octgemm_ctx *ctx, const struct kernel *self)
{
    return octgemm_gpu_obstacle(gpu(ctx)->driver, gpu(ctx)->device, self->impl);
}

/* Packed rows behind which the sums of rows start. */
static int64_t packed_rows(const struct gpu_ctx *ctx, int64_t n)
{
    return round_up(n, ctx->device->packed_rows);
}

static int is_packed(const octgemm_args *args)
{
    return args->b_layout == OCTGEMM_B_PACKED;
}

/* Are B's rows packed in groups, for kernels' `packed` functions? */
static int is_grouped(const struct gpu_ctx *ctx, const octgemm_args *args)
{
    return is_packed(args) && ctx->device->packed_rows > 1;
}

/* Row stride of B as the kernel sees it. */
static int64_t weight_stride(const octgemm_args *args)
{
    return is_packed(args) ? round_up(args->k, packed_alignment) : args->ldb;
}

static uintptr_t element_mask(octgemm_type type)
{
    return (uintptr_t)octgemm_width(type) - 1;
}

/* Is an address off the alignment of the kernel, or of its own element type? NULL is not: queries
 * come without addresses. An operand with an odd stride may start anywhere, since it is copied or
 * read in pieces in any case; without k none is read, but the sums of packed rows are. */
static int odd_addresses(const struct gpu_kernel *kernel, const octgemm_args *args)
{
    uintptr_t mask = (uintptr_t)kernel->align - 1;
    struct gpu_odd odd = octgemm_gpu_odd_strides(kernel, args);
    int reads_a = args->k > 0 && !odd.a;
    int reads_b = args->k > 0 ? !odd.b : is_packed(args) && args->za;
    uintptr_t operands = (reads_a ? (uintptr_t)args->a : 0) | (reads_b ? (uintptr_t)args->b : 0);
    uintptr_t words = (uintptr_t)args->sa | (uintptr_t)args->sb | (uintptr_t)args->za;
    return (operands & mask) != 0 || (words & 3) != 0 ||
           ((uintptr_t)args->bias & element_mask(args->bias_type)) != 0 ||
           ((uintptr_t)args->d & element_mask(args->d_type)) != 0;
}

/* Before a context is open there are none (driver.c ranks kernels then), nor clusters for parts of
 * k. */
static const struct gpu_functions *functions_of(const struct gpu_ctx *ctx,
                                                const struct kernel *self)
{
    static const struct gpu_functions none;
    return ctx->functions ? &ctx->functions[self - ctx->base.backend->kernels] : &none;
}

/* The plan of a run. Odd addresses get no workspace for partial sums nor copies:
 * octgemm_workspace() is asked without addresses, and what it says must be enough for whichever
 * kernel runs. */
static void make_plan(struct gpu_plan *plan, const octgemm_ctx *ctx, const struct kernel *self,
                      const octgemm_args *args)
{
    octgemm_gpu_plan(plan, gpu(ctx)->device, functions_of(gpu(ctx), self), self->impl, args,
                     odd_addresses(self->impl, args));
}

const struct kernel *octgemm_gpu_choose(const octgemm_ctx *ctx, const octgemm_args *args)
{
    struct gpu_choice choice;
    if (octgemm_gpu_recall(gpu(ctx), args, &choice))
        return choice.kernel;
    choice.kernel = octgemm_compare_kernels(ctx, args);
    if (choice.kernel) {
        make_plan(&choice.plan, ctx, choice.kernel, args);
        octgemm_gpu_remember(gpu(ctx), args, &choice);
    }
    return choice.kernel;
}

/* The plan that was made when `self` was chosen, or the same made again. */
static void find_plan(struct gpu_plan *plan, const octgemm_ctx *ctx, const struct kernel *self,
                      const octgemm_args *args)
{
    struct gpu_choice choice;
    if (octgemm_gpu_recall(gpu(ctx), args, &choice) && choice.kernel == self)
        *plan = choice.plan;
    else
        make_plan(plan, ctx, self, args);
}

const char *octgemm_gpu_fits(const octgemm_ctx *ctx, const struct kernel *self,
                             const octgemm_args *args)
{
    const struct gpu_kernel *kernel = self->impl;
    if (kernel->max_m > 0 && args->m > kernel->max_m)
        return "m is larger than this kernel takes";
    struct gpu_odd odd = octgemm_gpu_odd_strides(kernel, args);
    if (!kernel->unaligned && !octgemm_gpu_may_copy(&odd, args))
        return "lda or ldb is not a multiple of the kernel's alignment and there is much to copy";
    if (!kernel->unaligned && odd_addresses(kernel, args))
        return "an address is not aligned";
    if (kernel->maps && (args->k == 0 || args->m > most_coordinate || args->n > most_coordinate ||
                         args->lda > most_stride || weight_stride(args) > most_stride))
        return "no tensor map has these sizes";
    /* Splits need no thought: they are for a device that the tiles do not fill. */
    int64_t tiles_m = octgemm_gpu_tiles(args->m, kernel->tile_m);
    int64_t tiles_n = octgemm_gpu_tiles_n(gpu(ctx)->device, kernel, args);
    const struct gpu_driver *driver = gpu(ctx)->driver;
    int64_t most = kernel->persistent && !kernel->maps ? driver->most_tiles : driver->most_blocks;
    if (tiles_m > 0 && tiles_n > most / tiles_m)
        return "more tiles than a launch can have";
    return NULL;
}

double octgemm_gpu_cost(const octgemm_ctx *ctx, const struct kernel *self, const octgemm_args *args)
{
    const struct gpu_kernel *kernel = self->impl;
    struct gpu_plan plan;
    if (args->m < kernel->from_m || args->n < kernel->from_n)
        return HUGE_VAL;
    make_plan(&plan, ctx, self, args);
    return plan.microseconds;
}

/* -- workspace ------------------------------------------------------------------------------- */

/* Offsets from the aligned start. */
struct layout {
    size_t copy_a, copy_b, column, counter, partial;
    size_t bytes; /* 0, or enough for a start at any address */
};

static size_t after(size_t offset, size_t bytes)
{
    return (size_t)round_up((int64_t)(offset + bytes), workspace_alignment);
}

/* Is it the last block of a tile to arrive that adds up its parts of k? */
static int are_counted(const struct gpu_plan *plan, const struct gpu_kernel *kernel)
{
    return octgemm_gpu_parts_in_memory(plan) && !kernel->joined;
}

static void lay_out(struct layout *layout, const struct gpu_plan *plan,
                    const struct gpu_kernel *kernel, const octgemm_args *args)
{
    size_t tiles = (size_t)plan->tiles_m * (size_t)plan->tiles_n;
    size_t tile_bytes = (size_t)kernel->tile_m * (size_t)kernel->tile_n * sizeof(int32_t);
    int sums = args->za && !is_packed(args); /* an odd address may take a kernel that needs them */
    int split = octgemm_gpu_parts_in_memory(plan);
    struct gpu_odd odd = octgemm_gpu_odd_strides(kernel, args);
    size_t row = (size_t)round_up(args->k, packed_alignment);
    layout->copy_a = 0;
    layout->copy_b = after(0, plan->copied && odd.a ? (size_t)args->m * row : 0);
    layout->column = after(layout->copy_b, plan->copied && odd.b ? (size_t)args->n * row : 0);
    layout->counter = after(layout->column, sums ? (size_t)args->n * sizeof(int32_t) : 0);
    layout->partial =
        after(layout->counter, are_counted(plan, kernel) ? tiles * sizeof(uint32_t) : 0);
    layout->bytes = after(layout->partial, split ? tiles * (size_t)plan->splits * tile_bytes : 0);
    if (layout->bytes > 0)
        layout->bytes += workspace_alignment;
}

size_t octgemm_gpu_workspace(const octgemm_ctx *ctx, const struct kernel *self,
                             const octgemm_args *args)
{
    struct gpu_plan plan;
    struct layout layout;
    find_plan(&plan, ctx, self, args);
    lay_out(&layout, &plan, self->impl, args);
    return layout.bytes;
}

static char *aligned_start(void *workspace)
{
    uintptr_t address = (uintptr_t)workspace;
    uintptr_t skip = (workspace_alignment - address % workspace_alignment) % workspace_alignment;
    return (char *)workspace + skip;
}

/* -- launching ------------------------------------------------------------------------------- */

/* What CUDA calls CUtensorMap. */
struct octgemm_tensor_maps {
    _Alignas(64) unsigned char a[128];
    _Alignas(64) unsigned char b[128];
    _Alignas(64) unsigned char d[128];
};

/* `maps` may be NULL when the function has one parameter. */
static octgemm_status start(const struct gpu_ctx *ctx, const struct gpu_launch *launch,
                            void *params, void *maps)
{
    const struct gpu_calls *calls = ctx->driver->calls;
    void *list[] = {params, maps};
    if (launch->cluster > 1 || (launch->overlap && ctx->device->clusters))
        return ctx->driver->launch_special(ctx, launch, list);
    int code = calls->launch(launch->function, launch->blocks, 1, 1, launch->threads, 1, 1,
                             launch->shared, launch->stream, list, NULL);
    return code ? octgemm_gpu_fail(ctx->driver, &calls->launch, code, launch->name) : OCTGEMM_OK;
}

static unsigned at_most(int64_t value, int64_t limit)
{
    return (unsigned)(value < limit ? value : limit);
}

enum { most_rows = 1 << 20 }; /* blocks of a launch over rows; each takes every most_rows-th */

/* Warps that share a row: one for each piece; where rows are added up, one if they are many and
 * short, else a whole block. */
static int64_t sharers(const struct gpu_ctx *ctx, const struct octgemm_weights_rows *rows)
{
    enum { short_row = 4 /* pieces */, many = 16 /* for a multiprocessor */ };
    const struct gpu_helper *weights = ctx->driver->weights;
    int64_t pieces = weights->bytes > 0 ? octgemm_gpu_tiles(rows->ldp, weights->bytes) : 1;
    if (rows->column && pieces > 1)
        return pieces <= short_row && rows->n > (int64_t)ctx->device->multiprocessors * many
                   ? 1
                   : weights->pieces_per_block;
    return pieces > 0 ? pieces : 1; /* without k there are sums still */
}

static octgemm_status start_weights(const struct gpu_ctx *ctx,
                                    struct octgemm_weights_params *params, void *stream)
{
    const struct gpu_helper *weights = ctx->driver->weights;
    int64_t blocks = 0;
    for (int i = 0; i < 2; i++) {
        struct octgemm_weights_rows *rows = &params->part[i];
        rows->sharers = sharers(ctx, rows);
        blocks += octgemm_gpu_tiles(rows->n * rows->sharers, weights->pieces_per_block);
    }
    const struct gpu_launch launch = {.function = ctx->weights,
                                      .name = weights->function,
                                      .blocks = at_most(blocks, most_rows),
                                      .threads = (unsigned)weights->threads,
                                      .overlap = weights->overlap,
                                      .stream = stream};
    return start(ctx, &launch, params, NULL);
}

/* What the kernel finds in the workspace instead of, or besides, the operands: aligned copies and
 * the sums of B's rows. */
static octgemm_status start_copies(const struct gpu_ctx *ctx, struct octgemm_gemm_params *params,
                                   const struct gpu_plan *plan, const struct gpu_odd *odd, int sums,
                                   const octgemm_args *args, const struct layout *layout,
                                   char *workspace)
{
    int64_t row = round_up(args->k, packed_alignment);
    struct octgemm_weights_params copies = {.k = (int32_t)args->k,
                                            .in_order = plan->copies_in_order};
    struct octgemm_weights_rows *part = copies.part;
    if (plan->copied && odd->a) {
        part->b = args->a;
        part->packed = (int8_t *)workspace + layout->copy_a;
        part->n = args->m;
        part->ldb = args->lda;
        part->ldp = row;
        params->a = part->packed;
        params->lda = row;
        part++;
    }
    if ((plan->copied && odd->b) || sums) {
        part->b = args->b;
        part->n = args->n;
        part->ldb = args->ldb;
        part->ldp = row;
        if (sums)
            params->column = part->column = (int32_t *)(workspace + layout->column);
        if (plan->copied && odd->b) {
            params->b = part->packed = (int8_t *)workspace + layout->copy_b;
            params->ldb = row;
        }
        part++;
    }
    return part == copies.part ? OCTGEMM_OK : start_weights(ctx, &copies, args->stream);
}

/* Where parts of k go that are added in memory, and zeroed counters where these are counted. */
static octgemm_status start_parts(const struct gpu_ctx *ctx, struct octgemm_gemm_params *params,
                                  const struct gpu_plan *plan, const struct gpu_kernel *kernel,
                                  const struct layout *layout, char *workspace, void *stream)
{
    const struct gpu_calls *calls = ctx->driver->calls;
    if (octgemm_gpu_parts_in_memory(plan))
        params->partial = (int32_t *)(workspace + layout->partial);
    if (!are_counted(plan, kernel))
        return OCTGEMM_OK;
    params->counter = (uint32_t *)(workspace + layout->counter);
    size_t tiles = (size_t)plan->tiles_m * (size_t)plan->tiles_n;
    int code = calls->fill(params->counter, 0, tiles, stream);
    return code ? octgemm_gpu_fail(ctx->driver, &calls->fill, code, "") : OCTGEMM_OK;
}

/* Adds the parts of k that `kernel` left in memory. */
static octgemm_status start_join(const struct gpu_ctx *ctx,
                                 const struct octgemm_gemm_params *params,
                                 const struct gpu_kernel *kernel, void *stream)
{
    enum { blocks = 8 /* of a multiprocessor */ };
    const struct gpu_helper *join = ctx->driver->join;
    struct octgemm_join_params parts = {.gemm = *params};
    parts.ld = params->tiles_n * kernel->tile_n;
    parts.step = params->tiles_m * kernel->tile_m * parts.ld;
    int64_t threads = params->m * octgemm_gpu_tiles(params->n, octgemm_join_columns);
    const struct gpu_launch launch = {.function = ctx->join,
                                      .name = join->function,
                                      .blocks =
                                          at_most(octgemm_gpu_tiles(threads, join->threads),
                                                  (int64_t)ctx->device->multiprocessors * blocks),
                                      .threads = (unsigned)join->threads,
                                      .overlap = join->overlap,
                                      .stream = stream};
    return start(ctx, &launch, &parts, NULL);
}

/* Rows that we wrote end with zeros, which the copy engine reads faster than it makes them. */
static octgemm_status make_maps(const struct gpu_ctx *ctx, struct octgemm_tensor_maps *maps,
                                const struct gpu_kernel *kernel,
                                const struct octgemm_gemm_params *params, int padded_a,
                                int padded_b)
{
    const int width = (int)octgemm_width((octgemm_type)params->d_type);
    const struct gpu_matrix a = {.base = params->a,
                                 .bytes = 1,
                                 .rows = params->m,
                                 .columns = padded_a ? params->lda : params->k,
                                 .ld = params->lda,
                                 .box_rows = params->box_rows,
                                 .box_columns = kernel->tile_k};
    const struct gpu_matrix b = {.base = params->b,
                                 .bytes = 1,
                                 .rows = params->n,
                                 .columns = padded_b ? params->ldb : params->k,
                                 .ld = params->ldb,
                                 .box_rows = params->box_rows_n,
                                 .box_columns = kernel->tile_k};
    const struct gpu_matrix d = {.base = params->d,
                                 .bytes = width,
                                 .rows = params->m,
                                 .columns = params->boxed_n,
                                 .ld = params->ldd,
                                 .box_rows = OCTGEMM_D_BOX_ROWS(kernel->tile_m, width),
                                 .box_columns = 128 / width};
    octgemm_status status = ctx->driver->tensor_map(ctx, maps->a, &a);
    if (status == OCTGEMM_OK)
        status = ctx->driver->tensor_map(ctx, maps->b, &b);
    if (status == OCTGEMM_OK && params->boxed_n > 0)
        status = ctx->driver->tensor_map(ctx, maps->d, &d);
    return status;
}

/* Columns of D that the copy engine can write: rows have to start on 16 bytes, and what it cuts off
 * at an edge is a multiple of these, too. None of parts of k, which are added before. */
static int32_t boxed_columns(const struct gpu_plan *plan, const octgemm_args *args)
{
    enum { unit = 16 };
    const int64_t width = octgemm_width(args->d_type);
    int whole = plan->splits == 1 && (uintptr_t)args->d % unit == 0 &&
                args->ldd <= most_stride / width && args->ldd * width % unit == 0;
    return whole ? (int32_t)(args->n - args->n % (unit / width)) : 0;
}

/* A D of more than half of the L2 is gone from it where the next operation starts to read; keeping
 * it costs operands that are still read. */
static int passes_l2(const struct gpu_device *device, const octgemm_args *args)
{
    double bytes = (double)args->m * (double)args->n * (double)octgemm_width(args->d_type);
    return bytes > device->l2_bytes / 2;
}

static void fill_params(struct octgemm_gemm_params *params, const struct gpu_plan *plan,
                        const struct gpu_device *device, const struct gpu_kernel *kernel,
                        const octgemm_args *args)
{
    *params = (struct octgemm_gemm_params){
        .a = args->a,
        .b = args->b,
        .d = args->d,
        .sa = args->sa,
        .sb = args->sb,
        .za = args->za,
        .bias = args->bias,
        .m = args->m,
        .n = args->n,
        .lda = args->lda,
        .ldb = weight_stride(args),
        .ldd = args->ldd,
        .tiles_m = plan->tiles_m,
        .tiles_n = plan->tiles_n,
        .k = (int32_t)args->k,
        .sa_step = args->sa_mode == OCTGEMM_SCALE_ROW,
        .sb_step = args->sb_mode == OCTGEMM_SCALE_ROW,
        .za_step = args->za_mode == OCTGEMM_SCALE_ROW,
        .d_type = (int32_t)args->d_type,
        .bias_type = (int32_t)args->bias_type,
        .splits = plan->splits,
        .k_split = plan->k_split,
        .group = plan->group,
        .box_rows = kernel->maps ? octgemm_gpu_box_rows(kernel, args->m) : 0,
        .box_rows_n = kernel->maps ? octgemm_gpu_box_rows_n(kernel, args->n) : 0,
        .boxed_n = kernel->boxes ? boxed_columns(plan, args) : 0,
        .d_passes = kernel->boxes && passes_l2(device, args),
        .in_order = plan->in_order,
        .early = plan->early,
    };
}

/* The sums of packed rows, behind them. */
static const int32_t *packed_sums(const struct gpu_ctx *ctx, const octgemm_args *args)
{
    int64_t bytes = packed_rows(ctx, args->n) * weight_stride(args);
    return (const int32_t *)((uintptr_t)args->b + (uintptr_t)bytes);
}

/* Of the kernel itself: which of its functions, and with how many blocks. */
static struct gpu_launch make_launch(const struct gpu_ctx *ctx, const struct kernel *self,
                                     const struct gpu_plan *plan, const struct gpu_odd *odd,
                                     const octgemm_args *args)
{
    const struct gpu_kernel *kernel = self->impl;
    const struct gpu_functions *functions = functions_of(ctx, self);
    int grouped = is_grouped(ctx, args);
    int pieces = !plan->copied && (odd->a || odd->b || odd_addresses(kernel, args));
    int64_t neighbours = kernel->neighbours > 1 ? kernel->neighbours : 1;
    int64_t units = plan->tiles_m * octgemm_gpu_launched_n(kernel, plan->tiles_n) * plan->splits;
    int64_t most = ctx->driver->most_blocks;
    if (kernel->persistent && plan->splits == 1)
        most = ctx->device->multiprocessors * kernel->resident / neighbours * neighbours;
    /* Only a kernel ahead can be overlapped, not the zeroing of counters. */
    return (struct gpu_launch){
        .function = grouped  ? functions->packed
                    : pieces ? functions->unaligned
                             : functions->aligned,
        .name = grouped  ? kernel->packed
                : pieces ? kernel->unaligned
                         : kernel->function,
        .blocks = at_most(units, most),
        .threads = (unsigned)kernel->threads,
        .shared = (unsigned)kernel->shared,
        .cluster = plan->cluster ? plan->splits : (int)neighbours,
        .overlap = kernel->overlap && !are_counted(plan, kernel),
        .stream = args->stream,
    };
}

/* The run proper; the device is current. */
static octgemm_status run_entered(const struct gpu_ctx *ctx, const struct kernel *self,
                                  const octgemm_args *args)
{
    const struct gpu_kernel *kernel = self->impl;
    const struct gpu_odd odd = octgemm_gpu_odd_strides(kernel, args);
    struct gpu_plan plan;
    struct layout layout;
    struct octgemm_gemm_params params;
    struct octgemm_tensor_maps maps;
    find_plan(&plan, &ctx->base, self, args);
    lay_out(&layout, &plan, kernel, args);
    fill_params(&params, &plan, ctx->device, kernel, args);
    if (args->za && is_packed(args))
        params.column = packed_sums(ctx, args);

    char *workspace = layout.bytes > 0 ? aligned_start(args->workspace) : NULL;
    octgemm_status status = start_copies(
        ctx, &params, &plan, &odd, octgemm_gpu_needs_sums(kernel, args), args, &layout, workspace);
    if (status == OCTGEMM_OK)
        status = start_parts(ctx, &params, &plan, kernel, &layout, workspace, args->stream);
    if (status == OCTGEMM_OK && kernel->maps)
        status = make_maps(ctx, &maps, kernel, &params, plan.copied && odd.a,
                           is_packed(args) || (plan.copied && odd.b));
    if (status == OCTGEMM_OK) {
        const struct gpu_launch launch = make_launch(ctx, self, &plan, &odd, args);
        status = start(ctx, &launch, &params, &maps);
    }
    if (status == OCTGEMM_OK && octgemm_gpu_parts_in_memory(&plan) && kernel->joined)
        status = start_join(ctx, &params, kernel, args->stream);
    return status;
}

octgemm_status octgemm_gpu_run(const octgemm_ctx *ctx, const struct kernel *self,
                               const octgemm_args *args)
{
    int previous;
    octgemm_status status = gpu(ctx)->driver->enter(gpu(ctx), &previous);
    if (status != OCTGEMM_OK)
        return status;
    status = run_entered(gpu(ctx), self, args);
    gpu(ctx)->driver->leave(gpu(ctx), previous);
    return status;
}

/* -- quantising ------------------------------------------------------------------------------ */

static int takes_rows(const struct gpu_quantizer *row, const octgemm_quantize_args *args)
{
    int64_t width = octgemm_width(args->x_type);
    uintptr_t strides = (uintptr_t)args->ldx * (uintptr_t)width | (uintptr_t)args->ldq;
    uintptr_t row_bytes = (uintptr_t)(args->k * width);
    uintptr_t addresses = (uintptr_t)args->x | (uintptr_t)args->q;
    uintptr_t words = (uintptr_t)args->scale | (uintptr_t)args->zero;
    uintptr_t odd = row->align > 0 ? (strides | row_bytes | addresses) & ((uintptr_t)row->align - 1)
                                   : (uintptr_t)args->x & element_mask(args->x_type);
    return row->align == 1 || (odd == 0 && (words & 3) == 0 &&
                               (row->max_bytes == 0 || row_bytes <= (uintptr_t)row->max_bytes));
}

octgemm_status octgemm_gpu_quantize(const octgemm_ctx *ctx, const octgemm_quantize_args *args)
{
    const struct gpu_driver *driver = gpu(ctx)->driver;
    size_t row = 0;
    while (!takes_rows(&driver->quantizers[row], args))
        row++;
    const struct gpu_quantizer *quantizer = &driver->quantizers[row];
    struct octgemm_quantize_params params = {.x = args->x,
                                             .q = args->q,
                                             .scale = args->scale,
                                             .zero = args->zero,
                                             .rows = args->rows,
                                             .ldx = args->ldx,
                                             .ldq = args->ldq,
                                             .k = args->k,
                                             .x_type = (int32_t)args->x_type,
                                             .static_scale = args->static_scale};
    int64_t blocks = octgemm_gpu_tiles(args->rows, quantizer->rows_per_block);
    const struct gpu_launch launch = {.function = gpu(ctx)->quantizers[row],
                                      .name = quantizer->function,
                                      .blocks = at_most(blocks, most_rows),
                                      .threads = (unsigned)quantizer->threads,
                                      .overlap = quantizer->overlap,
                                      .stream = args->stream};
    int previous;
    octgemm_status status = driver->enter(gpu(ctx), &previous);
    if (status != OCTGEMM_OK)
        return status;
    status = start(gpu(ctx), &launch, &params, NULL);
    driver->leave(gpu(ctx), previous);
    return status;
}

/* -- packed weights: n rows of round_up(k, 128) bytes, zeros behind k, then n sums of rows. n is
 * rounded up to whole groups where the device packs in groups -----------------------------------
 */

octgemm_status octgemm_gpu_packed_size(const char *function, const octgemm_ctx *ctx, int64_t n,
                                       int64_t k, size_t *bytes)
{
    int64_t row = round_up(k, packed_alignment) + (int64_t)sizeof(int32_t);
    int64_t group = gpu(ctx)->device->packed_rows;
    if (n > PTRDIFF_MAX / row - group)
        return octgemm_refuse_packed(function, n, k);
    *bytes = n > 0 ? (size_t)(round_up(n, group) * row)
                   : 1; /* a size of nothing would make a NULL buffer */
    return OCTGEMM_OK;
}

octgemm_status octgemm_gpu_pack(const octgemm_ctx *ctx, int64_t n, int64_t k, const int8_t *b,
                                int64_t ldb, void *packed, void *stream)
{
    size_t bytes;
    octgemm_status status = octgemm_gpu_packed_size("octgemm_pack", ctx, n, k, &bytes);
    if (status != OCTGEMM_OK || n == 0)
        return status;
    int64_t ldp = round_up(k, packed_alignment);
    struct octgemm_weights_params params = {
        .part[0] = {.b = b,
                    .packed = packed,
                    .column = (int32_t *)((char *)packed + packed_rows(gpu(ctx), n) * ldp),
                    .n = n,
                    .ldb = ldb,
                    .ldp = ldp},
        .k = (int32_t)k,
        .blocks = gpu(ctx)->device->packed_rows > 1,
        .packs = 1};
    int previous;
    status = gpu(ctx)->driver->enter(gpu(ctx), &previous);
    if (status != OCTGEMM_OK)
        return status;
    status = start_weights(gpu(ctx), &params, stream);
    gpu(ctx)->driver->leave(gpu(ctx), previous);
    return status;
}
