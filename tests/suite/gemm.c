/* Runs one matrix product in one variant and compares every byte that it could have touched. */
#include "float_state.h"
#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* What a variant changes. D is made by one call for each tile of rows x columns; 0 means all. */
struct manner {
    int packed, repeat, threads, float_state;
    int64_t rows, columns;
};
static const struct manner manners[VARIANTS] = {
    [V_ROWS] = {.packed = 0},           [V_PACKED] = {.packed = 1},
    [V_BY_ROW] = {.rows = 1},           [V_BY_COLUMN] = {.columns = 13},
    [V_TWICE] = {.repeat = 1},          [V_ONE_THREAD] = {.threads = 1},
    [V_SEVEN_THREADS] = {.threads = 7}, [V_FLOAT_STATE] = {.float_state = 1},
    [V_PERMUTED] = {.packed = 0},
};

/* Everything about one run. */
struct work {
    const struct suite_session *session;
    struct suite_target *target;
    const struct suite_problem *problem;
    const struct manner *manner;
    struct suite_slot slots[ARRAYS];
    char shape[200];
};

static const char *const array_names[ARRAYS] = {
    [AT_D] = "d",
    [AT_A] = "a",
    [AT_B] = "b",
    [AT_SA] = "sa",
    [AT_SB] = "sb",
    [AT_ZA] = "za",
    [AT_BIAS] = "bias",
    [AT_PACKED] = "packed b",
    [AT_WORKSPACE] = "workspace",
};

static void describe_shape(const struct suite_problem *problem, char *text, size_t size)
{
    static const char *const modes[] = {"none", "row", "tensor"};
    static const char *const types[] = {"f32", "f16", "bf16", "i32"};
    static const char *const bias[] = {"none", "f32", "f16", "bf16"};
    const struct suite_case *c = problem->c;
    snprintf(text, size,
             "m %" PRId64 " n %" PRId64 " k %" PRId64 ", ld %" PRId64 " %" PRId64 " %" PRId64
             ", sa %s sb %s za %s bias %s d %s, addresses a+%d b+%d d+%d",
             c->m, c->n, c->k, problem->lda, problem->ldb, problem->ldd, modes[c->sa], modes[c->sb],
             modes[c->za], bias[c->bias], types[c->d_type], c->shift[AT_A], c->shift[AT_B],
             c->shift[AT_D]);
}

/* address + index * width, NULL for an absent array. */
static void *advance(void *address, int64_t index, int64_t width)
{
    return address ? (char *)address + index * width : NULL;
}

/* Scales and bias that integers have none of lead nowhere: whoever looks there does not come back.
 */
static void poison_ignored(octgemm_args *args)
{
    void *const nowhere = (void *)64;
    if (args->d_type != OCTGEMM_I32)
        return;
    args->sa = args->sa ? args->sa : nowhere;
    args->sb = args->sb ? args->sb : nowhere;
    args->bias = args->bias ? args->bias : nowhere;
}

/* The arguments of the tile of D that begins at (i, j), with addresses when the slots have them. */
static octgemm_args tile_args(const struct work *work, int64_t i, int64_t j)
{
    const struct suite_case *c = work->problem->c;
    int64_t rows = work->manner->rows ? work->manner->rows : c->m;
    int64_t columns = work->manner->columns ? work->manner->columns : c->n;
    rows = rows < c->m - i ? rows : c->m - i;
    columns = columns < c->n - j ? columns : c->n - j;
    octgemm_args args = suite_problem_args(work->problem, rows, columns);
    void *at[ARRAYS];
    for (int array = 0; array < ARRAYS; array++)
        at[array] = suite_arena_address(&work->target->arena, &work->slots[array]);
    args.a = advance(at[AT_A], i, args.lda);
    args.b = advance(at[AT_B], j, args.ldb);
    args.sa = advance(at[AT_SA], c->sa == PER_ROW ? i : 0, sizeof(float));
    args.sb = advance(at[AT_SB], c->sb == PER_ROW ? j : 0, sizeof(float));
    args.za = advance(at[AT_ZA], c->za == PER_ROW ? i : 0, sizeof(int32_t));
    args.bias = advance(at[AT_BIAS], j, suite_width(args.bias_type));
    args.d = advance(at[AT_D], i * args.ldd + j, suite_width(args.d_type));
    poison_ignored(&args);
    args.workspace = at[AT_WORKSPACE];
    args.workspace_size = work->slots[AT_WORKSPACE].bytes;
    if (work->manner->packed) {
        args.b = at[AT_PACKED];
        args.b_layout = OCTGEMM_B_PACKED;
        args.ldb = 0; /* not looked at */
    }
    return args;
}

