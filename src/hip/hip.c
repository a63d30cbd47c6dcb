/* AMD's HIP runtime behind struct gpu_driver: names, numbers and what differs from CUDA.
 *
 * The numbers are the runtime's binary interface (hip_runtime_api.h), the same in ROCm 5, 6 and 7;
 * they are written here so that the host side builds without ROCm.
 */
#include "config.h"
#include "gpu/gpu.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gpu_calls calls;

/* What only HIP has. */
static struct {
    int (*current)(int *handle);
    int (*set_current)(int handle);
    const char *(*error_name)(int code);
    const char *(*error_string)(int code);
    int (*properties)(void *properties, int handle);     /* ROCm 6 and later */
    int (*old_properties)(void *properties, int handle); /* ROCm 5; later with its old struct */
} hip;

static const char *const libraries[] = {"libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5",
                                        "libamdhip64.so", NULL};

static const struct gpu_symbol symbols[] = {
    {.name = "hipGetErrorName", .slot = &hip.error_name},
    {.name = "hipGetErrorString", .slot = &hip.error_string},
    {.name = "hipInit", .slot = &calls.init},
    {.name = "hipDriverGetVersion", .slot = &calls.driver_version},
    {.name = "hipGetDeviceCount", .slot = &calls.device_count},
    {.name = "hipDeviceGet", .slot = &calls.device_get},
    {.name = "hipDeviceGetName", .slot = &calls.device_name},
    {.name = "hipDeviceGetAttribute", .slot = &calls.device_attribute},
    {.name = "hipGetDevicePropertiesR0600", .slot = &hip.properties, .optional = 1},
    {.name = "hipGetDeviceProperties", .slot = &hip.old_properties},
    {.name = "hipGetDevice", .slot = &hip.current},
    {.name = "hipSetDevice", .slot = &hip.set_current},
    {.name = "hipMalloc", .slot = &calls.memory_alloc},
    {.name = "hipFree", .slot = &calls.memory_free},
    {.name = "hipMemcpyHtoDAsync", .slot = &calls.upload},
    {.name = "hipMemcpyDtoHAsync", .slot = &calls.download},
    {.name = "hipMemsetD32Async", .slot = &calls.fill},
    {.name = "hipStreamSynchronize", .slot = &calls.stream_sync},
    {.name = "hipModuleLoadData", .slot = &calls.module_load},
    {.name = "hipModuleUnload", .slot = &calls.module_unload},
    {.name = "hipModuleGetFunction", .slot = &calls.module_function},
    {.name = "hipModuleLaunchKernel", .slot = &calls.launch},
};

static void words(int code, const char **name, const char **text)
{
    *name = hip.error_name ? hip.error_name(code) : NULL;
    *text = hip.error_string ? hip.error_string(code) : NULL;
}

static int accept(int version, char *reason, size_t size)
{
    (void)version; /* code objects are accepted or refused when they are loaded */
    (void)reason;
    (void)size;
    return 1;
}

/* -- device code: one code object per architecture, embedded by code.S ------------------------ */

#define OCTGEMM_HIP_ARCH(name) extern const unsigned char octgemm_hip_##name[];
OCTGEMM_HIP_ARCHS
#undef OCTGEMM_HIP_ARCH

static const struct {
    const char *arch;
    const unsigned char *code;
} objects[] = {
#define OCTGEMM_HIP_ARCH(name) {#name, octgemm_hip_##name},
    OCTGEMM_HIP_ARCHS
#undef OCTGEMM_HIP_ARCH
};

static const void *image(const struct gpu_device *device, unsigned module)
{
    (void)module; /* there is one */
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        if (strcmp(objects[i].arch, device->arch) == 0)
            return objects[i].code;
    return NULL;
}

/* -- devices --------------------------------------------------------------------------------- */

/* Finds the architecture's name in the properties. Their layout changed between ROCm 5 and 6 and
 * may again, but in each of them the name is the one string that begins with "gfx" and has hex
 * digits behind it, up to its end or to a ':' ("gfx90a:sramecc+:xnack-"). The first 256 bytes are
 * the device's name, which may also be "gfx...". */
