/* A libamdhip64.so of the project's own: one device, whose kernels run in the simulator.
 *
 *   OCTGEMM_SIM_CODE=gfx942        which target's kernels run (default gfx942)
 *   OCTGEMM_SIM_ARCH=gfx942:...    what the device says it is (default: the same)
 *                                  (`make check` sets both to what was built)
 *   OCTGEMM_SIM_FAIL=name=code     this call fails with this code; several: name=code,name=code
 *   OCTGEMM_SIM_TRACE=file         appends the name of each launched kernel
 *
 * Device memory ends at a page that cannot be touched, so reading or writing past it is a crash.
 */
#define _GNU_SOURCE
#include "runtime.h"
#include "sim.h"
#include "target.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EXPORT __attribute__((visibility("default")))

enum {
    ok = 0,
    invalid_value = 1,
    out_of_memory = 2,
    invalid_device = 101,
    no_binary_for_gpu = 209,
    not_found = 500,
    page = 4096,
    handle = 0,
};

extern const struct sim_target sim_gfx900, sim_gfx906, sim_gfx90a, sim_gfx942, sim_gfx950,
    sim_gfx1030, sim_gfx1100, sim_gfx1201;
static const struct sim_target *const targets[] = {
    &sim_gfx900, &sim_gfx906,  &sim_gfx90a,  &sim_gfx942,
    &sim_gfx950, &sim_gfx1030, &sim_gfx1100, &sim_gfx1201,
};

/* EF_AMDGPU_MACH, LLVM's AMDGPUUsage. */
static const struct {
    const char *arch;
    uint32_t mach;
} machs[] = {
    {"gfx900", 0x2c},  {"gfx902", 0x2d},  {"gfx904", 0x2e},  {"gfx906", 0x2f},  {"gfx908", 0x30},
    {"gfx909", 0x31},  {"gfx90a", 0x3f},  {"gfx90c", 0x32},  {"gfx940", 0x40},  {"gfx941", 0x4b},
    {"gfx942", 0x4c},  {"gfx950", 0x4f},  {"gfx1010", 0x33}, {"gfx1011", 0x34}, {"gfx1012", 0x35},
    {"gfx1013", 0x42}, {"gfx1030", 0x36}, {"gfx1031", 0x37}, {"gfx1032", 0x38}, {"gfx1033", 0x39},
    {"gfx1034", 0x3e}, {"gfx1035", 0x3d}, {"gfx1036", 0x45}, {"gfx1100", 0x41}, {"gfx1101", 0x46},
    {"gfx1102", 0x47}, {"gfx1103", 0x44}, {"gfx1150", 0x43}, {"gfx1151", 0x4a}, {"gfx1152", 0x55},
    {"gfx1153", 0x58}, {"gfx1200", 0x48}, {"gfx1201", 0x4e},
};

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

EXPORT struct sim_runtime sim_runtime = {
    .devices = 1, .bus_bits = 8192, .driver = {.lock = PTHREAD_MUTEX_INITIALIZER}};

/* The code that a call was told to fail with, or 0. */
static int told_to_fail(const char *call)
{
    int code = mock_enter(&sim_runtime.driver, call);
    if (code)
        return code;
    const char *list = setting("OCTGEMM_SIM_FAIL", "");
    size_t length = strlen(call);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, call, length) == 0 && at[length] == '=')
            return atoi(at + length + 1);
    }
    return ok;
}
#define MAY_FAIL                                                                                   \
    int code = told_to_fail(__func__);                                                             \
    if (code)                                                                                      \
    return code

static const char *reported_arch(void)
{
    return setting("OCTGEMM_SIM_ARCH", setting("OCTGEMM_SIM_CODE", "gfx942"));
}

static const struct sim_target *simulated(void)
{
    const char *name = setting("OCTGEMM_SIM_CODE", "gfx942");
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(targets[i]->name, name) == 0)
            return targets[i];
    return NULL;
}

/* -- errors, device -------------------------------------------------------------------------- */

EXPORT const char *hipGetErrorName(int code);
EXPORT const char *hipGetErrorName(int code)
{
    return code == no_binary_for_gpu ? "hipErrorNoBinaryForGpu" : "hipErrorOfSomeKind";
}

EXPORT const char *hipGetErrorString(int code);
EXPORT const char *hipGetErrorString(int code)
{
    return code == no_binary_for_gpu ? "no kernel image is available for execution on the device"
                                     : "the simulator was told to fail";
}

