/* NVIDIA's driver API behind struct gpu_driver: names, numbers and what differs from HIP.
 *
 * The numbers are the driver's binary interface (cuda.h), which does not change; they are written
 * here so that the host side builds without NVIDIA's headers. Names ending in _v2 are the current
 * forms of their calls: the header hides the ending behind macros, dlsym cannot.
 */
#include "config.h"
#include "cuda/cuda.h"

#include <stdio.h>

static struct gpu_calls calls;

/* CUlaunchAttribute and CUlaunchConfig. */
struct launch_attribute {
    int id;
    int pad;
    union {
        unsigned value[3];
        char room[64];
    } value;
};

struct launch_config {
    unsigned grid[3], block[3], shared;
    void *stream;
    const struct launch_attribute *attributes;
    unsigned attribute_count;
};

/* What only CUDA has. */
static struct {
    int (*primary_retain)(void **context, int handle);
    int (*primary_release)(int handle);
    int (*push)(void *context);
    int (*pop)(void **context);
    int (*error_name)(int code, const char **name);
    int (*error_string)(int code, const char **text);
    int (*launch_ex)(const struct launch_config *config, void *function, void **params,
                     void **extra);
    int (*active_clusters)(int *clusters, void *function, const struct launch_config *config);
    int (*tensor_map)(void *map, int type, uint32_t rank, const void *base, const uint64_t *sizes,
                      const uint64_t *strides, const uint32_t *box, const uint32_t *steps,
                      int interleave, int swizzle, int promotion, int fill);
} cuda;

static const char *const libraries[] = {"libcuda.so.1", NULL};

static const struct gpu_symbol symbols[] = {
    {.name = "cuGetErrorName", .slot = &cuda.error_name},
    {.name = "cuGetErrorString", .slot = &cuda.error_string},
    {.name = "cuInit", .slot = &calls.init},
    {.name = "cuDriverGetVersion", .slot = &calls.driver_version},
    {.name = "cuDeviceGetCount", .slot = &calls.device_count},
    {.name = "cuDeviceGet", .slot = &calls.device_get},
    {.name = "cuDeviceGetName", .slot = &calls.device_name},
    {.name = "cuDeviceGetAttribute", .slot = &calls.device_attribute},
    {.name = "cuDevicePrimaryCtxRetain", .slot = &cuda.primary_retain},
    {.name = "cuDevicePrimaryCtxRelease_v2", .slot = &cuda.primary_release},
    {.name = "cuCtxPushCurrent_v2", .slot = &cuda.push},
    {.name = "cuCtxPopCurrent_v2", .slot = &cuda.pop},
    {.name = "cuMemAlloc_v2", .slot = &calls.memory_alloc},
    {.name = "cuMemFree_v2", .slot = &calls.memory_free},
    {.name = "cuMemcpyHtoDAsync_v2", .slot = &calls.upload},
    {.name = "cuMemcpyDtoHAsync_v2", .slot = &calls.download},
    {.name = "cuStreamSynchronize", .slot = &calls.stream_sync},
    {.name = "cuModuleLoadData", .slot = &calls.module_load},
    {.name = "cuModuleUnload", .slot = &calls.module_unload},
    {.name = "cuModuleGetFunction", .slot = &calls.module_function},
    {.name = "cuFuncSetAttribute", .slot = &calls.function_set},
    {.name = "cuLaunchKernel", .slot = &calls.launch},
    {.name = "cuLaunchKernelEx", .slot = &cuda.launch_ex, .optional = 1},
    {.name = "cuOccupancyMaxActiveClusters", .slot = &cuda.active_clusters, .optional = 1},
    {.name = "cuTensorMapEncodeTiled", .slot = &cuda.tensor_map, .optional = 1},
};

static void words(int code, const char **name, const char **text)
{
    if (cuda.error_name && cuda.error_name(code, name) != 0)
        *name = NULL;
    if (cuda.error_string && cuda.error_string(code, text) != 0)
        *text = NULL;
}

/* -- devices --------------------------------------------------------------------------------- */

