/* Rivals that need no installation: oneDNN (version MOCK_DNNL), OpenBLAS, cuBLASLt and hipBLASLt in
 * one library, each as far as `octgemm bench --rivals` calls it, for host memory. What a caller
 * says is checked against the numbers of the public headers, written down here once more: a number
 * that is not one of theirs is refused, as by the library itself. */
#include "mock_rivals.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

extern struct mock_rivals mock_rivals;
EXPORT struct mock_rivals mock_rivals = {MOCK_SOUND, 0, 0};

static void *make(const void *value, size_t size)
{
    void *object = malloc(size);
    if (!object)
        abort();
    memcpy(object, value, size);
    mock_rivals.alive++;
    return object;
}

static int destroy(void *object)
{
    free(object);
    mock_rivals.alive--;
    return 0;
}

/* c[i, j] = sum of a[i * lda + p] * b[b_row * j + b_step * p], both s8. */
static int multiply(int64_t m, int64_t n, int64_t k, const int8_t *a, int64_t lda, const int8_t *b,
                    int64_t b_row, int64_t b_step, int32_t *c, int64_t ldc)
{
    if (mock_rivals.fault == MOCK_FAILS)
        return 13;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            int32_t sum = 0;
            for (int64_t p = 0; p < k; p++)
                sum += a[i * lda + p] * b[j * b_row + p * b_step];
            c[i * ldc + j] = sum;
        }
    if (mock_rivals.fault == MOCK_WRONG)
        c[0]++;
    mock_rivals.products++;
    return 0;
}

/* -- OpenBLAS: cblas.h ------------------------------------------------------------------------- */

EXPORT void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                        int lda, const float *b, int ldb, float beta, float *c, int ldc);
void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                 int lda, const float *b, int ldb, float beta, float *c, int ldc)
{
    enum { CblasRowMajor = 101, CblasNoTrans = 111, CblasTrans = 112 };
    if (order != CblasRowMajor || ta != CblasNoTrans || tb != CblasTrans || alpha != 1 || beta != 0)
        return;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = mock_rivals.fault == MOCK_WRONG;
            for (int p = 0; p < k; p++)
                sum += (double)a[i * lda + p] * b[j * ldb + p];
            c[i * ldc + j] = (float)sum;
        }
    mock_rivals.products++;
}

/* -- oneDNN: oneapi/dnnl/dnnl.h and dnnl_types.h ------------------------------------------------
 */

enum {
    dnnl_success = 0,
    dnnl_invalid_arguments = 2,
    dnnl_unimplemented = 3,
    dnnl_cpu = 1,
    dnnl_s32 = 4,
    dnnl_s8 = 5,
    dnnl_format_tag_any = 1,
    dnnl_query_weights_md = 131,
    DNNL_ARG_SRC = 1,
    DNNL_ARG_DST = 17,
    DNNL_ARG_WEIGHTS = 33,
};

struct desc {
    int64_t size[2], stride[2]; /* stride 0: any */
    int type;
};

struct memory {
    struct desc desc;
    int8_t *data;
    void *owned;
};

struct primitive {
    int is_reorder;
    struct desc packed; /* of a matmul's weights */
};

struct argument {
    int which;
    struct memory *memory;
};

typedef int gemm_s8(char ta, char tb, char offset_c, int64_t m, int64_t n, int64_t k, float alpha,
                    const int8_t *a, int64_t lda, int8_t ao, const int8_t *b, int64_t ldb,
                    int8_t bo, float beta, int32_t *c, int64_t ldc, const int32_t *co);
typedef int gemm_u8(char ta, char tb, char offset_c, int64_t m, int64_t n, int64_t k, float alpha,
                    const uint8_t *a, int64_t lda, uint8_t ao, const int8_t *b, int64_t ldb,
                    int8_t bo, float beta, int32_t *c, int64_t ldc, const int32_t *co);
EXPORT gemm_s8 dnnl_gemm_s8s8s32;
EXPORT gemm_u8 dnnl_gemm_u8s8s32;

int dnnl_gemm_s8s8s32(char ta, char tb, char offset_c, int64_t m, int64_t n, int64_t k, float alpha,
                      const int8_t *a, int64_t lda, int8_t ao, const int8_t *b, int64_t ldb,
                      int8_t bo, float beta, int32_t *c, int64_t ldc, const int32_t *co)
{
    if (mock_rivals.fault == MOCK_REFUSES)
        return dnnl_unimplemented;
    if (ta != 'N' || tb != 'T' || offset_c != 'F' || alpha != 1 || beta != 0 || ao || bo || *co)
        return dnnl_invalid_arguments;
    return multiply(m, n, k, a, lda, b, ldb, 1, c, ldc);
}

