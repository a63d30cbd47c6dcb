/* The cost model: how a kernel would do a product on a device, and how long that would take.
 *
 * Work goes out in whole units, one tile or one part of k of a tile: rounds of as many as the
 * device holds at a time, and a last round of what is left. In each of these two, three flows go on
 * at a time: multiply-adds of the busiest multiprocessor, bytes from memory (each operand once, if
 * L2 keeps what tiles share), and bytes from L2 into the multiprocessors; a fourth where rows are
 * read in pieces. The slowest sets the pace, and flows of like length hinder each other, which a
 * norm between sum and maximum says well enough. For few tokens "multiply-adds" stand for what a
 * block can stream through its ring. When units do not fill the device, k is split as long as that
 * pays for adding the partial sums. Device, arguments and the alignment of addresses decide, and
 * nothing that was done before, so that two calls with equal arguments agree.
 *
 * Rows off a kernel's alignment are read in pieces by its other function, or copied to aligned rows
 * first, whichever is predicted to be faster.
 *
 * The norm, the shares of the nominal bandwidths and the kernels' own figures (cuda/kernels.c) were
 * fitted together to timings of every kernel and number of parts on an H200, and of kernels on an
 * H100 (bench/NOTES.md).
 */
#include "elements.h"
#include "gpu/gpu.h"

#include <math.h>

struct gpu_odd octgemm_gpu_odd_strides(const struct gpu_kernel *kernel, const octgemm_args *args)
{
    int64_t mask = kernel->align - 1;
    int packed = args->b_layout == OCTGEMM_B_PACKED; /* those rows fit every kernel */
    const struct gpu_odd odd = {.a = args->k > 0 && (args->lda & mask) != 0,
                                .b = args->k > 0 && !packed && (args->ldb & mask) != 0};
    return odd;
}

int octgemm_gpu_may_copy(const struct gpu_odd *odd, const octgemm_args *args)
{
    const double most = 4e9;
    double rows = (odd->a ? (double)args->m : 0) + (odd->b ? (double)args->n : 0);
    return rows * (double)args->k <= most && rows <= most / 128;
}

int octgemm_gpu_needs_sums(const struct gpu_kernel *kernel, const octgemm_args *args)
{
    return args->za && args->b_layout != OCTGEMM_B_PACKED &&
           !(kernel->counts && args->m % kernel->tile_m != 0);
}

/* What does not depend on the split. */
struct flows {
    double clock;       /* per microsecond */
    double memory;      /* bytes per microsecond */
    double l2_width;    /* bytes per clock into a multiprocessor */
    double l2;          /* bytes per microsecond, all multiprocessors together */
    double from_memory; /* microseconds that the operation's bytes take at least */
};

/* Bytes per microsecond by the driver's figures. */
static double nominal_memory(const struct gpu_device *device)
{
    return device->memory_clock_khz * 1e-3 * 2 * device->memory_bus_bits / 8;
}

static struct flows find_flows(const struct gpu_device *device, const octgemm_args *args)
{
    /* Of the nominal bandwidth; and microseconds until that is reached, fewer for a few bytes. */
    const double memory_share = 0.889, climb = 0.9, some = 1.5e6;
    double m = (double)args->m;
    double n = (double)args->n;
    double k = (double)args->k;
    struct flows flows;
    flows.clock = device->clock_khz * 1e-3;
    flows.memory = memory_share * nominal_memory(device);
    flows.l2_width = device->l2_width > 0 ? device->l2_width : 60;
    flows.l2 = flows.clock * device->multiprocessors * flows.l2_width;
    double bytes = m * k + n * k + m * n * (double)octgemm_width(args->d_type);
    flows.from_memory = bytes / flows.memory + climb * bytes / (bytes + some);
    return flows;
}

/* What a prediction depends on, but for the plan. */
struct model {
    const struct gpu_device *device;
    const struct gpu_functions *functions;
    const struct gpu_kernel *kernel;
    const octgemm_args *args;
    struct gpu_odd odd;
    struct flows flows;
};

