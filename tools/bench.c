/* octgemm bench: verifies, then times.
 *
 * Weights are cold, as in a model, where the other layers run in between: calls go round over
 * copies of them that together exceed any cache (operands.h). `--hot` keeps to one. */
#include "command.h"
#include "cycles.h"
#include "device.h"
#include "matrix.h"
#include "operands.h"
#include "options.h"
#include "plot.h"
#include "progress.h"
#include "report.h"
#include "rivals_report.h"
#include "shapes.h"
#include "suite/list.h"
#include "timing.h"
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_options {
    const char *kernel, *tokens, *folder, *plot;
    struct device_choice choice;
    int64_t seed;
    int d_type, weights, packed, hot, csv, json, models, rivals;
    double seconds;
};

#define MEMBER(name) offsetof(struct bench_options, name)
static const struct option_row option_rows[] = {
    {"tokens", 'm', "M,M,...", "values of M (default 1,16,64,256,1024)", .kind = OPTION_TEXT,
     .offset = MEMBER(tokens)},
    {"d-type", 'd', "TYPE", "of the result: f32, f16, bf16 (default) or i32", .kind = OPTION_CHOICE,
     .offset = MEMBER(d_type), .choices = octgemm_type_names},
    DEVICE_OPTIONS(struct bench_options),
    {"kernel", 0, "NAME|auto|all", "force a kernel; all: each, and how good the choice is",
     .kind = OPTION_TEXT, .offset = MEMBER(kernel)},
    {"packed", 0, NULL, "multiply packed weights (default)", .kind = OPTION_FLAG,
     .offset = MEMBER(packed)},
    {"rows", 0, NULL, "multiply weights as rows, not packed", .kind = OPTION_CLEAR,
     .offset = MEMBER(packed)},
    {"hot", 0, NULL, "the same weights again and again, from the caches", .kind = OPTION_FLAG,
     .offset = MEMBER(hot)},
    {"weights", 0, "VALUES", "uniform (default), normal or heavy: the kind of their values",
     .kind = OPTION_CHOICE, .offset = MEMBER(weights), .choices = octgemm_weight_names},
    {"seconds", 0, "S", "how long to time each product (default 0.5; at most 86400)",
     .kind = OPTION_SECONDS, .offset = MEMBER(seconds)},
    {"seed", 0, "S", "of the data (default 1)", .kind = OPTION_INTEGER, .offset = MEMBER(seed),
     .low = 0, .high = INT64_MAX},
    {"rivals", 0, NULL, "beside oneDNN, OpenBLAS, cuBLASLt, hipBLASLt where they are",
     .kind = OPTION_FLAG, .offset = MEMBER(rivals)},
    {"shapes", 0, "DIR", "where the models' files are", .kind = OPTION_TEXT,
     .offset = MEMBER(folder)},
    {"models", 0, NULL, "list the models", .kind = OPTION_FLAG, .offset = MEMBER(models)},
    {"plot", 0, "FILE", "also draw an SVG: roofline, time against M, ratios (needs gnuplot)",
     .kind = OPTION_TEXT, .offset = MEMBER(plot)},
    {"csv", 0, NULL, "print CSV", .kind = OPTION_FLAG, .offset = MEMBER(csv)},
    {"json", 0, NULL, "print JSON", .kind = OPTION_FLAG, .offset = MEMBER(json)},
};
const struct syntax octgemm_bench_syntax = {
    .command = "bench",
    .operands = "[MODEL | MxNxK | NxK]...",
    .summary = "Verifies, then times products. Default: the layers of Llama-3.1-8B.",
    .rows = option_rows,
    .row_count = sizeof option_rows / sizeof *option_rows,
    .others = octgemm_syntaxes,
};

enum { tokens_max = 64, kernel_max = 256, automatic = 0 };

struct measurement {
    const struct shape *shape;
    int64_t m;
    size_t choice; /* index into bench.kernels */
    octgemm_info info;
    struct timing timing;
    int64_t verified;
};

struct bench {
    const struct bench_options *options;
    int64_t tokens[tokens_max];
    size_t token_count;
    const char *kernels[kernel_max]; /* [automatic] is the library's choice: NULL or "" */
    size_t kernel_count;
    json_t *results;          /* NULL unless --json */
    struct plot plot;         /* empty unless --plot */
    struct measurement *done; /* of the shape in hand */
    size_t done_count;
};

