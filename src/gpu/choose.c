/* The cost model: how a kernel would do a product on a device, and how long that would take.
 *
 * A product is limited by the slowest of three flows: multiply-adds of the busiest multiprocessor,
 * bytes from memory (each operand once, if L2 keeps what tiles share), and bytes from L2 into the
 * multiprocessors. Work goes out in whole units, one tile or one part of k of a tile; when they
 * do not fill the device, k is split as long as that pays for writing and adding the partial sums.
 * Shape and device alone decide, so that two calls with equal arguments agree.
 */
#include "gpu/gpu.h"

static int64_t divide_up(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
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
    enum { l2_bytes_per_clock = 64 }; /* of one multiprocessor */
    double m = (double)args->m;
    double n = (double)args->n;
    double k = (double)args->k;
    struct flows flows;
    flows.clock = device->clock_khz * 1e-3;
    flows.memory = device->memory_clock_khz * 1e-3 * 2 * device->memory_bus_bits / 8;
    flows.l2 = flows.clock * device->multiprocessors * l2_bytes_per_clock;
    flows.memory_bytes = m * k + n * k + m * n * element_bytes(args->d_type);
    return flows;
}

/* Microseconds of a plan. */
static double predict(const struct gpu_plan *plan, const struct flows *flows,
                      const struct gpu_device *device, const struct gpu_kernel *kernel)
{
    double tile = (double)kernel->tile_m * kernel->tile_n;
    double units = (double)plan->tiles_m * (double)plan->tiles_n * plan->splits;
    double busiest = units / device->multiprocessors;
    if (busiest < 1e9)
        busiest = (double)divide_up((int64_t)units, device->multiprocessors);
    double compute = busiest * tile * plan->k_split / (kernel->rate * flows->clock);
    double from_l2 = units * (kernel->tile_m + kernel->tile_n) * plan->k_split / flows->l2;
    double from_memory = flows->memory_bytes / flows->memory;
    double time = kernel->fixed + larger(compute, larger(from_l2, from_memory));
    if (plan->splits > 1) /* sums of 4 bytes are written and read back */
        time += units * tile * 2 * 4 / flows->l2;
    if (plan->splits > 1 && !plan->cluster) /* and counters are zeroed before */
        time += 2;
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