/* A driver runs machine code of its own major version and of older ones. */
static int accept(int version, char *reason, size_t size)
{
    if (version / 1000 >= OCTGEMM_CUDA_VERSION / 1000)
        return 1;
    snprintf(reason, size,
             "the driver is for CUDA %d.%d, the kernels were built with CUDA %d.%d and need a "
             "driver for %d.0 or later",
             version / 1000, version % 1000 / 10, OCTGEMM_CUDA_VERSION / 1000,
             OCTGEMM_CUDA_VERSION % 1000 / 10, OCTGEMM_CUDA_VERSION / 1000);
    return 0;
}

/* The architecture whose code a device runs: machine code, of its own or an earlier minor version,
 * or what the driver compiles from PTX. 0: there is none. */
static int code_for(int generation)
{
    static const int built[] = {OCTGEMM_CUDA_ARCHS};
    int code = 0;
    for (size_t i = 0; i < sizeof built / sizeof *built; i++)
        if (generation / 10 == built[i] / 10 && generation >= built[i] && built[i] > code)
            code = built[i];
    return code ? code : generation >= OCTGEMM_CUDA_PTX ? OCTGEMM_CUDA_PTX : 0;
}

/* What no attribute tells and the cost model wants: int8 multiply-adds per clock of the tensor
 * cores (NVIDIA's figures) and what L2 gives a multiprocessor (sm_80: 5120 bytes for a whole A100;
 * the others are an assumption, about 5 TB/s on an RTX 4090). Where a generation is not in the
 * table, the kernels' own figures hold: sm_90, of which they are, and those of 100 to 119, of which
 * nothing is known. */
static void describe_rates(struct gpu_device *device)
{
    static const struct {
        int first, last; /* generations */
        int multiply_adds, l2_width;
    } rates[] = {
        {75, 75, 1024, 20}, {80, 80, 2048, 47},   {86, 86, 1024, 16},
        {87, 87, 2048, 16}, /* Orin: 170 TOPS, sparse, of 16 multiprocessors at 1.3 GHz */
        {88, 89, 1024, 16}, {120, 129, 1024, 16},
    };
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        if (device->generation >= rates[i].first && device->generation <= rates[i].last) {
            device->multiply_adds = rates[i].multiply_adds;
            device->l2_width = rates[i].l2_width;
        }
}

static int describe(struct gpu_device *device, const void **slot)
{
    (void)slot; /* as it came: device_attribute */
    int major = 0;
    int minor = 0;
    /* CU_DEVICE_ATTRIBUTE_ ... Memory of which nothing is known is that of a GB10, 256 GB/s. */
    const struct gpu_attribute attributes[] = {
        {75, &major, 0},                                 /* COMPUTE_CAPABILITY_MAJOR */
        {76, &minor, 0},                                 /* COMPUTE_CAPABILITY_MINOR */
        {16, &device->multiprocessors, 48},              /* MULTIPROCESSOR_COUNT */
        {97, &device->shared_per_block, 49152},          /* MAX_SHARED_MEMORY_PER_BLOCK_OPTIN */
        {81, &device->shared_per_multiprocessor, 65536}, /* MAX_SHARED_MEMORY_PER_MULTIPROCESSOR */
        {38, &device->l2_bytes, 2 << 20},                /* L2_CACHE_SIZE */
        {13, &device->clock_khz, 2000000},               /* CLOCK_RATE */
        {36, &device->memory_clock_khz, 4000000},        /* MEMORY_CLOCK_RATE */
        {37, &device->memory_bus_bits, 256},             /* GLOBAL_MEMORY_BUS_WIDTH */
    };
    int code = octgemm_gpu_read(&calls, device, attributes, sizeof attributes / sizeof *attributes);
    if (code)
        return code;
    device->generation = 10 * major + minor;
    describe_rates(device);
    const int built_for = code_for(device->generation);
    /* Code for earlier ones does not wait for the launch that it would start beside (grid.cuh). */
    device->clusters = built_for >= 90 && cuda.launch_ex && cuda.active_clusters;
    device->maps = device->clusters && cuda.tensor_map;
    snprintf(device->arch, sizeof device->arch, "sm_%d", device->generation);
    device->usable = built_for != 0;
    if (device->usable)
        snprintf(device->reason, sizeof device->reason,
                 "compute capability %d.%d, %d multiprocessors", major, minor,
                 device->multiprocessors);
    else
        snprintf(device->reason, sizeof device->reason,
                 "compute capability %d.%d: this library has no code for it", major, minor);
    return 0;
}