int dnnl_gemm_u8s8s32(char ta, char tb, char offset_c, int64_t m, int64_t n, int64_t k, float alpha,
                      const uint8_t *a, int64_t lda, uint8_t ao, const int8_t *b, int64_t ldb,
                      int8_t bo, float beta, int32_t *c, int64_t ldc, const int32_t *co)
{
    int8_t *signed_a = malloc((size_t)(m * lda));
    int status = dnnl_invalid_arguments;
    for (int64_t i = 0; signed_a && i < m * lda; i++)
        signed_a[i] = (int8_t)(a[i] - ao);
    if (signed_a)
        status = dnnl_gemm_s8s8s32(ta, tb, offset_c, m, n, k, alpha, signed_a, lda, 0, b, ldb, bo,
                                   beta, c, ldc, co);
    free(signed_a);
    return status;
}

EXPORT int dnnl_engine_create(void **engine, int kind, size_t index);
EXPORT int dnnl_engine_destroy(void *engine);
EXPORT int dnnl_stream_create(void **stream, void *engine, unsigned flags);
EXPORT int dnnl_stream_wait(void *stream);
EXPORT int dnnl_stream_destroy(void *stream);
EXPORT int dnnl_memory_create(struct memory **memory, const struct desc *desc, void *engine,
                              void *handle);
EXPORT int dnnl_memory_destroy(struct memory *memory);
EXPORT const struct desc *dnnl_primitive_desc_query_md(const struct primitive *desc, int what,
                                                       int index);
EXPORT int dnnl_reorder_primitive_desc_create(struct primitive **out, const struct desc *from,
                                              void *from_engine, const struct desc *to,
                                              void *to_engine, const void *attr);
EXPORT int dnnl_primitive_create(struct primitive **out, const struct primitive *desc);
EXPORT int dnnl_primitive_desc_destroy(struct primitive *desc);
EXPORT int dnnl_primitive_destroy(struct primitive *primitive);
EXPORT int dnnl_primitive_execute(const struct primitive *primitive, void *stream, int count,
                                  const struct argument *list);

int dnnl_engine_create(void **engine, int kind, size_t index)
{
    if (kind != dnnl_cpu || index != 0)
        return dnnl_invalid_arguments;
    *engine = make("engine", 7);
    return dnnl_success;
}

int dnnl_engine_destroy(void *engine)
{
    return destroy(engine);
}

int dnnl_stream_create(void **stream, void *engine, unsigned flags)
{
    if (!engine || flags != 1)
        return dnnl_invalid_arguments;
    *stream = make("stream", 7);
    return dnnl_success;
}

int dnnl_stream_wait(void *stream)
{
    return stream ? dnnl_success : dnnl_invalid_arguments;
}

int dnnl_stream_destroy(void *stream)
{
    return destroy(stream);
}

int dnnl_memory_create(struct memory **memory, const struct desc *desc, void *engine, void *handle)
{
    if (!engine || !desc->stride[0])
        return dnnl_invalid_arguments;
    struct memory made = {.desc = *desc, .data = handle};
    if (handle == (void *)UINTPTR_MAX) /* DNNL_MEMORY_ALLOCATE */
        made.data = made.owned = malloc((size_t)(desc->size[0] * desc->size[1]));
    *memory = make(&made, sizeof made);
    return dnnl_success;
}

int dnnl_memory_destroy(struct memory *memory)
{
    free(memory->owned);
    return destroy(memory);
}

const struct desc *dnnl_primitive_desc_query_md(const struct primitive *desc, int what, int index)
{
    return what == dnnl_query_weights_md && index == 0 ? &desc->packed : NULL;
}

int dnnl_reorder_primitive_desc_create(struct primitive **out, const struct desc *from,
                                       void *from_engine, const struct desc *to, void *to_engine,
                                       const void *attr)
{
    if (!from || !to || from_engine != to_engine || attr)
        return dnnl_invalid_arguments;
    *out = make(&(struct primitive){.is_reorder = 1}, sizeof **out);
    return dnnl_success;
}

int dnnl_primitive_create(struct primitive **out, const struct primitive *desc)
{
    *out = make(desc, sizeof *desc);
    return dnnl_success;
}

int dnnl_primitive_desc_destroy(struct primitive *desc)
{
    return destroy(desc);
}

int dnnl_primitive_destroy(struct primitive *primitive)
{
    return destroy(primitive);
}

