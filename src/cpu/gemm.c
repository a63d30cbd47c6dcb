/* The driver of every CPU kernel: shares the tasks of a plan out, and makes D from exact sums.
 *
 * A task is a block of rows times a group of columns (and, when there are fewer of those than
 * threads, a range of k, whose sums are added by whoever finishes last). Each thread has a share of
 * them, the same in every call, so that it finds the weights of the call before in its own caches;
 * they are taken one by one from counters in the workspace, and who has finished takes from others,
 * so slow cores, busy neighbours and odd thread counts cost at most one task. Each thread keeps
 * what it prepared for its current row block (or packed for its current column group), and shares
 * are in that order, so that little is prepared twice.
 *
 * The cuts are plan.c's. */
#include "gemm.h"
#include "float_environment.h"
#include "host.h"
#include "integers.h"
#include "kernels.h"
#include "packed.h"
#include "plan.h"
#include "vector.h"

/* An operation, shared by its threads. */
struct job {
    const struct cpu_vector *vector;
    const struct cpu_gemm *gemm;
    const octgemm_args *args;
    const struct plan *plan;
    int in_place;         /* sums are made in D */
    int around;           /* D is written around the caches */
    int64_t stream_ahead; /* cpu.h */
    int threads;
    int64_t shares; /* of an outer */
    struct plan_share *share;
    int *done; /* for each row block and group: how many of its ranges of k are finished */
    char *partial, *private;
};

/* A thread of it. */
struct worker {
    const struct job *job;
    int32_t *c;
    char *block, *scratch, *panels;
    int64_t prepared_rows, prepared_k, packed_group; /* what block and panels hold; -1: nothing */
    float ones[CPU_NC_MAX], zeros[CPU_NC_MAX], bias[CPU_NC_MAX]; /* for struct cpu_columns */
    int32_t sums[CPU_NC_MAX];
    float row[CPU_NC_MAX]; /* of D, of any type */
};

struct task {
    int64_t row_block, group, split;
    int64_t i0, rows, j0, columns, k0, k1;
};

static int64_t first_column(const struct job *job, int64_t group)
{
    const struct plan *plan = job->plan;
    int64_t unit = part_start(group, plan->units, plan->groups);
    return at_most(unit * plan->unit * job->gemm->format->nr, job->args->n);
}

static struct task make_task(const struct job *job, int64_t outer, int64_t inner)
{
    const struct plan *plan = job->plan;
    int64_t k = job->args->k;
    struct task task = {.split = inner % plan->splits};
    inner /= plan->splits;
    task.row_block = job->plan->from == FROM_PANELS ? outer : inner;
    task.group = job->plan->from == FROM_PANELS ? inner : outer;
    task.i0 = task.row_block * plan->row_block;
    task.rows = at_most(plan->row_block, job->args->m - task.i0);
    task.j0 = first_column(job, task.group);
    task.columns = first_column(job, task.group + 1) - task.j0;
    task.k0 = task.split * plan->span;
    task.k1 = at_most(task.k0 + plan->span, k);
    return task;
}

/* The panels of a group: the caller's, or packed here from the caller's rows. */
static const char *find_panels(struct worker *worker, const struct task *task)
{
    const octgemm_args *args = worker->job->args;
    const struct cpu_format *format = worker->job->gemm->format;
    size_t stride = format->panel_bytes(args->k);
    if (worker->job->plan->from == FROM_PANELS)
        return (const char *)args->b + sizeof(struct packed_header) +
               (size_t)(task->j0 / format->nr) * stride;
    if (worker->packed_group != task->group) {
        for (int64_t j = 0; j < task->columns; j += format->nr)
            format->pack(worker->panels + (size_t)(j / format->nr) * stride,
                         (const int8_t *)args->b + (task->j0 + j) * args->ldb, args->ldb,
                         at_most(format->nr, task->columns - j), args->k, 1);
        worker->packed_group = task->group;
    }
    return worker->panels;
}