/* -- the primary context --------------------------------------------------------------------- */

static octgemm_status retain(struct gpu_ctx *ctx)
{
    int code = cuda.primary_retain(&ctx->primary, ctx->device->handle);
    return code ? octgemm_gpu_fail(ctx->driver, &cuda.primary_retain, code, ctx->device->name)
                : OCTGEMM_OK;
}

static void release(struct gpu_ctx *ctx)
{
    (void)cuda.primary_release(ctx->device->handle);
}

/* The stack of contexts that a thread has makes the previous one the driver's business. */
static octgemm_status enter(const struct gpu_ctx *ctx, int *previous)
{
    *previous = 0;
    int code = cuda.push(ctx->primary);
    return code ? octgemm_gpu_fail(ctx->driver, &cuda.push, code, "") : OCTGEMM_OK;
}

static void leave(const struct gpu_ctx *ctx, int previous)
{
    void *popped;
    (void)ctx;
    (void)previous;
    (void)cuda.pop(&popped);
}

/* -- device code ----------------------------------------------------------------------------- */

extern const unsigned char octgemm_cuda_decode[];
extern const unsigned char octgemm_cuda_generic[];
extern const unsigned char octgemm_cuda_hopper[];
extern const unsigned char octgemm_cuda_join[];
extern const unsigned char octgemm_cuda_quantize[];
extern const unsigned char octgemm_cuda_tensor[];
extern const unsigned char octgemm_cuda_weights[];

static const struct {
    const unsigned char *fatbin;
    int only; /* the one generation that it has code for; 0: every one in the library */
} modules[OCTGEMM_CUDA_MODULES] = {
    [OCTGEMM_CUDA_DECODE] = {.fatbin = octgemm_cuda_decode},
    [OCTGEMM_CUDA_GENERIC] = {.fatbin = octgemm_cuda_generic},
    [OCTGEMM_CUDA_HOPPER] = {.fatbin = octgemm_cuda_hopper, .only = OCTGEMM_CUDA_WGMMA},
    [OCTGEMM_CUDA_JOIN] = {.fatbin = octgemm_cuda_join},
    [OCTGEMM_CUDA_QUANTIZE] = {.fatbin = octgemm_cuda_quantize},
    [OCTGEMM_CUDA_TENSOR] = {.fatbin = octgemm_cuda_tensor},
    [OCTGEMM_CUDA_WEIGHTS] = {.fatbin = octgemm_cuda_weights},
};

static const void *image(const struct gpu_device *device, unsigned module)
{
    int only = modules[module].only;
    return only == 0 || only == device->generation ? modules[module].fatbin : NULL;
}

enum { most_attributes = 2 };

static struct launch_config configure(const struct gpu_launch *launch,
                                      struct launch_attribute (*attributes)[most_attributes])
{
    enum { cluster_dimension = 4, programmatic_stream_serialization = 6 };
    unsigned count = 0;
    if (launch->cluster > 1)
        (*attributes)[count++] = (struct launch_attribute){
            .id = cluster_dimension, .value.value = {(unsigned)launch->cluster, 1, 1}};
    if (launch->overlap)
        (*attributes)[count++] =
            (struct launch_attribute){.id = programmatic_stream_serialization, .value.value = {1}};
    return (struct launch_config){.grid = {launch->blocks, 1, 1},
                                  .block = {launch->threads, 1, 1},
                                  .shared = launch->shared,
                                  .stream = launch->stream,
                                  .attributes = *attributes,
                                  .attribute_count = count};
}

static octgemm_status launch_special(const struct gpu_ctx *ctx, const struct gpu_launch *launch,
                                     void **params)
{
    struct launch_attribute attributes[most_attributes];
    const struct launch_config config = configure(launch, &attributes);
    int code = cuda.launch_ex(&config, launch->function, params, NULL);
    return code ? octgemm_gpu_fail(ctx->driver, &cuda.launch_ex, code, launch->name) : OCTGEMM_OK;
}

/* An error is the answer where there can be no such cluster. */
static int active_clusters(const struct gpu_launch *launch)
{
    struct launch_attribute attributes[most_attributes];
    const struct launch_config config = configure(launch, &attributes);
    int clusters = 0;
    int code = cuda.active_clusters(&clusters, launch->function, &config);
    return code ? 0 : clusters;
}

