/* The HIP backend's host side when something fails, on the simulator's runtime (sim/runtime.c):
 * each call that it makes, at each of its turns, ends in a status that names it, with everything
 * given back; no device, no code for it and a library that is too old are reasons. What a driver
 * says is kept for the life of a process, so each test is one of its own; Check forks it. */
#include "octgemm.h"
#include "sim/runtime.h"

#include <check.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { unusual_code = 719, no_binary_for_gpu = 209, out_of_memory = 2 };

static struct sim_runtime *load_runtime(void)
{
    setenv("OCTGEMM_KERNEL", "tile_64x64", 1); /* one that splits k */
    setenv("OCTGEMM_SIM_CODE", "gfx942", 1);
    setenv("OCTGEMM_SIM_ARCH", SIM_ARCH, 0);
    void *library = dlopen(SIM_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    struct sim_runtime *runtime = dlsym(library, "sim_runtime");
    ck_assert_ptr_nonnull(runtime);
    runtime->idle = 1; /* results are not the matter here */
    return runtime;
}

static long calls_of(const struct sim_runtime *runtime, const char *name)
{
    for (int i = 0; i < sim_calls_max && runtime->calls[i].name; i++)
        if (strcmp(runtime->calls[i].name, name) == 0)
            return runtime->calls[i].count;
    return 0;
}

/* -- what a program does, step by step ----------------------------------------------------------
 */

enum { room = 1 << 20, rows = 3, columns = 16, deep = 65536 };

struct program {
    octgemm_ctx *ctx;
    char *memory;
    octgemm_args args;
};

static char host[room];

static octgemm_status allocate(struct program *p)
{
    void *memory = NULL;
    octgemm_status status = octgemm_alloc(p->ctx, room, &memory);
    p->memory = memory;
    return status;
}

static octgemm_status upload(struct program *p)
{
    return octgemm_upload(p->ctx, p->memory, host, room, NULL);
}

static octgemm_status quantize(struct program *p)
{
    const octgemm_quantize_args args = {.size = sizeof args,
                                        .rows = rows,
                                        .k = columns,
                                        .x = p->memory,
                                        .ldx = columns,
                                        .q = (int8_t *)p->memory + 4096,
                                        .ldq = columns,
                                        .scale = (float *)(void *)(p->memory + 8192)};
    return octgemm_quantize(p->ctx, &args);
}

/* Few elements and a long k, so that k is split; zero points, so that B's rows are summed. */
static octgemm_status ask_workspace(struct program *p)
{
    p->args = (octgemm_args){.size = sizeof p->args,
                             .m = rows,
                             .n = columns,
                             .k = deep,
                             .a = (const int8_t *)p->memory,
                             .lda = deep,
                             .b = p->memory,
                             .ldb = deep,
                             .za = (const int32_t *)(const void *)p->memory,
                             .d = p->memory + room / 2,
                             .ldd = columns,
                             .d_type = OCTGEMM_I32};
    return octgemm_workspace(p->ctx, &p->args, &p->args.workspace_size);
}

static octgemm_status run(struct program *p)
{
    p->args.workspace = p->memory + room / 2 + 65536;
    if (p->args.workspace_size > room / 2 - 65536)
        return OCTGEMM_ERR_ARG;
    return octgemm_run(p->ctx, &p->args);
}

static octgemm_status wait_for_stream(struct program *p)
{
    return octgemm_sync(p->ctx, NULL);
}

static octgemm_status download(struct program *p)
{
    return octgemm_download(p->ctx, host, p->memory, room, NULL);
}

static octgemm_status use_context(octgemm_ctx *ctx)
{
    static octgemm_status (*const steps[])(struct program *) = {
        allocate, upload, quantize, ask_workspace, run, wait_for_stream, download};
    struct program p = {.ctx = ctx};
    octgemm_status status = OCTGEMM_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == OCTGEMM_OK; i++)
        status = steps[i](&p);
    octgemm_free(ctx, p.memory);
    return status;
}

