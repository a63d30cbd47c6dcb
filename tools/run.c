/* octgemm run: the main job on tensors from files. */
#include "command.h"
#include "generate.h"
#include "linear.h"
#include "npy.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "tensor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run_options {
    const char *weights, *weight_scale, *activations, *activation_scale, *bias, *output;
    int64_t tokens, seed;
    struct device_choice choice;
    int d_type, asymmetric, pack, compare, json;
    double seconds;
};

#define MEMBER(name) offsetof(struct run_options, name)
static const struct option_row option_rows[] = {
    {"weights", 'w', "FILE[:TENSOR]", "N x K, F32, F16, BF16, F64 or I8; one row per channel",
     .kind = OPTION_TEXT, .offset = MEMBER(weights)},
    {"activations", 'a', "FILE[:TENSOR]", "... x K, one row per token; without it they are made up",
     .kind = OPTION_TEXT, .offset = MEMBER(activations)},
    {"tokens", 'm', "M", "how many tokens to make up (default 64)", .kind = OPTION_INTEGER,
     .offset = MEMBER(tokens), .low = 1, .high = INT32_MAX},
    {"bias", 0, "FILE[:TENSOR]", "N values, added to every row; not with -d i32",
     .kind = OPTION_TEXT, .offset = MEMBER(bias)},
    {"weight-scale", 0, "FILE[:TENSOR]", "of I8 weights: one value or N (default 1)",
     .kind = OPTION_TEXT, .offset = MEMBER(weight_scale)},
    {"activation-scale", 0, "FILE[:TENSOR]",
     "of I8 activations; or one static scale to quantise by", .kind = OPTION_TEXT,
     .offset = MEMBER(activation_scale)},
    {"output", 'o', "FILE", "write the result as .npy", .kind = OPTION_TEXT,
     .offset = MEMBER(output)},
    {"d-type", 'd', "TYPE", "of the result: f32 (default), f16, bf16 or i32 (the sums)",
     .kind = OPTION_CHOICE, .offset = MEMBER(d_type), .choices = octgemm_type_names},
    {"asymmetric", 0, NULL, "quantise activations with zero points", .kind = OPTION_FLAG,
     .offset = MEMBER(asymmetric)},
    {"no-pack", 0, NULL, "multiply the weights as they are, not packed", .kind = OPTION_CLEAR,
     .offset = MEMBER(pack)},
    {"no-compare", 0, NULL, "leave out the float64 product and the error", .kind = OPTION_CLEAR,
     .offset = MEMBER(compare)},
    DEVICE_OPTIONS(struct run_options),
    {"kernel", 0, "NAME|auto", "force a kernel of the backend (\"octgemm info\" lists them)",
     .kind = OPTION_TEXT, .offset = MEMBER(choice.kernel)},
    {"seconds", 0, "S", "how long to time (default 0.3; at most 86400)", .kind = OPTION_SECONDS,
     .offset = MEMBER(seconds)},
    {"seed", 0, "S", "of made-up activations (default 1)", .kind = OPTION_INTEGER,
     .offset = MEMBER(seed), .low = 0, .high = INT64_MAX},
    {"json", 0, NULL, "print JSON", .kind = OPTION_FLAG, .offset = MEMBER(json)},
};
const struct syntax octgemm_run_syntax = {
    .command = "run",
    .operands = "",
    .summary = "Quantises weights per channel and activations per token, multiplies, and reports\n"
               "time and error. Files are .safetensors or .npy.",
    .rows = option_rows,
    .row_count = sizeof option_rows / sizeof *option_rows,
    .others = octgemm_syntaxes,
};

enum {
    float_kinds = 1u << TENSOR_F32 | 1u << TENSOR_F16 | 1u << TENSOR_BF16,
    matrix_kinds = float_kinds | 1u << TENSOR_I8
};

/* A vector in any shape, [n], [n, 1] or [1, n], as one row. */
static int read_vector(const char *where, const char *what, struct matrix *out)
{
    struct tensor_wish wish = {what, float_kinds, 0, tensor_rank_max};
    int status = octgemm_read_matrix(where, &wish, out);
    if (status == 0) {
        out->columns *= out->rows; /* no overflow: their product was checked by the parser */
        out->rows = 1;
    }
    return status;
}

/* Gives `matrix` its scale: one value, or one per row of int8 values. */
static int read_scale(const char *where, const char *what, struct matrix *matrix)
{
    struct matrix scale;
    int status = read_vector(where, what, &scale);
    if (status)
        return status;
    int64_t count = scale.columns;
    if (count != 1 && matrix->kind != TENSOR_I8)
        status = octgemm_complain("%s: %s has %lld values; what is quantised here takes one static "
                                  "scale",
                                  where, what, (long long)count);
    else if (count != 1 && count != matrix->rows)
        status = octgemm_complain("%s: %s has %lld values, want 1 or %lld", where, what,
                                  (long long)count, (long long)matrix->rows);
    else if (!(matrix->scale = octgemm_allocate(count, 1, sizeof(float), what)))
        status = EXIT_INPUT;
    for (int64_t i = 0; i < count && status == 0; i++)
        matrix->scale[i] = (float)octgemm_element(scale.data, scale.kind, i);
    matrix->scale_count = count;
    octgemm_release_matrix(&scale);
    return status;
}