/* Boxes are at most 128 bytes wide and swizzled over that width, so that both a matrix
 * instruction's rows and its loads spread over all banks. What lies past an edge reads as zero.
 * (Promotion to 256 bytes makes weights that are read once 3 to 5 % slower.) */
static octgemm_status tensor_map(const struct gpu_ctx *ctx, void *map,
                                 const struct gpu_matrix *matrix)
{
    enum { no_interleave = 0, swizzle_128b = 3, promote_128b = 2, fill_zero = 0 };
    static const int types[] = {[1] = 0, [2] = 1, [4] = 2}; /* UINT8, UINT16, UINT32 */
    const uint64_t sizes[] = {(uint64_t)matrix->columns, (uint64_t)matrix->rows};
    const uint64_t strides[] = {(uint64_t)(matrix->ld * matrix->bytes)};
    const uint32_t box[] = {(uint32_t)matrix->box_columns, (uint32_t)matrix->box_rows};
    const uint32_t steps[] = {1, 1};
    int code = cuda.tensor_map(map, types[matrix->bytes], 2, matrix->base, sizes, strides, box,
                               steps, no_interleave, swizzle_128b, promote_128b, fill_zero);
    return code ? octgemm_gpu_fail(ctx->driver, &cuda.tensor_map, code, "") : OCTGEMM_OK;
}

#define QUANTIZER(...)                                                                             \
    {                                                                                              \
        .module = OCTGEMM_CUDA_QUANTIZE, .rows_per_block = 1, .overlap = 1, __VA_ARGS__            \
    }
#define HELD(warps, held)                                                                          \
    QUANTIZER(.function = "octgemm_quantize_" #warps "x" #held, .threads = 32 * warps,             \
              .align = 16, .max_bytes = 512 * warps * held)
/* A row that starts within a piece of 16 bytes may be in one piece more, so these hold one more: a
 * row of 4097 elements is not to take twice the threads of 4096. */
#define HELD_OFF(warps, held)                                                                      \
    QUANTIZER(.function = "octgemm_quantize_" #warps "x" #held "_off", .threads = 32 * warps,      \
              .align = 0, .max_bytes = 512 * warps * held - 16)

static const struct gpu_quantizer quantizers[] = {
    HELD(2, 4),
    HELD(4, 4),
    HELD(4, 5),
    HELD(8, 4),
    HELD(8, 7),
    HELD(16, 7),
    HELD(32, 7),
    HELD_OFF(2, 5),
    HELD_OFF(4, 5),
    HELD_OFF(8, 5),
    HELD_OFF(8, 8),
    HELD_OFF(16, 8),
    QUANTIZER(.function = "octgemm_quantize_any", .threads = 256, .align = 1),
};

static const struct gpu_helper weights = {.module = OCTGEMM_CUDA_WEIGHTS,
                                          .function = "octgemm_weights",
                                          .threads = octgemm_weights_threads,
                                          .overlap = 1,
                                          .pieces_per_block = octgemm_weights_threads / 32,
                                          .bytes = octgemm_weights_piece};

static const struct gpu_helper join = {.module = OCTGEMM_CUDA_JOIN,
                                       .function = "octgemm_join",
                                       .threads = octgemm_join_threads,
                                       .overlap = 1};

static struct gpu_state state;

const struct gpu_driver octgemm_cuda_driver = {
    .libraries = libraries,
    .symbols = symbols,
    .symbol_count = sizeof symbols / sizeof *symbols,
    .calls = &calls,
    .state = &state,
    .most_blocks = 0x7fffffff,
    .most_tiles = INT64_MAX,
    .accept = accept,
    .describe = describe,
    .words = words,
    .retain = retain,
    .release = release,
    .enter = enter,
    .leave = leave,
    .image = image,
    .module_count = OCTGEMM_CUDA_MODULES,
    .launch_special = launch_special,
    .active_clusters = active_clusters,
    .tensor_map = tensor_map,
    .quantizers = quantizers,
    .quantizer_count = sizeof quantizers / sizeof *quantizers,
    .weights = &weights,
    .join = &join,
};