/* Blocks that share a multiprocessor. */
static int residents(const struct gpu_device *device, const struct gpu_kernel *kernel)
{
    enum { reserved = 1024 }; /* shared memory that the system takes of each block's */
    int fit = device->shared_per_multiprocessor / (kernel->shared + reserved);
    return fit < 1 ? 1 : fit < kernel->resident ? fit : kernel->resident;
}

/* Blocks that the device holds, where they are in no clusters. */
static double places(const struct gpu_device *device, const struct gpu_kernel *kernel)
{
    return (double)device->multiprocessors * residents(device, kernel);
}

/* Multiply-adds per clock of a full multiprocessor. An H200 holds a clock that an H100 with the
 * same multiprocessors does not hold. */
static double full_rate(const struct gpu_kernel *kernel, const struct gpu_device *device)
{
    const double fast_memory = 4e6;
    int fast = kernel->h200_rate > 0 && nominal_memory(device) > fast_memory;
    return fast ? kernel->h200_rate : kernel->rate;
}

/* Multiply-adds per clock, measured where a multiprocessor may do more of them than on `device`. */
static double limited(double rate, const struct gpu_device *device)
{
    const double share = 0.9; /* of the limit, which a well-fed kernel may come near to */
    double most = share * device->multiply_adds;
    return most > 0 && rate > most ? most : rate;
}

/* Blocks of a plan, one for each tile or part of k of a tile. */
static double count_units(const struct gpu_plan *plan, const struct gpu_kernel *kernel)
{
    double tiles_n = (double)octgemm_gpu_launched_n(kernel, plan->tiles_n);
    return (double)plan->tiles_m * tiles_n * plan->splits;
}

/* A part of a plan's rounds. */
struct phase {
    double rounds;
    double blocks; /* of the busiest multiprocessor */
    double share;  /* of the plan's blocks */
    double busy;   /* of the places for blocks, which part has one */
};

/* How a plan's blocks meet the device: rounds of as many as run at a time, and a last one of what
 * is left. One follows the other, so that time which memory leaves to multiprocessors in the first
 * does not help the busiest in the last. */
struct rounds {
    int held; /* blocks of a multiprocessor in a whole round */
    struct phase whole, last;
};

/* Clusters of some sizes leave multiprocessors over: of an H100's 132, those of 3, 4, 5, 6, 7 and 8
 * blocks take 117, 120, 110, 102, 105 and 120. */
static struct rounds find_rounds(const struct model *of, const struct gpu_plan *plan)
{
    int held = residents(of->device, of->kernel);
    double at_once =
        plan->cluster ? of->functions->at_once[plan->splits] : places(of->device, of->kernel);
    double units = count_units(plan, of->kernel);
    double whole = floor(units / at_once);
    double left = units - whole * at_once;
    return (struct rounds){
        .held = held,
        .whole = {.rounds = whole,
                  .blocks = whole * held,
                  .share = whole * at_once / units,
                  .busy = 1},
        .last = {.rounds = left > 0,
                 .blocks = ceil(left * held / at_once),
                 .share = left / units,
                 .busy = left / at_once},
    };
}

/* Microseconds that a launch loses where its blocks take more than half of what is there: the next
 * one's, which start early, cannot all wait beside them. Persistent blocks that are in no clusters
 * start one by one as others end, and lose nothing. */
static double crowding_time(const struct model *of, const struct gpu_plan *plan,
                            const struct rounds *rounds)
{
    const double crowding = 0.59;
    int overlaps = of->device->clusters && of->kernel->overlap;
    int together = plan->cluster || !of->kernel->persistent;
    int more_than_half = rounds->whole.rounds > 0 || 2 * rounds->last.busy > 1;
    return overlaps && together && more_than_half ? crowding : 0;
}

/* How many there are, the last one included. */
static double count_rounds(const struct rounds *rounds)
{
    return rounds->whole.rounds + rounds->last.rounds;
}

