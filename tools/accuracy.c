/* octgemm accuracy: what quantisation costs, for inputs of several kinds and each way to quantise
 * activations, as signal to quantisation noise against the float64 product of the inputs as they
 * were. Data, rounding and the order of every sum are fixed, so the figures are the same on every
 * machine and backend. */
#include "command.h"
#include "generate.h"
#include "linear.h"
#include "options.h"
#include "progress.h"
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct accuracy_options {
    struct device_choice choice;
    int64_t tokens, n, k, seed;
    int json;
};

#define MEMBER(name) offsetof(struct accuracy_options, name)
static const struct option_row option_rows[] = {
    {"tokens", 'm', "M", "tokens (default 64)", .kind = OPTION_INTEGER, .offset = MEMBER(tokens),
     .low = 1, .high = INT32_MAX},
    {"n", 'n', "N", "output channels (default 512)", .kind = OPTION_INTEGER, .offset = MEMBER(n),
     .low = 1, .high = INT32_MAX},
    {"k", 'k', "K", "input channels (default 4096)", .kind = OPTION_INTEGER, .offset = MEMBER(k),
     .low = 1, .high = OCTGEMM_K_MAX_ZERO},
    DEVICE_OPTIONS(struct accuracy_options),
    {"seed", 0, "S", "of the made-up data (default 1)", .kind = OPTION_INTEGER,
     .offset = MEMBER(seed), .low = 0, .high = INT64_MAX},
    {"json", 0, NULL, "print JSON", .kind = OPTION_FLAG, .offset = MEMBER(json)},
};
const struct syntax octgemm_accuracy_syntax = {
    .command = "accuracy",
    .operands = "",
    .summary = "What quantisation costs: signal to noise for made-up inputs of several kinds, for\n"
               "each way to quantise activations. The same figures on every machine.",
    .rows = option_rows,
    .row_count = sizeof option_rows / sizeof *option_rows,
    .others = octgemm_syntaxes,
};

/* Kinds of activations: normal values, of which one channel in `outlier_every` is larger. */
static const struct input {
    const char *name, *what;
    int64_t outlier_every;
    float outlier;
    int one_sided;
} inputs[] = {
    {"normal", "normal values", 0, 1, 0},
    {"one-sided", "their magnitudes, as after an activation function", 0, 1, 1},
    {"outliers-20", "normal values, one channel in 512 is 20 times as large", 512, 20, 0},
    {"outliers-100", "normal values, one channel in 512 is 100 times as large", 512, 100, 0},
};

/* Ways to quantise them. Weights are always symmetric, by a scale per row. */
static const struct way {
    const char *name, *what;
    int asymmetric, is_static;
} ways[] = {
    {"symmetric", "a scale per token", 0, 0},
    {"asymmetric", "a scale and a zero point per token", 1, 0},
    {"static", "one scale for all, from 64 other tokens", 0, 1},
};
enum { input_count = sizeof inputs / sizeof *inputs, way_count = sizeof ways / sizeof *ways };

/* An input's activations of `rows` tokens. */
static float *make_up(const struct input *input, int64_t rows, int64_t k, int64_t seed)
{
    float *x = octgemm_allocate(rows, k, sizeof *x, "activations");
    if (!x)
        return NULL;
    octgemm_generate_normal(x, rows, k, 1, input->outlier_every, input->outlier, (uint64_t)seed);
    for (int64_t i = 0; i < rows * k && input->one_sided; i++)
        x[i] = fabsf(x[i]);
    return x;
}

/* The same channels are large in every batch, so the seed that says which is the same: the other
 * tokens are later rows of the same matrix. */
static float *calibrate(const struct input *input, int64_t tokens, int64_t k, int64_t seed)
{
    enum { others = 64 };
    float *scale = octgemm_allocate(1, 1, sizeof *scale, "a scale"), most = 0;
    float *x = make_up(input, tokens + others, k, seed);
    for (int64_t i = tokens * k; x && i < (tokens + others) * k; i++)
        most = fmaxf(most, fabsf(x[i]));
    if (x && scale) {
        *scale = most / 127;
    } else {
        free(scale);
        scale = NULL;
    }
    free(x);
    return scale;
}

