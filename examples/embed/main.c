/* embed: sentence embeddings with W8A8 linear layers. The report goes to stdout, a complaint to
 * stderr with exit status 2; status 1 means that batches did not give the same bits. */
#include "embed.h"
#include "npy.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
    const char *backend, *out;
    int float32, compare, digest;
    int64_t batch;
    double seconds;
};

static const char usage[] =
    "Usage: embed [OPTION...] FOLDER IDS\n"
    "Embeds sentences by the BERT model in FOLDER (config.json, model.safetensors). IDS has a "
    "line\n"
    "of token ids per sentence; ids.py makes it. Prints the nearest other sentence of each.\n\n"
    "  -b, --backend NAME   of octgemm: auto (default), hip, cuda, cpu or ref\n"
    "      --batch N        sentences at a time, default 32; does not change a bit\n"
    "      --compare        embeds in float32 too and prints how far both agree\n"
    "      --digest         prints nothing but a number that tells the embeddings' bits\n"
    "      --float32        no octgemm: plain float32 loops for the linear layers\n"
    "  -o, --output FILE    writes the embeddings to a .npy file\n"
    "      --seconds S      repeats for S seconds and prints sentences per second\n"
    "  -h, --help           this text\n";

void fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("embed: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(2);
}

void must(octgemm_status status)
{
    if (status != OCTGEMM_OK)
        fail("%s: %s", octgemm_strerror(status), octgemm_last_error());
}

void *allocate(int64_t count, size_t size)
{
    void *memory = calloc(count > 0 ? (size_t)count : 1, size);
    if (!memory)
        fail("no memory for %lld x %zu bytes", (long long)count, size);
    return memory;
}

static double number(const char *option, const char *text, double low, double high)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= low && value <= high))
        fail("--%s %s: want a number from %g to %g", option, text, low, high);
    return value;
}

