/* octgemm in the contest: weights packed or as they are, the sums or scaled results. */
#include "rivals.h"

#include <stdlib.h>

struct octgemm_state {
    const octgemm_ctx *ctx;
    octgemm_args args;
    int64_t copies;
    void **packed;    /* NULL: rows */
    int8_t *const *b; /* copies of them */
    void *workspace;
};

static int fail(char why[rival_why_size])
{
    return octgemm_rival_refuses(why, "%s", octgemm_last_error());
}

static int pack(struct octgemm_state *s, const struct contest *contest, char why[rival_why_size])
{
    size_t bytes;
    if (octgemm_packed_size(s->ctx, contest->n, contest->k, &bytes) != OCTGEMM_OK)
        return fail(why);
    for (int64_t i = 0; i < s->copies; i++)
        if (octgemm_alloc(s->ctx, bytes, &s->packed[i]) != OCTGEMM_OK ||
            octgemm_pack(s->ctx, contest->n, contest->k, contest->b[i], contest->k, s->packed[i],
                         contest->queue.stream) != OCTGEMM_OK)
            return fail(why);
    return 0;
}

static int open_octgemm(void **state, const struct rival *self, void *library,
                        const struct contest *contest, char why[rival_why_size])
{
    (void)library;
    struct octgemm_state *s = *state = calloc(1, sizeof *s);
    if (!s)
        return octgemm_rival_refuses(why, "no memory");
    s->ctx = contest->device.ctx;
    s->copies = contest->copies;
    s->b = contest->b;
    if (!contest->rows) {
        s->packed = calloc((size_t)s->copies, sizeof *s->packed);
        if (!s->packed)
            return octgemm_rival_refuses(why, "no memory");
        if (pack(s, contest, why))
            return 1;
    }
    s->args = (octgemm_args){.size = sizeof s->args,
                             .m = contest->m,
                             .n = contest->n,
                             .k = contest->k,
                             .a = contest->a,
                             .lda = contest->k,
                             .b = s->packed ? s->packed[0] : s->b[0],
                             .ldb = contest->k,
                             .b_layout = s->packed ? OCTGEMM_B_PACKED : OCTGEMM_B_ROWS,
                             .sa = contest->sa,
                             .sb = contest->sb,
                             .d = contest->d,
                             .ldd = contest->n,
                             .d_type = self->answer,
                             .stream = contest->queue.stream};
    if (octgemm_workspace(s->ctx, &s->args, &s->args.workspace_size) != OCTGEMM_OK)
        return fail(why);
    if (s->args.workspace_size > 0 &&
        octgemm_alloc(s->ctx, s->args.workspace_size, &s->workspace) != OCTGEMM_OK)
        return fail(why);
    s->args.workspace = s->workspace;
    if (contest->device.aloud && octgemm_run_aloud(&contest->device, &s->args) != OCTGEMM_OK)
        return fail(why);
    return 0;
}

static int run(void *state, int64_t index)
{
    struct octgemm_state *s = state;
    int64_t copy = index % s->copies;
    s->args.b = s->packed ? s->packed[copy] : s->b[copy];
    return octgemm_run(s->ctx, &s->args);
}

static void close_octgemm(void *state)
{
    struct octgemm_state *s = state;
    for (int64_t i = 0; s && s->packed && i < s->copies; i++)
        octgemm_free(s->ctx, s->packed[i]);
    if (s) {
        octgemm_free(s->ctx, s->workspace);
        free(s->packed);
    }
    free(s);
}

#define ROW(label, type, is_scaled)                                                                \
    {                                                                                              \
        .name = label, .answer = type, .scaled = is_scaled, .open = open_octgemm, .run = run,      \
        .close = close_octgemm                                                                     \
    }
const struct rival octgemm_itself[] = {
    ROW("octgemm f32", OCTGEMM_F32, 1),
    ROW("octgemm f16", OCTGEMM_F16, 1),
    ROW("octgemm bf16", OCTGEMM_BF16, 1),
    ROW("octgemm", OCTGEMM_I32, 0),
};