static double tops(const struct measurement *one)
{
    return octgemm_tops(one->shape, one->m, one->timing.median);
}

/* What bounds small M. */
static double weight_rate(const struct measurement *one)
{
    return octgemm_weight_rate(one->shape, one->timing.median);
}

static const char *layout_name(const struct bench *bench)
{
    return bench->options->packed ? "packed" : "rows";
}

/* As it is printed, which lasts until the next one. */
static const char *layer_name(const struct shape *shape)
{
    static char clean[sizeof shape->layer];
    return octgemm_clean(clean, sizeof clean, *shape->layer ? shape->layer : "-");
}

static void print_head(const struct bench *bench, const octgemm_info *info)
{
    const struct bench_options *options = bench->options;
    char threads[32];
    if (options->csv) {
        printf("model,layer,m,n,k,backend,device,arch,kernel,choice,layout,d_type,median_seconds,"
               "best_seconds,calls,tops,weight_gb_per_second,verified,weights,cache,threads,seed,"
               "version\n");
        return;
    }
    printf("%s, %s, %s%s; weights %s, %s, %s; result %s\n\n", info->backend, info->device,
           info->arch,
           octgemm_format_threads(threads, sizeof threads, octgemm_backend_threads(info->backend)),
           layout_name(bench), octgemm_weight_names[options->weights],
           octgemm_cache_name(bench->options->hot), octgemm_type_names[options->d_type]);
    printf("%-10s %6s %6s %6s  %-28s %10s %10s %9s %8s\n", "layer", "M", "N", "K", "kernel",
           "median", "best", "TOPS", "GB/s");
}

static const char *choice_name(const struct bench *bench, const struct measurement *one)
{
    return bench->kernels[one->choice] && *bench->kernels[one->choice] ? "forced" : "auto";
}

static void print_csv(const struct bench *bench, const struct measurement *one)
{
    const struct shape *shape = one->shape;
    char version[32];
    octgemm_print_csv_text(shape->model);
    printf(",");
    octgemm_print_csv_text(shape->layer);
    printf(",%lld,%lld,%lld,%s,", (long long)one->m, (long long)shape->n, (long long)shape->k,
           one->info.backend);
    octgemm_print_csv_text(one->info.device);
    printf(",%s,%s,%s,%s,%s,%.9g,%.9g,%lld,%.6g,%.6g,%lld,%s,%s,%d,%lld,%s\n", one->info.arch,
           one->info.kernel, choice_name(bench, one), layout_name(bench),
           octgemm_type_names[bench->options->d_type], one->timing.median, one->timing.best,
           (long long)one->timing.calls, tops(one), weight_rate(one), (long long)one->verified,
           octgemm_weight_names[bench->options->weights], octgemm_cache_name(bench->options->hot),
           octgemm_backend_threads(one->info.backend), (long long)bench->options->seed,
           octgemm_format_version(version, sizeof version));
}

static void print_line(const struct bench *bench, const struct measurement *one)
{
    char median[32], best[32], rate[32] = "-", kernel[64];
    if (one->m <= 16)
        snprintf(rate, sizeof rate, "%.1f", weight_rate(one));
    snprintf(kernel, sizeof kernel, "%s%s", one->info.kernel,
             bench->kernel_count > 1 && one->choice == automatic ? " (auto)" : "");
    printf("%-10s %6lld %6lld %6lld  %-28s %10s %10s %9.4g %8s\n", layer_name(one->shape),
           (long long)one->m, (long long)one->shape->n, (long long)one->shape->k, kernel,
           octgemm_format_seconds(median, sizeof median, one->timing.median),
           octgemm_format_seconds(best, sizeof best, one->timing.best), tops(one), rate);
}