static struct memory *find(const struct argument *list, int count, int which)
{
    for (int i = 0; i < count; i++)
        if (list[i].which == which)
            return list[i].memory;
    return NULL;
}

static void reorder(const struct memory *from, struct memory *to)
{
    for (int64_t p = 0; p < from->desc.size[0]; p++)
        for (int64_t j = 0; j < from->desc.size[1]; j++)
            to->data[p * to->desc.stride[0] + j * to->desc.stride[1]] =
                from->data[p * from->desc.stride[0] + j * from->desc.stride[1]];
}

int dnnl_primitive_execute(const struct primitive *primitive, void *stream, int count,
                           const struct argument *list)
{
    struct memory *a = find(list, count, DNNL_ARG_SRC), *d = find(list, count, DNNL_ARG_DST);
    const struct memory *b = find(list, count, DNNL_ARG_WEIGHTS);
    if (!stream || !a || !d || !primitive->is_reorder == !b)
        return dnnl_invalid_arguments;
    if (primitive->is_reorder) {
        reorder(a, d);
        return dnnl_success;
    }
    return multiply(a->desc.size[0], b->desc.size[1], a->desc.size[1], a->data, a->desc.stride[0],
                    b->data, b->desc.stride[1], b->desc.stride[0], (int32_t *)d->data,
                    d->desc.stride[0]);
}

static int fill_desc(struct desc *desc, int rank, const int64_t *sizes, int type,
                     const int64_t *strides)
{
    if (rank != 2 || (type != dnnl_s8 && type != dnnl_s32))
        return dnnl_invalid_arguments;
    *desc = (struct desc){
        {sizes[0], sizes[1]}, {strides ? strides[0] : 0, strides ? strides[1] : 0}, type};
    return dnnl_success;
}

/* Packed weights are k rows of n here. */
static int make_matmul(struct primitive **out, const struct desc *a, const struct desc *b,
                       const struct desc *d)
{
    if (mock_rivals.fault == MOCK_REFUSES)
        return dnnl_unimplemented;
    if (a->size[1] != b->size[0] || d->size[0] != a->size[0] || d->size[1] != b->size[1] ||
        a->type != dnnl_s8 || b->type != dnnl_s8 || d->type != dnnl_s32 || b->stride[0])
        return dnnl_invalid_arguments;
    struct primitive made = {.packed = *b};
    made.packed.stride[0] = b->size[1];
    made.packed.stride[1] = 1;
    *out = make(&made, sizeof made);
    return dnnl_success;
}

#if MOCK_DNNL == 3
EXPORT int dnnl_memory_desc_create_with_strides(struct desc **desc, int rank, const int64_t *sizes,
                                                int type, const int64_t *strides);
EXPORT int dnnl_memory_desc_create_with_tag(struct desc **desc, int rank, const int64_t *sizes,
                                            int type, int tag);
EXPORT int dnnl_memory_desc_destroy(struct desc *desc);
EXPORT int dnnl_matmul_primitive_desc_create(struct primitive **out, void *engine,
                                             const struct desc *a, const struct desc *b,
                                             const void *bias, const struct desc *d,
                                             const void *attr);

int dnnl_memory_desc_create_with_strides(struct desc **desc, int rank, const int64_t *sizes,
                                         int type, const int64_t *strides)
{
    struct desc made;
    int status = fill_desc(&made, rank, sizes, type, strides);
    if (status == dnnl_success)
        *desc = make(&made, sizeof made);
    return status;
}

int dnnl_memory_desc_create_with_tag(struct desc **desc, int rank, const int64_t *sizes, int type,
                                     int tag)
{
    return tag == dnnl_format_tag_any
               ? dnnl_memory_desc_create_with_strides(desc, rank, sizes, type, NULL)
               : dnnl_invalid_arguments;
}

int dnnl_memory_desc_destroy(struct desc *desc)
{
    return destroy(desc);
}

int dnnl_matmul_primitive_desc_create(struct primitive **out, void *engine, const struct desc *a,
                                      const struct desc *b, const void *bias, const struct desc *d,
                                      const void *attr)
{
    return engine && !bias && !attr ? make_matmul(out, a, b, d) : dnnl_invalid_arguments;
}
#else
struct operation {
    const struct desc *a, *b, *d;
};

EXPORT int dnnl_memory_desc_init_by_strides(struct desc *desc, int rank, const int64_t *sizes,
                                            int type, const int64_t *strides);
EXPORT int dnnl_memory_desc_init_by_tag(struct desc *desc, int rank, const int64_t *sizes, int type,
                                        int tag);
