/* A BERT encoder's folder: sizes from config.json, weights from model.safetensors by the reader of
 * the octgemm command (tools/tensor_file.h), which takes F32, F16 and BF16. */
#include "embed.h"
#include "tensor_file.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t config_size(json_t *config, const char *path, const char *name, int64_t most)
{
    json_t *value = json_object_get(config, name);
    int64_t size = json_is_integer(value) ? (int64_t)json_integer_value(value) : 0;
    if (size < 1 || size > most)
        fail("%s: \"%s\" is not a number from 1 to %lld", path, name, (long long)most);
    return size;
}

static void config_word(json_t *config, const char *path, const char *name, const char *wanted)
{
    const char *value = json_string_value(json_object_get(config, name));
    if (!value || strcmp(value, wanted) != 0)
        fail("%s: \"%s\" is not \"%s\", which is all that this program has", path, name, wanted);
}

static void read_config(struct model *model, const char *folder)
{
    enum { size_max = 1 << 20 };
    char path[PATH_MAX];
    json_error_t error;
    snprintf(path, sizeof path, "%s/config.json", folder);
    json_t *config = json_load_file(path, 0, &error);
    if (!config)
        fail("%s: %s", path, error.text);
    config_word(config, path, "model_type", "bert");
    config_word(config, path, "hidden_act", "gelu");
    model->hidden = config_size(config, path, "hidden_size", size_max);
    model->inner = config_size(config, path, "intermediate_size", size_max);
    model->heads = config_size(config, path, "num_attention_heads", model->hidden);
    model->vocabulary = config_size(config, path, "vocab_size", INT32_MAX);
    model->positions = config_size(config, path, "max_position_embeddings", positions_max);
    model->layer_count = config_size(config, path, "num_hidden_layers", 1000);
    model->epsilon = (float)json_number_value(json_object_get(config, "layer_norm_eps"));
    if (model->hidden % model->heads)
        fail("%s: \"hidden_size\" is no multiple of \"num_attention_heads\"", path);
    json_decref(config);
}

/* A tensor of the file as float32: rows x columns at `out`, or memory of its own without one. */
static float *read_tensor(const char *folder, const char *name, int64_t rows, int64_t columns,
                          float *out)
{
    static const struct tensor_wish wish = {
        "the model's weights", 1u << TENSOR_F32 | 1u << TENSOR_F16 | 1u << TENSOR_BF16, 1, 2};
    char where[PATH_MAX + 256];
    struct matrix matrix;
    snprintf(where, sizeof where, "%s/model.safetensors:%s", folder, name);
    if (octgemm_read_matrix(where, &wish, &matrix) != 0)
        exit(2); /* it has said why */
    if (matrix.rows != rows || matrix.columns != columns)
        fail("%s: is %lld x %lld, not %lld x %lld", where, (long long)matrix.rows,
             (long long)matrix.columns, (long long)rows, (long long)columns);
    if (!out)
        out = allocate(rows * columns, sizeof *out);
    for (int64_t i = 0; i < rows * columns; i++)
        out[i] = (float)octgemm_element(matrix.data, matrix.kind, i);
    octgemm_release_matrix(&matrix);
    return out;
}

static void read_norm(const char *folder, const char *name, int64_t size, struct norm *norm)
{
    char part[128];
    snprintf(part, sizeof part, "%s.weight", name);
    norm->weight = read_tensor(folder, part, 1, size, NULL);
    snprintf(part, sizeof part, "%s.bias", name);
    norm->bias = read_tensor(folder, part, 1, size, NULL);
}

/* Layer `index`'s linear layer that is made of the `count` named ones, a block of rows each. */
static void read_linear(const char *folder, int64_t index, const char *const *names, int64_t count,
                        int64_t n, int64_t k, struct linear *out)
{
    char part[128];
    *out = (struct linear){.n = count * n, .k = k};
    out->weights = allocate(out->n * k, sizeof *out->weights);
    out->bias = allocate(out->n, sizeof *out->bias);
    for (int64_t i = 0; i < count; i++) {
        int at = (int)index;
        snprintf(part, sizeof part, "encoder.layer.%d.%s.weight", at, names[i]);
        read_tensor(folder, part, n, k, out->weights + i * n * k);
        snprintf(part, sizeof part, "encoder.layer.%d.%s.bias", at, names[i]);
        read_tensor(folder, part, 1, n, out->bias + i * n);
    }
}

static void read_layer(const char *folder, int64_t index, const struct model *model,
                       struct layer *layer)
{
    static const char *const qkv[] = {"attention.self.query", "attention.self.key",
                                      "attention.self.value"};
    static const char *const attention[] = {"attention.output.dense"};
    static const char *const intermediate[] = {"intermediate.dense"};
    static const char *const output[] = {"output.dense"};
    int64_t hidden = model->hidden, inner = model->inner;
    char name[128];
    read_linear(folder, index, qkv, 3, hidden, hidden, &layer->qkv);
    read_linear(folder, index, attention, 1, hidden, hidden, &layer->attention_output);
    read_linear(folder, index, intermediate, 1, inner, hidden, &layer->intermediate);
    read_linear(folder, index, output, 1, hidden, inner, &layer->output);
    snprintf(name, sizeof name, "encoder.layer.%d.attention.output.LayerNorm", (int)index);
    read_norm(folder, name, hidden, &layer->attention_norm);
    snprintf(name, sizeof name, "encoder.layer.%d.output.LayerNorm", (int)index);
    read_norm(folder, name, hidden, &layer->output_norm);
}

void model_load(struct model *model, const char *folder)
{
    *model = (struct model){.hidden = 0};
    read_config(model, folder);
    int64_t hidden = model->hidden;
    model->words =
        read_tensor(folder, "embeddings.word_embeddings.weight", model->vocabulary, hidden, NULL);
    model->places = read_tensor(folder, "embeddings.position_embeddings.weight", model->positions,
                                hidden, NULL);
    /* Two rows; a single sentence has type 0, the first. */
    model->types = read_tensor(folder, "embeddings.token_type_embeddings.weight", 2, hidden, NULL);
    read_norm(folder, "embeddings.LayerNorm", hidden, &model->norm);
    model->layers = allocate(model->layer_count, sizeof *model->layers);
    for (int64_t i = 0; i < model->layer_count; i++)
        read_layer(folder, i, model, &model->layers[i]);
}

void model_each_linear(struct model *model, void (*apply)(struct linear *, const octgemm_ctx *),
                       const octgemm_ctx *ctx)
{
    for (int64_t i = 0; i < model->layer_count; i++) {
        struct layer *layer = &model->layers[i];
        apply(&layer->qkv, ctx);
        apply(&layer->attention_output, ctx);
        apply(&layer->intermediate, ctx);
        apply(&layer->output, ctx);
    }
}

static void release_norm(struct norm *norm)
{
    free(norm->weight);
    free(norm->bias);
}

static void release_weights(struct linear *layer, const octgemm_ctx *ctx)
{
    (void)ctx;
    free(layer->weights);
    free(layer->bias);
}

void model_release(struct model *model)
{
    model_each_linear(model, release_weights, NULL);
    for (int64_t i = 0; i < model->layer_count; i++) {
        release_norm(&model->layers[i].attention_norm);
        release_norm(&model->layers[i].output_norm);
    }
    release_norm(&model->norm);
    free(model->layers);
    free(model->words);
    free(model->places);
    free(model->types);
}
