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

/* Microseconds with `splits` parts of k_split columns. */
static double predict(const struct gpu_plan *plan, int splits, int k_split,
                      const struct flows *flows, const struct gpu_device *device,
                      const struct gpu_kernel *kernel)
{
    double tile = (double)kernel->tile_m * kernel->tile_n;
    double units = (double)plan->tiles_m * (double)plan->tiles_n * splits;
    double busiest = units / device->multiprocessors;
    if (busiest < 1e9)
        busiest = (double)divide_up((int64_t)units, device->multiprocessors);
    double compute = busiest * tile * k_split / (kernel->rate * flows->clock);
    double from_l2 = units * (kernel->tile_m + kernel->tile_n) * (double)k_split / flows->l2;
    double from_memory = flows->memory_bytes / flows->memory;
    double time = kernel->fixed + larger(compute, larger(from_l2, from_memory));
    if (splits > 1) { /* sums are written and read back, 4 bytes each, after counters are zeroed */
        enum { zeroing = 2 };
        time += zeroing + units * tile * 2 * 4 / flows->l2;
    }
    return time;
}

void octgemm_gpu_plan(struct gpu_plan *plan, const struct gpu_device *device,
                      const struct gpu_kernel *kernel, const octgemm_args *args, int may_split)
{
    enum { group = 8 };
    struct flows flows = find_flows(device, args);
    int64_t steps = divide_up(args->k, kernel->tile_k);
    *plan = (struct gpu_plan){.tiles_m = divide_up(args->m, kernel->tile_m),
                              .tiles_n = divide_up(args->n, kernel->tile_n),
                              .splits = 1,
                              .k_split = (int)steps * kernel->tile_k,
                              .group = group};
    plan->microseconds = predict(plan, 1, plan->k_split, &flows, device, kernel);

    /* Splitting fills multiprocessors that have no tile; a full device gains nothing by it. */
    int64_t slots = (int64_t)device->multiprocessors * kernel->resident;
    if (!may_split || kernel->max_splits < 2 || plan->tiles_m >= slots || plan->tiles_n >= slots ||
        plan->tiles_m * plan->tiles_n >= slots)
        return;
    for (int wanted = 2; wanted <= kernel->max_splits && wanted <= steps; wanted++) {
        int k_split = (int)divide_up(steps, wanted) * kernel->tile_k;
        int splits = (int)divide_up(args->k, k_split);
        double time = predict(plan, splits, k_split, &flows, device, kernel);
        if (time < plan->microseconds) {
            plan->splits = splits;
            plan->k_split = k_split;
            plan->microseconds = time;
        }
    }
}
