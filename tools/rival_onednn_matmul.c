/* oneDNN by its matmul primitive, with weights packed ahead (a reorder to the format that the
 * primitive asks for): its fastest way for weights that stay, as octgemm's packed weights are.
 *
 * Types and numbers are those of oneapi/dnnl/dnnl_types.h. Versions 2 and 3 differ in two places:
 * a memory descriptor was a struct of the caller's and is now made by the library, and a matmul's
 * own descriptor is gone. Everything else is the same. */
#include "rivals.h"

#include <stdlib.h>

enum { any_cpu = 1, type_s32 = 4, type_s8 = 5, tag_any = 1, in_order = 1 };
enum { query_weights = 131 };
enum { argument_source = 1, argument_result = 17, argument_weights = 33 };

struct argument {
    int which;
    void *memory;
};

/* What both versions have. */
static struct {
    int (*engine_create)(void **engine, int kind, size_t index);
    int (*engine_destroy)(void *engine);
    int (*stream_create)(void **stream, void *engine, unsigned flags);
    int (*stream_wait)(void *stream);
    int (*stream_destroy)(void *stream);
    int (*memory_create)(void **memory, const void *desc, void *engine, void *handle);
    int (*memory_destroy)(void *memory);
    const void *(*query_md)(const void *primitive_desc, int what, int index);
    int (*reorder)(void **primitive_desc, const void *from, void *from_engine, const void *to,
                   void *to_engine, const void *attr);
    int (*primitive_create)(void **primitive, const void *primitive_desc);
    int (*primitive_desc_destroy)(void *primitive_desc);
    int (*primitive_destroy)(void *primitive);
    int (*execute)(const void *primitive, void *stream, int count, const struct argument *list);
    /* version 3 */
    int (*matmul)(void **primitive_desc, void *engine, const void *source, const void *weights,
                  const void *bias, const void *result, const void *attr);
    int (*with_strides)(void **desc, int rank, const int64_t *sizes, int type,
                        const int64_t *strides);
    int (*with_tag)(void **desc, int rank, const int64_t *sizes, int type, int tag);
    int (*desc_destroy)(void *desc);
    /* version 2 */
    int (*matmul_init)(void *operation, const void *source, const void *weights, const void *bias,
                       const void *result);
    int (*primitive_desc_create)(void **primitive_desc, const void *operation, const void *attr,
                                 void *engine, const void *hint);
    int (*init_by_strides)(void *desc, int rank, const int64_t *sizes, int type,
                           const int64_t *strides);
    int (*init_by_tag)(void *desc, int rank, const int64_t *sizes, int type, int tag);
} dnnl;

struct symbol {
    const char *name;
    void *slot;
};

static const struct symbol common[] = {
    {"dnnl_engine_create", &dnnl.engine_create},
    {"dnnl_engine_destroy", &dnnl.engine_destroy},
    {"dnnl_stream_create", &dnnl.stream_create},
    {"dnnl_stream_wait", &dnnl.stream_wait},
    {"dnnl_stream_destroy", &dnnl.stream_destroy},
    {"dnnl_memory_create", &dnnl.memory_create},
    {"dnnl_memory_destroy", &dnnl.memory_destroy},
    {"dnnl_primitive_desc_query_md", &dnnl.query_md},
    {"dnnl_reorder_primitive_desc_create", &dnnl.reorder},
    {"dnnl_primitive_create", &dnnl.primitive_create},
    {"dnnl_primitive_desc_destroy", &dnnl.primitive_desc_destroy},
    {"dnnl_primitive_destroy", &dnnl.primitive_destroy},
    {"dnnl_primitive_execute", &dnnl.execute},
    {NULL, NULL},
};
static const struct symbol version_3[] = {
    {"dnnl_matmul_primitive_desc_create", &dnnl.matmul},
    {"dnnl_memory_desc_create_with_strides", &dnnl.with_strides},
    {"dnnl_memory_desc_create_with_tag", &dnnl.with_tag},
    {"dnnl_memory_desc_destroy", &dnnl.desc_destroy},
    {NULL, NULL},
};
static const struct symbol version_2[] = {
    {"dnnl_matmul_desc_init", &dnnl.matmul_init},
    {"dnnl_primitive_desc_create", &dnnl.primitive_desc_create},
    {"dnnl_memory_desc_init_by_strides", &dnnl.init_by_strides},
    {"dnnl_memory_desc_init_by_tag", &dnnl.init_by_tag},
    {NULL, NULL},
};

static int load(void *library, const struct symbol *symbols, char why[rival_why_size])
{
    for (; symbols->name; symbols++)
        if (octgemm_rival_symbol(library, symbols->name, symbols->slot, why))
            return 1;
    return 0;
}

/* Version 2 fills in structs of the caller's: 696 and 2800 bytes (of 2.6), here with room. */
enum { room = 8192 };

struct matmul {
    const struct contest *contest;
    int is_3;
    void *engine, *stream, *primitive;
    void *source_desc, *rows_desc, *any_desc, *result_desc;
    void *source, *result;
    void **weights; /* memories that oneDNN owns, in its own format */
};

static int describe(const struct matmul *s, void **desc, int64_t rows, int64_t columns, int type,
                    const int64_t *strides)
{
    const int64_t sizes[] = {rows, columns};
    if (s->is_3)
        return strides ? dnnl.with_strides(desc, 2, sizes, type, strides)
                       : dnnl.with_tag(desc, 2, sizes, type, tag_any);
    *desc = calloc(1, room);
    if (!*desc)
        return 1;
    return strides ? dnnl.init_by_strides(*desc, 2, sizes, type, strides)
                   : dnnl.init_by_tag(*desc, 2, sizes, type, tag_any);
}