static int measure(const struct accuracy_options *options, const struct input *input,
                   const struct way *way, double *decibel)
{
    int64_t m = options->tokens, n = options->n, k = options->k;
    int64_t seed = options->seed ^ INT64_MAX;
    struct linear_result result = {.d = NULL};
    struct linear linear = {
        .weights = {.kind = TENSOR_F32, .rows = n, .columns = k},
        .activations = {.kind = TENSOR_F32, .rows = m, .columns = k},
        .choice = options->choice,
        .d_type = OCTGEMM_F32,
        .asymmetric = way->asymmetric,
        .pack = 1,
        .compare = 1,
        .seconds = 1e-6,
    };
    float *weights = linear.weights.data = octgemm_allocate(n, k, sizeof(float), "weights");
    linear.activations.data = make_up(input, m, k, seed);
    int status = weights && linear.activations.data ? 0 : EXIT_INPUT;
    if (status == 0)
        octgemm_generate_normal(weights, n, k, 1 / sqrtf((float)k), 0, 1, (uint64_t)options->seed);
    if (status == 0 && way->is_static) {
        linear.activations.scale = calibrate(input, m, k, seed);
        linear.activations.scale_count = 1;
        status = linear.activations.scale ? 0 : EXIT_INPUT;
    }
    if (status == 0)
        status = octgemm_run_linear(&linear, &result);
    *decibel = result.comparison.decibel;
    octgemm_release_linear(&linear, &result);
    return status;
}

static void print_table(const struct accuracy_options *options,
                        double decibels[input_count][way_count])
{
    char decibel[32];
    printf("signal to quantisation noise of %lld x %lld x %lld (M N K), seed %lld\n\n%-14s",
           (long long)options->tokens, (long long)options->n, (long long)options->k,
           (long long)options->seed, "activations");
    for (size_t j = 0; j < way_count; j++)
        printf(" %12s", ways[j].name);
    for (size_t i = 0; i < input_count; i++) {
        printf("\n%-14s", inputs[i].name);
        for (size_t j = 0; j < way_count; j++)
            printf(" %12s", octgemm_format_decibel(decibel, sizeof decibel, decibels[i][j]));
    }
    printf("\n\n");
    for (size_t i = 0; i < input_count; i++)
        printf("%-14s %s\n", inputs[i].name, inputs[i].what);
    for (size_t j = 0; j < way_count; j++)
        printf("%-14s %s\n", ways[j].name, ways[j].what);
    printf("%-14s normal values, a scale per row\n", "weights");
}

static json_t *table_json(const struct accuracy_options *options,
                          double decibels[input_count][way_count])
{
    json_t *results = json_array();
    for (size_t i = 0; i < input_count; i++)
        for (size_t j = 0; j < way_count; j++)
            json_array_append_new(
                results, json_pack("{s:s, s:s, s:o}", "activations", inputs[i].name, "quantisation",
                                   ways[j].name, "sqnr_db", octgemm_json_number(decibels[i][j])));
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "m", (json_int_t)options->tokens, "n",
                     (json_int_t)options->n, "k", (json_int_t)options->k, "seed",
                     (json_int_t)options->seed, "results", results);
}

int octgemm_accuracy_command(int argc, char **argv)
{
    struct accuracy_options options = {.tokens = 64, .n = 512, .k = 4096, .seed = 1};
    double decibels[input_count][way_count];
    int operand;
    int status = octgemm_parse_options(&octgemm_accuracy_syntax, argc, argv, &options, &operand);
    if (status >= 0)
        return status;
    status = 0;
    for (size_t i = 0; i < input_count; i++)
        for (size_t j = 0; j < way_count && status == 0; j++)
            status = measure(&options, &inputs[i], &ways[j], &decibels[i][j]);
    if (status)
        return status;
    octgemm_progress_pause();
    if (options.json)
        return octgemm_print_json(table_json(&options, decibels));
    print_table(&options, decibels);
    return octgemm_flush_output();
}