/* Is the task's part of A not the one that was prepared last? It is from now on. */
static int prepares(struct worker *worker, const struct task *task)
{
    if (worker->prepared_rows == task->row_block && worker->prepared_k == task->k0)
        return 0;
    worker->prepared_rows = task->row_block;
    worker->prepared_k = task->k0;
    return 1;
}

static void multiply_panels(struct worker *worker, const struct task *task, const char *panels,
                            int32_t *c, int64_t ldc)
{
    const struct job *job = worker->job;
    const struct cpu_gemm *gemm = job->gemm;
    const octgemm_args *args = job->args;
    struct cpu_tile tile = {.a = args->a + task->i0 * args->lda,
                            .lda = args->lda,
                            .block = worker->block,
                            .rows = task->rows,
                            .panels = panels,
                            .panel_bytes = gemm->format->panel_bytes(args->k),
                            .panel_count = ceiling(task->columns, gemm->format->nr),
                            .k = args->k,
                            .k0 = task->k0,
                            .k1 = task->k1,
                            .c = c,
                            .ldc = ldc,
                            .stream_ahead = job->stream_ahead,
                            .scratch = worker->scratch};
    if (gemm->prepare && prepares(worker, task))
        gemm->prepare(worker->block, tile.a, tile.lda, tile.rows, tile.k0, tile.k1);
    gemm->multiply(&tile);
}

static cpu_dot *dot_of(const struct job *job)
{
    return job->gemm->dot ? job->gemm->dot : job->vector->dot;
}

static void multiply_rows(struct worker *worker, const struct task *task, int32_t *c)
{
    const struct job *job = worker->job;
    const octgemm_args *args = job->args;
    const int8_t *a = args->a + task->i0 * args->lda + task->k0;
    if (job->plan->dot_bytes > 0) {
        if (prepares(worker, task))
            job->gemm->dot_prepare(worker->block, a, args->lda, task->rows, task->k1 - task->k0);
        a = (const int8_t *)worker->block;
    }
    dot_of(job)(c, job->plan->ldc, a, args->lda, task->rows,
                (const int8_t *)args->b + task->j0 * args->ldb + task->k0, args->ldb, task->columns,
                task->k1 - task->k0, job->stream_ahead);
}

/* Column sums of the task's columns over the whole k: at the head of each panel, or, with weights
 * that stay unpacked, products with a row of ones. */
static void find_sums(struct worker *worker, const struct task *task, const char *panels)
{
    const struct job *job = worker->job;
    const octgemm_args *args = job->args;
    if (panels) {
        const struct cpu_format *format = job->gemm->format;
        size_t stride = format->panel_bytes(args->k);
        for (int64_t j = 0; j < task->columns; j += format->nr)
            memcpy(worker->sums + j, panels + (size_t)(j / format->nr) * stride,
                   (size_t)format->nr * sizeof(int32_t));
        return;
    }
    char *ones = worker->block + job->plan->dot_bytes;
    memset(ones, 1, (size_t)args->k);
    dot_of(job)(worker->sums, 0, (const int8_t *)ones, 0, 1,
                (const int8_t *)args->b + task->j0 * args->ldb, args->ldb, task->columns, args->k,
                job->stream_ahead);
}

