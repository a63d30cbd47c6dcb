/* Sentence embeddings by a small BERT (all-MiniLM-L6-v2), every linear layer W8A8 through octgemm.
 *
 *     ids.c       token ids from a file                    -> struct texts
 *     model.c     config.json and model.safetensors        -> struct model
 *     linear.c    y = x W^T + bias, in int8 or in float32      <- all there is of octgemm
 *     layers.c    everything between the linear layers, in float32, and the whole forward pass
 *     ranking.c   how much two sets of embeddings agree
 *     main.c      options and the report
 *
 * Sentences lie one after the other, without padding: a linear layer sees the tokens of a whole
 * batch as rows, attention sees those of one sentence. octgemm's rows do not depend on each other,
 * so an embedding does not depend on its batch. */
#ifndef EMBED_H
#define EMBED_H

#include "octgemm.h"

/* Prints "embed: ..." on stderr and ends the program with status 2. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program with octgemm's words unless status is OCTGEMM_OK. */
void must(octgemm_status status);

/* count * size bytes, or the end of the program. */
void *allocate(int64_t count, size_t size);

/* -- ids.c --------------------------------------------------------------------------------- */

struct texts {
    int64_t count;
    int64_t *begin; /* count + 1: sentence i is ids[begin[i]] to ids[begin[i + 1] - 1] */
    int32_t *ids;
};

/* A line per sentence, ids from 0 to vocabulary - 1 apart by spaces, 1 to longest of them. */
void texts_read(struct texts *texts, const char *path, int64_t vocabulary, int64_t longest);
void texts_release(struct texts *texts);

/* -- linear.c ------------------------------------------------------------------------------ */

struct linear {
    int64_t n, k;
    float *weights, *bias; /* n x k and n, as in the checkpoint */
    void *packed;          /* the rest in memory of the context's device */
    float *scales, *device_bias;
};

/* Where the linear layers run: a context and memory of its device. With ctx NULL, {NULL} that is,
 * they are plain float32 loops. */
struct engine {
    octgemm_ctx *ctx;
    float *x, *scales, *y;
    int8_t *q;
    void *workspace;
    size_t workspace_size;
};

/* For at most `rows` tokens of at most `width` values. backend NULL: octgemm's choice. */
void engine_open(struct engine *engine, const char *backend, int64_t rows, int64_t width);
void engine_close(struct engine *engine);

/* Quantises the weights, a scale for each output channel, and packs them, once. */
void linear_prepare(struct linear *layer, const octgemm_ctx *ctx);
void linear_release(struct linear *layer, const octgemm_ctx *ctx);

/* y (rows x n) = x (rows x k) times the weights, plus the bias; a scale for each token. */
void linear_apply(const struct linear *layer, struct engine *engine, int64_t rows, const float *x,
                  float *y);

/* -- model.c ------------------------------------------------------------------------------- */

struct norm {
    float *weight, *bias;
};

struct layer {
    struct linear qkv; /* the rows of query, key and value, one after the other */
    struct linear attention_output;
    struct norm attention_norm;
    struct linear intermediate;
    struct linear output;
    struct norm output_norm;
};

enum { positions_max = 4096 }; /* a row of attention scores lies on the stack */

struct model {
    int64_t hidden, inner, heads, vocabulary, positions, layer_count;
    float epsilon; /* of the layer norms */
    float *words, *places, *types;
    struct norm norm;
    struct layer *layers;
};

/* folder has model.safetensors and config.json, as published. */
void model_load(struct model *model, const char *folder);
void model_release(struct model *model);

/* What applies to every linear layer of the model. */
void model_each_linear(struct model *model, void (*apply)(struct linear *, const octgemm_ctx *),
                       const octgemm_ctx *ctx);

/* -- layers.c ------------------------------------------------------------------------------ */

/* The most tokens that `batch` sentences in a row have. */
int64_t batch_rows(const struct texts *texts, int64_t batch);

/* The most values that a token has between two layers. */
int64_t model_width(const struct model *model);

/* out: texts->count x hidden, each row of length 1. */
void embed(const struct model *model, struct engine *engine, const struct texts *texts,
           int64_t batch, float *out);

/* -- ranking.c ----------------------------------------------------------------------------- */

/* How much the ranking of every text's neighbours agrees between two sets of embeddings. */
struct agreement {
    double cosine_mean, cosine_least; /* between a text's two embeddings */
    int64_t nearest;                  /* texts whose nearest other one is the same */
    int64_t near, near_most;          /* of the `near_count` nearest of each, how many are shared */
    double spearman_mean, spearman_least;
};
enum { near_count = 3 };

double cosine(const float *a, const float *b, int64_t size);

/* The text most similar to text i, and how similar; -1 when there is no other. */
int64_t nearest_text(const float *embeddings, int64_t count, int64_t size, int64_t i, double *how);

/* count > 1 */
void rankings_compare(const float *a, const float *b, int64_t count, int64_t size,
                      struct agreement *out);

#endif