static octgemm_status use_everything(void)
{
    octgemm_ctx *ctx = NULL;
    octgemm_status status = octgemm_open(&ctx, "hip", 0);
    if (status == OCTGEMM_OK)
        status = use_context(ctx);
    octgemm_close(&ctx);
    return status;
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
    ck_assert_int_eq(use_everything(), OCTGEMM_OK);
    ck_assert_int_eq(calls_of(runtime, "hipMemsetD32Async"), 1);
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

/* -- running ------------------------------------------------------------------------------------
 */

START_TEST(everything_is_given_back)
{
    struct sim_runtime *runtime = load_runtime();
    runtime->current = 1;
    ck_assert_msg(use_everything() == OCTGEMM_OK, "%s", octgemm_last_error());
    ck_assert_int_eq(runtime->current, 1);
    ck_assert_int_gt(calls_of(runtime, "hipModuleUnload"), 0);
    ck_assert_int_gt(calls_of(runtime, "hipFree"), 0);
    ck_assert_int_eq(runtime->modules, 0);
    ck_assert_int_eq(runtime->memory, 0);
}
END_TEST

/* Each call that the library makes, and the status that its failure ends in. Those with OK are made
 * on the way out only, where there is nobody to report to. */
static const struct failure {
    const char *name;
    octgemm_status status;
    int everywhere; /* made on the way out too, where its failure ends in OK and keeps things */
} failures[] = {
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
enum { failure_count = sizeof failures / sizeof *failures };

/* Uses everything while the nth call of a kind fails, in a process of its own. Exit status 0: the
 * call was not made that often, 1: it was, and its failure was well reported. */
static void fail_in_child(const struct failure *failure, long nth)
{
    struct sim_runtime *runtime = load_runtime();
    runtime->current = 1; /* so that it must be set and restored */
    runtime->fail = failure->name;
    runtime->code = unusual_code;
    runtime->after = nth;
    octgemm_status status = use_everything();
    const char *words = octgemm_last_error();
    int made = calls_of(runtime, failure->name) > nth;
    int given_back = runtime->modules == 0 && runtime->memory == 0;
    int reported = status == failure->status && strstr(words, failure->name) &&
                   strstr(words, "code 719") && given_back;
    int silent = status == OCTGEMM_OK && (!made || failure->status == OCTGEMM_OK) && given_back;
    int on_the_way_out = failure->everywhere && status == OCTGEMM_OK;
    _exit(reported || silent || on_the_way_out ? made : 2);
}

static int fail_nth(const struct failure *failure, long nth)
{
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        fail_in_child(failure, nth);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) < 2,
                  "%s, call %ld: the process ended with %d", failure->name, nth, status);
    return WEXITSTATUS(status);
}

START_TEST(every_call_may_fail)
{
    long nth = 0;
    while (fail_nth(&failures[_i], nth))
        nth++;
    ck_assert_msg(nth > 0, "%s is never called", failures[_i].name);
}
END_TEST

/* So that a new call cannot be forgotten. */
START_TEST(the_table_of_failures_is_complete)
{
    struct sim_runtime *runtime = load_runtime();
    runtime->current = 1;
    ck_assert_int_eq(use_everything(), OCTGEMM_OK);
    for (int i = 0; i < sim_calls_max && runtime->calls[i].name; i++) {
        int known = 0;
        for (int f = 0; f < failure_count; f++)
            known |= strcmp(failures[f].name, runtime->calls[i].name) == 0;
        ck_assert_msg(known, "%s", runtime->calls[i].name);
    }
}
END_TEST

START_TEST(a_context_outlives_a_failure)
{
    struct sim_runtime *runtime = load_runtime();
    const struct failure *failure = &failures[_i];
    octgemm_ctx *ctx = NULL;
    ck_assert_int_eq(octgemm_open(&ctx, "hip", 0), OCTGEMM_OK);
    long before = calls_of(runtime, failure->name);
    runtime->current = 1;
    runtime->fail = failure->name;
    runtime->code = unusual_code;
    runtime->after = before;
    octgemm_status status = use_context(ctx);
    int made = calls_of(runtime, failure->name) > before;
    ck_assert_int_eq(status, made ? failure->status : OCTGEMM_OK);
    runtime->fail = NULL;
    ck_assert_msg(use_context(ctx) == OCTGEMM_OK, "%s", octgemm_last_error());
    octgemm_close(&ctx);
    ck_assert_int_eq(runtime->modules, 0);
    ck_assert_int_eq(runtime->memory, 0);
}
END_TEST

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
    runtime->fail = codes[_i].name;
    runtime->code = codes[_i].code;
    ck_assert_int_eq(use_everything(), codes[_i].status);
    ck_assert_msg(strstr(octgemm_last_error(), codes[_i].words) != NULL, "%s",
                  octgemm_last_error());
    ck_assert_int_eq(runtime->modules, 0);
    ck_assert_int_eq(runtime->memory, 0);
    ck_assert_int_eq(use_everything(), OCTGEMM_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host side of HIP");
    TCase *tests = tcase_create("hip");
    tcase_set_timeout(tests, 120);
    if (access(MOCK_HIP_OLD "/libamdhip64.so.7", R_OK) == 0) /* else without shared libraries */
        tcase_add_test(tests, an_old_runtime_is_a_reason);
    tcase_add_test(tests, no_device_is_a_reason);
    tcase_add_test(tests, an_unknown_architecture_is_a_reason);
    tcase_add_test(tests, an_unknown_bus_width_is_assumed);
    tcase_add_test(tests, everything_is_given_back);
    tcase_add_loop_test(tests, every_call_may_fail, 0, failure_count);
    tcase_add_test(tests, the_table_of_failures_is_complete);
    tcase_add_loop_test(tests, a_context_outlives_a_failure, 0, failure_count);
    tcase_add_loop_test(tests, a_code_has_its_words, 0, sizeof codes / sizeof *codes);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