static json_t *measurement_json(const struct bench *bench, const struct measurement *one)
{
    const struct shape *shape = one->shape;
    char version[32];
    return json_pack(
        "{s:o, s:o, s:I, s:I, s:I, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:I, "
        "s:f, s:f, s:I, s:s, s:s, s:i, s:I, s:s}",
        "model", octgemm_json_text(shape->model), "layer", octgemm_json_text(shape->layer), "m",
        (json_int_t)one->m, "n", (json_int_t)shape->n, "k", (json_int_t)shape->k, "backend",
        one->info.backend, "device", octgemm_json_text(one->info.device), "arch", one->info.arch,
        "kernel", one->info.kernel, "choice", choice_name(bench, one), "layout", layout_name(bench),
        "d_type", octgemm_type_names[bench->options->d_type], "median_seconds", one->timing.median,
        "best_seconds", one->timing.best, "calls", (json_int_t)one->timing.calls, "tops", tops(one),
        "weight_gb_per_second", weight_rate(one), "verified", (json_int_t)one->verified, "weights",
        octgemm_weight_names[bench->options->weights], "cache",
        octgemm_cache_name(bench->options->hot), "threads",
        octgemm_backend_threads(one->info.backend), "seed", (json_int_t)bench->options->seed,
        "version", octgemm_format_version(version, sizeof version));
}

static int print_measurement(const struct bench *bench, const struct measurement *one)
{
    octgemm_progress_pause();
    if (bench->results && json_array_append_new(bench->results, measurement_json(bench, one)) != 0)
        return octgemm_complain("no memory for the report");
    if (bench->results)
        return 0;
    if (bench->options->csv)
        print_csv(bench, one);
    else
        print_line(bench, one);
    octgemm_show_output();
    return 0;
}

static int add_point(struct bench *bench, const struct measurement *one)
{
    struct plot_point point = {
        .m = one->m, .n = one->shape->n, .k = one->shape->k, .seconds = one->timing.median};
    if (!bench->options->plot)
        return 0;
    snprintf(point.series, sizeof point.series, "%s",
             one->choice == automatic ? "octgemm" : one->info.kernel);
    snprintf(bench->plot.title, sizeof bench->plot.title, "%s (%s), weights %s", one->info.device,
             one->info.backend, octgemm_cache_name(bench->options->hot));
    return octgemm_plot_add(&bench->plot, &point);
}

/* Is one of these a median of waiting, as where the system took the processor away? It is then far
 * above the same measurement's best. */
static int unsteady(const struct bench *bench, int64_t m)
{
    static const double far = 3;
    for (size_t i = 0; i < bench->done_count; i++) {
        const struct measurement *one = &bench->done[i];
        if (one->m == m && one->timing.median > far * one->timing.best)
            return 1;
    }
    return 0;
}

/* How two measurements of one product are compared. */
static double seconds_of(const struct measurement *one, int by_best)
{
    return by_best ? one->timing.best : one->timing.median;
}

/* The faster of the two; NULL = none yet. */
static const struct measurement *faster(const struct measurement *a, const struct measurement *b,
                                        int by_best)
{
    return !a || seconds_of(b, by_best) < seconds_of(a, by_best) ? b : a;
}

/* --kernel all: for each M, the automatic choice beside the fastest kernel. The chosen kernel was
 * timed twice, as the choice and by its name. */
static void print_choices(const struct bench *bench)
{
    for (size_t i = 0; i < bench->done_count; i++) {
        const struct measurement *chosen = &bench->done[i], *best = NULL, *own = NULL;
        const char *kernel = chosen->info.kernel;
        if (chosen->choice != automatic)
            continue;
        int by_best = unsteady(bench, chosen->m);
        for (size_t j = 0; j < bench->done_count; j++) {
            const struct measurement *other = &bench->done[j];
            if (other->m != chosen->m)
                continue;
            best = faster(best, other, by_best);
            if (strcmp(other->info.kernel, kernel) == 0)
                own = faster(own, other, by_best);
        }
        printf("%-10s %6lld  chose %s, fastest is %s: %.1f %% of its speed%s\n",
               layer_name(chosen->shape), (long long)chosen->m, kernel, best->info.kernel,
               100 * seconds_of(best, by_best) / seconds_of(own, by_best),
               by_best ? " by the best times: the medians are not steady" : "");
    }
    printf("\n");
}

/* A shape on one kernel's context: the weights on the device, in copies. */
struct weights {
    struct device device;
    void **copies;
    int64_t count;
};

