/* Plans (plan.h): rows, columns and k are cut one after the other, then memory is counted. */
#include "plan.h"
#include "integers.h"
#include "kernels.h"

double octgemm_cpu_cycles(const struct cpu_gemm *gemm, const octgemm_args *args)
{
    const double weights_read = 16, weights_packed = 4; /* bytes in a cycle */
    const double rows_to_pack = 8;                      /* with fewer, dot products cost less */
    const double result = 1, row = 30, call = 500;      /* cycles of each */
    double m = (double)args->m;
    double n = (double)args->n;
    double weights = n * (double)args->k;
    double arithmetic = m * weights / gemm->rate;
    double reading = weights / weights_read;
    double cycles = arithmetic > reading ? arithmetic : reading;
    if (args->b_layout != OCTGEMM_B_PACKED)
        cycles += weights / weights_packed * (m < rows_to_pack ? m / rows_to_pack : 1);
    return cycles + m * n * result + m * row + call;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

/* To a cache line, so that threads share none. */
static size_t lines(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* Of what dot() wants prepared. */
static size_t dot_bytes(const struct cpu_gemm *gemm, int64_t rows, int64_t k)
{
    return gemm->dot_bytes ? lines(gemm->dot_bytes(rows, k)) : 0;
}

static size_t block_bytes(const struct cpu_gemm *gemm, const struct plan *plan,
                          const octgemm_args *args)
{
    if (plan->from == FROM_DOTS) /* and a row of ones, for column sums */
        return dot_bytes(gemm, args->m, plan->span) + (args->za ? (size_t)args->k : 0);
    return gemm->prepare ? gemm->block_bytes(plan->row_block, plan->span) : 0;
}

/* Rows in even blocks of at most mc; fewer when what is prepared for a block, which passes once for
 * each group of columns, would not stay in a thread's share of the caches, or when there would be
 * too few tasks. */
static void cut_rows(struct plan *plan, const struct cpu_ctx *cpu, const struct cpu_gemm *gemm,
                     const octgemm_args *args)
{
    enum {
        most_prepared = 8 << 20, /* bytes, however large the caches are said to be */
        tasks = 2                /* of a thread, at least, so that the last ones even out */
    };
    int64_t share = at_least((int64_t)cpu->caches.l3 / plan->threads, (int64_t)cpu->caches.l2);
    size_t prepared_limit = (size_t)at_most(share, most_prepared);
    int64_t most = plan->threads == 1 && gemm->mc_alone ? gemm->mc_alone : gemm->mc;
    if (plan->from == FROM_DOTS)
        most = args->m;
    plan->row_blocks = ceiling(args->m, most);
    plan->row_block = multiple(ceiling(args->m, plan->row_blocks), gemm->mr);
    int64_t most_groups = ceiling(args->n, gemm->format->nr);
    while (plan->row_block > gemm->mr && plan->from != FROM_DOTS &&
           (block_bytes(gemm, plan, args) > prepared_limit ||
            ceiling(args->m, plan->row_block) * most_groups < plan->threads * tasks))
        plan->row_block = multiple(plan->row_block / 2, gemm->mr);
    plan->row_blocks = ceiling(args->m, plan->row_block);
}

/* Columns in groups of at most nc, of whole register tiles while there are enough, sums of a tile
 * in half of L2; several groups for each thread, so that the last ones even out, and as many for
 * one thread as for another. */
static void cut_columns(struct plan *plan, const struct cpu_ctx *cpu, const struct cpu_gemm *gemm,
                        const octgemm_args *args)
{
    enum { tasks = 4 }; /* of a thread */
    int64_t nr = gemm->format->nr;
    int64_t panels = ceiling(args->n, nr);
    plan->unit = gemm->nt / nr;
    while (plan->unit > 1 && panels / plan->unit * plan->row_blocks < plan->threads)
        plan->unit /= 2;
    plan->units = ceiling(panels, plan->unit);
    int64_t sums = plan->row_block * plan->unit * nr * (int64_t)sizeof(int32_t); /* of a unit */
    int64_t most = at_most(gemm->nc / nr / plan->unit, (int64_t)cpu->caches.l2 / 2 / sums);
    plan->groups = ceiling(plan->units, at_least(most, 1));
    if (plan->threads > 1) {
        int64_t wanted = at_most(ceiling(tasks * plan->threads, plan->row_blocks), plan->units);
        int64_t even = multiple(at_least(plan->groups, wanted),
                                plan->threads / common_divisor(plan->threads, plan->row_blocks));
        plan->groups = even <= plan->units ? even : at_least(plan->groups, wanted);
    }
    plan->group = ceiling(plan->units, plan->groups) * plan->unit * nr;
}

/* k in ranges, when few rows or few columns leave threads without work. Up to few_rows their blocks
 * do not count as work: k was split for so many first, by groups alone, and for more it gained 1.0
 * to 1.2 (16 threads, 96 and 129 rows; bench/NOTES.md). */
static void cut_k(struct plan *plan, const struct cpu_gemm *gemm, const octgemm_args *args)
{
    enum {
        shortest = 1024, /* each range's sums are written and added up */
        few_rows = 64,
        tasks = 2 /* of a thread */
    };
    int64_t step = gemm->format->k_step;
    int64_t tiles = plan->groups * (args->m <= few_rows ? 1 : plan->row_blocks);
    plan->span = args->k;
    if (plan->from != FROM_ROWS && tiles < plan->threads) {
        int64_t wanted = ceiling(tasks * plan->threads, tiles);
        int64_t span = multiple(at_least(ceiling(args->k, wanted), shortest), step);
        plan->span = at_most(span, args->k);
    }
    plan->splits = args->k > 0 ? ceiling(args->k, plan->span) : 1;
}

static int64_t direct_rows(const struct cpu_gemm *gemm, int64_t k)
{
    const struct cpu_direct *entry = gemm->direct;
    while (k < entry->k)
        entry++;
    return entry->rows;
}

/* The workspace's parts. */
static void count_bytes(struct plan *plan, const struct cpu_gemm *gemm, const octgemm_args *args)
{
    const struct cpu_format *format = gemm->format;
    int64_t tiles = plan->row_blocks * plan->groups;
    plan->c_bytes = lines((size_t)(plan->row_block * plan->ldc) * sizeof(int32_t));
    plan->share_bytes = (size_t)(plan->outers * octgemm_cpu_shares(plan, plan->threads)) *
                        sizeof(struct plan_share);
    if (plan->splits > 1) {
        plan->done_bytes = lines((size_t)tiles * sizeof(int));
        plan->partial_bytes = plan->c_bytes * (size_t)(tiles * plan->splits);
    }
    if (plan->from == FROM_DOTS)
        plan->dot_bytes = dot_bytes(gemm, args->m, plan->span);
    plan->block_bytes = lines(block_bytes(gemm, plan, args));
    if (gemm->scratch_bytes)
        plan->scratch_bytes = lines(gemm->scratch_bytes(args->k));
    if (plan->from == FROM_ROWS)
        plan->panels_bytes =
            lines(format->panel_bytes(args->k) * (size_t)(plan->group / format->nr));
    plan->thread_bytes =
        plan->c_bytes + plan->block_bytes + plan->scratch_bytes + plan->panels_bytes;
}

struct plan octgemm_cpu_plan(const struct cpu_ctx *cpu, const struct cpu_gemm *gemm,
                             const octgemm_args *args, int threads)
{
    struct plan plan = {.from = args->b_layout == OCTGEMM_B_PACKED      ? FROM_PANELS
                                : args->m <= direct_rows(gemm, args->k) ? FROM_DOTS
                                                                        : FROM_ROWS,
                        .threads = threads,
                        .span = args->k};
    cut_rows(&plan, cpu, gemm, args);
    cut_columns(&plan, cpu, gemm, args);
    cut_k(&plan, gemm, args);
    plan.threads = at_most(plan.threads, plan.row_blocks * plan.groups * plan.splits);
    plan.outers = plan.from == FROM_PANELS ? plan.row_blocks : plan.groups;
    plan.inners = plan.row_blocks * plan.groups * plan.splits / plan.outers;
    plan.ldc = multiple(plan.group, 16);
    count_bytes(&plan, gemm, args);
    return plan;
}

static size_t workspace_bytes(const struct plan *plan)
{
    return 63 + plan->share_bytes + plan->done_bytes + plan->partial_bytes +
           plan->thread_bytes * (size_t)plan->threads;
}

size_t octgemm_cpu_workspace(const octgemm_ctx *ctx, const struct kernel *self,
                             const octgemm_args *args)
{
    const struct cpu_ctx *cpu = octgemm_cpu_ctx(ctx);
    struct plan alone = octgemm_cpu_plan(cpu, self->impl, args, 1);
    size_t bytes = workspace_bytes(&alone);
    if (octgemm_cpu_worth(&cpu->team, 2, octgemm_cpu_cycles(self->impl, args))) {
        struct plan shared = octgemm_cpu_plan(cpu, self->impl, args, cpu->threads);
        size_t shared_bytes = workspace_bytes(&shared);
        bytes = bytes > shared_bytes ? bytes : shared_bytes;
    }
    return bytes;
}
