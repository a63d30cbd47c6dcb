/* oneDNN by its gemm functions, which take A and B as they lie (oneapi/dnnl/dnnl.h; the same in
 * versions 2 and 3). */
#include "matrix.h"
#include "rivals.h"

#include <stdlib.h>

/* dnnl_dim_t is int64_t. Row-major, B transposed. */
typedef int gemm_s8(char ta, char tb, char offset_c, int64_t m, int64_t n, int64_t k, float alpha,
                    const int8_t *a, int64_t lda, int8_t ao, const int8_t *b, int64_t ldb,
                    int8_t bo, float beta, int32_t *c, int64_t ldc, const int32_t *co);
typedef int gemm_u8(char ta, char tb, char offset_c, int64_t m, int64_t n, int64_t k, float alpha,
                    const uint8_t *a, int64_t lda, uint8_t ao, const int8_t *b, int64_t ldb,
                    int8_t bo, float beta, int32_t *c, int64_t ldc, const int32_t *co);

struct onednn {
    const struct contest *contest;
    gemm_s8 *s8;
    gemm_u8 *u8;
    uint8_t *a_offset; /* A + 128, for u8 */
};

static const int32_t no_offset = 0;

static int open_s8(void **state, const struct rival *self, void *library,
                   const struct contest *contest, char why[rival_why_size])
{
    (void)self;
    struct onednn *s = *state = calloc(1, sizeof *s);
    if (!s)
        return octgemm_rival_refuses(why, "no memory");
    s->contest = contest;
    return octgemm_rival_symbol(library, "dnnl_gemm_s8s8s32", &s->s8, why);
}

static int open_u8(void **state, const struct rival *self, void *library,
                   const struct contest *contest, char why[rival_why_size])
{
    (void)self;
    struct onednn *s = *state = calloc(1, sizeof *s);
    int64_t count = contest->m * contest->k;
    if (!s)
        return octgemm_rival_refuses(why, "no memory");
    s->contest = contest;
    s->a_offset = octgemm_allocate(count, 1, 1, "activations");
    if (!s->a_offset)
        return octgemm_rival_refuses(why, "no memory");
    for (int64_t i = 0; i < count; i++)
        s->a_offset[i] = (uint8_t)(contest->host_a[i] + 128);
    return octgemm_rival_symbol(library, "dnnl_gemm_u8s8s32", &s->u8, why);
}

static int run_s8(void *state, int64_t index)
{
    const struct onednn *s = state;
    const struct contest *c = s->contest;
    return s->s8('N', 'T', 'F', c->m, c->n, c->k, 1, c->a, c->k, 0, c->b[index % c->copies], c->k,
                 0, 0, c->d, c->n, &no_offset);
}

static int run_u8(void *state, int64_t index)
{
    const struct onednn *s = state;
    const struct contest *c = s->contest;
    return s->u8('N', 'T', 'F', c->m, c->n, c->k, 1, s->a_offset, c->k, 128,
                 c->b[index % c->copies], c->k, 0, 0, c->d, c->n, &no_offset);
}

static void close_onednn(void *state)
{
    struct onednn *s = state;
    if (s)
        free(s->a_offset);
    free(s);
}

static const char *const libraries[] = {"libdnnl.so.3", "libdnnl.so.2", NULL};
const struct rival octgemm_rival_onednn_s8s8 = {.name = "oneDNN gemm s8s8",
                                                .backend = "cpu",
                                                .libraries = libraries,
                                                .answer = OCTGEMM_I32,
                                                .open = open_s8,
                                                .run = run_s8,
                                                .close = close_onednn};
const struct rival octgemm_rival_onednn_u8s8 = {.name = "oneDNN gemm u8s8",
                                                .backend = "cpu",
                                                .libraries = libraries,
                                                .answer = OCTGEMM_I32,
                                                .open = open_u8,
                                                .run = run_u8,
                                                .close = close_onednn};