/* Normal values, as after a normalisation; `demo` has outliers too. */
static int make_up_activations(struct matrix *out, int64_t rows, int64_t columns, int64_t seed)
{
    *out = (struct matrix){
        .kind = TENSOR_F32, .rows = rows, .columns = columns, .rank = 2, .shape = {rows, columns}};
    out->data = octgemm_allocate(rows, columns, sizeof(float), "activations");
    if (!out->data)
        return EXIT_INPUT;
    octgemm_progress_step("making up activations", 0);
    octgemm_generate_normal(out->data, rows, columns, 1, 0, 0, (uint64_t)seed);
    return 0;
}

static int read_inputs(const struct run_options *options, struct linear *linear)
{
    static const struct tensor_wish weights = {"weights", matrix_kinds, 2, 2};
    static const struct tensor_wish activations = {"activations", matrix_kinds, 1, tensor_rank_max};
    int status = octgemm_read_matrix(options->weights, &weights, &linear->weights);
    if (status == 0 && options->weight_scale && linear->weights.kind != TENSOR_I8)
        status = octgemm_complain("--weight-scale is for I8 weights; these are quantised here");
    if (status == 0 && options->weight_scale)
        status = read_scale(options->weight_scale, "the weights' scale", &linear->weights);
    if (status == 0 && options->activations)
        status = octgemm_read_matrix(options->activations, &activations, &linear->activations);
    else if (status == 0)
        status = make_up_activations(&linear->activations, options->tokens ? options->tokens : 64,
                                     linear->weights.columns, options->seed);
    if (status == 0 && options->activation_scale)
        status =
            read_scale(options->activation_scale, "the activations' scale", &linear->activations);
    if (status == 0 && options->bias)
        status = read_vector(options->bias, "the bias", &linear->bias);
    return status;
}

/* The activations' shape with N in place of K. */
static int write_result(const char *path, const struct linear *linear,
                        const struct linear_result *result)
{
    const struct matrix *x = &linear->activations;
    int64_t shape[tensor_rank_max];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 1] = result->n;
    octgemm_progress_step("writing", 0);
    return octgemm_write_npy(path, (enum tensor_kind)linear->d_type, x->rank, shape, result->d);
}

static int print_result(const struct run_options *options, const struct linear *linear,
                        const struct linear_result *result)
{
    char clean[512];
    octgemm_progress_pause();
    if (options->json) {
        json_t *object = octgemm_linear_json(linear, result);
        if (object) {
            json_object_set_new(object, "weights", octgemm_json_text(options->weights));
            json_object_set_new(object, "activations",
                                options->activations ? octgemm_json_text(options->activations)
                                                     : json_null());
            json_object_set_new(object, "output",
                                options->output ? octgemm_json_text(options->output) : json_null());
        }
        return octgemm_print_json(object);
    }
    printf("weights   %s\n", octgemm_clean(clean, sizeof clean, options->weights));
    if (options->activations)
        printf("tokens    %s\n", octgemm_clean(clean, sizeof clean, options->activations));
    else
        printf("tokens    made up: %lld rows of normal values, seed %lld\n", (long long)result->m,
               (long long)options->seed);
    octgemm_print_linear(linear, result);
    if (options->output)
        printf("written   %s\n", octgemm_clean(clean, sizeof clean, options->output));
    return octgemm_flush_output();
}

int octgemm_run_command(int argc, char **argv)
{
    struct run_options options = {.pack = 1, .compare = 1, .seconds = 0.3, .seed = 1};
    struct linear_result result = {.d = NULL};
    int operand;
    int status = octgemm_parse_options(&octgemm_run_syntax, argc, argv, &options, &operand);
    if (status >= 0)
        return status;
    if (!options.weights)
        return octgemm_complain("run: --weights FILE[:TENSOR] is needed (--help has the rest)");
    if (options.bias && options.d_type == OCTGEMM_I32)
        return octgemm_complain("run: --bias is not in the sums that --d-type i32 asks for: leave "
                                "one of them out");
    if (options.output && strcmp(options.output, "-") == 0)
        return octgemm_complain("run: --output -: the result goes to a file, for the report is on "
                                "standard output (a file of this name is ./-)");
    if (options.tokens && options.activations)
        return octgemm_complain("run: --tokens is for made-up activations, not with --activations");

    struct linear linear = {.choice = options.choice,
                            .d_type = options.d_type,
                            .asymmetric = options.asymmetric,
                            .pack = options.pack,
                            .compare = options.compare,
                            .seconds = options.seconds};
    status = read_inputs(&options, &linear);
    if (status == 0)
        status = octgemm_run_linear(&linear, &result);
    if (status == 0 && options.output)
        status = write_result(options.output, &linear, &result);
    if (status == 0)
        status = print_result(&options, &linear, &result);
    octgemm_release_linear(&linear, &result);
    return status;
}