EXPORT int hipInit(unsigned flags);
EXPORT int hipInit(unsigned flags)
{
    (void)flags;
    MAY_FAIL;
    return ok;
}

EXPORT int hipDriverGetVersion(int *version);
EXPORT int hipDriverGetVersion(int *version)
{
    MAY_FAIL;
    *version = 60000000;
    return ok;
}

EXPORT int hipGetDeviceCount(int *count);
EXPORT int hipGetDeviceCount(int *count)
{
    MAY_FAIL;
    *count = sim_runtime.devices;
    return ok;
}

EXPORT int hipDeviceGet(int *device, int ordinal);
EXPORT int hipDeviceGet(int *device, int ordinal)
{
    MAY_FAIL;
    if (ordinal != 0)
        return invalid_device;
    *device = handle;
    return ok;
}

EXPORT int hipDeviceGetName(char *name, int size, int device);
EXPORT int hipDeviceGetName(char *name, int size, int device)
{
    (void)device;
    MAY_FAIL;
    snprintf(name, (size_t)size, "Simulated AMD GPU");
    return ok;
}

EXPORT int hipDeviceGetAttribute(int *value, int attribute, int device);
EXPORT int hipDeviceGetAttribute(int *value, int attribute, int device)
{
    (void)device;
    static const struct {
        int attribute, value;
    } known[] = {
        {63, 60},         {74, 65536},       {10002, 65536}, {19, 4 << 20},
        {5, 2100 * 1000}, {60, 1300 * 1000}, {59, 0},
    };
    MAY_FAIL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].attribute == attribute) {
            *value = attribute == 59 ? sim_runtime.bus_bits : known[i].value;
            return ok;
        }
    return invalid_value;
}

/* The real structs have the name at these places. */
EXPORT int hipGetDevicePropertiesR0600(char *properties, int device);
EXPORT int hipGetDevicePropertiesR0600(char *properties, int device)
{
    (void)device;
    MAY_FAIL;
    memset(properties, 0, 1472);
    strcpy(properties, "gfx000 is only a name");
    snprintf(properties + 1160, 256, "%s", reported_arch());
    return ok;
}

EXPORT int hipGetDeviceProperties(char *properties, int device);
EXPORT int hipGetDeviceProperties(char *properties, int device)
{
    (void)device;
    MAY_FAIL;
    memset(properties, 0, 792);
    snprintf(properties + 396, 256, "%s", reported_arch());
    return ok;
}

EXPORT int hipGetDevice(int *device);
EXPORT int hipGetDevice(int *device)
{
    MAY_FAIL;
    *device = sim_runtime.current;
    return ok;
}

EXPORT int hipSetDevice(int device);
EXPORT int hipSetDevice(int device)
{
    MAY_FAIL;
    sim_runtime.current = device;
    return ok;
}

/* -- memory: pages, the last bytes of which are the block, then one that is no memory ---------- */

static size_t page_bytes(size_t bytes)
{
    return (bytes + page - 1) / page * page;
}