/* Calls visit for each tile until one does not return OK. */
static octgemm_status each_tile(struct work *work,
                                octgemm_status (*visit)(struct work *work, octgemm_args *args))
{
    const struct suite_case *c = work->problem->c;
    int64_t rows = work->manner->rows ? work->manner->rows : c->m ? c->m : 1;
    int64_t columns = work->manner->columns ? work->manner->columns : c->n ? c->n : 1;
    octgemm_status status = OCTGEMM_OK;
    /* A product without elements is one call too. */
    for (int64_t i = 0; i == 0 || i < c->m; i += rows)
        for (int64_t j = 0; (j == 0 || j < c->n) && status == OCTGEMM_OK; j += columns) {
            octgemm_args args = tile_args(work, i, j);
            status = visit(work, &args);
        }
    return status;
}

/* Does the forced kernel take this? UNSUPPORTED when not. */
static octgemm_status ask(struct work *work, octgemm_args *args)
{
    octgemm_info info;
    const struct suite_target *target = work->target;
    octgemm_status status = octgemm_kernel(target->ctx, args, (size_t)target->index, &info);
    return status == OCTGEMM_OK && info.reason[0] ? OCTGEMM_ERR_UNSUPPORTED : status;
}

/* There is a kernel, and a forced one is the one that is named. (One that takes addresses off their
 * alignment takes aligned ones, which octgemm_query() is about.) */
static octgemm_status query(struct work *work, octgemm_args *args)
{
    octgemm_info info;
    const struct suite_target *target = work->target;
    args->b = NULL; /* not packed yet */
    octgemm_status status = octgemm_query(target->ctx, args, &info);
    if (status == OCTGEMM_OK && target->index >= 0 && strcmp(info.kernel, target->kernel) != 0)
        return OCTGEMM_ERR_UNSUPPORTED;
    return status;
}

/* Makes the workspace slot large enough. */
static octgemm_status size_workspace(struct work *work, octgemm_args *args)
{
    size_t bytes;
    args->b = NULL;
    octgemm_status status = octgemm_workspace(work->target->ctx, args, &bytes);
    if (status == OCTGEMM_OK && bytes > work->slots[AT_WORKSPACE].bytes)
        work->slots[AT_WORKSPACE].bytes = bytes;
    return status;
}

static octgemm_status run(struct work *work, octgemm_args *args)
{
    return octgemm_run(work->target->ctx, args);
}

static void set_slots(struct work *work, size_t packed_size)
{
    const struct suite_problem *problem = work->problem;
    const struct suite_case *c = problem->c;
    for (int array = 0; array < ARRAYS; array++)
        work->slots[array] = (struct suite_slot){.name = array_names[array],
                                                 .bytes = problem->bytes[array],
                                                 .shift = c->shift[array],
                                                 .host = problem->host[array]};
    struct suite_slot *d = &work->slots[AT_D];
    d->expected = problem->expected;
    d->m = c->m;
    d->n = c->n;
    d->ldd = problem->ldd;
    d->width = suite_width(c->d_type);
    d->period = problem->expected_rows;
    d->type = c->d_type;
    work->slots[AT_PACKED].bytes = packed_size;
    work->slots[AT_PACKED].ignored = 1; /* its guards count */
    work->slots[AT_WORKSPACE].ignored = 1;
}

/* The caller's threads and floating-point state, changed for a variant and given back. */
struct surroundings {
    int threads;
    struct suite_float_state float_state;
};

static void enter(const struct manner *manner, struct surroundings *was)
{
#ifdef _OPENMP
    was->threads = omp_get_max_threads();
    if (manner->threads)
        omp_set_num_threads(manner->threads);
#endif
    if (manner->float_state)
        suite_float_state_change(&was->float_state);
}

/* Returns whether the operation left the state as it was. */
static int leave(const struct manner *manner, const struct surroundings *was)
{
#ifdef _OPENMP
    omp_set_num_threads(was->threads);
#endif
    return !manner->float_state || suite_float_state_restore(&was->float_state);
}

static octgemm_status pack(struct work *work)
{
    const struct suite_case *c = work->problem->c;
    const struct suite_slot *slots = work->slots;
    const struct suite_arena *arena = &work->target->arena;
    return octgemm_pack(work->target->ctx, c->n, c->k, suite_arena_address(arena, &slots[AT_B]),
                        work->problem->ldb, suite_arena_address(arena, &slots[AT_PACKED]), NULL);
}

/* The answer of octgemm_workspace() is the same for any data; a GPU's kernel for odd addresses may
 * be content with less. */