static int make_primitive_desc(const struct matmul *s, void **out)
{
    if (s->is_3)
        return dnnl.matmul(out, s->engine, s->source_desc, s->any_desc, NULL, s->result_desc, NULL);
    void *operation = calloc(1, room);
    int status =
        operation ? dnnl.matmul_init(operation, s->source_desc, s->any_desc, NULL, s->result_desc)
                  : 1;
    if (status == 0)
        status = dnnl.primitive_desc_create(out, operation, NULL, s->engine, NULL);
    free(operation);
    return status;
}

static int execute(const struct matmul *s, const void *primitive, int count,
                   const struct argument *list)
{
    int status = dnnl.execute(primitive, s->stream, count, list);
    return status ? status : dnnl.stream_wait(s->stream);
}

/* Packs every copy of the weights. */
static int pack(struct matmul *s, const void *packed_desc)
{
    void *const allocate = (void *)UINTPTR_MAX; /* DNNL_MEMORY_ALLOCATE */
    void *desc = NULL, *primitive = NULL;
    int status = dnnl.reorder(&desc, s->rows_desc, s->engine, packed_desc, s->engine, NULL);
    if (status == 0)
        status = dnnl.primitive_create(&primitive, desc);
    for (int64_t i = 0; i < s->contest->copies && status == 0; i++) {
        void *rows = NULL;
        status = dnnl.memory_create(&s->weights[i], packed_desc, s->engine, allocate);
        if (status == 0)
            status = dnnl.memory_create(&rows, s->rows_desc, s->engine, s->contest->b[i]);
        const struct argument list[] = {{argument_source, rows}, {argument_result, s->weights[i]}};
        if (status == 0)
            status = execute(s, primitive, 2, list);
        if (rows)
            dnnl.memory_destroy(rows);
    }
    if (primitive)
        dnnl.primitive_destroy(primitive);
    if (desc)
        dnnl.primitive_desc_destroy(desc);
    return status;
}

static int make_primitive(struct matmul *s)
{
    void *desc = NULL;
    int status = make_primitive_desc(s, &desc);
    if (status == 0)
        status = dnnl.primitive_create(&s->primitive, desc);
    if (status == 0)
        status = pack(s, dnnl.query_md(desc, query_weights, 0));
    if (desc)
        dnnl.primitive_desc_destroy(desc);
    return status;
}

/* B lies as n rows of k: as k x n, an element's neighbour below is the next in memory. */
static int make_all(struct matmul *s)
{
    const struct contest *c = s->contest;
    const int64_t source[] = {c->k, 1}, rows[] = {1, c->k}, result[] = {c->n, 1};
    int status = dnnl.engine_create(&s->engine, any_cpu, 0);
    if (status == 0)
        status = dnnl.stream_create(&s->stream, s->engine, in_order);
    if (status == 0)
        status = describe(s, &s->source_desc, c->m, c->k, type_s8, source);
    if (status == 0)
        status = describe(s, &s->rows_desc, c->k, c->n, type_s8, rows);
    if (status == 0)
        status = describe(s, &s->any_desc, c->k, c->n, type_s8, NULL);
    if (status == 0)
        status = describe(s, &s->result_desc, c->m, c->n, type_s32, result);
    if (status == 0)
        status = dnnl.memory_create(&s->source, s->source_desc, s->engine, (void *)c->a);
    if (status == 0)
        status = dnnl.memory_create(&s->result, s->result_desc, s->engine, c->d);
    return status ? status : make_primitive(s);
}

static int open_matmul(void **state, const struct rival *self, void *library,
                       const struct contest *contest, char why[rival_why_size])
{
    (void)self;
    struct matmul *s = *state = calloc(1, sizeof *s);
    if (!s)
        return octgemm_rival_refuses(why, "no memory");
    s->contest = contest;
    s->is_3 = load(library, version_3, why) == 0;
    if (load(library, common, why) || (!s->is_3 && load(library, version_2, why)))
        return 1;
    s->weights = calloc((size_t)contest->copies, sizeof *s->weights);
    int status = s->weights ? make_all(s) : 1;
    return status ? octgemm_rival_refuses(why, "refuses with status %d", status) : 0;
}

static int run(void *state, int64_t index)
{
    const struct matmul *s = state;
    const struct argument list[] = {{argument_source, s->source},
                                    {argument_weights, s->weights[index % s->contest->copies]},
                                    {argument_result, s->result}};
    return execute(s, s->primitive, 3, list);
}

static void close_matmul(void *state)
{
    struct matmul *s = state;
    if (!s)
        return;
    for (int64_t i = 0; s->weights && i < s->contest->copies; i++)
        if (s->weights[i])
            dnnl.memory_destroy(s->weights[i]);
    if (s->primitive)
        dnnl.primitive_destroy(s->primitive);
    if (s->source)
        dnnl.memory_destroy(s->source);
    if (s->result)
        dnnl.memory_destroy(s->result);
    void *descs[] = {s->source_desc, s->rows_desc, s->any_desc, s->result_desc};
    for (size_t i = 0; i < sizeof descs / sizeof *descs; i++)
        if (descs[i] && s->is_3)
            dnnl.desc_destroy(descs[i]);
        else
            free(descs[i]);
    if (s->stream)
        dnnl.stream_destroy(s->stream);
    if (s->engine)
        dnnl.engine_destroy(s->engine);
    free(s->weights);
    free(s);
}

static const char *const libraries[] = {"libdnnl.so.3", "libdnnl.so.2", NULL};
const struct rival octgemm_rival_onednn_matmul = {.name = "oneDNN packed",
                                                  .backend = "cpu",
                                                  .libraries = libraries,
                                                  .answer = OCTGEMM_I32,
                                                  .open = open_matmul,
                                                  .run = run,
                                                  .close = close_matmul};
