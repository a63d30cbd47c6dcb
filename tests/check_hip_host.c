/* The HIP backend's host side when something fails, on the simulator's runtime (sim/runtime.c):
 * each call that it makes, at each of its turns, ends in a status that names it, with everything
 * given back; no device, no code for it and a library that is too old are reasons. What a driver
 * says is kept for the life of a process, so each test is one of its own; Check forks it. */
#include "gpu_failures.h"
#include "octgemm.h"
#include "run_tests.h"
#include "sim/runtime.h"

#include <check.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { no_binary_for_gpu = 209, out_of_memory = 2 };

static struct sim_runtime *load_runtime(void)
{
    setenv("OCTGEMM_KERNEL", "tile_64x64", 1); /* one that splits k */
    setenv("OCTGEMM_SIM_CODE", "gfx942", 1);
    setenv("OCTGEMM_SIM_ARCH", SIM_ARCH, 0);
    void *library = dlopen(SIM_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    struct sim_runtime *runtime = dlsym(library, "sim_runtime");
    ck_assert_ptr_nonnull(runtime);
    runtime->idle = 1;    /* results are not the matter here */
    runtime->current = 1; /* so that it must be set and restored */
    return runtime;
}

static void check_unusable(const char *words)
{
    octgemm_ctx *ctx = (octgemm_ctx *)(uintptr_t)1;
    ck_assert_int_eq(octgemm_open(&ctx, "hip", 0), OCTGEMM_ERR_NO_BACKEND);
    ck_assert_ptr_null(ctx);
    ck_assert_msg(strstr(octgemm_last_error(), words) != NULL, "error: %s", octgemm_last_error());
}

/* -- nothing to run on --------------------------------------------------------------------------
 */

/* A device that does not know how wide its memory is, as some APUs: k is split there as well. */
START_TEST(an_unknown_bus_width_is_assumed)
{
    struct sim_runtime *runtime = load_runtime();
    runtime->bus_bits = 0;
    ck_assert_int_eq(gpu_use_everything("hip"), OCTGEMM_OK);
    ck_assert_int_eq(mock_calls_of(&runtime->driver, "hipMemsetD32Async"), 1);
}
END_TEST

START_TEST(an_old_runtime_is_a_reason)
{
    ck_assert_ptr_nonnull(dlopen(MOCK_HIP_OLD "/libamdhip64.so.7", RTLD_NOW | RTLD_LOCAL));
    check_unusable("too old: libamdhip64.so.7 has no hipDriverGetVersion");
}
END_TEST

START_TEST(no_device_is_a_reason)
{
    load_runtime()->devices = 0;
    check_unusable("lists 0 devices");
}
END_TEST

START_TEST(an_unknown_architecture_is_a_reason)
{
    setenv("OCTGEMM_SIM_ARCH", "gfx9999:sramecc+", 1);
    load_runtime();
    check_unusable("gfx9999: this library has no code for it");
}
END_TEST

/* What a device says of its features behind the architecture's name is no part of it. */
START_TEST(features_of_an_architecture_are_left_out)
{
    setenv("OCTGEMM_SIM_ARCH", SIM_ARCH ":sramecc+:xnack-", 1);
    load_runtime();
    ck_assert_int_eq(gpu_use_everything("hip"), OCTGEMM_OK);
}
END_TEST

/* -- running ------------------------------------------------------------------------------------
 */

START_TEST(everything_is_given_back)
{
    struct sim_runtime *runtime = load_runtime();
    ck_assert_msg(gpu_use_everything("hip") == OCTGEMM_OK, "%s", octgemm_last_error());
    ck_assert_int_eq(runtime->current, 1);
    ck_assert_int_gt(mock_calls_of(&runtime->driver, "hipModuleUnload"), 0);
    ck_assert_int_gt(mock_calls_of(&runtime->driver, "hipFree"), 0);
    ck_assert_int_eq(mock_not_given_back(&runtime->driver), 0);
}
END_TEST

/* A product on memory that nothing reads: the runtime is idle. */
static octgemm_args product(int64_t m, int64_t n, int64_t k, octgemm_type d_type)
{
    static _Alignas(64) int8_t bytes[64];
    return (octgemm_args){.size = sizeof(octgemm_args),
                          .m = m,
                          .n = n,
                          .k = k,
                          .a = bytes,
                          .lda = k,
                          .b = bytes,
                          .ldb = k,
                          .d = bytes,
                          .ldd = n,
                          .d_type = d_type};
}

/* A caller, such as PyTorch, has its own queues of work. */
START_TEST(launches_are_on_the_callers_stream)
{
    struct sim_runtime *runtime = load_runtime();
    int stream;
    octgemm_ctx *ctx = NULL;
    octgemm_args args = product(1, 1, 64, OCTGEMM_I32);
    args.stream = &stream;
    ck_assert_int_eq(octgemm_open(&ctx, "hip", 0), OCTGEMM_OK);
    ck_assert_msg(octgemm_run(ctx, &args) == OCTGEMM_OK, "%s", octgemm_last_error());
    ck_assert_ptr_eq(runtime->stream, &stream);
    ck_assert_int_eq(runtime->current, 1);
    octgemm_close(&ctx);
}
END_TEST

/* Blocks with many tiles count them in 32 bits, and those of a column of tiles, too. */
START_TEST(more_tiles_than_can_be_counted_are_refused)
{
    static const struct {
        int64_t n;
        octgemm_status status;
    } cases[] = {{INT64_C(1) << 36, OCTGEMM_OK}, {INT64_C(1) << 37, OCTGEMM_ERR_UNSUPPORTED}};
    load_runtime();
    octgemm_ctx *ctx = NULL;
    ck_assert_int_eq(octgemm_open(&ctx, "hip", 0), OCTGEMM_OK);
    for (int i = 0; i < 2; i++) {
        const octgemm_args args = product(1, cases[i].n, 1, OCTGEMM_F16);
        ck_assert_msg(octgemm_run(ctx, &args) == cases[i].status, "%s", octgemm_last_error());
    }
    ck_assert_ptr_nonnull(strstr(octgemm_last_error(), "more tiles"));
    octgemm_close(&ctx);
}
END_TEST

/* One token is a stream of the weights, however fast the memory is said to be. */
START_TEST(few_tokens_stream)
{
    static const struct {
        int64_t m;
        const char *kernel;
    } cases[] = {{1, "stream_16"}, {16, "stream_16"}, {32, "stream_32"}, {4096, "tile_"}};
    load_runtime();
    unsetenv("OCTGEMM_KERNEL");
    octgemm_ctx *ctx = NULL;
    ck_assert_int_eq(octgemm_open(&ctx, "hip", 0), OCTGEMM_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        octgemm_info info;
        const octgemm_args args = product(cases[i].m, 28672, 4096, OCTGEMM_BF16);
        ck_assert_int_eq(octgemm_query(ctx, &args, &info), OCTGEMM_OK);
        ck_assert_msg(strncmp(info.kernel, cases[i].kernel, strlen(cases[i].kernel)) == 0,
                      "m = %d: %s", (int)cases[i].m, info.kernel);
    }
    octgemm_close(&ctx);
}
END_TEST

/* The same clock and width are more bytes of HBM3 and GDDR6 than of HBM2: there, k is split. */
static const struct {
    const char *arch;
    int split;
} memories[] = {{"gfx90a", 0}, {"gfx942", 1}, {"gfx1030", 1}, {"gfx1100", 1}, {"gfx1201", 1}};

START_TEST(memory_is_of_its_kind)
{
    if (!strstr(SIM_ARCHS, memories[_i].arch)) {
        printf("%s: skipped: no code for it\n", memories[_i].arch);
        return;
    }
    setenv("OCTGEMM_SIM_ARCH", memories[_i].arch, 1);
    struct sim_runtime *runtime = load_runtime();
    runtime->bus_bits = 256;
    octgemm_ctx *ctx = NULL;
    octgemm_args args = product(64, 256, 32768, OCTGEMM_I32);
    ck_assert_int_eq(octgemm_open(&ctx, "hip", 0), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_workspace(ctx, &args, &args.workspace_size), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_alloc(ctx, args.workspace_size, &args.workspace), OCTGEMM_OK);
    ck_assert_msg(octgemm_run(ctx, &args) == OCTGEMM_OK, "%s", octgemm_last_error());
    ck_assert_int_eq(mock_calls_of(&runtime->driver, "hipMemsetD32Async"), memories[_i].split);
    octgemm_free(ctx, args.workspace);
    octgemm_close(&ctx);
}
END_TEST

/* Each call that the library makes. */
static const struct gpu_failure failures[] = {
    {.name = "hipInit", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "hipDriverGetVersion", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "hipGetDeviceCount", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "hipDeviceGet", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "hipDeviceGetName", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "hipDeviceGetAttribute", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "hipGetDevicePropertiesR0600", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "hipGetDevice", .status = OCTGEMM_ERR_DEVICE, .everywhere = 1},
    {.name = "hipSetDevice", .status = OCTGEMM_ERR_DEVICE, .everywhere = 1},
    {.name = "hipModuleLoadData", .status = OCTGEMM_ERR_DEVICE},
    {.name = "hipModuleGetFunction", .status = OCTGEMM_ERR_DEVICE},
    {.name = "hipMalloc", .status = OCTGEMM_ERR_DEVICE},
    {.name = "hipMemcpyHtoDAsync", .status = OCTGEMM_ERR_DEVICE},
    {.name = "hipMemcpyDtoHAsync", .status = OCTGEMM_ERR_DEVICE},
    {.name = "hipMemsetD32Async", .status = OCTGEMM_ERR_DEVICE},
    {.name = "hipStreamSynchronize", .status = OCTGEMM_ERR_DEVICE},
    {.name = "hipModuleLaunchKernel", .status = OCTGEMM_ERR_DEVICE},
    {.name = "hipModuleUnload", .status = OCTGEMM_OK},
    {.name = "hipFree", .status = OCTGEMM_OK},
};

static struct mock_driver *load_driver(void)
{
    return &load_runtime()->driver;
}

static const char *const no_others[] = {NULL};
static const struct gpu_failures hip_failures = {
    .backend = "hip",
    .load = load_driver,
    .code = 719,
    .words = "code 719",
    .table = failures,
    .count = sizeof failures / sizeof *failures,
    .others = no_others,
};

/* Codes that have a meaning of their own. */
static const struct {
    const char *name;
    int code;
    octgemm_status status;
    const char *words;
} codes[] = {
    {"hipModuleLoadData", no_binary_for_gpu, OCTGEMM_ERR_DEVICE,
     "hipModuleLoadData(" SIM_ARCH
     "): hipErrorNoBinaryForGpu (no kernel image is available for execution on the device, code "
     "209)"},
    {"hipMalloc", out_of_memory, OCTGEMM_ERR_NOMEM, "hipMalloc: "},
};

START_TEST(a_code_has_its_words)
{
    struct sim_runtime *runtime = load_runtime();
    runtime->driver.fault = (struct mock_fault){.call = codes[_i].name, .code = codes[_i].code};
    ck_assert_int_eq(gpu_use_everything("hip"), codes[_i].status);
    ck_assert_msg(strstr(octgemm_last_error(), codes[_i].words) != NULL, "%s",
                  octgemm_last_error());
    ck_assert_int_eq(mock_not_given_back(&runtime->driver), 0);
    ck_assert_int_eq(gpu_use_everything("hip"), OCTGEMM_OK);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("hip");
    tcase_set_timeout(tests, 120);
    if (access(MOCK_HIP_OLD "/libamdhip64.so.7", R_OK) == 0) /* else without shared libraries */
        tcase_add_test(tests, an_old_runtime_is_a_reason);
    tcase_add_test(tests, no_device_is_a_reason);
    tcase_add_test(tests, an_unknown_architecture_is_a_reason);
    tcase_add_test(tests, features_of_an_architecture_are_left_out);
    tcase_add_test(tests, an_unknown_bus_width_is_assumed);
    tcase_add_test(tests, everything_is_given_back);
    tcase_add_test(tests, launches_are_on_the_callers_stream);
    tcase_add_test(tests, more_tiles_than_can_be_counted_are_refused);
    tcase_add_test(tests, few_tokens_stream);
    tcase_add_loop_test(tests, memory_is_of_its_kind, 0, sizeof memories / sizeof *memories);
    gpu_add_failure_tests(tests, &hip_failures);
    tcase_add_loop_test(tests, a_code_has_its_words, 0, sizeof codes / sizeof *codes);
    return run_tests("host side of HIP", tests, CK_FORK);
}
