/* The cost model: how a kernel would do a product on a device, and how long that would take.
 *
 * Three flows go on at a time: multiply-adds of the busiest multiprocessor, bytes from memory (each
 * operand once, if L2 keeps what tiles share), and bytes from L2 into the multiprocessors. The
 * slowest sets the pace, and flows of like length hinder each other, which a norm between sum and
 * maximum says well enough. Work goes out in whole units, one tile or one part of k of a tile; when
 * they do not fill the device, k is split as long as that pays for adding the partial sums. Shape
 * and device alone decide, so that two calls with equal arguments agree.
 *
 * The norm and the shares of the nominal bandwidths were fitted with the kernels' own figures to
 * timings of every kernel on an H200 (bench/NOTES.md).
 */
#include "gpu/gpu.h"

#include <math.h>

static int64_t divide_up(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

static int element_bytes(octgemm_type type)
{
    return type == OCTGEMM_F16 || type == OCTGEMM_BF16 ? 2 : 4;
}

/* What does not depend on the split. */
struct flows {
    double clock;        /* per microsecond */
    double memory;       /* bytes per microsecond */
    double l2;           /* bytes per microsecond, all multiprocessors together */
    double memory_bytes; /* that the operation must move at least */
};

static struct flows find_flows(const struct gpu_device *device, const octgemm_args *args)
{
    const double l2_bytes_per_clock = 52; /* of one multiprocessor */
    const double memory_share = 0.79;     /* of the nominal bandwidth, in kernels this short */
    double m = (double)args->m;
    double n = (double)args->n;
    double k = (double)args->k;
    struct flows flows;
    flows.clock = device->clock_khz * 1e-3;
    flows.memory = memory_share * device->memory_clock_khz * 1e-3 * 2 * device->memory_bus_bits / 8;
    flows.l2 = flows.clock * device->multiprocessors * l2_bytes_per_clock;
    flows.memory_bytes = m * k + n * k + m * n * element_bytes(args->d_type);
    return flows;
}

/* Blocks that share a multiprocessor. */
static int residents(const struct gpu_device *device, const struct gpu_kernel *kernel)
{
    enum { reserved = 1024 }; /* shared memory that the system takes of each block's */
    int fit = device->shared_per_multiprocessor / (kernel->shared + reserved);
    return fit < 1 ? 1 : fit < kernel->resident ? fit : kernel->resident;
}

/* Microseconds that the busiest multiprocessor computes for: rounds of as many blocks as it holds,
 * and a last round of what is left, which may be too few to reach the full rate. */
static double compute_time(const struct gpu_plan *plan, const struct flows *flows,
                           const struct gpu_device *device, const struct gpu_kernel *kernel)
{
    double work = (double)kernel->tile_m * kernel->tile_n * plan->k_split;
    double units = (double)plan->tiles_m * (double)plan->tiles_n * plan->splits;
    double busiest = ceil(units / device->multiprocessors);
    int held = residents(device, kernel);
    double rounds = floor(busiest / held);
    double rest = busiest - rounds * held;
    double clocks = rounds * held * work / kernel->rate;
    if (rest > 0)
        clocks += fmax(rest * work / kernel->rate, work / kernel->alone);
    return clocks / flows->clock + kernel->start * (rounds + (rest > 0));
}

/* Microseconds of a plan. */
static double predict(const struct gpu_plan *plan, const struct flows *flows,
                      const struct gpu_device *device, const struct gpu_kernel *kernel)
{
    const double norm = 3.3;
    const double joining = 3; /* of a cluster's sums, for each part but one */
    const double zeroing = 3; /* of the counters where there is no cluster */
    double tile = (double)kernel->tile_m * kernel->tile_n;
    double units = (double)plan->tiles_m * (double)plan->tiles_n * plan->splits;
    double compute = compute_time(plan, flows, device, kernel);
    double l2_bytes = units * (kernel->tile_m + kernel->tile_n) * plan->k_split;
    if (plan->splits > 1 && !plan->cluster)
        l2_bytes += units * tile * 2 * 4;
    double longest = pow(pow(compute, norm) + pow(flows->memory_bytes / flows->memory, norm) +
                             pow(l2_bytes / flows->l2, norm),
                         1 / norm);
    double time = kernel->fixed + longest;
    if (plan->splits > 1)
        time += joining * (plan->splits - 1) + (plan->cluster ? 0 : zeroing);
    return time;
}

/* The plan with about `wanted` parts of k; 0 when the kernel cannot do that. */
static int split(struct gpu_plan *plan, int wanted, const struct gpu_device *device,
                 const struct gpu_kernel *kernel, const octgemm_args *args, int frugal)
{
    int64_t steps = divide_up(args->k, kernel->tile_k);
    if (wanted > steps && wanted > 1)
        return 0;
    plan->k_split = (int)divide_up(steps, wanted) * kernel->tile_k;
    plan->splits = plan->k_split > 0 ? (int)divide_up(args->k, plan->k_split) : 1;
    plan->cluster = device->clusters && plan->splits > 1 && plan->splits <= kernel->cluster_splits;
    return plan->splits == 1 || plan->cluster || !frugal;
}

void octgemm_gpu_plan(struct gpu_plan *plan, const struct gpu_device *device,
                      const struct gpu_kernel *kernel, const octgemm_args *args, int frugal)
{
    enum { group = 8 };
    struct flows flows = find_flows(device, args);
    struct gpu_plan candidate = {.tiles_m = divide_up(args->m, kernel->tile_m),
                                 .tiles_n = divide_up(args->n, kernel->tile_n),
                                 .group = group};
    /* Splitting gives work to multiprocessors that have no tile; a full device gains nothing. */
    int64_t slots = (int64_t)device->multiprocessors * kernel->resident;
    int full = candidate.tiles_m >= slots || candidate.tiles_n >= slots ||
               candidate.tiles_m * candidate.tiles_n >= slots;
    int most = full ? 1 : kernel->max_splits;
    for (int wanted = 1; wanted <= most; wanted++) {
        if (!split(&candidate, wanted, device, kernel, args, frugal))
            continue;
        candidate.microseconds = predict(&candidate, &flows, device, kernel);
        if (wanted == 1 || candidate.microseconds < plan->microseconds)
            *plan = candidate;
    }
}
