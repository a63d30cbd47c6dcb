/* The reference backend: the naive matmul with scales, and the quantiser.
 *
 * This file is the definition of octgemm's results (octgemm-numerics(7)), written step by step and
 * never optimised: serial, one element at a time, no packing, no tiles. Every other kernel is
 * compared with it bit by bit. It is also a backend of its own, "ref", for anyone who wants to
 * compare.
 */
#include "args.h"
#include "backend.h"
#include "epilogue.h"
#include "error.h"
#include "host.h"
#include "packed.h"

#include <math.h>
#include <stdlib.h>

/* Packed weights of this backend are the rows of B behind the common header. */
static const char family[] = "rows";

static const int8_t *weight_row(const octgemm_args *args, int64_t j)
{
    if (args->b_layout == OCTGEMM_B_PACKED)
        return (const int8_t *)args->b + sizeof(struct packed_header) + j * args->k;
    return (const int8_t *)args->b + j * args->ldb;
}

/* Steps 1 and 2: the exact sum. Step 2 is arithmetic modulo 2^32, hence unsigned. */
static int32_t exact_sum(const octgemm_args *args, int64_t i, int64_t j)
{
    const int8_t *a = args->k > 0 ? args->a + i * args->lda : NULL;
    const int8_t *b = args->k > 0 ? weight_row(args, j) : NULL;
    int32_t sum = 0;
    int32_t column = 0;
    for (int64_t p = 0; p < args->k; p++) {
        sum += (int32_t)a[p] * b[p];
        column += b[p];
    }
    if (args->za) {
        int32_t za = octgemm_load_i32(args->za, octgemm_scale_index(args->za_mode, i));
        sum = (int32_t)((uint32_t)sum - (uint32_t)za * (uint32_t)column);
    }
    return sum;
}

static void write_element(const octgemm_args *args, int64_t i, int64_t j)
{
    int32_t sum = exact_sum(args, i, j);
    if (args->d_type == OCTGEMM_I32) {
        memcpy((char *)args->d + (i * args->ldd + j) * (int64_t)sizeof sum, &sum, sizeof sum);
        return;
    }
    float sa = args->sa ? octgemm_load_f32(args->sa, octgemm_scale_index(args->sa_mode, i)) : 1.0f;
    float sb = args->sb ? octgemm_load_f32(args->sb, octgemm_scale_index(args->sb_mode, j)) : 1.0f;
    float f = octgemm_scale_sum(sum, sa, sb);
    if (args->bias)
        f = octgemm_add_bias(f, octgemm_load_float(args->bias, args->bias_type, j));
    octgemm_store_float(args->d, args->d_type, i * args->ldd + j, f);
}

static octgemm_status run(const octgemm_ctx *ctx, const struct kernel *self,
                          const octgemm_args *args)
{
    (void)ctx;
    (void)self;
    for (int64_t i = 0; i < args->m; i++)
        for (int64_t j = 0; j < args->n; j++)
            write_element(args, i, j);
    return OCTGEMM_OK;
}

/* What a row of quantised values needs: x ~ (q - zero) * scale, q = clamp(rint(x * inv) + zero). */
struct row_rule {
    float scale, inv;
    int32_t zero;
    int lowest;
};

static const float smallest_range = 0x1p-100f; /* below it a row is the zero row */

static float clamp(float value, float low, float high)
{
    return value < low ? low : value > high ? high : value;
}

/* Finds the rule of a dynamic row. Returns 0 when the row has no rule: then every q is 0, and
 * rule->scale is 1 (the zero row) or NaN (a row with an infinity or a NaN in it). */
static int find_rule(struct row_rule *rule, const octgemm_quantize_args *args, int64_t row)
{
    float absmax = 0, low = 0, high = 0;
    *rule = (struct row_rule){.scale = NAN, .zero = 0};
    for (int64_t p = 0; p < args->k; p++) {
        float x = octgemm_load_float(args->x, args->x_type, row * args->ldx + p);
        if (!isfinite(x))
            return 0;
        absmax = fmaxf(absmax, fabsf(x));
        low = fminf(low, x);
        high = fmaxf(high, x);
    }
    float range = args->zero ? high - low : absmax;
    float steps = args->zero ? 255 : 127;
    rule->scale = 1;
    if (range < smallest_range)
        return 0;
    rule->scale = range / steps;
    rule->inv = steps / range;
    rule->lowest = args->zero ? -128 : -127;
    if (args->zero)
        rule->zero = (int32_t)clamp(rintf(-128 - low * rule->inv), -128, 127);
    return 1;
}

