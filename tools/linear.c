/* A linear layer, quantised and multiplied: see linear.h. */
#include "linear.h"
#include "command.h"
#include "cycles.h"
#include "progress.h"
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A quantised matrix: on the device, and as the host needs it to verify. */
struct operand {
    int8_t *q;
    float *scale;  /* NULL = 1 */
    int32_t *zero; /* NULL = symmetric */
    octgemm_scale mode;
    const int8_t *host_q;
    const float *host_scale;
    const int32_t *host_zero;
    void *owned[3]; /* host memory to free */
};

static void *download(const struct device *device, const void *from, int64_t rows, int64_t columns,
                      size_t size, void **owned)
{
    void *host = *owned = octgemm_allocate(rows, columns, size, "a copy");
    if (host && octgemm_device_download(device, host, from, octgemm_bytes(rows, columns, size)))
        return NULL;
    return host;
}

/* I8: there is nothing to quantise. */
static int take_operand(struct device *device, const struct matrix *matrix, struct operand *out)
{
    int64_t count = matrix->scale_count;
    int status = octgemm_device_upload(
        device, matrix->data, octgemm_bytes(matrix->rows, matrix->columns, 1), (void **)&out->q);
    if (status == 0 && matrix->scale)
        status = octgemm_device_upload(device, matrix->scale, octgemm_bytes(count, 1, 4),
                                       (void **)&out->scale);
    out->mode = count > 1 ? OCTGEMM_SCALE_ROW : OCTGEMM_SCALE_TENSOR;
    out->host_q = matrix->data;
    out->host_scale = matrix->scale;
    return status;
}

/* Where the scales are written, or for a static scale read. */
static int place_scales(struct device *device, const struct matrix *matrix, int asymmetric,
                        struct operand *out)
{
    if (matrix->scale) {
        out->mode = OCTGEMM_SCALE_TENSOR;
        out->host_scale = matrix->scale;
        return octgemm_device_upload(device, matrix->scale, sizeof(float), (void **)&out->scale);
    }
    int status = octgemm_device_alloc(device, octgemm_bytes(matrix->rows, 1, sizeof(float)),
                                      (void **)&out->scale);
    if (status == 0 && asymmetric)
        status = octgemm_device_alloc(device, octgemm_bytes(matrix->rows, 1, sizeof(int32_t)),
                                      (void **)&out->zero);
    return status;
}

static int quantize_operand(struct device *device, const struct matrix *matrix, int asymmetric,
                            struct operand *out)
{
    size_t size = octgemm_type_size((octgemm_type)matrix->kind);
    int64_t rows = matrix->rows, k = matrix->columns;
    void *x = NULL;
    int status = octgemm_device_upload(device, matrix->data, octgemm_bytes(rows, k, size), &x);
    if (status == 0)
        status = octgemm_device_alloc(device, octgemm_bytes(rows, k, 1), (void **)&out->q);
    if (status == 0)
        status = place_scales(device, matrix, asymmetric, out);
    if (status)
        return status;
    octgemm_quantize_args args = {.size = sizeof args,
                                  .rows = rows,
                                  .k = k,
                                  .x = x,
                                  .ldx = k,
                                  .x_type = (octgemm_type)matrix->kind,
                                  .q = out->q,
                                  .ldq = k,
                                  .scale = out->scale,
                                  .zero = out->zero,
                                  .static_scale = matrix->scale != NULL};
    if (octgemm_quantize(device->ctx, &args) != OCTGEMM_OK)
        return octgemm_complain_library("quantising");
    out->host_q = download(device, out->q, rows, k, 1, &out->owned[0]);
    if (!matrix->scale)
        out->host_scale = download(device, out->scale, rows, 1, sizeof(float), &out->owned[1]);
    if (out->zero)
        out->host_zero = download(device, out->zero, rows, 1, sizeof(int32_t), &out->owned[2]);
    octgemm_device_free(device, x);
    return out->host_q && out->host_scale && (!out->zero || out->host_zero) ? 0 : EXIT_INPUT;
}