EXPORT int dnnl_matmul_desc_init(struct operation *operation, const struct desc *a,
                                 const struct desc *b, const void *bias, const struct desc *d);
EXPORT int dnnl_primitive_desc_create(struct primitive **out, const struct operation *operation,
                                      const void *attr, void *engine, const void *hint);

int dnnl_memory_desc_init_by_strides(struct desc *desc, int rank, const int64_t *sizes, int type,
                                     const int64_t *strides)
{
    return fill_desc(desc, rank, sizes, type, strides);
}

int dnnl_memory_desc_init_by_tag(struct desc *desc, int rank, const int64_t *sizes, int type,
                                 int tag)
{
    return tag == dnnl_format_tag_any ? fill_desc(desc, rank, sizes, type, NULL)
                                      : dnnl_invalid_arguments;
}

int dnnl_matmul_desc_init(struct operation *operation, const struct desc *a, const struct desc *b,
                          const void *bias, const struct desc *d)
{
    *operation = (struct operation){a, b, d};
    return bias ? dnnl_invalid_arguments : dnnl_success;
}

int dnnl_primitive_desc_create(struct primitive **out, const struct operation *operation,
                               const void *attr, void *engine, const void *hint)
{
    return engine && !attr && !hint ? make_matmul(out, operation->a, operation->b, operation->d)
                                    : dnnl_invalid_arguments;
}
#endif

/* -- cuBLASLt (cublasLt.h, cublas_api.h) and hipBLASLt (hipblaslt.h, hipblas-common.h) ----------
 */

enum { invalid = 7, not_supported = 15, type_8i = 3, type_32i = 10, max_workspace_bytes = 1 };

struct lt_desc {
    int transposed_a;
};

struct lt_layout {
    int type;
    uint64_t rows, columns;
    int64_t ld;
};

