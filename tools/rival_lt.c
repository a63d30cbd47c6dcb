/* cuBLASLt and hipBLASLt: int8 in, exact int32 sums out. One file, for the second copies the
 * interface of the first; where names, numbers and sizes differ they are in the tables.
 *
 * The numbers are those of cublasLt.h, cublas_api.h and library_types.h (CUDA 12 and 13), and of
 * hipblaslt.h, hipblas-common.h and library_types.h (ROCm 6 and 7). By cuBLASLt's documentation
 * its int8 products write int32, or int8 by one factor: there is no scale per row and column and no
 * floating result, so the raw sums are what can be compared.
 *
 * Our row-major D is their column-major D of n x m, so their first operand is B, transposed. The
 * library proposes algorithms, best first by its own estimate; the fastest of them is taken. */
#include "command.h"
#include "rivals.h"
#include "timing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { proposals_max = 8, result_room = 128, workspace_bytes = 32 << 20 };
enum { type_s8 = 3, type_s32 = 10, preference_workspace = 1 }; /* the same in both */

struct vendor {
    const char *prefix; /* of every function */
    int compute_s32, transposed, attribute_transpose;
    size_t result_size, workspace_at,
        state_at; /* of a heuristic's result; the algorithm is first */
};

static const struct vendor nvidia = {"cublasLt", 72, 1, 3, 96, 64, 72};
static const struct vendor amd = {"hipblasLt", 9, 112, 0, 56, 24, 32};

struct lt {
    const struct contest *contest;
    const struct vendor *vendor;
    int (*destroy)(void *handle);
    int (*desc_destroy)(void *desc);
    int (*layout_destroy)(void *layout);
    int (*matmul)(void *handle, void *desc, const void *alpha, const void *a, void *a_layout,
                  const void *b, void *b_layout, const void *beta, const void *c, void *c_layout,
                  void *d, void *d_layout, const void *algorithm, void *workspace, size_t bytes,
                  void *stream);
    void *handle, *desc, *layouts[3]; /* of B, A and D */
    void *workspace;
    _Alignas(16) char proposals[proposals_max * result_room];
    const char *taken;
};

/* The functions that are needed once. */
struct lt_setup {
    int (*create)(void **handle);
    int (*desc_create)(void **desc, int compute, int scale);
    int (*desc_set)(void *desc, int attribute, const void *value, size_t size);
    int (*layout_create)(void **layout, int type, uint64_t rows, uint64_t columns, int64_t ld);
    int (*preference_create)(void **preference);
    int (*preference_set)(void *preference, int attribute, const void *value, size_t size);
    int (*preference_destroy)(void *preference);
    int (*heuristic)(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference,
                     int wanted, void *results, int *found);
};

static int find_functions(struct lt *s, struct lt_setup *setup, void *library,
                          char why[rival_why_size])
{
    const struct {
        const char *name;
        void *slot;
    } symbols[] = {
        {"Create", &setup->create},
        {"Destroy", &s->destroy},
        {"MatmulDescCreate", &setup->desc_create},
        {"MatmulDescSetAttribute", &setup->desc_set},
        {"MatmulDescDestroy", &s->desc_destroy},
        {"MatrixLayoutCreate", &setup->layout_create},
        {"MatrixLayoutDestroy", &s->layout_destroy},
        {"MatmulPreferenceCreate", &setup->preference_create},
        {"MatmulPreferenceSetAttribute", &setup->preference_set},
        {"MatmulPreferenceDestroy", &setup->preference_destroy},
        {"MatmulAlgoGetHeuristic", &setup->heuristic},
        {"Matmul", &s->matmul},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", s->vendor->prefix, symbols[i].name);
        if (octgemm_rival_symbol(library, name, symbols[i].slot, why))
            return 1;
    }
    return 0;
}

static int describe(struct lt *s, const struct lt_setup *setup)
{
    const struct contest *c = s->contest;
    uint64_t m = (uint64_t)c->m, n = (uint64_t)c->n, k = (uint64_t)c->k;
    int32_t transposed = s->vendor->transposed;
    int status = setup->create(&s->handle);
    if (status == 0)
        status = setup->desc_create(&s->desc, s->vendor->compute_s32, type_s32);
    if (status == 0)
        status = setup->desc_set(s->desc, s->vendor->attribute_transpose, &transposed,
                                 sizeof transposed);
    if (status == 0)
        status = setup->layout_create(&s->layouts[0], type_s8, k, n, c->k);
    if (status == 0)
        status = setup->layout_create(&s->layouts[1], type_s8, k, m, c->k);
    if (status == 0)
        status = setup->layout_create(&s->layouts[2], type_s32, n, m, c->n);
    return status;
}