static void quantize_row(const octgemm_quantize_args *args, int64_t row)
{
    struct row_rule rule = {.zero = 0, .lowest = -128};
    float given = args->static_scale ? octgemm_load_f32(args->scale, 0) : 0;
    int has_rule = args->static_scale || find_rule(&rule, args, row);
    for (int64_t p = 0; p < args->k; p++) {
        float x = octgemm_load_float(args->x, args->x_type, row * args->ldx + p);
        float q = 0;
        if (has_rule) {
            q = args->static_scale ? x / given : x * rule.inv;
            q = rintf(q) + (float)rule.zero;
        }
        q = isnan(q) ? 0 : clamp(q, (float)rule.lowest, 127);
        args->q[row * args->ldq + p] = (int8_t)q;
    }
    if (!args->static_scale)
        memcpy((char *)args->scale + row * (int64_t)sizeof(float), &rule.scale, sizeof(float));
    if (args->zero)
        memcpy((char *)args->zero + row * (int64_t)sizeof(int32_t), &rule.zero, sizeof(int32_t));
}

static octgemm_status quantize(const octgemm_ctx *ctx, const octgemm_quantize_args *args)
{
    (void)ctx;
    for (int64_t row = 0; row < args->rows; row++)
        quantize_row(args, row);
    return OCTGEMM_OK;
}

static octgemm_status packed_size(const char *function, const octgemm_ctx *ctx, int64_t n,
                                  int64_t k, size_t *bytes)
{
    (void)ctx;
    if (n > 0 && k > (PTRDIFF_MAX - (int64_t)sizeof(struct packed_header)) / n)
        return octgemm_refuse_packed(function, n, k);
    *bytes = sizeof(struct packed_header) + (size_t)n * (size_t)k;
    return OCTGEMM_OK;
}

static octgemm_status pack(const octgemm_ctx *ctx, int64_t n, int64_t k, const int8_t *b,
                           int64_t ldb, void *packed, void *stream)
{
    (void)stream;
    size_t bytes = 0;
    octgemm_status status = packed_size("octgemm_pack", ctx, n, k, &bytes);
    if (status != OCTGEMM_OK)
        return status;
    octgemm_packed_write(packed, family, n, k, bytes);
    for (int64_t j = 0; j < n && k > 0; j++)
        memcpy((char *)packed + sizeof(struct packed_header) + j * k, b + j * ldb, (size_t)k);
    return OCTGEMM_OK;
}

static octgemm_status check_packed(const octgemm_ctx *ctx, const octgemm_args *args)
{
    size_t bytes = 0;
    octgemm_status status = packed_size("octgemm_args", ctx, args->n, args->k, &bytes);
    return status == OCTGEMM_OK ? octgemm_packed_check(args, family, bytes) : status;
}

static octgemm_status probe(const struct backend *self, int device, octgemm_info *out)
{
    octgemm_status status = octgemm_host_probe(self, device, out);
    if (status != OCTGEMM_OK)
        return status;
    out->arch = "any";
    out->kernel = self->kernels[0].name;
    out->reason = "the definition of the results: serial and slow";
    return OCTGEMM_OK;
}

static octgemm_status open_ref(const struct backend *self, int device, octgemm_ctx **out)
{
    (void)device;
    octgemm_ctx *ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        return octgemm_fail(OCTGEMM_ERR_NOMEM, "octgemm_open: no memory for a context");
    ctx->backend = self;
    *out = ctx;
    return OCTGEMM_OK;
}

static void close_ref(octgemm_ctx *ctx)
{
    free(ctx);
}

static const struct kernel kernels[] = {
    {.name = "ref", .arch = "any", .run = run},
};

const struct backend octgemm_ref_backend = {
    .name = "ref",
    .devices = octgemm_host_devices,
    .probe = probe,
    .open = open_ref,
    .close = close_ref,
    .kernels = kernels,
    .kernel_count = sizeof kernels / sizeof *kernels,
    .quantize = quantize,
    .packed_size = packed_size,
    .pack = pack,
    .check_packed = check_packed,
    .alloc = octgemm_host_alloc,
    .free = octgemm_host_free,
    .upload = octgemm_host_copy_in,
    .download = octgemm_host_copy_out,
    .sync = octgemm_host_sync,
};