/* Microseconds that the busiest multiprocessor computes for; what is left may be too few blocks to
 * reach the full rate. */
static double compute_time(const struct model *of, const struct gpu_plan *plan,
                           const struct phase *phase, int held)
{
    const struct gpu_kernel *kernel = of->kernel;
    double work = (double)kernel->tile_m * kernel->tile_n * plan->k_split;
    double rate = limited(full_rate(kernel, of->device), of->device);
    double alone =
        kernel->alone > 0 ? limited(kernel->alone, of->device) : rate; /* if not measured */
    /* Fewer blocks than the rate was measured with, for want of shared memory. */
    double full = held < kernel->resident ? fmin(rate, held * alone) : rate;
    double clocks = work * fmax(phase->blocks / full, phase->rounds / alone);
    return clocks / of->flows.clock + kernel->start * phase->rounds;
}

/* Clocks that a thread takes for 16 bytes of a row that it cannot read at once. */
static double piecework(int odd, int64_t ld)
{
    const double words = 400;
    const double bytes = 1800;
    return !odd ? 0 : ld % 4 == 0 ? words : bytes;
}

/* Microseconds that the threads of a multiprocessor's blocks read such rows for. */
static double piece_time(const struct model *of, const struct gpu_plan *plan,
                         const struct phase *phase)
{
    const struct gpu_kernel *kernel = of->kernel;
    if (plan->copied)
        return 0;
    double times = kernel->pieces > 0 ? kernel->pieces : 1;
    double clocks = times * (kernel->tile_m * piecework(of->odd.a, of->args->lda) +
                             kernel->tile_n * piecework(of->odd.b, of->args->ldb));
    return phase->rounds * clocks * plan->k_split / 16 / kernel->threads / of->flows.clock;
}

/* Microseconds for 16-bit results whose rows do not start on 16 bytes: a tile's are written by
 * words then. */
static double word_time(const struct model *of, const struct gpu_plan *plan,
                        const struct rounds *rounds)
{
    const double each = 1.0 / 16384;
    const octgemm_args *args = of->args;
    if (octgemm_width(args->d_type) != 2 || args->ldd % 8 == 0)
        return 0;
    double rows = fmin((double)args->m, of->kernel->tile_m);
    double columns = fmin((double)args->n, of->kernel->tile_n);
    return count_rounds(rounds) * rows * columns / plan->splits * each;
}

/* Rows for the launch ahead of the kernel: those that it copies, and those of plain weights whose
 * sums it finds. */
struct rows_ahead {
    double copied, added;
};

static struct rows_ahead find_rows_ahead(const struct model *of, const struct gpu_plan *plan)
{
    double m = (double)of->args->m, n = (double)of->args->n;
    int copies_a = plan->copied && of->odd.a, copies_b = plan->copied && of->odd.b;
    return (struct rows_ahead){
        .copied = (copies_a ? m : 0) + (copies_b ? n : 0),
        .added = !copies_b && octgemm_gpu_needs_sums(of->kernel, of->args) ? n : 0};
}

/* Microseconds for that launch. Where launches overlap it costs less. */
static double copy_time(const struct model *of, const struct gpu_plan *plan)
{
    const double launch = of->device->clusters ? 1.5 : 2.5;
    const double row = 0.0001;
    const double copied = 2, added = 1.2; /* times the bytes of the rows */
    /* Kernels that need no sums are those for few tokens, whose figures say that much too much for
     * small products. */
    const double too_much = 1.3;
    const struct rows_ahead rows = find_rows_ahead(of, plan);
    if (rows.copied + rows.added == 0)
        return 0;
    double bytes = (copied * rows.copied + added * rows.added) * (double)of->args->k;
    return launch + row * (rows.copied + rows.added) + bytes / of->flows.memory +
           (rows.added > 0 ? too_much : 0);
}

/* Bytes of the sums of all parts of k, where these go to memory. */
static double parts_bytes(const struct gpu_plan *plan, const struct gpu_kernel *kernel)
{
    double tile = (double)kernel->tile_m * kernel->tile_n * sizeof(int32_t);
    return octgemm_gpu_parts_in_memory(plan) ? count_units(plan, kernel) * tile : 0;
}

