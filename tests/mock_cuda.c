/* A CUDA driver without a GPU: device memory is host memory, functions are their names, and any
 * call can be made to fail (mock_cuda.h). It has exactly the calls that src/cuda/cuda.c looks for.
 */
#include "mock_cuda.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    invalid_value = 1,
    out_of_memory = 2,
    no_device = 100,
    invalid_device = 101,
    invalid_context = 201,
    no_binary = 209,
    not_found = 500,
};

/* CUlaunchAttribute and CUlaunchConfig. */
struct launch_attribute {
    int id, pad;
    unsigned value[16];
};

struct launch_config {
    unsigned grid[3], block[3], shared;
    void *stream;
    const struct launch_attribute *attributes;
    unsigned attribute_count;
};

/* What the module exports. */
#pragma GCC visibility push(default)
extern struct mock_cuda mock_cuda;
int cuGetErrorName(int code, const char **name);
int cuGetErrorString(int code, const char **text);
int cuInit(unsigned flags);
int cuDriverGetVersion(int *version);
int cuDeviceGetCount(int *devices);
int cuDeviceGet(int *handle, int ordinal);
int cuDeviceGetName(char *name, int size, int handle);
int cuDeviceGetAttribute(int *value, int attribute, int handle);
int cuDevicePrimaryCtxRetain(void **context, int handle);
int cuDevicePrimaryCtxRelease_v2(int handle);
int cuCtxPushCurrent_v2(void *context);
int cuCtxPopCurrent_v2(void **context);
int cuCtxGetCurrent(void **context);
int cuMemAlloc_v2(void **memory, size_t bytes);
int cuMemFree_v2(void *memory);
int cuMemcpyHtoDAsync_v2(void *device, const void *host, size_t bytes, void *stream);
int cuMemcpyDtoHAsync_v2(void *host, const void *device, size_t bytes, void *stream);
int cuStreamSynchronize(void *stream);
int cuModuleLoadData(void **module, const void *image);
int cuModuleUnload(void *module);
int cuModuleGetFunction(void **function, void *module, const char *name);
int cuFuncSetAttribute(void *function, int attribute, int value);
int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                   void *stream, void **params, void **extra);
int cuLaunchKernelEx(const struct launch_config *config, void *function, void **params,
                     void **extra);
int cuOccupancyMaxActiveClusters(int *clusters, void *function, const struct launch_config *config);
int cuTensorMapEncodeTiled(void *map, int type, uint32_t rank, const void *base,
                           const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
                           const uint32_t *steps, int interleave, int swizzle, int promotion,
                           int fill);
#pragma GCC visibility pop

/* Whatever architectures were configured, there is code or PTX for these devices. */
struct mock_cuda mock_cuda = {
    .version = 99000,
    .devices = 2,
    .capability = {121, 120},
    .clusters = 66,
    .figures = {132, 232448, 233472, 62914560, 1980000, 3201000, 6144}, /* of an H200 */
    .driver = {.lock = PTHREAD_MUTEX_INITIALIZER}};

/* The thread's stack of current contexts. */
static _Thread_local void *stack[8];
static _Thread_local int depth;

static char contexts[mock_devices_max];

static int enter(const char *name)
{
    return mock_enter(&mock_cuda.driver, name);
}

static void *current(void)
{
    return depth > 0 ? stack[depth - 1] : NULL;
}

/* enter() for a call that needs a current context. */
static int enter_current(const char *name)
{
    int code = enter(name);
    return code || current() ? code : invalid_context;
}

int cuGetErrorName(int code, const char **name)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {invalid_value, "CUDA_ERROR_INVALID_VALUE"},
        {out_of_memory, "CUDA_ERROR_OUT_OF_MEMORY"},
        {no_device, "CUDA_ERROR_NO_DEVICE"},
        {invalid_device, "CUDA_ERROR_INVALID_DEVICE"},
        {invalid_context, "CUDA_ERROR_INVALID_CONTEXT"},
        {no_binary, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
        {not_found, "CUDA_ERROR_NOT_FOUND"},
    };
    int failure = enter("cuGetErrorName");
    for (size_t i = 0; i < sizeof names / sizeof *names && !failure; i++)
        if (names[i].code == code) {
            *name = names[i].name;
            return 0;
        }
    return invalid_value;
}

int cuGetErrorString(int code, const char **text)
{
    (void)code;
    int failure = enter("cuGetErrorString");
    *text = "in the mock's words";
    return failure;
}

int cuInit(unsigned flags)
{
    int code = enter("cuInit");
    return code ? code : flags ? invalid_value : 0;
}

