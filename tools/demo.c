/* octgemm demo: the path of `run` on a made-up layer, so that it needs no file. */
#include "command.h"
#include "generate.h"
#include "linear.h"
#include "options.h"
#include "progress.h"
#include "report.h"

#include <math.h>
#include <stdio.h>

struct demo_options {
    int64_t tokens, n, k, outlier_every, seed;
    struct device_choice choice;
    int d_type, asymmetric, json;
};

#define MEMBER(name) offsetof(struct demo_options, name)
static const struct option_row option_rows[] = {
    {"tokens", 'm', "M", "rows of activations (default 64)", .kind = OPTION_INTEGER,
     .offset = MEMBER(tokens), .low = 1, .high = INT32_MAX},
    {"n", 'n', "N", "output channels (default 4096)", .kind = OPTION_INTEGER, .offset = MEMBER(n),
     .low = 1, .high = INT32_MAX},
    {"k", 'k', "K", "input channels (default 4096)", .kind = OPTION_INTEGER, .offset = MEMBER(k),
     .low = 1, .high = OCTGEMM_K_MAX},
    {"outliers", 0, "C", "one input channel in C is 20 times as large (default 512; 0: none)",
     .kind = OPTION_INTEGER, .offset = MEMBER(outlier_every), .low = 0, .high = INT32_MAX},
    {"d-type", 'd', "TYPE", "of the result: f32 (default), f16, bf16 or i32", .kind = OPTION_CHOICE,
     .offset = MEMBER(d_type), .choices = octgemm_type_names},
    {"asymmetric", 0, NULL, "quantise activations with zero points", .kind = OPTION_FLAG,
     .offset = MEMBER(asymmetric)},
    DEVICE_OPTIONS(struct demo_options),
    {"seed", 0, "S", "of the made-up layer (default 1)", .kind = OPTION_INTEGER,
     .offset = MEMBER(seed), .low = 0, .high = INT64_MAX},
    {"json", 0, NULL, "print JSON", .kind = OPTION_FLAG, .offset = MEMBER(json)},
};
const struct syntax octgemm_demo_syntax = {
    .command = "demo",
    .operands = "",
    .summary =
        "Makes up a layer of Llama's shape, with outliers as real activations have them, and\n"
        "does what \"run\" does: quantise, multiply, verify, time, compare.",
    .rows = option_rows,
    .row_count = sizeof option_rows / sizeof *option_rows,
    .others = octgemm_syntaxes,
};

static const float outlier = 20;

static int make_up(struct matrix *out, int64_t rows, int64_t columns, float sigma,
                   int64_t outlier_every, int64_t seed)
{
    *out = (struct matrix){.kind = TENSOR_F32, .rows = rows, .columns = columns};
    out->data = octgemm_allocate(rows, columns, sizeof(float), "a made-up matrix");
    if (!out->data)
        return EXIT_INPUT;
    octgemm_generate_normal(out->data, rows, columns, sigma, outlier_every, outlier,
                            (uint64_t)seed);
    return 0;
}

static int print_result(const struct demo_options *options, const struct linear *linear,
                        const struct linear_result *result)
{
    octgemm_progress_pause();
    if (options->json)
        return octgemm_print_json(octgemm_linear_json(linear, result));
    printf("layer     made up, seed %lld: normal weights", (long long)options->seed);
    if (options->outlier_every > 0)
        printf(", one input channel in %lld %g times as large", (long long)options->outlier_every,
               (double)outlier);
    printf("\n");
    octgemm_print_linear(linear, result);
    return octgemm_flush_output();
}

int octgemm_demo_command(int argc, char **argv)
{
    struct demo_options options = {
        .tokens = 64, .n = 4096, .k = 4096, .outlier_every = 512, .seed = 1};
    struct linear_result result = {.d = NULL};
    int operand;
    int status = octgemm_parse_options(&octgemm_demo_syntax, argc, argv, &options, &operand);
    if (status >= 0)
        return status;
    struct linear linear = {.choice = options.choice,
                            .d_type = options.d_type,
                            .asymmetric = options.asymmetric,
                            .pack = 1,
                            .compare = 1,
                            .seconds = 0.5};
    octgemm_progress_step("making up a layer", 0);
    /* weights of a trained layer: about 1 / sqrt(k), so that outputs stay near 1 */
    status = make_up(&linear.weights, options.n, options.k, 1 / sqrtf((float)options.k), 0,
                     options.seed);
    if (status == 0)
        status = make_up(&linear.activations, options.tokens, options.k, 1, options.outlier_every,
                         options.seed ^ INT64_MAX);
    if (status == 0)
        status = octgemm_run_linear(&linear, &result);
    if (status == 0)
        status = print_result(&options, &linear, &result);
    octgemm_release_linear(&linear, &result);
    return status;
}