static void write_d(struct worker *worker, const struct task *task, const char *panels,
                    const int32_t *c)
{
    const struct job *job = worker->job;
    const octgemm_args *args = job->args;
    cpu_epilogue_row *epilogue = job->vector->epilogue[args->d_type];
    int64_t width = octgemm_width(args->d_type);
    struct cpu_columns columns = {.sb = worker->ones, .bias = worker->zeros};
    if (args->sb && args->sb_mode == OCTGEMM_SCALE_ROW)
        columns.sb = (const char *)args->sb + task->j0 * (int64_t)sizeof(float);
    if (args->bias) {
        for (int64_t j = 0; j < task->columns; j++)
            worker->bias[j] = octgemm_load_float(args->bias, args->bias_type, task->j0 + j);
        columns.bias = worker->bias;
    }
    if (args->za && args->k > 0) {
        find_sums(worker, task, panels);
        columns.sums = worker->sums;
    }
    for (int64_t i = 0; i < task->rows; i++) {
        int64_t row = task->i0 + i;
        /* From the start each time: ldd may be any number where there is one row. */
        char *d = (char *)args->d + (row * args->ldd + task->j0) * width;
        int around = job->around && (uintptr_t)d % 64 == 0 && task->columns * width % 64 == 0;
        float sa =
            args->sa ? octgemm_load_f32(args->sa, octgemm_scale_index(args->sa_mode, row)) : 1.0f;
        int32_t za =
            args->za ? octgemm_load_i32(args->za, octgemm_scale_index(args->za_mode, row)) : 0;
        epilogue(around ? (void *)worker->row : d, c + i * job->plan->ldc, task->columns, za, sa,
                 &columns);
        if (around)
            job->vector->write_around(d, worker->row, (size_t)(task->columns * width));
    }
}

static int32_t *partial_sums(const struct job *job, const struct task *task, int64_t split)
{
    const struct plan *plan = job->plan;
    int64_t index = (task->row_block * plan->groups + task->group) * plan->splits + split;
    return (int32_t *)(job->partial + (size_t)index * plan->c_bytes);
}

/* Counts a finished range of k. The last one adds up the others' sums and says so. */
static int add_partial_sums(const struct job *job, const struct task *task)
{
    const struct plan *plan = job->plan;
    int64_t tile = task->row_block * plan->groups + task->group;
    int before = __atomic_fetch_add(&job->done[tile], 1, __ATOMIC_ACQ_REL);
    if (before + 1 < plan->splits)
        return 0;
    int32_t *total = partial_sums(job, task, 0);
    for (int64_t split = 1; split < plan->splits; split++) {
        const int32_t *part = partial_sums(job, task, split);
        for (int64_t i = 0; i < task->rows; i++)
            for (int64_t j = 0; j < task->columns; j++)
                total[i * plan->ldc + j] += part[i * plan->ldc + j];
    }
    return 1;
}

static void do_task(struct worker *worker, const struct task *task)
{
    const struct job *job = worker->job;
    const struct plan *plan = job->plan;
    const char *panels = NULL;
    if (job->in_place) {
        int32_t *d = (int32_t *)job->args->d + task->i0 * job->args->ldd + task->j0;
        multiply_panels(worker, task, find_panels(worker, task), d, job->args->ldd);
        return;
    }
    int32_t *c = plan->splits > 1 ? partial_sums(job, task, task->split) : worker->c;
    if (job->args->k == 0) {
        memset(c, 0, (size_t)(task->rows * plan->ldc) * sizeof *c);
    } else if (plan->from == FROM_DOTS) {
        multiply_rows(worker, task, c);
    } else {
        panels = find_panels(worker, task);
        multiply_panels(worker, task, panels, c, plan->ldc);
    }
    if (plan->splits > 1) {
        if (!add_partial_sums(job, task))
            return;
        c = partial_sums(job, task, 0);
    }
    write_d(worker, task, panels, c);
}

/* What is left of a share: its owner's, when it comes here first, or anyone's. */
static void do_share(struct worker *worker, int64_t index)
{
    const struct job *job = worker->job;
    int64_t inners = job->plan->inners, part = index % job->shares;
    int64_t first = part_start(part, inners, job->shares);
    int64_t last = part_start(part + 1, inners, job->shares);
    int64_t *next = &job->share[index].next;
    while (__atomic_load_n(next, __ATOMIC_RELAXED) < last - first) {
        int64_t inner = first + __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
        if (inner >= last)
            break;
        struct task task = make_task(job, index / job->shares, inner);
        do_task(worker, &task);
    }
}