/* Heuristics' results: an algorithm, then the bytes it wants, its status and more. */
struct cublaslt_result {
    uint64_t algorithm[8];
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

struct hipblaslt_result {
    uint8_t algorithm[16];
    size_t most_workspace;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

static const char runs[8] = "runs";

static int lt_make_desc(void **desc, int compute, int wanted, int scale)
{
    if (compute != wanted || scale != type_32i)
        return invalid;
    *desc = make(&(struct lt_desc){0}, sizeof(struct lt_desc));
    return 0;
}

static int lt_set_desc(struct lt_desc *desc, int attribute, int wanted, const int32_t *value,
                       int32_t transposed, size_t size)
{
    if (attribute != wanted || *value != transposed || size != sizeof *value)
        return invalid;
    desc->transposed_a = 1;
    return 0;
}

static int lt_make_layout(void **layout, int type, uint64_t rows, uint64_t columns, int64_t ld)
{
    const struct lt_layout made = {type, rows, columns, ld};
    *layout = make(&made, sizeof made);
    return 0;
}

static int lt_set_preference(int attribute, size_t size)
{
    return attribute == max_workspace_bytes && size == sizeof(uint64_t) ? 0 : invalid;
}

static int lt_matmul(const struct lt_desc *desc, const int32_t *alpha, const int8_t *a,
                     const struct lt_layout *la, const int8_t *b, const struct lt_layout *lb,
                     const int32_t *beta, int32_t *d, const struct lt_layout *ld,
                     const void *algorithm, const void *workspace)
{
    if (!desc->transposed_a || *alpha != 1 || *beta != 0 || la->type != type_8i ||
        lb->type != type_8i || ld->type != type_32i || la->rows != lb->rows ||
        la->columns != ld->rows || lb->columns != ld->columns || !workspace ||
        memcmp(algorithm, runs, sizeof runs) != 0)
        return invalid;
    return multiply((int64_t)lb->columns, (int64_t)la->columns, (int64_t)la->rows, b, lb->ld, a,
                    la->ld, 1, d, ld->ld);
}

/* Three algorithms: one that cannot be, one that runs, one that wants too much memory. */
#define LT_HEURISTIC(result_type)                                                                  \
    result_type *results = list;                                                                   \
    if (mock_rivals.fault == MOCK_REFUSES || wanted < 3 || !preference)                            \
        return not_supported;                                                                      \
    memset(results, 0, 3 * sizeof *results);                                                       \
    results[0].state = not_supported;                                                              \
    memcpy(results[1].algorithm, runs, sizeof runs);                                               \
    results[2].workspace = SIZE_MAX;                                                               \
    *found = 3;                                                                                    \
    return 0;

#define LT(prefix, compute_32i, op_t, desc_transa, result_type)                                    \
    EXPORT int prefix##Create(void **handle);                                                      \
    EXPORT int prefix##Destroy(void *handle);                                                      \
    EXPORT int prefix##MatmulDescCreate(void **desc, int compute, int scale);                      \
    EXPORT int prefix##MatmulDescSetAttribute(void *desc, int attribute, const void *value,        \
                                              size_t size);                                        \
    EXPORT int prefix##MatmulDescDestroy(void *desc);                                              \
    EXPORT int prefix##MatrixLayoutCreate(void **layout, int type, uint64_t rows,                  \
                                          uint64_t columns, int64_t ld);                           \
    EXPORT int prefix##MatrixLayoutDestroy(void *layout);                                          \
    EXPORT int prefix##MatmulPreferenceCreate(void **preference);                                  \
    EXPORT int prefix##MatmulPreferenceSetAttribute(void *preference, int attribute,               \
                                                    const void *value, size_t size);               \
    EXPORT int prefix##MatmulPreferenceDestroy(void *preference);                                  \
    EXPORT int prefix##MatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, \
                                              void *d, void *preference, int wanted, void *list,   \
                                              int *found);                                         \
    EXPORT int prefix##Matmul(void *handle, void *desc, const void *alpha, const void *a,          \
                              void *la, const void *b, void *lb, const void *beta, const void *c,  \
                              void *lc, void *d, void *ld, const void *algorithm, void *workspace, \
                              size_t bytes, void *stream);                                         \
    int prefix##Create(void **handle)                                                              \
    {                                                                                              \
        *handle = make("handle", 7);                                                               \
        return 0;                                                                                  \
    }                                                                                              \
    int prefix##Destroy(void *handle)                                                              \
    {                                                                                              \
        return destroy(handle);                                                                    \
    }                                                                                              \
    int prefix##MatmulDescCreate(void **desc, int compute, int scale)                              \
    {                                                                                              \
        return lt_make_desc(desc, compute, compute_32i, scale);                                    \
    }                                                                                              \
    int prefix##MatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t size)  \
    {                                                                                              \
        return lt_set_desc(desc, attribute, desc_transa, value, op_t, size);                       \
    }                                                                                              \
    int prefix##MatmulDescDestroy(void *desc)                                                      \
    {                                                                                              \
        return destroy(desc);                                                                      \
    }                                                                                              \
    int prefix##MatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns,       \
                                   int64_t ld)                                                     \
    {                                                                                              \
        return lt_make_layout(layout, type, rows, columns, ld);                                    \
    }                                                                                              \
    int prefix##MatrixLayoutDestroy(void *layout)                                                  \
    {                                                                                              \
        return destroy(layout);                                                                    \
    }                                                                                              \
    int prefix##MatmulPreferenceCreate(void **preference)                                          \
    {                                                                                              \
        *preference = make("preference", 11);                                                      \
        return 0;                                                                                  \
    }                                                                                              \
    int prefix##MatmulPreferenceSetAttribute(void *preference, int attribute, const void *value,   \
                                             size_t size)                                          \
    {                                                                                              \
        (void)preference, (void)value;                                                             \
        return lt_set_preference(attribute, size);                                                 \
    }                                                                                              \
    int prefix##MatmulPreferenceDestroy(void *preference)                                          \
    {                                                                                              \
        return destroy(preference);                                                                \
    }                                                                                              \
    int prefix##MatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c,        \
                                       void *d, void *preference, int wanted, void *list,          \
                                       int *found)                                                 \
    {                                                                                              \
        (void)handle, (void)desc, (void)a, (void)b, (void)c, (void)d;                              \
        LT_HEURISTIC(result_type)                                                                  \
    }                                                                                              \
    int prefix##Matmul(void *handle, void *desc, const void *alpha, const void *a, void *la,       \
                       const void *b, void *lb, const void *beta, const void *c, void *lc,         \
                       void *d, void *ld, const void *algorithm, void *workspace, size_t bytes,    \
                       void *stream)                                                               \
    {                                                                                              \
        (void)stream, (void)bytes, (void)handle;                                                   \
        return c == d && lc == ld                                                                  \
                   ? lt_matmul(desc, alpha, a, la, b, lb, beta, d, ld, algorithm, workspace)       \
                   : invalid;                                                                      \
    }

LT(cublasLt, 72, 1, 3, struct cublaslt_result)
LT(hipblasLt, 9, 112, 0, struct hipblaslt_result)