/* Microseconds for adding up parts of k by clusters: each block of the busiest multiprocessor meets
 * the others of its cluster and sends sums to them, through a network that is not fast. Where two
 * fit a multiprocessor, a cluster's blocks share some while others have none. */
static double cluster_time(const struct model *of, const struct gpu_plan *plan, double busiest)
{
    const double meeting = 0.18;
    const double sending = 0.16; /* 1024 sums */
    /* By two to eight blocks. */
    static const double sharing[] = {0, 0.28, 0.064, 0.27, 0.38, 0.58, 0.48};
    double sums = fmin((double)of->args->m, of->kernel->tile_m) * of->kernel->tile_n;
    double sent = sums * (plan->splits - 1) / plan->splits;
    double shared = of->kernel->resident > 1 ? sharing[plan->splits - 2] : 0;
    return busiest * (meeting + sending * sent / 1024) + shared;
}

/* Microseconds for adding up parts of k otherwise: by a launch of its own, or by each tile's last
 * block. */
static double join_time(const struct model *of, const struct gpu_plan *plan)
{
    const double launch = 1;
    const double passes = 6.5; /* through the L2, as it were: nothing else covers them */
    const double zeroing = 3;  /* of the counters */
    const double part = 3;
    return of->kernel->joined ? launch + passes * parts_bytes(plan, of->kernel) / of->flows.l2
                              : zeroing + part * (plan->splits - 1);
}

/* Microseconds that parts of k take to become one; `busiest` blocks of the busiest
 * multiprocessor, or fewer. */
static double adding_time(const struct model *of, const struct gpu_plan *plan, double busiest)
{
    if (plan->splits <= 1)
        return 0;
    return plan->cluster ? cluster_time(of, plan, busiest) : join_time(of, plan);
}

/* Flows that run beside each other take a little longer than the longest of them: a norm. This is
 * most of what a choice costs the caller, so it is in float and leaves out what is not there. */
static double together(double a, double b, double c, double d)
{
    const float norm = 4.3F;
    double longest = fmax(fmax(a, b), fmax(c, d));
    const double flows[] = {a, b, c, d};
    float sum = 0;
    for (int i = 0; i < 4; i++)
        if (flows[i] > longest / 16) /* a smaller one adds less than a ten-thousandth */
            sum += flows[i] < longest ? powf((float)(flows[i] / longest), norm) : 1;
    return longest > 0 ? longest * powf(sum, 1 / norm) : 0;
}

/* Bytes per clock and multiprocessor, no more than `width`, of an operand's rows. */
static double row_width(double width, const struct gpu_kernel *kernel, int64_t ld)
{
    int odd_multiple = ld % 64 == 0 ? 0 : ld % 32 == 0 ? 1 : 2;
    double rate = ld % 128 == 0 ? 0 : kernel->crossing[odd_multiple];
    return rate > 0 ? fmin(rate, width) : width;
}

/* Microseconds that operands take from the L2 into the multiprocessors, of which one may get what
 * others leave. What is copied or packed has its rows on lines, and what is read in pieces is
 * reckoned there. */
static double operand_time(const struct model *of, const struct gpu_plan *plan,
                           const struct phase *phase)
{
    const double apart = 0.6; /* of a cluster's blocks no two read the same, which the L2 serves at
                                 once to neighbours */
    const struct gpu_kernel *kernel = of->kernel;
    const octgemm_args *args = of->args;
    double width = of->flows.l2_width * (plan->cluster ? apart : 1);
    int rows_a = kernel->maps ? octgemm_gpu_box_rows(kernel, args->m) : kernel->tile_m;
    int on_lines_b = of->odd.b || args->b_layout == OCTGEMM_B_PACKED;
    double clocks = rows_a / row_width(width, kernel, of->odd.a ? 0 : args->lda) +
                    kernel->tile_n / row_width(width, kernel, on_lines_b ? 0 : args->ldb);
    double blocks = phase->share * count_units(plan, kernel) / of->device->multiprocessors;
    return blocks * plan->k_split * clocks / of->flows.clock;
}