static void work(void *arg, int thread)
{
    const struct job *job = arg;
    const struct plan *plan = job->plan;
    char *memory = job->private + (size_t)thread * plan->thread_bytes;
    struct worker worker;
    worker.job = job;
    worker.c = (int32_t *)memory;
    worker.block = memory += plan->c_bytes;
    worker.scratch = memory += plan->block_bytes;
    worker.panels = memory + plan->scratch_bytes;
    worker.prepared_rows = worker.prepared_k = worker.packed_group = -1;
    const octgemm_args *args = job->args;
    float sb =
        args->sb && args->sb_mode == OCTGEMM_SCALE_TENSOR ? octgemm_load_f32(args->sb, 0) : 1;
    for (int64_t j = 0; j < at_most(plan->group, args->n); j++) {
        worker.ones[j] = sb;
        worker.zeros[j] = -0.0f;
    }

    octgemm_float_state state = octgemm_float_enter();
    int64_t shares = plan->outers * job->shares;
    int64_t first = part_start(thread, shares, job->threads);
    for (int64_t i = 0; i < shares; i++)
        do_share(&worker, (i + first) % shares);
    octgemm_float_leave(state);
    if (job->around)
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* on x86-64 it orders such stores too */
}

/* To write into a line of D that is not in a cache costs reading it first, and a large D would not
 * be in the threads' own caches for long: A and the weights take most of them. */
static int goes_around(const struct cpu_ctx *cpu, const struct cpu_gemm *gemm,
                       const octgemm_args *args, int threads)
{
    size_t row = (size_t)args->ldd * (size_t)octgemm_width(args->d_type);
    return gemm->writes_around && cpu->vector->write_around && row % 64 == 0 &&
           (size_t)args->m * row >= (size_t)threads * cpu->caches.l2 / 4;
}

/* Integer results can be made where they belong if they lie there as kernels want them. A large D
 * stays apart: its rows are far from each other, and sums are visited for every block of k. */
static int fits_in_place(const struct cpu_ctx *cpu, const struct cpu_gemm *gemm,
                         const octgemm_args *args, const struct plan *plan)
{
    size_t bytes = (size_t)args->m * (size_t)args->ldd * sizeof(int32_t);
    return args->d_type == OCTGEMM_I32 && !args->za && args->k > 0 && plan->splits == 1 &&
           plan->from != FROM_DOTS && args->n % gemm->format->nr == 0 && args->ldd % 16 == 0 &&
           (uintptr_t)args->d % 64 == 0 && bytes <= cpu->caches.l2 / 2;
}

octgemm_status octgemm_cpu_run(const octgemm_ctx *ctx, const struct kernel *self,
                               const octgemm_args *args)
{
    const struct cpu_ctx *cpu = octgemm_cpu_ctx(ctx);
    int team = octgemm_cpu_threads_now(&cpu->team, octgemm_cpu_cycles(self->impl, args));
    struct plan plan = octgemm_cpu_plan(cpu, self->impl, args, team > 1 ? cpu->threads : 1);
    char *memory = (char *)args->workspace + (-(uintptr_t)args->workspace & 63);
    struct job job = {.vector = cpu->vector,
                      .gemm = self->impl,
                      .args = args,
                      .plan = &plan,
                      .stream_ahead = cpu->stream_ahead,
                      .threads = (int)at_most(team, plan.threads),
                      .share = (struct plan_share *)memory,
                      .done = (int *)(memory + plan.share_bytes)};
    job.in_place = fits_in_place(cpu, job.gemm, args, &plan);
    job.around = goes_around(cpu, job.gemm, args, job.threads);
    job.shares = octgemm_cpu_shares(&plan, job.threads);
    memory += plan.share_bytes + plan.done_bytes;
    job.partial = memory;
    job.private = memory + plan.partial_bytes;
    memset(job.share, 0, plan.share_bytes + plan.done_bytes);
    octgemm_cpu_parallel(job.threads, work, &job);
    return OCTGEMM_OK;
}