static int load_weights(struct weights *weights, const struct bench *bench,
                        const struct shape *shape, const int8_t *b)
{
    struct device *device = &weights->device;
    int64_t bytes = octgemm_bytes(shape->n, shape->k, 1);
    size_t packed = (size_t)bytes;
    void *b_rows;
    weights->count = bench->options->hot ? 1 : octgemm_cold_copies(shape->n, shape->k);
    weights->copies = calloc((size_t)weights->count, sizeof *weights->copies);
    if (!weights->copies)
        return octgemm_complain("no memory for the weights");
    int status = octgemm_device_upload(device, b, bytes, &b_rows);
    if (status == 0 && bench->options->packed &&
        octgemm_packed_size(device->ctx, shape->n, shape->k, &packed) != OCTGEMM_OK)
        status = octgemm_complain_library("the size of packed weights");
    for (int64_t i = 0; i < weights->count && status == 0; i++) {
        void **copy = &weights->copies[i];
        if (!bench->options->packed) {
            status = octgemm_device_upload(device, b, bytes, copy);
            continue;
        }
        status = octgemm_device_alloc(device, (int64_t)packed, copy);
        if (status == 0 && octgemm_pack(device->ctx, shape->n, shape->k, b_rows, shape->k, *copy,
                                        NULL) != OCTGEMM_OK)
            status = octgemm_complain_library("packing the weights");
    }
    octgemm_device_free(device, b_rows);
    return status;
}

struct rotation {
    const octgemm_ctx *ctx;
    octgemm_args args;
    const struct weights *weights;
};

static octgemm_status multiply(void *user, int64_t index)
{
    struct rotation *rotation = user;
    rotation->args.b = rotation->weights->copies[index % rotation->weights->count];
    return octgemm_run(rotation->ctx, &rotation->args);
}

static int verify(const struct weights *weights, const struct rotation *rotation,
                  const struct operands *inputs, const struct bench_options *options,
                  struct measurement *one)
{
    struct product product = {.device = &weights->device,
                              .args = &rotation->args,
                              .a = inputs->a,
                              .b = inputs->b,
                              .sa = inputs->sa,
                              .sb = inputs->sb};
    struct verdict verdict;
    int status = octgemm_verify(&product, (uint64_t)options->seed, &verdict);
    if (status == 0 && verdict.bad > 0)
        status = octgemm_complain_of_verdict(&verdict, &one->info, &rotation->args);
    one->verified = verdict.compared;
    return status;
}

/* The product with the first copy is verified; the others were made by the same call. */
static int verify_and_time(const struct weights *weights, struct rotation *rotation,
                           const struct operands *inputs, const struct bench_options *options,
                           struct measurement *one)
{
    octgemm_progress_step("verifying", 0);
    if (octgemm_run_aloud(&weights->device, &rotation->args) != OCTGEMM_OK ||
        octgemm_sync(rotation->ctx, NULL) != OCTGEMM_OK)
        return octgemm_complain_library("multiplying");
    int status = verify(weights, rotation, inputs, options, one);
    if (status)
        return status;
    octgemm_progress_step("timing", 0);
    return octgemm_time_calls(rotation->ctx, multiply, rotation, options->seconds, &one->timing);
}

/* One M. A forced kernel that does not take it leaves no line. */
static int measure(struct bench *bench, struct weights *weights, const struct operands *inputs,
                   struct measurement *one)
{
    struct device *device = &weights->device;
    int64_t m = one->m, n = one->shape->n, k = one->shape->k;
    size_t size = octgemm_type_size((octgemm_type)bench->options->d_type);
    void *a = NULL, *sa = NULL, *sb = NULL;
    struct rotation rotation = {
        .ctx = device->ctx,
        .weights = weights,
        .args = {.size = sizeof rotation.args,
                 .m = m,
                 .n = n,
                 .k = k,
                 .lda = k,
                 .b = weights->copies[0],
                 .ldb = k,
                 .b_layout = bench->options->packed ? OCTGEMM_B_PACKED : OCTGEMM_B_ROWS,
                 .ldd = n,
                 .d_type = (octgemm_type)bench->options->d_type}};
    octgemm_args *args = &rotation.args;
    octgemm_status taken = octgemm_query(device->ctx, args, &one->info);
    if (taken == OCTGEMM_ERR_UNSUPPORTED && one->choice != automatic)
        return 0;
    if (taken != OCTGEMM_OK)
        return octgemm_complain_library("choosing a kernel");
    int status = octgemm_device_upload(device, inputs->a, octgemm_bytes(m, k, 1), &a);
    if (status == 0)
        status = octgemm_device_upload(device, inputs->sa, octgemm_bytes(m, 1, 4), &sa);
    if (status == 0)
        status = octgemm_device_upload(device, inputs->sb, octgemm_bytes(n, 1, 4), &sb);
    if (status == 0)
        status = octgemm_device_alloc(device, octgemm_bytes(m, n, size), &args->d);
    args->a = a;
    args->sa = sa;
    args->sb = sb;
    if (status == 0)
        status = octgemm_device_workspace(device, args);
    if (status == 0)
        status = verify_and_time(weights, &rotation, inputs, bench->options, one);
    if (status == 0) {
        bench->done[bench->done_count++] = *one;
        status = print_measurement(bench, one);
    }
    if (status == 0)
        status = add_point(bench, one);
    void *taken_memory[] = {a, sa, sb, args->d, args->workspace};
    for (size_t i = 0; i < sizeof taken_memory / sizeof *taken_memory; i++)
        octgemm_device_free(device, taken_memory[i]);
    return status;
}