static int make_operand(struct device *device, const struct matrix *matrix, int asymmetric,
                        struct operand *out)
{
    if (matrix->kind == TENSOR_I8)
        return take_operand(device, matrix, out);
    return quantize_operand(device, matrix, asymmetric, out);
}

static void release_operand(struct operand *operand)
{
    for (size_t i = 0; i < sizeof operand->owned / sizeof *operand->owned; i++)
        free(operand->owned[i]);
}

/* Replaces the rows of B in args by packed weights, and frees them. */
static int pack_weights(struct device *device, octgemm_args *args)
{
    size_t bytes;
    void *packed;
    if (octgemm_packed_size(device->ctx, args->n, args->k, &bytes) != OCTGEMM_OK)
        return octgemm_complain_library("the size of packed weights");
    int status = octgemm_device_alloc(device, (int64_t)bytes, &packed);
    if (status)
        return status;
    if (octgemm_pack(device->ctx, args->n, args->k, args->b, args->ldb, packed, NULL) !=
            OCTGEMM_OK ||
        octgemm_sync(device->ctx, NULL) != OCTGEMM_OK)
        return octgemm_complain_library("packing the weights");
    octgemm_device_free(device, (void *)args->b);
    args->b = packed;
    args->b_layout = OCTGEMM_B_PACKED;
    return 0;
}

struct job {
    const struct linear *linear;
    struct linear_result *result;
    struct device device;
    struct operand a, b;
    octgemm_args args;
};

static int prepare(struct job *job)
{
    const struct linear *linear = job->linear;
    struct device *device = &job->device;
    octgemm_args *args = &job->args;
    int64_t n = linear->weights.rows, m = linear->activations.rows, k = linear->weights.columns;
    size_t size = octgemm_type_size((octgemm_type)linear->d_type);
    void *bias = NULL;
    octgemm_progress_step("quantising", 0);
    int status = make_operand(device, &linear->weights, 0, &job->b);
    if (status == 0)
        status = make_operand(device, &linear->activations, linear->asymmetric, &job->a);
    *args = (octgemm_args){.size = sizeof *args,
                           .m = m,
                           .n = n,
                           .k = k,
                           .a = job->a.q,
                           .lda = k,
                           .b = job->b.q,
                           .ldb = k,
                           .sa = job->a.scale,
                           .sa_mode = job->a.mode,
                           .sb = job->b.scale,
                           .sb_mode = job->b.mode,
                           .za = job->a.zero,
                           .ldd = n,
                           .d_type = (octgemm_type)linear->d_type};
    if (status == 0 && linear->bias.data) {
        args->bias_type = (octgemm_type)linear->bias.kind;
        status =
            octgemm_device_upload(device, linear->bias.data,
                                  octgemm_bytes(n, 1, octgemm_type_size(args->bias_type)), &bias);
        args->bias = bias;
    }
    if (status == 0)
        status = octgemm_device_alloc(device, octgemm_bytes(m, n, size), &args->d);
    if (status == 0 && linear->pack) {
        octgemm_progress_step("packing the weights", 0);
        status = pack_weights(device, args);
    }
    if (status == 0)
        status = octgemm_device_workspace(device, args);
    if (status == 0 && octgemm_query(device->ctx, args, &job->result->info) != OCTGEMM_OK)
        status = octgemm_complain_library("choosing a kernel");
    return status;
}

static octgemm_status multiply(void *user, int64_t index)
{
    const struct job *job = user;
    (void)index;
    return octgemm_run(job->device.ctx, &job->args);
}