static void find_arch(char *arch, size_t size, const char *properties, size_t bytes)
{
    for (size_t at = 256; at + 32 < bytes; at++) {
        size_t length = 3;
        if (memcmp(properties + at, "gfx", 3) != 0)
            continue;
        while (length < 16 && isxdigit((unsigned char)properties[at + length]))
            length++;
        char end = properties[at + length];
        if (length > 5 && (end == '\0' || end == ':')) {
            snprintf(arch, size, "%.*s", (int)length, properties + at);
            return;
        }
    }
    snprintf(arch, size, "unknown");
}

/* As target.h has it: CDNA from gfx908 on. */
static int has_mfma(int generation)
{
    return generation == 0x908 || generation == 0x90a ||
           (generation >= 0x940 && generation <= 0x9ff);
}

/* HIP tells the clock of the memory's controller. HBM2 moves two bits a pin in its cycle, as the
 * cost model reckons; HBM3 twice that and GDDR6 eight times. APUs, of whose memory nothing is
 * known, are left as they are. (1300 MHz and 5.3 TB/s are a MI300X, 1249 MHz and 0.96 TB/s an RX
 * 7900 XTX.) */
static const struct {
    int first, last, times;
} memories[] = {
    {0x940, 0x9ff, 2},   {0x1010, 0x1010, 8}, {0x1012, 0x1012, 8},
    {0x1030, 0x1034, 8}, {0x1100, 0x1102, 8}, {0x1200, 0x1201, 8},
};

static int memory_factor(int number)
{
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (number >= memories[i].first && number <= memories[i].last)
            return memories[i].times;
    return 1;
}

/* The number in an architecture's name. */
static int number_of(const char *arch)
{
    return (int)strtol(arch + 3, NULL, 16);
}

/* What it can do: two APUs between CDNA's numbers are Vega, without its matrix instructions, and
 * two of RDNA have no more than they, no dot products. */
static int generation_of(int number)
{
    static const int plain[] = {0x909, 0x90c, 0x1010, 0x1013};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (number == plain[i])
            return 0x900;
    return number;
}

static int describe(struct gpu_device *device, const void **slot)
{
    union {
        char bytes[16384]; /* the struct has 792 bytes in ROCm 5, 1472 in ROCm 6 */
        double aligned;
    } properties;
    memset(&properties, 0, sizeof properties);
    int (*get)(void *, int) = hip.properties ? hip.properties : hip.old_properties;
    int code = get(&properties, device->handle);
    if (code) {
        *slot = hip.properties ? &hip.properties : &hip.old_properties;
        return code;
    }
    find_arch(device->arch, sizeof device->arch, properties.bytes, sizeof properties.bytes);
    int number = number_of(device->arch);
    device->generation = generation_of(number);

    /* hipDeviceAttribute... Where nothing is known, k is split by what an APU's memory gives, about
     * a hundred GB/s. */
    const struct gpu_attribute attributes[] = {
        {63, &device->multiprocessors, 16}, /* MultiprocessorCount: compute units, on RDNA pairs */
        {74, &device->shared_per_block, 65536},             /* MaxSharedMemoryPerBlock */
        {10002, &device->shared_per_multiprocessor, 65536}, /* MaxSharedMemoryPerMultiprocessor */
        {19, &device->l2_bytes, 2 << 20},                   /* L2CacheSize */
        {5, &device->clock_khz, 2000000},                   /* ClockRate */
        {60, &device->memory_clock_khz, 3200000},           /* MemoryClockRate */
        {59, &device->memory_bus_bits, 128},                /* MemoryBusWidth */
    };
    code = octgemm_gpu_read(&calls, device, attributes, sizeof attributes / sizeof *attributes);
    if (code)
        return code;
    device->memory_clock_khz *= memory_factor(number);
    if (has_mfma(device->generation))
        device->packed_rows = 64; /* src/hip/blocks.h */
    device->usable = image(device, 0) != NULL;
    if (device->usable)
        snprintf(device->reason, sizeof device->reason, "%s, %d multiprocessors", device->arch,
                 device->multiprocessors);
    else
        snprintf(device->reason, sizeof device->reason,
                 "%s: this library has no code for it (configure --with-hip-arch)", device->arch);
    return 0;
}

/* -- the current device ---------------------------------------------------------------------- */

/* A process has one context per device, which the runtime keeps. */
static octgemm_status retain(struct gpu_ctx *ctx)
{
    (void)ctx;
    return OCTGEMM_OK;
}

static void release(struct gpu_ctx *ctx)
{
    (void)ctx;
}

