/* OpenBLAS' sgemm: the product in floats, which is what a program does that knows no int8. Its
 * answer counts as exact when it is the sum, rounded to float. */
#include "matrix.h"
#include "rivals.h"

#include <stdlib.h>

/* cblas.h */
typedef void gemm_f32(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *c, int ldc);
enum { row_major = 101, plain = 111, transposed = 112 };

struct openblas {
    gemm_f32 *gemm;
    const struct contest *contest;
    float *a, **b;
    int64_t copies;
};

static float *to_float(const int8_t *from, int64_t count)
{
    float *to = octgemm_allocate(count, 1, sizeof *to, "floats");
    for (int64_t i = 0; to && i < count; i++)
        to[i] = from[i];
    return to;
}

static int open_openblas(void **state, const struct rival *self, void *library,
                         const struct contest *contest, char why[rival_why_size])
{
    (void)self;
    struct openblas *s = *state = calloc(1, sizeof *s);
    if (!s)
        return octgemm_rival_refuses(why, "no memory");
    if (octgemm_rival_symbol(library, "cblas_sgemm", &s->gemm, why))
        return 1;
    s->contest = contest;
    s->copies = (contest->copies + 3) / 4; /* each is four times as large */
    s->a = to_float(contest->host_a, contest->m * contest->k);
    s->b = calloc((size_t)s->copies, sizeof *s->b);
    int complete = s->a && s->b;
    for (int64_t i = 0; i < s->copies && complete; i++) {
        s->b[i] = to_float(contest->host_b, contest->n * contest->k);
        complete = s->b[i] != NULL;
    }
    return complete ? 0 : octgemm_rival_refuses(why, "no memory");
}

static int run(void *state, int64_t index)
{
    const struct openblas *s = state;
    int m = (int)s->contest->m, n = (int)s->contest->n, k = (int)s->contest->k;
    s->gemm(row_major, plain, transposed, m, n, k, 1, s->a, k, s->b[index % s->copies], k, 0,
            s->contest->d, n);
    return 0;
}

static void close_openblas(void *state)
{
    struct openblas *s = state;
    for (int64_t i = 0; s && s->b && i < s->copies; i++)
        free(s->b[i]);
    if (s) {
        free(s->a);
        free(s->b);
    }
    free(s);
}

static const char *const libraries[] = {"libopenblas.so.0", NULL};
const struct rival octgemm_rival_openblas = {.name = "OpenBLAS f32",
                                             .backend = "cpu",
                                             .libraries = libraries,
                                             .answer = OCTGEMM_F32,
                                             .open = open_openblas,
                                             .run = run,
                                             .close = close_openblas};