static int verify(struct job *job)
{
    struct product product = {.device = &job->device,
                              .args = &job->args,
                              .a = job->a.host_q,
                              .b = job->b.host_q,
                              .sa = job->a.host_scale,
                              .sb = job->b.host_scale,
                              .za = job->a.host_zero,
                              .bias = job->linear->bias.data};
    struct verdict *verdict = &job->result->verdict;
    octgemm_progress_step("verifying against the reference", 0);
    int status = octgemm_verify(&product, 1, verdict);
    if (status == 0 && verdict->bad > 0)
        status = octgemm_complain_of_verdict(verdict, &job->result->info, &job->args);
    return status;
}

/* One product, checked; then the timing, which writes the same D again and again. */
static int multiply_verify_time(struct job *job)
{
    struct linear_result *result = job->result;
    octgemm_progress_step("multiplying", 0);
    if (octgemm_run_aloud(&job->device, &job->args) != OCTGEMM_OK ||
        octgemm_sync(job->device.ctx, NULL) != OCTGEMM_OK)
        return octgemm_complain_library("multiplying");
    int status = verify(job);
    if (status)
        return status;
    octgemm_progress_step("timing", 0);
    status =
        octgemm_time_calls(job->device.ctx, multiply, job, job->linear->seconds, &result->timing);
    if (status == 0)
        result->d = octgemm_allocate(result->m, result->n, octgemm_type_size(job->args.d_type),
                                     "the result");
    if (status == 0 && !result->d)
        status = EXIT_INPUT;
    if (status == 0)
        status = octgemm_device_download(
            &job->device, result->d, job->args.d,
            octgemm_bytes(result->m, result->n, octgemm_type_size(job->args.d_type)));
    return status;
}

static int compare(struct job *job)
{
    const struct linear *linear = job->linear;
    struct compared compared = {.activations = &linear->activations,
                                .weights = &linear->weights,
                                .bias = linear->bias.data,
                                .bias_kind = linear->bias.kind,
                                .d = job->result->d,
                                .d_type = (octgemm_type)linear->d_type,
                                .sa = job->a.host_scale,
                                .sa_count = job->a.mode == OCTGEMM_SCALE_ROW ? job->args.m : 1,
                                .sb = job->b.host_scale,
                                .sb_count = job->b.mode == OCTGEMM_SCALE_ROW ? job->args.n : 1};
    job->result->compared = 1;
    return octgemm_compare(&compared, &job->result->comparison);
}

static int check_shapes(const struct linear *linear)
{
    const struct matrix *w = &linear->weights, *x = &linear->activations;
    if (w->columns != x->columns)
        return octgemm_complain("the weights are N x K = %lld x %lld, the activations have %lld "
                                "columns instead of K",
                                (long long)w->rows, (long long)w->columns, (long long)x->columns);
    if (linear->bias.data && linear->bias.columns != w->rows)
        return octgemm_complain("the bias has %lld values, the weights have N = %lld rows",
                                (long long)linear->bias.columns, (long long)w->rows);
    if (linear->asymmetric && x->kind == TENSOR_I8)
        return octgemm_complain("--asymmetric is for activations that are quantised here, not I8");
    if (linear->asymmetric && x->scale)
        return octgemm_complain("--asymmetric finds its own scales: leave out the scale");
    return 0;
}

int octgemm_run_linear(const struct linear *linear, struct linear_result *result)
{
    struct job job = {.linear = linear, .result = result};
    *result = (struct linear_result){
        .m = linear->activations.rows, .n = linear->weights.rows, .k = linear->weights.columns};
    int status = check_shapes(linear);
    if (status == 0)
        status = octgemm_open_device(&job.device, &linear->choice);
    if (status == 0)
        status = prepare(&job);
    if (status == 0)
        status = multiply_verify_time(&job);
    if (status == 0 && linear->compare)
        status = compare(&job);
    if (status == 0)
        result->threads = octgemm_backend_threads(result->info.backend);
    octgemm_close_device(&job.device);
    release_operand(&job.a);
    release_operand(&job.b);
    return status;
}

void octgemm_release_linear(struct linear *linear, struct linear_result *result)
{
    octgemm_release_matrix(&linear->weights);
    octgemm_release_matrix(&linear->activations);
    octgemm_release_matrix(&linear->bias);
    free(result->d);
    result->d = NULL;
}