int cuDriverGetVersion(int *version)
{
    *version = mock_cuda.version;
    return enter("cuDriverGetVersion");
}

int cuDeviceGetCount(int *devices)
{
    *devices = mock_cuda.devices;
    return enter("cuDeviceGetCount");
}

int cuDeviceGet(int *handle, int ordinal)
{
    *handle = ordinal;
    int code = enter("cuDeviceGet");
    return code ? code : ordinal < mock_cuda.devices ? 0 : invalid_device;
}

int cuDeviceGetName(char *name, int size, int handle)
{
    snprintf(name, (size_t)size, "mock %d", handle);
    return enter("cuDeviceGetName");
}

int cuDeviceGetAttribute(int *value, int attribute, int handle)
{
    const int figures[][2] = {
        {75, mock_cuda.capability[handle] / 10},
        {76, mock_cuda.capability[handle] % 10},
        {16, mock_cuda.figures.multiprocessors},
        {97, mock_cuda.figures.shared_per_block},
        {81, mock_cuda.figures.shared_per_multiprocessor},
        {38, mock_cuda.figures.l2_bytes},
        {13, mock_cuda.figures.clock_khz},
        {36, mock_cuda.figures.memory_clock_khz},
        {37, mock_cuda.figures.memory_bus_bits},
    };
    int code = enter("cuDeviceGetAttribute");
    for (size_t i = 0; i < sizeof figures / sizeof *figures && !code; i++)
        if (figures[i][0] == attribute) {
            *value = figures[i][1];
            return 0;
        }
    return code ? code : invalid_value;
}

int cuDevicePrimaryCtxRetain(void **context, int handle)
{
    int code = enter("cuDevicePrimaryCtxRetain");
    if (code)
        return code;
    mock_count(&mock_cuda.driver, &mock_cuda.driver.contexts, 1);
    *context = &contexts[handle];
    return 0;
}

int cuDevicePrimaryCtxRelease_v2(int handle)
{
    (void)handle;
    mock_count(&mock_cuda.driver, &mock_cuda.driver.contexts, -1);
    return enter("cuDevicePrimaryCtxRelease_v2");
}

int cuCtxPushCurrent_v2(void *context)
{
    int code = enter("cuCtxPushCurrent_v2");
    if (code || !context || depth == (int)(sizeof stack / sizeof *stack))
        return code ? code : invalid_context;
    stack[depth++] = context;
    mock_count(&mock_cuda.driver, &mock_cuda.driver.contexts, 1);
    return 0;
}

int cuCtxPopCurrent_v2(void **context)
{
    int code = enter("cuCtxPopCurrent_v2");
    if (depth == 0)
        return invalid_context;
    *context = stack[--depth];
    mock_count(&mock_cuda.driver, &mock_cuda.driver.contexts, -1);
    return code;
}

/* octgemm has no use for it; a test asks with it what it finds and leaves on a thread. */
int cuCtxGetCurrent(void **context)
{
    *context = current();
    return 0;
}

int cuMemAlloc_v2(void **memory, size_t bytes)
{
    int code = enter_current("cuMemAlloc_v2");
    if (code || bytes == 0)
        return code ? code : invalid_value;
    *memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!*memory)
        return out_of_memory;
    mock_count(&mock_cuda.driver, &mock_cuda.driver.memory, 1);
    return 0;
}

int cuMemFree_v2(void *memory)
{
    free(memory);
    mock_count(&mock_cuda.driver, &mock_cuda.driver.memory, -1);
    return enter_current("cuMemFree_v2");
}

static int copy(const char *name, void *to, const void *from, size_t bytes)
{
    int code = enter_current(name);
    if (!code)
        memcpy(to, from, bytes);
    return code;
}

int cuMemcpyHtoDAsync_v2(void *device, const void *host, size_t bytes, void *stream)
{
    (void)stream;
    return copy("cuMemcpyHtoDAsync_v2", device, host, bytes);
}

int cuMemcpyDtoHAsync_v2(void *host, const void *device, size_t bytes, void *stream)
{
    (void)stream;
    return copy("cuMemcpyDtoHAsync_v2", host, device, bytes);
}

int cuStreamSynchronize(void *stream)
{
    (void)stream;
    return enter_current("cuStreamSynchronize");
}

/* A fatbin begins with this number. */
int cuModuleLoadData(void **module, const void *image)
{
    const uint32_t fatbin = 0xba55ed50u;
    int code = enter_current("cuModuleLoadData");
    if (code || memcmp(image, &fatbin, sizeof fatbin) != 0)
        return code ? code : no_binary;
    *module = malloc(1);
    mock_count(&mock_cuda.driver, &mock_cuda.driver.modules, 1);
    return 0;
}