/* Microseconds that bytes come from memory. Multiprocessors with one block each do not reach all of
 * the bandwidth when others have none: seen on Hopper, not reckoned where nothing was measured. */
static double memory_time(const struct model *of, const struct phase *phase)
{
    const double idle = 0.2;
    int seen = of->device->clusters && of->kernel->resident == 1;
    return phase->share * of->flows.from_memory * (seen ? 1 + idle * (1 - phase->busy) : 1);
}

/* Microseconds of some of a plan's rounds. */
static double phase_time(const struct model *of, const struct gpu_plan *plan,
                         const struct phase *phase, int held)
{
    if (phase->rounds <= 0)
        return 0;
    double l2 = operand_time(of, plan, phase);
    if (!of->kernel->joined)
        l2 += phase->share * 2 * parts_bytes(plan, of->kernel) / of->flows.l2;
    return together(compute_time(of, plan, phase, held), memory_time(of, phase), l2,
                    piece_time(of, plan, phase));
}

/* Microseconds of a plan. */
static double predict(const struct model *of, const struct gpu_plan *plan)
{
    const double piece_latency = 1.5; /* loads of single bytes that wait for each other */
    const struct rounds rounds = find_rounds(of, plan);
    double busiest = rounds.whole.blocks + rounds.last.blocks;
    int pieces = !plan->copied && (of->odd.a || of->odd.b);
    return of->kernel->fixed + phase_time(of, plan, &rounds.whole, rounds.held) +
           phase_time(of, plan, &rounds.last, rounds.held) + adding_time(of, plan, busiest) +
           crowding_time(of, plan, &rounds) + word_time(of, plan, &rounds) +
           (pieces ? piece_latency : 0) + copy_time(of, plan);
}

/* The plan with about `wanted` parts of k; 0 when the kernel cannot do that. */
static int split(const struct model *of, struct gpu_plan *plan, int wanted, int frugal)
{
    const struct gpu_kernel *kernel = of->kernel;
    int64_t k = of->args->k, steps = octgemm_gpu_tiles(k, kernel->tile_k);
    if (wanted > steps && wanted > 1)
        return 0;
    plan->k_split = (int)octgemm_gpu_tiles(steps, wanted) * kernel->tile_k;
    plan->splits = plan->k_split > 0 ? (int)octgemm_gpu_tiles(k, plan->k_split) : 1;
    plan->cluster = plan->splits > 1 && kernel->clustered;
    if (plan->cluster)
        return of->functions->at_once[plan->splits] > 0;
    return plan->splits == 1 || !frugal;
}

/* How many tiles of m take turns over the tiles of n: as the kernel likes it, as long as the L2
 * keeps their rows of A beside what passes through it.
 *
 * A small number is for products of one round, which the L2 limits. Hopper's multiprocessors are in
 * GPCs of 16, whose requests for the same bytes at nearly the same time it answers once. Blocks
 * fill one GPC after another, so 16 of them are best a square of tiles, and tiles of m that are
 * left over are better spread over the stripes before. Clusters go to the GPCs in turn: there, two
 * tiles of m make a square of a GPC's. */
static int liked_group(const struct model *of, const struct gpu_plan *plan)
{
    enum { usual = 8, of_clusters = 2 };
    const double share = 0.65;
    const struct gpu_kernel *kernel = of->kernel;
    double kept = share * of->device->l2_bytes;
    int group = kernel->group ? kernel->group : usual;
    while (group > usual && (double)group * kernel->tile_m * (double)of->args->k > kept)
        group /= 2;
    if (group >= usual)
        return group;
    if (plan->cluster)
        return of_clusters;
    if (count_units(plan, kernel) > places(of->device, kernel))
        return usual;
    int64_t stripes = (plan->tiles_m + 1) / group;
    return (int)octgemm_gpu_tiles(plan->tiles_m, stripes > 1 ? stripes : 1);
}