static octgemm_status enter(const struct gpu_ctx *ctx, int *previous)
{
    int code = hip.current(previous);
    if (code)
        return octgemm_gpu_fail(ctx->driver, &hip.current, code, "");
    if (*previous == ctx->device->handle)
        return OCTGEMM_OK;
    code = hip.set_current(ctx->device->handle);
    return code ? octgemm_gpu_fail(ctx->driver, &hip.set_current, code, ctx->device->name)
                : OCTGEMM_OK;
}

static void leave(const struct gpu_ctx *ctx, int previous)
{
    if (previous != ctx->device->handle)
        (void)hip.set_current(previous);
}

/* -- tables ---------------------------------------------------------------------------------- */

static const struct gpu_quantizer quantizers[] = {
    {.function = "quantize", .threads = 256, .rows_per_block = 1, .align = 1},
};

static const struct gpu_helper weights = {
    .function = "weights", .threads = 256, .pieces_per_block = 1};

static struct gpu_state state;

static const struct gpu_driver driver = {
    .libraries = libraries,
    .symbols = symbols,
    .symbol_count = sizeof symbols / sizeof *symbols,
    .calls = &calls,
    .state = &state,
    .most_blocks = 0xffffff,  /* a launch has fewer than 2^32 threads, of 256 each */
    .most_tiles = 0x7fffffff, /* blocks count in 32 bits, a whole launch past the last one too */
    .accept = accept,
    .describe = describe,
    .words = words,
    .retain = retain,
    .release = release,
    .enter = enter,
    .leave = leave,
    .image = image,
    .module_count = 1,
    .quantizers = quantizers,
    .quantizer_count = sizeof quantizers / sizeof *quantizers,
    .weights = &weights,
};

/* Every kernel takes any shape, stride and address; the last one any number of tiles that a D of
 * 2^36 elements has. `rate` is the int8 peak of CDNA3 per compute unit and clock, by the share
 * that a tile's traffic with LDS leaves (doc/AMD.md); other targets keep the order among tiles.
 * Streams are for few tokens: 24, 16 and 10 bytes of weights per clock and compute unit, more than
 * memory gives. The widest tiles are for where their sums and operands fit in registers: matrix
 * instructions, and the smaller of the two on RDNA2 as well. */
#define ROW(name_, arch_, function_, ...)                                                          \
    OCTGEMM_GPU_KERNEL(name_, arch_, .function = function_, .unaligned = function_,                \
                       .packed = function_ "_packed", .tile_k = 64, .threads = 256, .align = 1,    \
                       .max_splits = 16, __VA_ARGS__)
#define ANY .last = 0xffff
static const struct kernel kernels[] = {
    ROW("tile_256x128", "gfx11", "tile_256x128", .first = 0x1100, .last = 0x12ff, .tile_m = 256,
        .tile_n = 128, .resident = 1, .rate = 1300, .fixed = 4),
    ROW("tile_256x128_cdna", "gfx90a", "tile_256x128", .first = 0x90a, .last = 0x9ff, .tile_m = 256,
        .tile_n = 128, .resident = 1, .rate = 1300, .fixed = 4),
    ROW("tile_128x128", "gfx908", "tile_128x128", .first = 0x908, .last = 0xffff, .tile_m = 128,
        .tile_n = 128, .resident = 2, .rate = 1200, .fixed = 4),
    ROW("stream_16", "any", "stream_16", ANY, .tile_m = 16, .tile_n = 16, .resident = 4,
        .rate = 384, .fixed = 3),
    ROW("stream_32", "any", "stream_32", ANY, .tile_m = 32, .tile_n = 16, .resident = 4,
        .rate = 512, .fixed = 3),
    ROW("stream_64", "any", "stream_64", ANY, .tile_m = 64, .tile_n = 16, .resident = 2,
        .rate = 640, .fixed = 3),
    ROW("tile_64x64", "any", "tile_64x64", ANY, .tile_m = 64, .tile_n = 64, .resident = 4,
        .persistent = 1, .rate = 800, .fixed = 4),
};

const struct backend octgemm_hip_backend = {
    .name = "hip",
    .impl = &driver,
    .kernels = kernels,
    .kernel_count = sizeof kernels / sizeof *kernels,
    OCTGEMM_GPU_BACKEND,
};