static double tops(const struct linear_result *result)
{
    double operations = 2.0 * (double)result->m * (double)result->n * (double)result->k;
    return operations / result->timing.median * 1e-12;
}

static const char *type_name(enum tensor_kind kind)
{
    return octgemm_tensor_type_of_kind(kind)->name;
}

static void print_comparison(const struct comparison *comparison)
{
    char decibel[32];
    if (comparison->compared == 0) {
        printf("SQNR      not defined: no element is left to compare with the float64 product\n");
    } else {
        printf("SQNR      %s, signal to quantisation noise against the float64 product\n",
               octgemm_format_decibel(decibel, sizeof decibel, comparison->decibel));
        printf("error     at most %.4g, where values reach %.4g\n", comparison->error_max,
               comparison->value_max);
    }
    if (comparison->left_out > 0)
        printf("          %lld elements are infinite or NaN and left out of %s\n",
               (long long)comparison->left_out, comparison->compared == 0 ? "it" : "both");
}

void octgemm_print_linear(const struct linear *linear, const struct linear_result *result)
{
    const octgemm_info *info = &result->info;
    char median[32], best[32], threads[32];
    printf("product   M x N x K = %lld x %lld x %lld, weights %s, activations %s%s, result %s\n",
           (long long)result->m, (long long)result->n, (long long)result->k,
           type_name(linear->weights.kind), type_name(linear->activations.kind),
           linear->asymmetric ? " with zero points" : "",
           type_name((enum tensor_kind)linear->d_type));
    printf("backend   %s, %s, %s%s\n", info->backend,
           *info->device ? info->device : "unnamed device", info->arch,
           octgemm_format_threads(threads, sizeof threads, result->threads));
    printf("kernel    %s (%s)\n", info->kernel, info->reason);
    printf("verified  %lld of %lld elements equal the reference bit by bit\n",
           (long long)result->verdict.compared, (long long)(result->m * result->n));
    printf("time      %s median, %s best of %lld calls, %.4g TOPS\n",
           octgemm_format_seconds(median, sizeof median, result->timing.median),
           octgemm_format_seconds(best, sizeof best, result->timing.best),
           (long long)result->timing.calls, tops(result));
    if (result->compared)
        print_comparison(&result->comparison);
}

json_t *octgemm_linear_json(const struct linear *linear, const struct linear_result *result)
{
    const octgemm_info *info = &result->info;
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:s, s:s, s:s, s:b, s:b, s:I, s:o, s:o, "
        "s:I, s:o}",
        "backend", info->backend, "device", info->device, "arch", info->arch, "kernel",
        info->kernel, "reason", info->reason, "threads", result->threads, "m",
        (json_int_t)result->m, "n", (json_int_t)result->n, "k", (json_int_t)result->k,
        "weights_type", type_name(linear->weights.kind), "activations_type",
        type_name(linear->activations.kind), "d_type", type_name((enum tensor_kind)linear->d_type),
        "asymmetric", linear->asymmetric, "packed", linear->pack, "verified",
        (json_int_t)result->verdict.compared, "median_seconds",
        octgemm_json_number(result->timing.median), "best_seconds",
        octgemm_json_number(result->timing.best), "calls", (json_int_t)result->timing.calls, "tops",
        octgemm_json_number(tops(result)));
    if (object && result->compared) {
        const struct comparison *comparison = &result->comparison;
        json_object_set_new(object, "compared", json_integer((json_int_t)comparison->compared));
        json_object_set_new(object, "sqnr_db", octgemm_json_number(comparison->decibel));
        json_object_set_new(object, "error_max", octgemm_json_number(comparison->error_max));
        json_object_set_new(object, "value_max", octgemm_json_number(comparison->value_max));
        json_object_set_new(object, "left_out", json_integer((json_int_t)comparison->left_out));
    }
    return object;
}