/* No more than there are: kernels count the tiles of a stripe, group * tiles_n, in 32 bits, which
 * hold the number of all tiles but not many times that. */
static int raster_group(const struct model *of, const struct gpu_plan *plan)
{
    int group = liked_group(of, plan);
    int64_t most = plan->tiles_m > 1 ? plan->tiles_m : 1;
    return group < most ? group : (int)most;
}

/* A kernel's blocks start in order, neighbours side by side, which read the same rows at one time;
 * those of a launch that overlaps start wherever a block of the launch ahead has ended. Where the
 * L2 limits them that costs up to a tenth, or half behind a large copy: there the launch ahead
 * holds them back for the microsecond that overlapping is worth. (Not pairs of blocks, which stay
 * together anyhow, nor where many places are free at the end of the launch ahead.) The limits are
 * from timings on an H100 (bench/NOTES.md). */
static void find_order(const struct model *of, struct gpu_plan *plan)
{
    const double long_enough = 5;                 /* microseconds */
    const double much = 4e6;                      /* bytes to copy or add up */
    const double only_round = 0.7, in_last = 0.9; /* of the places have a block */
    double room = places(of->device, of->kernel), units = count_units(plan, of->kernel);
    double before_last = (ceil(units / room) - 1) * room;
    double least = before_last > 0 ? in_last : only_round;
    int apart = of->kernel->neighbours <= 1;
    const struct rows_ahead rows = find_rows_ahead(of, plan);
    plan->copies_in_order =
        apart && before_last <= 0 && (rows.copied + rows.added) * (double)of->args->k > much;
    /* What comes next is not known; another product like this one is likely. */
    plan->in_order = apart && plan->splits == 1 && plan->tiles_m > 2 && !plan->early &&
                     units - before_last > least * room && plan->microseconds > long_enough;
}

/* What reading early takes off and adds to a launch. */
struct early_figures {
    double gain; /* microseconds */
    double loss; /* of the time that the launch takes */
};

/* What a block has. */
enum { tile_of_only_row, tile_of_rows, part_of_k, early_kinds };
enum { early_steps = 6 }; /* of blocks for each multiprocessor */

/* By whether blocks share a multiprocessor, what a block has, and the step. */
static const struct early_figures *early_row(const struct model *of, int kind)
{
    static const struct early_figures figures[2][early_kinds][early_steps] = {
        {{{1.1, 0}, {2, 0.23}, {1.3, 0.08}, {0.6, 0.01}, {1.7, 0.01}, {1.7, 0.01}},
         {{0.9, 0}, {1.4, 0.14}, {0.5, 0.05}, {0, 0.04}, {0.8, 0.01}, {0.7, 0.05}},
         {{0.9, 0}, {1.4, 0.08}, {0.6, 0}, {0.6, 0}, {1.4, 0.02}, {1.7, 0.06}}},
        {{{0.7, 0}, {2.7, 0.24}, {0.9, 0.06}, {1.2, 0.1}, {1.8, 0.24}, {1.7, 0.06}},
         {{0.6, 0}, {0.5, 0}, {0.6, 0}, {0.6, 0}, {1.6, 0.21}, {1.1, 0.09}},
         {{0.7, 0}, {0.9, 0}, {0.7, 0}, {0.9, 0.03}, {1.6, 0.06}, {1.2, 0}}}};
    return figures[residents(of->device, of->kernel) > 1][kind];
}

static int may_read_early(const struct model *of)
{
    return of->device->clusters && of->kernel->early && of->args->b_layout == OCTGEMM_B_PACKED;
}

/* Packed weights are complete before the launch ahead starts (octgemm_pack() sees to that, and its
 * contract), so a kernel's first loads of them need not wait for its end, and the launch itself is
 * released when the last loads of the one ahead are on their way: that hides most of what a launch
 * costs. But then blocks start where a place is free, out of order, which costs more where several
 * tiles of m share weights, or where the blocks of a launch, one round of more than half of the
 * places, would have had the multiprocessors of most TPCs to themselves. Microseconds that are
 * gained, 0 or less where it does not pay; figures from timings on an H200 (bench/NOTES.md). */