static int may_want_less(const struct work *work)
{
    const char *backend = work->target->backend;
    int shifted = 0;
    for (int array = 0; array < ARRAYS; array++)
        shifted |= array != AT_WORKSPACE && work->problem->c->shift[array] != 0;
    return shifted && strcmp(backend, "cpu") != 0 && strcmp(backend, "ref") != 0;
}

/* A workspace that is one byte short must be refused. */
static octgemm_status refuse(struct work *work, octgemm_args *args)
{
    size_t bytes;
    octgemm_status status = octgemm_workspace(work->target->ctx, args, &bytes);
    if (status != OCTGEMM_OK || bytes == 0 || may_want_less(work))
        return status;
    args->workspace_size = bytes - 1;
    return octgemm_run(work->target->ctx, args) == OCTGEMM_ERR_WORKSPACE ? OCTGEMM_OK
                                                                         : OCTGEMM_ERR_WORKSPACE;
}

/* Runs all that belongs to the variant. */
static octgemm_status operate(struct work *work, unsigned char guard, struct suite_outcome *outcome)
{
    struct suite_target *target = work->target;
    octgemm_status status;
    outcome->step = "placing data";
    if ((status = suite_arena_place(&target->arena, work->slots, ARRAYS, guard)) != OCTGEMM_OK)
        return status;
    outcome->step = "octgemm_pack";
    if (work->manner->packed && (status = pack(work)) != OCTGEMM_OK)
        return status;
    outcome->step = "a workspace one byte short";
    if ((status = each_tile(work, refuse)) != OCTGEMM_OK)
        return status;
    outcome->step = "octgemm_run";
    struct surroundings surroundings;
    enter(work->manner, &surroundings);
    status = each_tile(work, run);
    if (status == OCTGEMM_OK && work->manner->repeat)
        status = each_tile(work, run);
    outcome->kept = leave(work->manner, &surroundings);
    return status;
}

void suite_run_product(const struct suite_session *session, struct suite_target *target,
                       const struct suite_problem *problem, enum suite_variant variant)
{
    const struct suite_case *c = problem->c;
    const char *name = suite_variant_names[variant];
    struct suite_outcome outcome = {.step = "octgemm_packed_size", .kept = 1};
    struct work work = {
        .session = session, .target = target, .problem = problem, .manner = &manners[variant]};
    describe_shape(problem, work.shape, sizeof work.shape);
    session->result->runs++;

    size_t packed_size = 0;
    if (work.manner->packed)
        outcome.status = octgemm_packed_size(target->ctx, c->n, c->k, &packed_size);
    set_slots(&work, packed_size);
    /* Arrays that are there have addresses. */
    if (outcome.status == OCTGEMM_OK && !target->arena.memory) {
        outcome.step = "octgemm_alloc";
        outcome.status = suite_arena_place(&target->arena, work.slots, ARRAYS, 0);
    }
    if (outcome.status == OCTGEMM_OK && target->index >= 0) {
        outcome.step = "octgemm_kernel";
        outcome.status = each_tile(&work, ask);
        if (outcome.status == OCTGEMM_ERR_UNSUPPORTED) {
            session->result->not_taken++;
            return;
        }
    }
    if (outcome.status == OCTGEMM_OK) {
        outcome.step = "octgemm_query, naming the kernel";
        outcome.status = each_tile(&work, query);
    }
    if (outcome.status == OCTGEMM_OK) {
        outcome.step = "octgemm_workspace";
        outcome.status = each_tile(&work, size_workspace);
    }
    target->taken++;

    /* Two rounds for V_TWICE: the second finds D and the workspace full of something else. */
    static const unsigned char guards[2] = {0xa5, 0x5a};
    for (int round = 0; round <= work.manner->repeat && suite_good(&outcome); round++) {
        outcome.status = operate(&work, guards[round], &outcome);
        /* Data lies where its case wants it only now, and a kernel may take aligned data alone. */
        if (outcome.status == OCTGEMM_ERR_UNSUPPORTED && target->index >= 0 &&
            each_tile(&work, ask) == OCTGEMM_ERR_UNSUPPORTED) {
            session->result->not_taken++;
            return;
        }
        if (outcome.status != OCTGEMM_OK)
            break;
        struct suite_view view = {.kernel = target->kernel, .case_name = c->name, .variant = name};
        outcome.step = "octgemm_download";
        outcome.status =
            suite_arena_verify(&target->arena, work.slots, ARRAYS, guards[round], &view,
                               session->options, &outcome.differs, &outcome.difference);
    }
    suite_judge(session, target, c->name, name, work.shape, &outcome);
}