static int bench_kernel(struct bench *bench, const struct shape *shape, const int64_t *tokens,
                        size_t token_count, const struct operands *inputs, size_t choice)
{
    struct device_choice device = bench->options->choice;
    struct weights weights = {.copies = NULL};
    device.kernel = bench->kernels[choice];
    octgemm_progress_step("preparing weights", 0);
    int status = octgemm_open_device(&weights.device, &device);
    if (status == 0)
        status = load_weights(&weights, bench, shape, inputs->b);
    for (size_t i = 0; i < token_count && status == 0; i++) {
        struct measurement one = {.shape = shape, .m = tokens[i], .choice = choice};
        status = measure(bench, &weights, inputs, &one);
    }
    free(weights.copies);
    octgemm_close_device(&weights.device);
    return status;
}

static int bench_shape(struct bench *bench, const struct shape *shape)
{
    struct operands inputs = {NULL, NULL, NULL, NULL}; /* A and sa for the largest M */
    const int64_t *tokens = shape->m ? &shape->m : bench->tokens;
    size_t token_count = shape->m ? 1 : bench->token_count;
    int64_t most = 0;
    for (size_t i = 0; i < token_count; i++)
        most = tokens[i] > most ? tokens[i] : most;
    bench->done_count = 0;
    bench->done = calloc(token_count * bench->kernel_count, sizeof *bench->done);
    octgemm_progress_step("making up data", 0);
    int status = bench->done ? octgemm_make_operands(&inputs, most, shape->n, shape->k,
                                                     (enum weight_values)bench->options->weights,
                                                     bench->options->seed)
                             : octgemm_complain("no memory for the results");
    for (size_t i = 0; i < bench->kernel_count && status == 0; i++)
        status = bench_kernel(bench, shape, tokens, token_count, &inputs, i);
    if (status == 0 && bench->kernel_count > 1 && !bench->results && !bench->options->csv)
        print_choices(bench);
    free(bench->done);
    octgemm_release_operands(&inputs);
    return status;
}

static int parse_tokens(struct bench *bench, const char *text)
{
    struct suite_word word;
    for (const char *list = text; suite_next_word(&list, &word); bench->token_count++) {
        if (bench->token_count == tokens_max)
            return octgemm_complain("bench: --tokens takes at most %d values", tokens_max);
        if (!octgemm_parse_integer(word.at, word.at + word.length, 1, INT32_MAX,
                                   &bench->tokens[bench->token_count]))
            return octgemm_complain("bench: --tokens %s: \"%.*s\" is no whole number from 1 to %d "
                                    "(they are separated by commas)",
                                    text, (int)word.length, word.at, INT32_MAX);
    }
    return 0;
}

static int is_kernel(const struct bench_options *options, const char *name)
{
    return options->kernel && strcmp(options->kernel, name) == 0;
}