static int propose(struct lt *s, const struct lt_setup *setup, int *found)
{
    uint64_t bytes = workspace_bytes;
    void *preference = NULL;
    int status = setup->preference_create(&preference);
    if (status == 0)
        status = setup->preference_set(preference, preference_workspace, &bytes, sizeof bytes);
    if (status == 0)
        status = setup->heuristic(s->handle, s->desc, s->layouts[0], s->layouts[1], s->layouts[2],
                                  s->layouts[2], preference, proposals_max, s->proposals, found);
    if (preference)
        setup->preference_destroy(preference);
    return status;
}

static int run(void *state, int64_t index)
{
    static const int32_t one = 1, none = 0;
    const struct lt *s = state;
    const struct contest *c = s->contest;
    return s->matmul(s->handle, s->desc, &one, c->b[index % c->copies], s->layouts[0], c->a,
                     s->layouts[1], &none, c->d, s->layouts[2], c->d, s->layouts[2], s->taken,
                     s->workspace, workspace_bytes, c->queue.stream);
}

/* Seconds of some calls with the algorithm that is taken, or a negative number. */
static double try_out(struct lt *s)
{
    enum { calls = 5 };
    const struct contest *c = s->contest;
    if (run(s, 0) != 0 || octgemm_sync(c->device.ctx, c->queue.stream) != OCTGEMM_OK)
        return -1;
    double start = octgemm_now();
    for (int i = 0; i < calls; i++)
        run(s, i);
    octgemm_sync(c->device.ctx, c->queue.stream);
    return octgemm_now() - start;
}

static int take_fastest(struct lt *s, int found, char why[rival_why_size])
{
    const char *fastest = NULL;
    double least = 0;
    for (int i = 0; i < found; i++) {
        const char *proposal = s->proposals + (size_t)i * s->vendor->result_size;
        int state;
        size_t bytes;
        memcpy(&state, proposal + s->vendor->state_at, sizeof state);
        memcpy(&bytes, proposal + s->vendor->workspace_at, sizeof bytes);
        if (state != 0 || bytes > workspace_bytes)
            continue;
        s->taken = proposal;
        double seconds = try_out(s);
        if (seconds >= 0 && (!fastest || seconds < least)) {
            fastest = proposal;
            least = seconds;
        }
    }
    s->taken = fastest;
    return fastest ? 0 : octgemm_rival_refuses(why, "none of its %d algorithms runs", found);
}

static int open_lt(void **state, const struct rival *self, void *library,
                   const struct contest *contest, char why[rival_why_size])
{
    struct lt_setup setup;
    struct lt *s = *state = calloc(1, sizeof *s);
    int found = 0;
    if (!s)
        return octgemm_rival_refuses(why, "no memory");
    s->contest = contest;
    s->vendor = self->data;
    if (find_functions(s, &setup, library, why))
        return 1;
    if (octgemm_alloc(contest->device.ctx, workspace_bytes, &s->workspace) != OCTGEMM_OK)
        return octgemm_rival_refuses(why, "no memory for its workspace");
    int status = describe(s, &setup);
    if (status != 0)
        return octgemm_rival_refuses(why, "refuses to start with status %d", status);
    status = propose(s, &setup, &found);
    if (status != 0 || found == 0)
        return octgemm_rival_refuses(why, "not supported for this shape (status %d)", status);
    return take_fastest(s, found, why);
}

static void close_lt(void *state)
{
    struct lt *s = state;
    if (!s)
        return;
    for (size_t i = 0; i < sizeof s->layouts / sizeof *s->layouts; i++)
        if (s->layouts[i])
            s->layout_destroy(s->layouts[i]);
    if (s->desc)
        s->desc_destroy(s->desc);
    if (s->handle)
        s->destroy(s->handle);
    octgemm_free(s->contest->device.ctx, s->workspace);
    free(s);
}

static const char *const cublaslt[] = {"libcublasLt.so.13", "libcublasLt.so.12", NULL};
const struct rival octgemm_rival_cublaslt = {.name = "cuBLASLt",
                                             .backend = "cuda",
                                             .libraries = cublaslt,
                                             .data = &nvidia,
                                             .answer = OCTGEMM_I32,
                                             .open = open_lt,
                                             .run = run,
                                             .close = close_lt};

static const char *const hipblaslt[] = {"libhipblaslt.so.1", "libhipblaslt.so.0", "libhipblaslt.so",
                                        NULL};
const struct rival octgemm_rival_hipblaslt = {.name = "hipBLASLt",
                                              .backend = "hip",
                                              .libraries = hipblaslt,
                                              .data = &amd,
                                              .answer = OCTGEMM_I32,
                                              .open = open_lt,
                                              .run = run,
                                              .close = close_lt};