static double early_gain(const struct model *of, const struct gpu_plan *plan)
{
    static const double blocks_most[early_steps - 1] = {0.5, 0.66, 0.8, 1, 1.5};
    const double share_most = 0.4; /* of the time, seen at the shortest */
    if (!may_read_early(of))
        return 0;
    int kind = plan->splits > 1 ? part_of_k : plan->tiles_m > 1 ? tile_of_rows : tile_of_only_row;
    double blocks = count_units(plan, of->kernel) / of->device->multiprocessors;
    int step = 0;
    while (step < early_steps - 1 && blocks > blocks_most[step])
        step++;
    const struct early_figures *figures = &early_row(of, kind)[step];
    return fmin(figures->gain, share_most * plan->microseconds) -
           figures->loss * plan->microseconds;
}

/* What no plan with parts of k gains more than. */
static double most_early_gain(const struct model *of)
{
    double most = 0;
    if (may_read_early(of))
        for (int step = 0; step < early_steps; step++)
            most = fmax(most, early_row(of, part_of_k)[step].gain);
    return most;
}

/* The most parts of k that may pay: splitting gives work to multiprocessors that have no tile; a
 * full device gains nothing. */
static int most_splits(const struct model *of, const struct gpu_plan *plan)
{
    int64_t slots = (int64_t)of->device->multiprocessors * of->kernel->resident;
    int full =
        plan->tiles_m >= slots || plan->tiles_n >= slots || plan->tiles_m * plan->tiles_n >= slots;
    return full ? 1 : of->kernel->max_splits;
}

/* Keeps in *plan the fastest of it, if one was found before, and of this candidate in every number
 * of parts that may pay. */
static void try_splits(const struct model *of, struct gpu_plan candidate, int frugal,
                       struct gpu_plan *plan, int *found)
{
    const int most = most_splits(of, &candidate);
    const double gained = most_early_gain(of);
    int tried = 0; /* parts: different numbers wanted may come to the same */
    for (int wanted = 1; wanted <= most; wanted++) {
        if (!split(of, &candidate, wanted, frugal) || candidate.splits == tried)
            continue;
        tried = candidate.splits;
        /* No plan is faster than its bytes from memory, and more parts only add to that. */
        double least = of->kernel->fixed + of->flows.from_memory + adding_time(of, &candidate, 1);
        if (*found && least - gained >= plan->microseconds)
            return;
        candidate.microseconds = predict(of, &candidate);
        double gain = early_gain(of, &candidate);
        candidate.early = gain > 0;
        candidate.microseconds -= fmax(gain, 0);
        if (!*found || candidate.microseconds < plan->microseconds)
            *plan = candidate;
        *found = 1;
    }
}

void octgemm_gpu_plan(struct gpu_plan *plan, const struct gpu_device *device,
                      const struct gpu_functions *functions, const struct gpu_kernel *kernel,
                      const octgemm_args *args, int frugal)
{
    const struct model of = {.device = device,
                             .functions = functions,
                             .kernel = kernel,
                             .args = args,
                             .odd = octgemm_gpu_odd_strides(kernel, args),
                             .flows = find_flows(device, args)};
    struct gpu_plan candidate = {.tiles_m = octgemm_gpu_tiles(args->m, kernel->tile_m),
                                 .tiles_n = octgemm_gpu_tiles_n(device, kernel, args)};
    int copies = (of.odd.a || of.odd.b) && !frugal && octgemm_gpu_may_copy(&of.odd, args);
    int found = 0;
    for (candidate.copied = copies && !kernel->unaligned; candidate.copied <= copies;
         candidate.copied++)
        try_splits(&of, candidate, frugal, plan, &found);
    plan->group = raster_group(&of, plan);
    find_order(&of, plan);
}
