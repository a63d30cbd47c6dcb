/* The forward pass, and what of it is not a linear layer: embeddings, attention, layer norms, GELU
 * and the mean of a sentence, in float32. Every sum has a fixed order and every function is built
 * from IEEE operations (float_math.h), so threads, backends and machines give the same bits. */
#include "embed.h"
#include "float_math.h"

#include <stdlib.h>

static void norm_rows(const struct norm *norm, float epsilon, int64_t rows, int64_t size, float *x)
{
#pragma omp parallel for
    for (int64_t i = 0; i < rows; i++) {
        float *row = x + i * size, mean, scale;
        double sum = 0, squares = 0;
        for (int64_t j = 0; j < size; j++)
            sum += row[j];
        mean = (float)(sum / (double)size);
        for (int64_t j = 0; j < size; j++) {
            row[j] -= mean;
            squares += (double)row[j] * row[j];
        }
        scale = (float)(1 / sqrt(squares / (double)size + epsilon));
        for (int64_t j = 0; j < size; j++)
            row[j] = row[j] * scale * norm->weight[j] + norm->bias[j];
    }
}

static void gelu(int64_t count, float *x)
{
#pragma omp parallel for
    for (int64_t i = 0; i < count; i++)
        x[i] = 0.5f * x[i] * (1 + erf_float(x[i] * 0.70710678f));
}

static void add(int64_t count, const float *x, float *sum)
{
    for (int64_t i = 0; i < count; i++)
        sum[i] += x[i];
}

/* One head of one sentence: out = softmax(q k^T / sqrt(size)) v. The rows of q, k and v are
 * `stride` apart, those of out `out_stride`. */
static void attend(int64_t tokens, int64_t size, const float *q, const float *k, const float *v,
                   int64_t stride, float *out, int64_t out_stride)
{
    float weights[positions_max], scale = 1 / sqrtf((float)size);
    for (int64_t i = 0; i < tokens; i++) {
        float *row = out + i * out_stride, largest = -INFINITY, sum = 0;
        for (int64_t j = 0; j < tokens; j++) {
            weights[j] = dot(q + i * stride, k + j * stride, size) * scale;
            largest = weights[j] > largest ? weights[j] : largest;
        }
        for (int64_t j = 0; j < tokens; j++)
            weights[j] = exp_negative(weights[j] - largest);
        for (int64_t j = 0; j < tokens; j++)
            sum += weights[j];
        for (int64_t p = 0; p < size; p++)
            row[p] = 0;
        for (int64_t j = 0; j < tokens; j++)
            for (int64_t p = 0; p < size; p++)
                row[p] += weights[j] * v[j * stride + p];
        for (int64_t p = 0; p < size; p++)
            row[p] /= sum;
    }
}

static void attention(const struct model *model, const struct texts *texts, int64_t first,
                      int64_t count, const float *qkv, float *out)
{
    int64_t hidden = model->hidden, size = hidden / model->heads;
#pragma omp parallel for collapse(2) schedule(dynamic)
    for (int64_t text = first; text < first + count; text++)
        for (int64_t head = 0; head < model->heads; head++) {
            int64_t row = texts->begin[text] - texts->begin[first];
            const float *q = qkv + row * 3 * hidden + head * size;
            attend(texts->begin[text + 1] - texts->begin[text], size, q, q + hidden, q + 2 * hidden,
                   3 * hidden, out + row * hidden + head * size, hidden);
        }
}

static void look_up(const struct model *model, const struct texts *texts, int64_t first,
                    int64_t count, float *x)
{
    for (int64_t text = first; text < first + count; text++)
        for (int64_t at = texts->begin[text]; at < texts->begin[text + 1]; at++) {
            const float *word = model->words + texts->ids[at] * model->hidden;
            const float *place = model->places + (at - texts->begin[text]) * model->hidden;
            for (int64_t j = 0; j < model->hidden; j++)
                *x++ = word[j] + model->types[j] + place[j];
        }
}

/* The mean of a sentence's tokens, made length 1. */
static void pool(const struct model *model, const struct texts *texts, int64_t text, const float *x,
                 float *out)
{
    int64_t tokens = texts->begin[text + 1] - texts->begin[text], hidden = model->hidden;
    for (int64_t j = 0; j < hidden; j++)
        out[j] = 0;
    for (int64_t i = 0; i < tokens; i++)
        add(hidden, x + i * hidden, out);
    for (int64_t j = 0; j < hidden; j++)
        out[j] /= (float)tokens;
    float length = sqrtf(dot(out, out, hidden));
    for (int64_t j = 0; j < hidden; j++)
        out[j] /= length;
}

struct buffers {
    float *x, *y, *wide; /* tokens x hidden, the same, tokens x the widest layer */
};

static void run_layer(const struct model *model, struct engine *engine, const struct layer *layer,
                      const struct texts *texts, int64_t first, int64_t count,
                      const struct buffers *b)
{
    int64_t rows = texts->begin[first + count] - texts->begin[first], hidden = model->hidden;
    linear_apply(&layer->qkv, engine, rows, b->x, b->wide);
    attention(model, texts, first, count, b->wide, b->y);
    linear_apply(&layer->attention_output, engine, rows, b->y, b->wide);
    add(rows * hidden, b->wide, b->x);
    norm_rows(&layer->attention_norm, model->epsilon, rows, hidden, b->x);

    linear_apply(&layer->intermediate, engine, rows, b->x, b->wide);
    gelu(rows * model->inner, b->wide);
    linear_apply(&layer->output, engine, rows, b->wide, b->y);
    add(rows * hidden, b->y, b->x);
    norm_rows(&layer->output_norm, model->epsilon, rows, hidden, b->x);
}

static void embed_batch(const struct model *model, struct engine *engine, const struct texts *texts,
                        int64_t first, int64_t count, const struct buffers *b, float *out)
{
    int64_t rows = texts->begin[first + count] - texts->begin[first];
    look_up(model, texts, first, count, b->x);
    norm_rows(&model->norm, model->epsilon, rows, model->hidden, b->x);
    for (int64_t i = 0; i < model->layer_count; i++)
        run_layer(model, engine, &model->layers[i], texts, first, count, b);
    for (int64_t i = first; i < first + count; i++)
        pool(model, texts, i, b->x + (texts->begin[i] - texts->begin[first]) * model->hidden,
             out + i * model->hidden);
}

int64_t model_width(const struct model *model)
{
    return model->inner > 3 * model->hidden ? model->inner : 3 * model->hidden;
}

static int64_t batch_end(const struct texts *texts, int64_t first, int64_t batch)
{
    return texts->count - first < batch ? texts->count : first + batch;
}

int64_t batch_rows(const struct texts *texts, int64_t batch)
{
    int64_t most = 0;
    for (int64_t first = 0; first < texts->count; first += batch) {
        int64_t rows = texts->begin[batch_end(texts, first, batch)] - texts->begin[first];
        most = rows > most ? rows : most;
    }
    return most;
}

void embed(const struct model *model, struct engine *engine, const struct texts *texts,
           int64_t batch, float *out)
{
    int64_t rows = batch_rows(texts, batch);
    struct buffers b = {.x = allocate(rows * model->hidden, sizeof *b.x),
                        .y = allocate(rows * model->hidden, sizeof *b.y),
                        .wide = allocate(rows * model_width(model), sizeof *b.wide)};
    for (int64_t first = 0; first < texts->count; first += batch)
        embed_batch(model, engine, texts, first, batch_end(texts, first, batch) - first, &b, out);
    free(b.x);
    free(b.y);
    free(b.wide);
}