EXPORT int hipMalloc(void **memory, size_t bytes);
EXPORT int hipMalloc(void **memory, size_t bytes)
{
    MAY_FAIL;
    size_t rounded = (bytes + 63) / 64 * 64; /* pointers are aligned to 64 bytes */
    size_t size = page_bytes(rounded) + sizeof(size_t);
    char *start = mmap(NULL, page + page_bytes(size) + page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return out_of_memory;
    *(size_t *)start = page + page_bytes(size) + page;
    mprotect(start, page, PROT_READ);
    char *end = start + page + page_bytes(size);
    mprotect(end, page, PROT_NONE);
    *memory = end - rounded;
    mock_count(&sim_runtime.driver, &sim_runtime.driver.memory, 1);
    return ok;
}

EXPORT int hipFree(void *memory);
EXPORT int hipFree(void *memory)
{
    /* Never reused: a late access is not another block's. */
    mock_count(&sim_runtime.driver, &sim_runtime.driver.memory, memory ? -1 : 0);
    MAY_FAIL;
    return ok;
}

EXPORT int hipMemcpyHtoDAsync(void *to, const void *from, size_t bytes, void *stream);
EXPORT int hipMemcpyHtoDAsync(void *to, const void *from, size_t bytes, void *stream)
{
    (void)stream;
    MAY_FAIL;
    memcpy(to, from, bytes);
    return ok;
}

EXPORT int hipMemcpyDtoHAsync(void *to, const void *from, size_t bytes, void *stream);
EXPORT int hipMemcpyDtoHAsync(void *to, const void *from, size_t bytes, void *stream)
{
    (void)stream;
    MAY_FAIL;
    memcpy(to, from, bytes);
    return ok;
}

EXPORT int hipMemsetD32Async(void *memory, int value, size_t count, void *stream);
EXPORT int hipMemsetD32Async(void *memory, int value, size_t count, void *stream)
{
    (void)stream;
    MAY_FAIL;
    for (size_t i = 0; i < count; i++)
        memcpy((char *)memory + i * sizeof value, &value, sizeof value);
    return ok;
}

EXPORT int hipStreamSynchronize(void *stream);
EXPORT int hipStreamSynchronize(void *stream)
{
    (void)stream;
    MAY_FAIL;
    return ok;
}

/* -- modules --------------------------------------------------------------------------------- */

/* A real runtime takes an ELF file for AMD GPUs whose flags name the device's architecture. */
EXPORT int hipModuleLoadData(void **module, const void *image);
EXPORT int hipModuleLoadData(void **module, const void *image)
{
    enum { machine_at = 18, flags_at = 48, em_amdgpu = 224 };
    MAY_FAIL;
    uint16_t machine;
    uint32_t flags;
    memcpy(&machine, (const char *)image + machine_at, sizeof machine);
    memcpy(&flags, (const char *)image + flags_at, sizeof flags);
    if (memcmp(image, "\177ELF", 4) != 0 || machine != em_amdgpu)
        return invalid_value;
    const char *arch = reported_arch();
    for (size_t i = 0; i < sizeof machs / sizeof *machs; i++)
        if (strlen(machs[i].arch) == strcspn(arch, ":") &&
            strncmp(machs[i].arch, arch, strlen(machs[i].arch)) == 0 &&
            machs[i].mach == (flags & 0xff)) {
            *module = (void *)(uintptr_t)simulated();
            mock_count(&sim_runtime.driver, &sim_runtime.driver.modules, *module != NULL);
            return *module ? ok : invalid_value;
        }
    return no_binary_for_gpu;
}

EXPORT int hipModuleUnload(void *module);
EXPORT int hipModuleUnload(void *module)
{
    mock_count(&sim_runtime.driver, &sim_runtime.driver.modules, module ? -1 : 0);
    MAY_FAIL;
    return ok;
}

EXPORT int hipModuleGetFunction(void **function, void *module, const char *name);
EXPORT int hipModuleGetFunction(void **function, void *module, const char *name)
{
    MAY_FAIL;
    const struct sim_target *target = module;
    for (const struct sim_function *f = target->functions; f->name; f++)
        if (strcmp(f->name, name) == 0) {
            *function = (void *)(uintptr_t)f;
            return ok;
        }
    return not_found;
}

static void trace(const char *name)
{
    const char *file = setting("OCTGEMM_SIM_TRACE", NULL);
    FILE *out = file ? fopen(file, "a") : NULL;
    if (!out)
        return;
    fprintf(out, "%s\n", name);
    fclose(out);
}

EXPORT int hipModuleLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                                 unsigned block_x, unsigned block_y, unsigned block_z,
                                 unsigned shared, void *stream, void **params, void **extra);
EXPORT int hipModuleLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                                 unsigned block_x, unsigned block_y, unsigned block_z,
                                 unsigned shared, void *stream, void **params, void **extra)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* there is one device */
    MAY_FAIL;
    if (grid_y != 1 || grid_z != 1 || block_y != 1 || block_z != 1 || block_x != 256 || extra ||
        shared != 0 || (uint64_t)grid_x * block_x > UINT32_MAX || grid_x == 0)
        return invalid_value;
    const struct sim_function *f = function;
    const struct sim_launch launch = {.kernel = f->call,
                                      .params = params[0],
                                      .blocks = grid_x,
                                      .threads = block_x,
                                      .wave = simulated()->wave};
    sim_runtime.stream = stream;
    trace(f->name);
    if (sim_runtime.idle)
        return ok;
    pthread_mutex_lock(&lock);
    sim_run(&launch);
    pthread_mutex_unlock(&lock);
    return ok;
}