/* Opens the backend once: for the head of the report, and to see which kernels there are. */
static int list_kernels(struct bench *bench, octgemm_info *head)
{
    const char *wanted = bench->options->kernel;
    int all = is_kernel(bench->options, "all");
    struct device_choice choice = bench->options->choice;
    struct device device;
    octgemm_info info;
    choice.kernel = all || is_kernel(bench->options, "auto") ? "" : wanted;
    int status = octgemm_open_device(&device, &choice);
    if (status)
        return status;
    bench->kernels[bench->kernel_count++] = choice.kernel;
    for (size_t i = 0; all && octgemm_kernel(device.ctx, NULL, i, &info) == OCTGEMM_OK; i++)
        if (!*info.reason && bench->kernel_count < kernel_max)
            bench->kernels[bench->kernel_count++] = info.kernel;
    if (octgemm_query(device.ctx, NULL, head) != OCTGEMM_OK)
        status = octgemm_complain_library("choosing a kernel");
    octgemm_close_device(&device);
    return status;
}

static int bench_rivals(struct bench *bench, const struct shape_list *list)
{
    const struct bench_options *options = bench->options;
    struct rivals_report report = {.csv = options->csv,
                                   .weights = octgemm_weight_names[options->weights],
                                   .seed = options->seed,
                                   .results = bench->results,
                                   .plot = options->plot ? &bench->plot : NULL};
    struct rivals_options rivals = {.choice = options->choice,
                                    .seed = options->seed,
                                    .weights = (enum weight_values)options->weights,
                                    .d_type = (octgemm_type)options->d_type,
                                    .hot = options->hot,
                                    .rows = !options->packed,
                                    .seconds = options->seconds,
                                    .report = octgemm_report_rivals,
                                    .user = &report};
    int status = 0;
    rivals.choice.kernel = options->kernel;
    for (size_t i = 0; i < list->count; i++) {
        const struct shape *shape = &list->shapes[i];
        const int64_t *tokens = shape->m ? &shape->m : bench->tokens;
        size_t token_count = shape->m ? 1 : bench->token_count;
        for (size_t j = 0; j < token_count && status == 0; j++)
            status = octgemm_bench_rivals(&rivals, shape, tokens[j]);
    }
    return status ? status : report.status;
}

static int bench_shapes(struct bench *bench, const struct shape_list *list)
{
    octgemm_info head;
    int status = list_kernels(bench, &head);
    if (status == 0 && !bench->results)
        print_head(bench, &head);
    for (size_t i = 0; i < list->count && status == 0; i++)
        status = bench_shape(bench, &list->shapes[i]);
    return status;
}

/* Options that would leave another one out without a word. */
static int check_together(const struct bench_options *options)
{
    if (options->csv && options->json)
        return octgemm_complain("bench: --csv or --json, not both");
    if (options->models && (options->csv || options->json))
        return octgemm_complain("bench: --models prints text alone");
    if (options->rivals && is_kernel(options, "all"))
        return octgemm_complain("bench: --kernel all is not for --rivals, which times one kernel");
    return 0;
}

int octgemm_bench_command(int argc, char **argv)
{
    struct bench_options options = {.tokens = "1,16,64,256,1024",
                                    .folder = OCTGEMM_SHAPES,
                                    .seed = 1,
                                    .d_type = OCTGEMM_BF16,
                                    .packed = 1,
                                    .seconds = 0.5};
    struct shape_list list = {NULL, 0};
    int operand;
    int status = octgemm_parse_options(&octgemm_bench_syntax, argc, argv, &options, &operand);
    if (status >= 0)
        return status;
    if ((status = check_together(&options)) != 0)
        return status;
    if (options.models)
        return octgemm_print_models(options.folder);
    struct bench bench = {.options = &options};
    status = parse_tokens(&bench, options.tokens);
    for (int i = operand; i < argc && status == 0; i++)
        status = octgemm_add_shapes(&list, argv[i], options.folder);
    if (status == 0 && list.count == 0)
        status = octgemm_add_shapes(&list, "Llama-3.1-8B", options.folder);
    if (status == 0 && options.json && !(bench.results = json_array()))
        status = octgemm_complain("no memory for the report");
    if (status == 0 && options.plot)
        status = octgemm_plot_open(&bench.plot, options.plot);
    if (status == 0)
        status = options.rivals ? bench_rivals(&bench, &list) : bench_shapes(&bench, &list);
    if (status == 0)
        status = bench.results ? octgemm_print_json(json_pack("{s:O}", "results", bench.results))
                               : octgemm_flush_output();
    if (status == 0 && options.plot)
        status = octgemm_plot_write(&bench.plot);
    octgemm_plot_release(&bench.plot);
    json_decref(bench.results);
    octgemm_release_shapes(&list);
    return status;
}