static void parse_options(int argc, char **argv, struct options *options)
{
    enum { BATCH = 256, COMPARE, DIGEST, FLOAT32, SECONDS };
    static const struct option names[] = {
        {"backend", 1, NULL, 'b'},   {"batch", 1, NULL, BATCH},     {"compare", 0, NULL, COMPARE},
        {"digest", 0, NULL, DIGEST}, {"float32", 0, NULL, FLOAT32}, {"help", 0, NULL, 'h'},
        {"output", 1, NULL, 'o'},    {"seconds", 1, NULL, SECONDS}, {NULL, 0, NULL, 0}};
    int option;
    *options = (struct options){.batch = 32};
    while ((option = getopt_long(argc, argv, "b:ho:", names, NULL)) != -1) {
        if (option == 'b')
            options->backend = strcmp(optarg, "auto") == 0 ? NULL : optarg;
        else if (option == 'o')
            options->out = optarg;
        else if (option == BATCH)
            options->batch = (int64_t)number("batch", optarg, 1, 1 << 20);
        else if (option == SECONDS)
            options->seconds = number("seconds", optarg, 0, 3600);
        else if (option == COMPARE)
            options->compare = 1;
        else if (option == DIGEST)
            options->digest = 1;
        else if (option == FLOAT32)
            options->float32 = 1;
        else
            exit(option == 'h' ? (fputs(usage, stdout), 0) : 2);
    }
    if (argc - optind != 2)
        fail("want FOLDER and IDS; --help says more");
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int by_value(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* The median over as many passes as fit into `seconds`, at least three; the first is not counted.
 */
static double sentences_per_second(const struct model *model, struct engine *engine,
                                   const struct texts *texts, const struct options *options)
{
    enum { passes_max = 10000 };
    static double passes[passes_max];
    float *out = allocate(texts->count * model->hidden, sizeof *out);
    size_t count = 0;
    embed(model, engine, texts, options->batch, out);
    double start = now();
    do {
        double begin = now();
        embed(model, engine, texts, options->batch, out);
        passes[count++] = now() - begin;
    } while (count < passes_max && (count < 3 || now() - start < options->seconds));
    qsort(passes, count, sizeof *passes, by_value);
    free(out);
    return (double)texts->count / passes[count / 2];
}

/* FNV-1a over the bytes; octgemm runs on little-endian machines only. */
static unsigned long long digest(const float *values, int64_t count)
{
    const unsigned char *bytes = (const unsigned char *)values;
    unsigned long long hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < (size_t)count * sizeof *values; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3;
    return hash;
}

static void print_engine(const struct engine *engine, const struct model *model)
{
    octgemm_info info;
    if (!engine->ctx) {
        puts("linear layers: float32, plain loops");
        return;
    }
    octgemm_args args = {.size = sizeof args, .m = 64, .n = model->hidden, .k = model->hidden};
    args.b_layout = OCTGEMM_B_PACKED, args.b = model->layers[0].attention_output.packed;
    args.lda = args.k, args.ldd = args.n;
    must(octgemm_query(engine->ctx, &args, &info));
    printf("linear layers: W8A8, backend %s, %s, kernel %s\n", info.backend, info.device,
           info.kernel);
}

static void print_nearest(const float *embeddings, const float *float32, int64_t count,
                          int64_t size)
{
    printf("sentence  nearest  cosine%s\n", float32 ? "  cosine to its float32 embedding" : "");
    for (int64_t i = 0; i < count; i++) {
        double how = 0;
        int64_t nearest = nearest_text(embeddings, count, size, i, &how);
        printf("%8lld  %7lld  %6.3f", (long long)i + 1, (long long)nearest + 1, how);
        if (float32)
            printf("  %.5f", cosine(embeddings + i * size, float32 + i * size, size));
        putchar('\n');
    }
}

static void print_agreement(const struct agreement *found, int64_t count)
{
    printf("cosine to float32: mean %.5f, least %.5f\n", found->cosine_mean, found->cosine_least);
    printf(
        "nearest sentence: the same for %lld of %lld; of the %d nearest, %lld of %lld the same\n",
        (long long)found->nearest, (long long)count, near_count, (long long)found->near,
        (long long)found->near_most);
    printf("rank correlation (Spearman): mean %.4f, least %.4f\n", found->spearman_mean,
           found->spearman_least);
}

/* One by one, the other way to cut the same sentences into batches. */
static int same_alone(const struct model *model, struct engine *engine, const struct texts *texts,
                      const float *embeddings)
{
    size_t bytes = (size_t)(texts->count * model->hidden) * sizeof *embeddings;
    float *alone = allocate(texts->count * model->hidden, sizeof *alone);
    embed(model, engine, texts, 1, alone);
    int same = memcmp(alone, embeddings, bytes) == 0;
    free(alone);
    return same;
}

static int report(const struct model *model, struct engine *engine, const struct texts *texts,
                  const struct options *options, const float *embeddings)
{
    struct engine plain = {.x = NULL};
    struct agreement found;
    float *float32 = NULL;
    print_engine(engine, model);
    printf("%lld sentences, %lld tokens\n", (long long)texts->count,
           (long long)texts->begin[texts->count]);
    if (options->compare) {
        float32 = allocate(texts->count * model->hidden, sizeof *float32);
        embed(model, &plain, texts, options->batch, float32);
    }
    if (texts->count > 1)
        print_nearest(embeddings, float32, texts->count, model->hidden);
    if (float32 && texts->count > 1) {
        rankings_compare(embeddings, float32, texts->count, model->hidden, &found);
        print_agreement(&found, texts->count);
    }
    int same = same_alone(model, engine, texts, embeddings);
    printf("sentences one by one: %s\n", same ? "the same bits" : "OTHER BITS");
    if (options->seconds > 0)
        printf("speed: %.0f sentences/s\n", sentences_per_second(model, engine, texts, options));
    if (options->seconds > 0 && options->compare)
        printf("speed in float32: %.0f sentences/s\n",
               sentences_per_second(model, &plain, texts, options));
    printf("digest of the embeddings: %016llx\n", digest(embeddings, texts->count * model->hidden));
    free(float32);
    return same ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options;
    struct model model;
    struct texts texts;
    struct engine engine = {.x = NULL};
    int status = 0;
    parse_options(argc, argv, &options);
    model_load(&model, argv[optind]);
    texts_read(&texts, argv[optind + 1], model.vocabulary, model.positions);
    if (!options.float32) {
        engine_open(&engine, options.backend, batch_rows(&texts, options.batch),
                    model_width(&model));
        model_each_linear(&model, linear_prepare, engine.ctx);
    }
    float *embeddings = allocate(texts.count * model.hidden, sizeof *embeddings);
    embed(&model, &engine, &texts, options.batch, embeddings);

    if (options.digest)
        printf("%016llx\n", digest(embeddings, texts.count * model.hidden));
    else
        status = report(&model, &engine, &texts, &options, embeddings);
    if (options.out && status == 0)
        status = octgemm_write_npy(options.out, TENSOR_F32, 2,
                                   (const int64_t[]){texts.count, model.hidden}, embeddings);
    if (fflush(stdout) != 0 || ferror(stdout))
        fail("cannot write the report");
    free(embeddings);
    if (engine.ctx) {
        model_each_linear(&model, linear_release, engine.ctx);
        engine_close(&engine);
    }
    texts_release(&texts);
    model_release(&model);
    return status;
}