int cuModuleUnload(void *module)
{
    free(module);
    mock_count(&mock_cuda.driver, &mock_cuda.driver.modules, -1);
    return enter_current("cuModuleUnload");
}

/* A function is its name: the callers' strings live as long as the library. */
int cuModuleGetFunction(void **function, void *module, const char *name)
{
    int code = enter_current("cuModuleGetFunction");
    *function = (void *)(uintptr_t)name;
    return code ? code : module ? 0 : not_found;
}

int cuFuncSetAttribute(void *function, int attribute, int value)
{
    int code = enter_current("cuFuncSetAttribute");
    return code ? code : function && attribute == 8 && value <= 232448 ? 0 : invalid_value;
}

static int launch(const char *call, const struct launch_config *config, void *function,
                  void **params, void **extra)
{
    int code = enter_current(call);
    if (code)
        return code;
    struct mock_launch record = {.function = function,
                                 .blocks = config->grid[0],
                                 .threads = config->block[0],
                                 .shared = config->shared,
                                 .cluster = 1,
                                 .stream = config->stream,
                                 .params = params,
                                 .context = current()};
    for (unsigned i = 0; i < config->attribute_count; i++) {
        if (config->attributes[i].id == 4) /* cluster dimension */
            record.cluster = config->attributes[i].value[0];
        else if (config->attributes[i].id == 6) /* programmatic stream serialization */
            record.overlap = config->attributes[i].value[0];
        else
            return invalid_value;
    }
    if (!function || config->grid[0] == 0 || config->grid[0] > 0x7fffffffu ||
        config->grid[1] != 1 || config->grid[2] != 1 || config->block[0] == 0 ||
        config->block[0] > 1024 || config->block[1] != 1 || config->block[2] != 1 || extra ||
        record.cluster == 0 || record.cluster > 8 || config->grid[0] % record.cluster != 0)
        return invalid_value;
    return mock_cuda.launch ? mock_cuda.launch(mock_cuda.user, &record) : 0;
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                   void *stream, void **params, void **extra)
{
    const struct launch_config config = {.grid = {grid_x, grid_y, grid_z},
                                         .block = {block_x, block_y, block_z},
                                         .shared = shared,
                                         .stream = stream};
    return launch("cuLaunchKernel", &config, function, params, extra);
}

int cuLaunchKernelEx(const struct launch_config *config, void *function, void **params,
                     void **extra)
{
    return launch("cuLaunchKernelEx", config, function, params, extra);
}

/* One block to a multiprocessor, and no group of these is too small for a cluster. */
int cuOccupancyMaxActiveClusters(int *clusters, void *function, const struct launch_config *config)
{
    int code = enter_current("cuOccupancyMaxActiveClusters");
    if (code)
        return code;
    if (!function || config->attribute_count != 1 || config->attributes[0].id != 4 ||
        config->grid[0] % config->attributes[0].value[0] != 0)
        return invalid_value;
    int size = (int)config->attributes[0].value[0];
    int fit = mock_cuda.figures.multiprocessors / size;
    *clusters = fit < mock_cuda.clusters ? fit : mock_cuda.clusters;
    return 0;
}

int cuTensorMapEncodeTiled(void *map, int type, uint32_t rank, const void *base,
                           const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
                           const uint32_t *steps, int interleave, int swizzle, int promotion,
                           int fill)
{
    enum { tensor_map_bytes = 128 };
    static const unsigned widths[] = {1, 2, 4}; /* UINT8, UINT16, UINT32 */
    (void)promotion;
    int code = enter("cuTensorMapEncodeTiled");
    memset(map, 0, tensor_map_bytes);
    int valid = type >= 0 && type < 3 && rank == 2 && base && (uintptr_t)base % 16 == 0 &&
                sizes[0] > 0 && sizes[1] > 0 && strides[0] % 16 == 0 && box[1] <= 256 &&
                steps[0] == 1 && steps[1] == 1 && interleave == 0 && swizzle == 3 && fill == 0;
    /* Wider elements are D's, which is written: 16 bytes at a time, on an H100 past an edge, too.
     */
    if (valid)
        valid = box[0] * widths[type] == 128 && (type == 0 || sizes[0] * widths[type] % 16 == 0);
    if (valid)
        *(struct mock_tensor_map *)map =
            (struct mock_tensor_map){.base = (unsigned char *)(uintptr_t)base,
                                     .sizes = {sizes[0], sizes[1]},
                                     .stride = strides[0],
                                     .box = {box[0], box[1]},
                                     .width = widths[type]};
    return code ? code : valid ? 0 : invalid_value;
}
