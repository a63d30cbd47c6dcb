/* The CUDA backend against a driver of our own (mock_cuda.c): probing, loading, launching, and
 * every error path, without a GPU. What a driver says is kept for the life of a process, so each
 * test runs in one of its own; Check forks it. */
#include "config.h"
#include "gpu/params.h"
#include "gpu_failures.h"
#include "mock_cuda.h"
#include "octgemm.h"
#include "run_tests.h"

#include <check.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit status of a test program that could not be run (automake). */
enum { skipped = 77 };

/* -- the mock -------------------------------------------------------------------------------- */

static struct mock_cuda *load_mock_of(const char *file)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    struct mock_cuda *mock = dlsym(library, "mock_cuda");
    ck_assert_ptr_nonnull(mock);
    return mock;
}

static struct mock_cuda *load_mock(void)
{
    return load_mock_of(MOCK_CUDA "/libcuda.so.1");
}

static long all_calls(const struct mock_driver *driver)
{
    long sum = 0;
    for (const struct mock_call *call = driver->calls; call->name; call++)
        sum += call->count;
    return sum;
}

/* Keeps copies of the last launches' parameters, as a driver does. */
struct record {
    int count;
    struct mock_launch launch[8];
    union {
        struct octgemm_gemm_params gemm;
        struct octgemm_quantize_params quantize;
        struct octgemm_weights_params weights;
        struct octgemm_join_params join;
    } params[8];
};

static int record_launch(void *user, const struct mock_launch *launch)
{
    static const struct {
        const char *prefix;
        size_t bytes;
    } sizes[] = {
        {"octgemm_weights", sizeof(struct octgemm_weights_params)},
        {"octgemm_quantize", sizeof(struct octgemm_quantize_params)},
        {"octgemm_join", sizeof(struct octgemm_join_params)},
        {"octgemm_", sizeof(struct octgemm_gemm_params)},
    };
    struct record *record = user;
    int slot = record->count++ % 8;
    size_t row = 0;
    while (strncmp(launch->function, sizes[row].prefix, strlen(sizes[row].prefix)) != 0)
        row++;
    record->launch[slot] = *launch;
    memcpy(&record->params[slot], launch->params[0], sizes[row].bytes);
    return 0;
}

/* -- what a program does with the library ------------------------------------------------------ */

enum { m = 37, n = 100, k = 200 };

/* Where arguments point; the mock runs nothing, so how much lies there does not matter. */
static _Alignas(256) char memory[1 << 24];

static octgemm_args product(void)
{
    return (octgemm_args){.size = sizeof(octgemm_args),
                          .m = m,
                          .n = n,
                          .k = k,
                          .a = (const int8_t *)memory,
                          .lda = 208,
                          .b = memory,
                          .ldb = 224,
                          .sa = (const float *)(const void *)memory,
                          .sb = (const float *)(const void *)memory,
                          .za = (const int32_t *)(const void *)memory,
                          .d = memory,
                          .ldd = 128,
                          .d_type = OCTGEMM_F16};
}

/* The same with other sizes, and no gaps between rows. */
static void resize(octgemm_args *args, int64_t tokens, int64_t weights, int64_t depth)
{
    args->m = tokens;
    args->n = args->ldd = weights;
    args->k = args->lda = args->ldb = depth;
}

/* Runs with as much of a workspace as the library asks for. */
static void run(const octgemm_ctx *ctx, octgemm_args *args, void *workspace)
{
    ck_assert_int_eq(octgemm_workspace(ctx, args, &args->workspace_size), OCTGEMM_OK);
    ck_assert_uint_le(args->workspace_size, sizeof memory - 1);
    args->workspace = workspace;
    ck_assert_msg(octgemm_run(ctx, args) == OCTGEMM_OK, "%s", octgemm_last_error());
}

/* The architecture of the code that a device runs: of its own major version, or the PTX. */
static int code_for(int capability)
{
    static const int built[] = {OCTGEMM_CUDA_ARCHS};
    for (size_t i = 0; i < sizeof built / sizeof *built; i++)
        if (built[i] / 10 == capability / 10)
            return built[i];
    return OCTGEMM_CUDA_PTX;
}

static void check_error(const char *words)
{
    ck_assert_msg(strstr(octgemm_last_error(), words) != NULL, "error: %s", octgemm_last_error());
}

/* What a test looks at: a context on the mock's first device. What is left out is as the mock has
 * it and as the library chooses. */
struct scene {
    const char *driver;    /* the mock's file; NULL: the one that has everything */
    int capability;        /* of the device, which then is the only one */
    const char *kernel;    /* forced */
    struct record *record; /* keeps the launches */
};

/* NULL where configure was told to make no code for a device of that capability. */
static octgemm_ctx *open_scene(const struct scene *scene)
{
    struct mock_cuda *mock = scene->driver ? load_mock_of(scene->driver) : load_mock();
    octgemm_ctx *ctx;
    if (scene->record) {
        mock->launch = record_launch;
        mock->user = scene->record;
    }
    if (scene->capability) {
        mock->devices = 1;
        mock->capability[0] = scene->capability;
    }
    if (scene->kernel)
        ck_assert_int_eq(setenv("OCTGEMM_KERNEL", scene->kernel, 1), 0);
    octgemm_status status = octgemm_open(&ctx, "cuda", 0);
    if (status == OCTGEMM_OK)
        return ctx;
    ck_assert_msg(scene->capability != 0, "%s", octgemm_last_error());
    check_error(scene->kernel ? "no code of it" : "no code for it");
    return NULL;
}

static void check_unusable(int device, const char *words)
{
    octgemm_info info;
    octgemm_ctx *ctx = (octgemm_ctx *)(uintptr_t)1;
    size_t row = 0;
    do
        ck_assert_int_eq(octgemm_backend(row++, &info), OCTGEMM_OK);
    while (strcmp(info.backend, "cuda") != 0);
    ck_assert_int_eq(octgemm_backend(row - 1 + (size_t)device, &info), OCTGEMM_OK);
    ck_assert_str_eq(info.backend, "cuda");
    ck_assert_str_eq(info.kernel, "");
    ck_assert_msg(strstr(info.reason, words) != NULL, "reason: %s", info.reason);
    ck_assert_int_eq(octgemm_open(&ctx, "cuda", device), OCTGEMM_ERR_NO_BACKEND);
    ck_assert_ptr_null(ctx);
    check_error(words);
}

/* -- probing ------------------------------------------------------------------------------------
 */

START_TEST(no_driver_is_a_reason)
{
    if (!dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) /* else this machine has a real one */
        check_unusable(0, "libcuda.so.1 not found");
}
END_TEST

START_TEST(an_old_driver_is_a_reason)
{
    ck_assert_ptr_nonnull(dlopen(MOCK_CUDA_OLD "/libcuda.so.1", RTLD_NOW | RTLD_LOCAL));
    check_unusable(0, "too old: libcuda.so.1 has no cuGetErrorName");
}
END_TEST

START_TEST(a_driver_older_than_the_code_is_a_reason)
{
    load_mock()->version = 9020;
    check_unusable(0, "the driver is for CUDA 9.2");
}
END_TEST

START_TEST(no_device_is_a_reason)
{
    struct mock_cuda *mock = load_mock();
    mock->driver.fault = (struct mock_fault){.call = "cuInit", .code = 100};
    check_unusable(0, "cuInit: CUDA_ERROR_NO_DEVICE (in the mock's words, code 100)");
    ck_assert_int_eq(mock_calls_of(&mock->driver, "cuInit"), 1);
}
END_TEST

START_TEST(an_empty_list_is_a_reason)
{
    load_mock()->devices = 0;
    check_unusable(0, "lists 0 devices");
}
END_TEST

START_TEST(an_unknown_error_has_words)
{
    struct mock_cuda *mock = load_mock();
    mock->driver.fault = (struct mock_fault){.call = "cuInit", .code = 12345};
    check_unusable(0, "cuInit: unknown error (in the mock's words, code 12345)");
}
END_TEST

START_TEST(an_old_gpu_is_a_reason)
{
    struct mock_cuda *mock = load_mock();
    mock->capability[1] = 52;
    check_unusable(1, "compute capability 5.2");
    ck_assert_int_eq(gpu_use_everything("cuda"), OCTGEMM_OK); /* device 0 is as good as before */
}
END_TEST

START_TEST(a_device_that_is_not_there)
{
    octgemm_ctx *ctx;
    load_mock();
    ck_assert_int_eq(octgemm_open(&ctx, "cuda", 2), OCTGEMM_ERR_NO_BACKEND);
    check_error("lists 2 devices");
}
END_TEST

START_TEST(every_device_is_listed)
{
    octgemm_info info;
    size_t found = 0;
    struct mock_cuda *mock = load_mock();
    for (size_t row = 0; octgemm_backend(row, &info) == OCTGEMM_OK; row++) {
        if (strcmp(info.backend, "cuda") != 0)
            continue;
        ck_assert_str_eq(info.device, found == 0 ? "mock 0" : "mock 1");
        ck_assert_str_eq(info.arch, found == 0 ? "sm_121" : "sm_120");
        ck_assert_str_ne(info.kernel, "");
        ck_assert_str_ne(info.reason, "");
        found++;
    }
    ck_assert_uint_eq(found, 2);
    ck_assert_int_eq(mock->driver.contexts, 0); /* looking takes no memory on the device */
}
END_TEST

/* With so many multiprocessors the product that a device is listed with would be split. */
START_TEST(a_device_of_any_size_is_listed)
{
    struct mock_cuda *mock = load_mock();
    octgemm_info info;
    mock->capability[0] = 90;
    mock->figures.multiprocessors = 5000;
    for (size_t row = 0; octgemm_backend(row, &info) == OCTGEMM_OK; row++)
        if (strcmp(info.backend, "cuda") == 0)
            ck_assert_str_ne(info.kernel, "");
}
END_TEST

START_TEST(auto_passes_over_a_gpu_that_does_not_open)
{
    struct mock_cuda *mock = load_mock();
    octgemm_ctx *ctx;
    octgemm_info info;
    mock->driver.fault = (struct mock_fault){.call = "cuModuleLoadData", .code = 2, .lasting = 1};
    ck_assert_int_eq(octgemm_open(&ctx, "cuda", 0), OCTGEMM_ERR_NOMEM);
    ck_assert_int_eq(octgemm_open(&ctx, "auto", 0), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_query(ctx, NULL, &info), OCTGEMM_OK);
    ck_assert_str_eq(info.backend, "cpu");
    octgemm_close(&ctx);
    ck_assert_int_eq(mock->driver.contexts, 0);
}
END_TEST

START_TEST(auto_takes_the_gpu)
{
    octgemm_ctx *ctx;
    octgemm_info info;
    load_mock();
    ck_assert_int_eq(octgemm_open(&ctx, "auto", 1), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_query(ctx, NULL, &info), OCTGEMM_OK);
    ck_assert_str_eq(info.backend, "cuda");
    ck_assert_str_eq(info.device, "mock 1");
    octgemm_close(&ctx);
}
END_TEST

static void *open_and_close(void *user)
{
    octgemm_ctx *ctx;
    octgemm_status *status = user;
    *status = octgemm_open(&ctx, "cuda", 0);
    octgemm_close(&ctx);
    return NULL;
}

START_TEST(threads_load_the_driver_once)
{
    enum { threads = 8 };
    struct mock_cuda *mock = load_mock();
    pthread_t thread[threads];
    octgemm_status status[threads];
    for (int i = 0; i < threads; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, open_and_close, &status[i]), 0);
    for (int i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        ck_assert_int_eq(status[i], OCTGEMM_OK);
    }
    ck_assert_int_eq(mock_calls_of(&mock->driver, "cuInit"), 1);
    ck_assert_int_eq(mock_not_given_back(&mock->driver), 0);
}
END_TEST

/* A child forked in the midst of that has no GPU, and no one to wait for; its parent has one. */
START_TEST(a_fork_while_the_driver_is_loaded)
{
    struct mock_cuda *mock = load_mock();
    pthread_t thread;
    octgemm_status status;
    int end;
    pthread_mutex_lock(&mock->driver.lock); /* where the thread then waits */
    ck_assert_int_eq(pthread_create(&thread, NULL, open_and_close, &status), 0);
    while (__atomic_load_n(&mock->driver.begun, __ATOMIC_RELAXED) == 0)
        usleep(1000);
    pid_t child = fork();
    if (child == 0) {
        octgemm_ctx *ctx;
        alarm(10);
        int none = octgemm_open(&ctx, "cuda", 0) == OCTGEMM_ERR_NO_BACKEND &&
                   strstr(octgemm_last_error(), "the process forked while") != NULL;
        _exit(none && octgemm_open(&ctx, NULL, 0) == OCTGEMM_OK ? 0 : 1);
    }
    pthread_mutex_unlock(&mock->driver.lock);
    pthread_join(thread, NULL);
    ck_assert_int_eq(status, OCTGEMM_OK);
    ck_assert_int_eq(waitpid(child, &end, 0), child);
    ck_assert_int_eq(end, 0);
}
END_TEST

/* -- running ------------------------------------------------------------------------------------
 */

START_TEST(everything_is_given_back)
{
    struct mock_cuda *mock = load_mock();
    ck_assert_int_eq(gpu_use_everything("cuda"), OCTGEMM_OK);
    ck_assert_int_gt(mock_calls_of(&mock->driver, "cuModuleLoadData"), 0);
    ck_assert_int_eq(mock_not_given_back(&mock->driver), 0);
    ck_assert_int_eq(mock_calls_of(&mock->driver, "cuCtxPushCurrent_v2"),
                     mock_calls_of(&mock->driver, "cuCtxPopCurrent_v2"));
}
END_TEST

/* What may be recorded into a graph: launches, on a current context. */
START_TEST(a_run_only_queues_work)
{
    static const char *const allowed[] = {"cuCtxPushCurrent_v2", "cuCtxPopCurrent_v2",
                                          "cuLaunchKernel", "cuLaunchKernelEx",
                                          "cuTensorMapEncodeTiled"};
    struct mock_cuda *mock = load_mock();
    octgemm_ctx *ctx;
    octgemm_args args = product();
    ck_assert_int_eq(octgemm_open(&ctx, "cuda", 0), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_workspace(ctx, &args, &args.workspace_size), OCTGEMM_OK);
    args.workspace = memory;
    long before = all_calls(&mock->driver);
    long before_allowed = 0;
    long after_allowed = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        before_allowed += mock_calls_of(&mock->driver, allowed[i]);
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        after_allowed += mock_calls_of(&mock->driver, allowed[i]);
    ck_assert_int_gt(all_calls(&mock->driver), before);
    ck_assert_int_eq(all_calls(&mock->driver) - before, after_allowed - before_allowed);
    octgemm_close(&ctx);
}
END_TEST

START_TEST(the_callers_context_is_restored)
{
    struct mock_cuda *mock = load_mock();
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    int (*push)(void *) = NULL;
    int (*get)(void **) = NULL;
    void *symbol = dlsym(library, "cuCtxPushCurrent_v2");
    memcpy(&push, &symbol, sizeof push);
    symbol = dlsym(library, "cuCtxGetCurrent");
    memcpy(&get, &symbol, sizeof get);
    int mine;
    void *found = NULL;
    ck_assert_int_eq(push(&mine), 0);
    struct record record = {.count = 0};
    mock->launch = record_launch;
    mock->user = &record;
    ck_assert_int_eq(gpu_use_everything("cuda"), OCTGEMM_OK);
    ck_assert_int_eq(get(&found), 0);
    ck_assert_ptr_eq(found, &mine);
    ck_assert_int_gt(record.count, 0);
    for (int i = 0; i < record.count && i < 8; i++)
        ck_assert_ptr_ne(record.launch[i].context, &mine);
}
END_TEST

/* A workspace that starts anywhere is enough, and nothing reaches past its end. */
START_TEST(parameters_reach_the_kernel)
{
    struct record record = {.count = 0};
    octgemm_ctx *ctx = open_scene(&(struct scene){.kernel = "generic_64x64", .record = &record});
    octgemm_args args = product();
    args.za_mode = OCTGEMM_SCALE_TENSOR;
    args.stream = &record;
    run(ctx, &args, memory + 1);

    ck_assert_int_eq(record.count, 2);
    ck_assert_str_eq(record.launch[0].function, "octgemm_weights");
    const struct octgemm_weights_rows *sums = record.params[0].weights.part;
    ck_assert_ptr_eq(sums->b, args.b);
    ck_assert_ptr_null(sums->packed);
    ck_assert_int_eq(sums->n, n);
    ck_assert_int_eq(record.params[0].weights.k, k);
    ck_assert_int_eq(record.params[0].weights.part[1].n, 0);
    ck_assert_int_eq(sums->ldb, 224);
    ck_assert((char *)sums->column >= memory + 1 &&
              (char *)(sums->column + n) <= memory + 1 + args.workspace_size);
    ck_assert_uint_eq((uintptr_t)sums->column % 256, 0);

    ck_assert_str_eq(record.launch[1].function, "octgemm_generic");
    const struct octgemm_gemm_params *gemm = &record.params[1].gemm;
    ck_assert_ptr_eq(record.launch[1].stream, &record);
    ck_assert_uint_eq(record.launch[1].blocks, 2);
    ck_assert_ptr_eq(gemm->column, sums->column);
    ck_assert_int_eq(gemm->m, m);
    ck_assert_int_eq(gemm->n, n);
    ck_assert_int_eq(gemm->k, k);
    ck_assert_int_eq(gemm->lda, 208);
    ck_assert_int_eq(gemm->ldd, 128);
    ck_assert_int_eq(gemm->tiles_m, 1);
    ck_assert_int_eq(gemm->tiles_n, 2);
    ck_assert_int_eq(gemm->splits, 1);
    ck_assert_int_eq(gemm->d_type, OCTGEMM_F16);
    ck_assert_int_eq(gemm->sa_step, 1);
    ck_assert_int_eq(gemm->za_step, 0);
    octgemm_close(&ctx);
}
END_TEST

/* Packed weights bring their sums: no workspace, one launch. */
START_TEST(packed_weights_bring_their_sums)
{
    struct record record = {.count = 0};
    size_t bytes;
    octgemm_ctx *ctx = open_scene(&(struct scene){.kernel = "generic_64x64", .record = &record});
    ck_assert_int_eq(octgemm_packed_size(ctx, n, k, &bytes), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_pack(ctx, n, k, (const int8_t *)memory, k, memory, NULL), OCTGEMM_OK);
    const struct octgemm_weights_rows *weights = record.params[0].weights.part;
    ck_assert_ptr_eq(weights->packed, memory);
    ck_assert_ptr_eq((char *)(weights->column + n), memory + bytes);
    ck_assert_int_eq(record.params[0].weights.packs, 1); /* kernels read them early */

    octgemm_args args = product();
    args.b_layout = OCTGEMM_B_PACKED;
    ck_assert_int_eq(octgemm_workspace(ctx, &args, &bytes), OCTGEMM_OK);
    ck_assert_uint_eq(bytes, 0);
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
    ck_assert_int_eq(record.count, 2);
    ck_assert_ptr_eq(record.params[1].gemm.column, weights->column);
    ck_assert_int_eq(record.params[1].gemm.ldb, weights->ldp);

    /* More than there can be: refused as octgemm_packed_size() does, nothing is launched. */
    ck_assert_int_eq(octgemm_pack(ctx, INT64_MAX / 2, 1, (const int8_t *)memory, 1, memory, NULL),
                     OCTGEMM_ERR_ARG);
    ck_assert_ptr_nonnull(
        strstr(octgemm_last_error(),
               "octgemm_pack: packed weights of n 4611686018427387903 and k 1 need"));
    ck_assert_int_eq(record.count, 2);
    octgemm_close(&ctx);
}
END_TEST

/* The stride of a single row may be anything. */
START_TEST(one_row_of_any_stride_is_quantised)
{
    struct record record = {.count = 0};
    octgemm_ctx *ctx = open_scene(&(struct scene){.record = &record});
    const octgemm_quantize_args args = {.size = sizeof args,
                                        .rows = 1,
                                        .k = 8,
                                        .x = memory,
                                        .x_type = OCTGEMM_F16,
                                        .ldx = INT64_MAX - 1,
                                        .q = (int8_t *)memory + 128,
                                        .ldq = INT64_MAX,
                                        .scale = (float *)(memory + 192)};
    ck_assert_int_eq(octgemm_quantize(ctx, &args), OCTGEMM_OK);
    ck_assert_int_eq(record.count, 1);
    ck_assert_int_eq(record.params[0].quantize.ldx, INT64_MAX - 1);
    octgemm_close(&ctx);
}
END_TEST

/* Which quantiser takes rows of a length at an address. */
START_TEST(quantisers_take_the_rows_they_can)
{
    static const struct {
        int64_t k;
        octgemm_type type;
        int x, q, scale, more; /* bytes off 64, and elements between rows of q */
        const char *function;
    } cases[] = {
        {8, OCTGEMM_F16, 0, 0, 0, 8, "octgemm_quantize_2x4"},
        {4096, OCTGEMM_BF16, 0, 0, 0, 0, "octgemm_quantize_4x4"},
        {5120, OCTGEMM_BF16, 0, 0, 0, 0, "octgemm_quantize_4x5"},
        {8192, OCTGEMM_BF16, 0, 0, 0, 0, "octgemm_quantize_8x4"},
        {28672, OCTGEMM_F32, 0, 0, 0, 0, "octgemm_quantize_32x7"},
        {28676, OCTGEMM_F32, 0, 0, 0, 12, "octgemm_quantize_any"},
        {0, OCTGEMM_F16, 2, 0, 0, 0, "octgemm_quantize_2x5_off"},
        {16, OCTGEMM_F16, 2, 0, 0, 0, "octgemm_quantize_2x5_off"},
        {16, OCTGEMM_F16, 0, 1, 0, 0, "octgemm_quantize_2x5_off"},
        {16, OCTGEMM_F16, 0, 0, 0, 1, "octgemm_quantize_2x5_off"},
        {4097, OCTGEMM_F16, 0, 0, 0, 0, "octgemm_quantize_4x5_off"},
        {5112, OCTGEMM_F16, 2, 0, 0, 0, "octgemm_quantize_4x5_off"},
        {5113, OCTGEMM_F16, 2, 0, 0, 0, "octgemm_quantize_8x5_off"},
        {4097, OCTGEMM_F32, 4, 1, 0, 0, "octgemm_quantize_8x5_off"},
        {14337, OCTGEMM_BF16, 0, 0, 0, 0, "octgemm_quantize_8x8_off"},
        {28673, OCTGEMM_BF16, 0, 0, 0, 0, "octgemm_quantize_16x8_off"},
        {32765, OCTGEMM_BF16, 0, 0, 0, 0, "octgemm_quantize_any"},
        {16, OCTGEMM_F16, 1, 0, 0, 0, "octgemm_quantize_any"},
        {16, OCTGEMM_F32, 2, 0, 0, 0, "octgemm_quantize_any"},
        {16, OCTGEMM_F32, 0, 0, 2, 0, "octgemm_quantize_any"},
    };
    struct record record = {.count = 0};
    octgemm_ctx *ctx = open_scene(&(struct scene){.record = &record});
    const octgemm_quantize_args args = {.size = sizeof args,
                                        .rows = 3,
                                        .k = cases[_i].k,
                                        .x = memory + cases[_i].x,
                                        .x_type = cases[_i].type,
                                        .ldx = cases[_i].k,
                                        .q = (int8_t *)memory + 64 + cases[_i].q,
                                        .ldq = cases[_i].k + cases[_i].more,
                                        .scale = (float *)(void *)(memory + 128 + cases[_i].scale)};
    ck_assert_int_eq(octgemm_quantize(ctx, &args), OCTGEMM_OK);
    ck_assert_int_eq(record.count, 1);
    ck_assert_str_eq(record.launch[0].function, cases[_i].function);
    octgemm_close(&ctx);
}
END_TEST

/* A decode kernel adds up B's rows itself, unless tokens fill its tile. */
START_TEST(decode_kernels_count_with_a_spare_token)
{
    struct record record = {.count = 0};
    octgemm_ctx *ctx = open_scene(&(struct scene){.kernel = "decode_16x32", .record = &record});
    for (int rows = 1; rows <= 16; rows++) {
        octgemm_args args = product();
        record.count = 0;
        args.m = rows;
        run(ctx, &args, memory + 1);
        ck_assert_int_eq(record.count, rows < 16 ? 1 : 2);
        const struct octgemm_gemm_params *gemm = &record.params[record.count - 1].gemm;
        ck_assert_ptr_eq(gemm->za, args.za);
        ck_assert_int_eq(gemm->column == NULL, rows < 16);
    }
    octgemm_close(&ctx);
}
END_TEST

/* Rows off the kernel's alignment are copied into the workspace, A's, B's and B's sums at once, and
 * the kernel's aligned function reads the copies. It still does not take a misaligned D. */
START_TEST(odd_rows_are_copied)
{
    struct record record = {.count = 0};
    size_t bytes;
    octgemm_ctx *ctx = open_scene(&(struct scene){.kernel = "mma_128x128x128", .record = &record});
    octgemm_args args = product();
    args.lda = k + 1;
    args.ldb = k + 1;
    ck_assert_int_eq(octgemm_workspace(ctx, &args, &args.workspace_size), OCTGEMM_OK);
    args.workspace = memory + 1;
    args.a++; /* any address will do */
    ck_assert_int_eq(octgemm_workspace(ctx, &args, &bytes), OCTGEMM_OK);
    ck_assert_uint_eq(bytes, args.workspace_size);
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
    ck_assert_int_eq(record.count, 2);
    const struct octgemm_weights_rows *a = &record.params[0].weights.part[0];
    const struct octgemm_weights_rows *b = &record.params[0].weights.part[1];
    const struct octgemm_gemm_params *gemm = &record.params[1].gemm;
    ck_assert_int_eq(record.params[0].weights.k, k);
    ck_assert_ptr_eq(a->b, args.a);
    ck_assert_int_eq(a->n, m);
    ck_assert_int_eq(a->ldb, k + 1);
    ck_assert_int_eq(a->ldp, 256);
    ck_assert_ptr_null(a->column);
    ck_assert_ptr_eq(b->b, args.b);
    ck_assert_int_eq(b->n, n);
    ck_assert(a->packed >= (int8_t *)memory + 1 && a->packed + m * 256 <= b->packed);
    ck_assert(b->packed + n * 256 <= (int8_t *)b->column);
    ck_assert((char *)(b->column + n) <= memory + 1 + args.workspace_size);
    ck_assert_str_eq(record.launch[1].function, "octgemm_mma_128x128x128");
    ck_assert_ptr_eq(gemm->a, a->packed);
    ck_assert_ptr_eq(gemm->b, b->packed);
    ck_assert_ptr_eq(gemm->column, b->column);
    ck_assert_int_eq(gemm->lda, 256);
    ck_assert_int_eq(gemm->ldb, 256);

    args.d = memory + 1;
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_ERR_UNSUPPORTED);
    octgemm_close(&ctx);
}
END_TEST

/* Without k nothing is read of A and B, wherever they are. The sums of packed rows are. */
START_TEST(odd_addresses_without_k_are_taken)
{
    octgemm_args args = product();
    octgemm_ctx *ctx = open_scene(&(struct scene){.kernel = "mma_64x64x256"});
    args.za = NULL;
    args.k = 0;
    args.a++;
    args.b = memory + 1;
    ck_assert_msg(octgemm_run(ctx, &args) == OCTGEMM_OK, "%s", octgemm_last_error());
    args.b_layout = OCTGEMM_B_PACKED;
    ck_assert_msg(octgemm_run(ctx, &args) == OCTGEMM_OK, "%s", octgemm_last_error());
    args.za = (const int32_t *)(const void *)memory;
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_ERR_UNSUPPORTED);
    octgemm_close(&ctx);
}
END_TEST

/* Parts of k go to the workspace, whole tiles of each, and a launch of its own adds them. */
START_TEST(parts_of_k_are_joined)
{
    struct record record = {.count = 0};
    enum { tokens = 50, weights = 1000, tile_m = 64, columns = 1024 };
    octgemm_ctx *ctx = open_scene(&(struct scene){.kernel = "mma_64x64x256", .record = &record});
    octgemm_args args = product();
    args.za = NULL;
    resize(&args, tokens, weights, 14336);
    run(ctx, &args, memory + 1);
    ck_assert_int_eq(record.count, 2);
    ck_assert_str_eq(record.launch[0].function, "octgemm_mma_64x64x256");
    ck_assert_str_eq(record.launch[1].function, "octgemm_join");
    const struct octgemm_gemm_params *gemm = &record.params[0].gemm;
    const struct octgemm_join_params *join = &record.params[1].join;
    ck_assert_int_gt(gemm->splits, 1);
    ck_assert_ptr_null(gemm->counter);
    ck_assert_ptr_nonnull(gemm->partial);
    ck_assert_mem_eq(&join->gemm, gemm, sizeof *gemm);
    ck_assert_int_eq(join->ld, columns);
    ck_assert_int_eq(join->step, tile_m * columns);
    ck_assert_uint_eq(record.launch[0].blocks, 16 * (unsigned)gemm->splits);
    ck_assert_uint_eq(record.launch[1].blocks, (tokens * weights / 8 + 255) / 256);
    ck_assert((char *)gemm->partial >= memory + 1);
    ck_assert((char *)(gemm->partial + gemm->splits * join->step) <=
              memory + 1 + args.workspace_size);
    octgemm_close(&ctx);
}
END_TEST

/* One of Hopper's kernels, and a product for it. */
static octgemm_ctx *open_hopper(struct record *record, const char *kernel, octgemm_args *args)
{
    *args = product();
    args->za = NULL;
    return open_scene(&(struct scene){.capability = 90, .kernel = kernel, .record = record});
}

/* Hopper's kernels: pairs of blocks with neighbouring tiles, parts of k in a cluster, and what no
 * tensor map can describe is refused with the reason. */
START_TEST(wgmma_kernels_come_in_clusters)
{
    struct record record = {.count = 0};
    octgemm_args args;
    octgemm_ctx *ctx = open_hopper(&record, "wgmma_128x128x128_turns_pair", &args);
    if (!ctx)
        return;
    args.n = 3 * 128;
    args.ldd = args.n;
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
    ck_assert_str_eq(record.launch[0].function, "octgemm_wgmma_128x128x128_turns_pair");
    ck_assert_uint_eq(record.launch[0].cluster, 2);
    ck_assert_uint_eq(record.launch[0].blocks, 4); /* the last has a tile that is not there */
    ck_assert_int_eq(record.params[0].gemm.tiles_n, 3);

    octgemm_args nothing = args;
    nothing.k = 0;
    ck_assert_int_eq(octgemm_run(ctx, &nothing), OCTGEMM_ERR_UNSUPPORTED);
    check_error("no tensor map");
    octgemm_close(&ctx);

    /* 64 tiles on 132 multiprocessors, and a long k. */
    ctx = open_hopper(&record, "wgmma_64x64x128", &args);
    ck_assert_ptr_nonnull(ctx);
    resize(&args, 64, 4096, 14336);
    run(ctx, &args, NULL);
    ck_assert_uint_eq(args.workspace_size, 0);
    const struct octgemm_gemm_params *gemm = &record.params[1].gemm;
    ck_assert_int_gt(gemm->splits, 1);
    ck_assert_ptr_null(gemm->partial);
    ck_assert_int_eq(gemm->boxed_n, 0); /* sums are added first */
    ck_assert_uint_eq(record.launch[1].cluster, (unsigned)gemm->splits);
    ck_assert_uint_eq(record.launch[1].blocks, 64 * (unsigned)gemm->splits);
    octgemm_close(&ctx);
}
END_TEST

/* Without the call that makes tensor maps, what wants them is not there, and all else is. */
START_TEST(a_driver_without_tensor_maps_runs_the_rest)
{
    octgemm_args args = product();
    octgemm_info info;
    octgemm_ctx *ctx =
        open_scene(&(struct scene){.driver = MOCK_CUDA_NO_MAPS "/libcuda.so.1", .capability = 90});
    if (!ctx)
        return;
    for (size_t i = 0; octgemm_kernel(ctx, NULL, i, &info) == OCTGEMM_OK; i++)
        if (strncmp(info.kernel, "wgmma_", 6) == 0)
            ck_assert_str_eq(info.reason, OCTGEMM_CUDA_WGMMA == 90
                                              ? "needs tensor maps and clusters"
                                              : "this library has no code of it for this device");
    args.za = NULL;
    resize(&args, 4096, 4096, 4096);
    ck_assert_msg(octgemm_run(ctx, &args) == OCTGEMM_OK, "%s", octgemm_last_error());
    octgemm_close(&ctx);
}
END_TEST

/* Parts of k go to no more clusters than the driver says there can be. */
START_TEST(clusters_are_those_that_the_device_can_have)
{
    static const int clusters[] = {66, 1, 0};
    struct record record = {.count = 0};
    octgemm_args args;
    octgemm_ctx *ctx = open_hopper(&record, "wgmma_64x64x128", &args);
    if (!ctx)
        return;
    octgemm_close(&ctx);
    resize(&args, 64, 4096, 14336);
    for (int i = 0; i < 3; i++) {
        load_mock()->clusters = clusters[i];
        ck_assert_int_eq(octgemm_open(&ctx, "cuda", 0), OCTGEMM_OK);
        ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
        ck_assert_int_eq(record.params[i].gemm.splits > 1, clusters[i] > 1);
        octgemm_close(&ctx);
    }
}
END_TEST

/* The copy engine is not asked for rows that are not there, which it is slow with. */
START_TEST(boxes_have_no_rows_that_are_not_there)
{
    static const struct {
        const char *kernel;
        int64_t tokens;
        int rows; /* of them in a box */
        int64_t weights;
        int rows_n;
    } cases[] = {
        {"wgmma_64x64x128", 1, 1, 64, 64},
        {"wgmma_64x64x128", 40, 40, 63, 63},
        {"wgmma_64x64x128", 64, 64, 1, 1},
        {"wgmma_64x64x128", 100, 64, 65, 64},
        {"wgmma_128x128x128_turns_pair", 20, 16, 4096, 128}, /* each block's half, in groups of 8 */
        {"wgmma_128x128x128_turns_pair", 300, 64, 100, 100},
        {"wgmma_192x128x128_turns_pair", 300, 96, 129, 128},
    };
    struct record record = {.count = 0};
    octgemm_args args;
    octgemm_ctx *ctx = open_hopper(&record, cases[_i].kernel, &args);
    if (!ctx)
        return;
    args.m = cases[_i].tokens;
    args.n = args.ldd = cases[_i].weights;
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
    ck_assert_int_eq(record.params[0].gemm.box_rows, cases[_i].rows);
    ck_assert_int_eq(record.params[0].gemm.box_rows_n, cases[_i].rows_n);
    octgemm_close(&ctx);
}
END_TEST

/* Tiles of m are walked together as the kernel likes it, if the L2 keeps their rows of A; tiles of
 * one round in squares of those that start side by side, with no thin row at the end. */
START_TEST(tiles_are_walked_together)
{
    static const struct {
        const char *kernel;
        int m, n, k, group, splits;
    } cases[] = {{"wgmma_256x128x128_pair", 4096, 4096, 4096, 16, 1},
                 {"wgmma_256x128x128_pair", 4096, 4096, 14336, 8, 1},
                 {"wgmma_192x128x128_turns_pair", 8192, 4096, 4096, 32, 1},
                 {"wgmma_192x128x128_turns_pair", 4096, 4096, 4096, 22, 1}, /* all there are */
                 {"wgmma_192x128x128_turns_pair", 4096, 4096, 8192, 16, 1},
                 {"wgmma_128x128x128_turns", 4096, 4096, 131071 / 16 * 16, 8, 1}, /* rounds */
                 {"wgmma_128x64x128", 2048, 640, 4096, 8, 1},  /* 16 x 10 are two */
                 {"wgmma_128x64x128", 2048, 512, 4096, 4, 1},  /* 16 x 8 are one */
                 {"wgmma_80x128x128", 1024, 1280, 4096, 5, 1}, /* 13 x 10: 5, 5 and 3 */
                 {"wgmma_80x128x128", 720, 1280, 4096, 5, 1},  /* 9 x 10 */
                 {"wgmma_128x64x128", 768, 1280, 4096, 6, 1},  /* 6 x 20: all together */
                 {"wgmma_64x64x128_deep", 256, 512, 4096, 2, 2},
                 {"wgmma_64x64x128_deep", 256, 256, 4096, 2, 4}};
    struct record record = {.count = 0};
    octgemm_args args;
    octgemm_ctx *ctx = open_hopper(&record, cases[_i].kernel, &args);
    if (!ctx)
        return;
    resize(&args, cases[_i].m, cases[_i].n, cases[_i].k);
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
    ck_assert_int_eq(record.params[0].gemm.group, cases[_i].group);
    ck_assert_int_eq(record.params[0].gemm.splits, cases[_i].splits);
    octgemm_close(&ctx);
}
END_TEST

/* Kernels count the tiles of those that are walked together in 32 bits. */
START_TEST(tiles_walked_together_can_be_counted)
{
    struct record record = {.count = 0};
    octgemm_ctx *ctx = open_scene(&(struct scene){.kernel = "mma_64x64x256", .record = &record});
    octgemm_args args = product();
    args.za = NULL;
    resize(&args, 1, INT64_C(1) << 35, 16);
    ck_assert_msg(octgemm_run(ctx, &args) == OCTGEMM_OK, "%s", octgemm_last_error());
    const struct octgemm_gemm_params *gemm = &record.params[0].gemm;
    ck_assert_int_eq(gemm->tiles_n, 1 << 29);
    ck_assert_int_eq(gemm->group, 1);

    args.n = args.ldd = INT64_C(1) << 37;
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_ERR_UNSUPPORTED);
    check_error("more tiles");
    octgemm_close(&ctx);
}
END_TEST

/* Of a D that is more than half of the L2, lines leave it first. */
START_TEST(a_large_d_leaves_the_l2_first)
{
    static const struct {
        int64_t tokens;
        octgemm_type type;
        int passes;
    } cases[] = {{4096, OCTGEMM_BF16, 1},
                 {3000, OCTGEMM_BF16, 0},
                 {3000, OCTGEMM_F32, 1},
                 {1, OCTGEMM_F32, 0}};
    struct record record = {.count = 0};
    octgemm_args args;
    octgemm_ctx *ctx = open_hopper(&record, "wgmma_256x128x128_pair", &args);
    if (!ctx)
        return;
    resize(&args, cases[_i].tokens, 4096, 4096);
    args.d_type = cases[_i].type;
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
    ck_assert_int_eq(record.params[0].gemm.d_passes, cases[_i].passes);
    octgemm_close(&ctx);
}
END_TEST

/* Launches hold back what is behind them where the order of blocks is worth more than the overlap:
 * whole rounds of blocks that share rows of A and of B, and copies that take long. */
START_TEST(launches_hold_back_what_needs_an_order)
{
    static const struct {
        const char *kernel;
        int64_t m, n, k, ld;
        int sums, copies_in_order, in_order;
    } cases[] = {
        {"wgmma_128x128x128", 512, 4096, 4096, 4096, 0, 0, 1},
        {"wgmma_128x128x128", 512, 4096, 512, 512, 0, 0, 0},   /* over soon */
        {"wgmma_128x128x128", 256, 4096, 4096, 4096, 0, 0, 0}, /* two rows of blocks */
        {"wgmma_128x128x128", 512, 2816, 4096, 4096, 0, 0, 0}, /* 88 of 132 places */
        {"wgmma_128x128x128", 512, 6144, 4096, 4096, 0, 0, 0}, /* 192: 60 in the last round */
        {"wgmma_128x128x128", 768, 5504, 4096, 4096, 0, 0, 1}, /* 258: 126 */
        {"wgmma_256x128x128_pair", 1024, 4096, 4096, 4096, 1, 0, 0},
        {"wgmma_128x128x128", 512, 4096, 4096, 4096, 1, 1, 1},
        {"wgmma_64x64x128", 64, 4096, 4096, 4096, 1, 1, 0},
        {"wgmma_64x64x128", 64, 900, 4096, 4096, 1, 0, 0},  /* 3.7 MB to add up */
        {"wgmma_64x64x128", 64, 900, 4096, 4100, 1, 0, 0},  /* and 3.9 to copy */
        {"wgmma_64x64x128", 128, 900, 4096, 4100, 1, 1, 0}, /* 4.2 */
        {"wgmma_64x64x128", 128, 28672, 4096, 4096, 1, 0, 0},
    };
    struct record record = {.count = 0};
    octgemm_args args;
    octgemm_ctx *ctx = open_hopper(&record, cases[_i].kernel, &args);
    static char workspace[1 << 8];
    static int32_t zeros[1];
    if (!ctx)
        return;
    resize(&args, cases[_i].m, cases[_i].n, cases[_i].k);
    args.lda = args.ldb = cases[_i].ld;
    args.za = cases[_i].sums ? zeros : NULL;
    run(ctx, &args, workspace);
    ck_assert_int_eq(record.count, 1 + cases[_i].sums);
    if (cases[_i].sums) {
        ck_assert_int_eq(record.params[0].weights.in_order, cases[_i].copies_in_order);
        ck_assert_int_eq(record.params[0].weights.packs, 0);
    }
    ck_assert_int_eq(record.params[cases[_i].sums].gemm.in_order, cases[_i].in_order);
    octgemm_close(&ctx);
}
END_TEST

/* Packed weights are read while the launch ahead ends, where that pays: not other weights, which it
 * may be writing. */
START_TEST(packed_weights_are_read_early)
{
    static const struct {
        const char *kernel;
        int64_t m, n, k;
        octgemm_layout layout;
        int early;
    } cases[] = {
        {"wgmma_64x64x128_deep", 64, 4096, 4096, OCTGEMM_B_PACKED, 1},
        {"wgmma_64x64x128_deep", 64, 4096, 4096, OCTGEMM_B_ROWS, 0},
        {"wgmma_16x64x128", 16, 2048, 14336, OCTGEMM_B_PACKED, 1}, /* parts of k */
        {"decode_8x32_w16", 1, 4096, 4096, OCTGEMM_B_PACKED, 1},
        {"decode_8x32_w16", 1, 4096, 4096, OCTGEMM_B_ROWS, 0},
        {"decode_8x32", 1, 4096, 4096, OCTGEMM_B_PACKED, 0}, /* gains nothing */
        {"wgmma_128x64x128", 64, 5120, 2048, OCTGEMM_B_PACKED, 1},
        {"wgmma_128x64x128", 64, 5120, 20480, OCTGEMM_B_PACKED, 0},  /* 80 blocks for long */
        {"wgmma_128x128x128", 512, 4096, 4096, OCTGEMM_B_PACKED, 0}, /* in order instead */
        {"wgmma_256x128x128_pair", 512, 512, 4096, OCTGEMM_B_PACKED, 0},
        {"mma_128x128x128", 1024, 4096, 4096, OCTGEMM_B_PACKED, 0},
    };
    struct record record = {.count = 0};
    octgemm_args args;
    octgemm_ctx *ctx = open_hopper(&record, cases[_i].kernel, &args);
    if (!ctx)
        return;
    args.b_layout = cases[_i].layout;
    resize(&args, cases[_i].m, cases[_i].n, cases[_i].k);
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
    ck_assert_int_eq(record.count, 1);
    const struct octgemm_gemm_params *gemm = &record.params[0].gemm;
    /* Only where launches overlap, which code for earlier architectures does not. */
    ck_assert_int_eq(gemm->early, cases[_i].early && code_for(90) >= 90);
    ck_assert(!gemm->early || !gemm->in_order);
    octgemm_close(&ctx);
}
END_TEST

/* The copy engine writes what of D's rows is whole pieces of 16 bytes, if every row starts on 16.
 */
START_TEST(boxes_of_d_have_no_bytes_that_are_not_there)
{
    static const struct {
        octgemm_type type;
        int64_t n, ldd;
        int offset; /* of D, bytes */
        int64_t boxed;
    } cases[] = {
        {OCTGEMM_BF16, 384, 384, 0, 384},
        {OCTGEMM_BF16, 383, 384, 0, 376},
        {OCTGEMM_BF16, 7, 8, 0, 0},
        {OCTGEMM_BF16, 384, 388, 0, 0},
        {OCTGEMM_F16, 384, 384, 2, 0},
        {OCTGEMM_F16, 384, 392, 16, 384},
        {OCTGEMM_I32, 383, 384, 0, 380},
        {OCTGEMM_F32, 384, 386, 0, 0},
        {OCTGEMM_F32, 384, 384, 4, 0},
        {OCTGEMM_I32, 3, 4, 0, 0},
        {OCTGEMM_F32, 384, INT64_C(1) << 40, 0, 0}, /* further than a stride may go */
    };
    struct record record = {.count = 0};
    octgemm_args args;
    octgemm_ctx *ctx = open_hopper(&record, "wgmma_128x128x128_turns", &args);
    if (!ctx)
        return;
    args.m = 1;
    args.n = cases[_i].n;
    args.ldd = cases[_i].ldd;
    args.d_type = cases[_i].type;
    args.d = (char *)args.d + cases[_i].offset;
    ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
    ck_assert_int_eq(record.params[0].gemm.boxed_n, cases[_i].boxed);
    octgemm_close(&ctx);
}
END_TEST

/* What octgemm_workspace() and octgemm_query() say does not depend on addresses, and the workspace
 * is enough for any. */
START_TEST(workspace_is_the_same_for_any_address)
{
    octgemm_info info, info_with;
    octgemm_ctx *ctx = open_scene(&(struct scene){.kernel = NULL});
    for (int64_t rows = 1; rows <= 4096; rows *= 2)
        for (int64_t depth = 16; depth <= 65536; depth *= 4)
            for (int variant = 0; variant < 16; variant++) {
                octgemm_args args = {.size = sizeof args,
                                     .m = rows,
                                     .n = 1000,
                                     .k = depth,
                                     .lda = depth + (variant >> 1 & 1),
                                     .ldb = depth + (variant >> 2 & 1) * 4,
                                     .ldd = 1000};
                size_t with;
                args.za = variant & 1 ? (const int32_t *)64 : NULL;
                ck_assert_int_eq(octgemm_workspace(ctx, &args, &args.workspace_size), OCTGEMM_OK);
                ck_assert_int_eq(octgemm_query(ctx, &args, &info), OCTGEMM_OK);
                args.a = (const int8_t *)memory + 1;
                args.b = memory + 1;
                args.d = memory + (variant >> 3);
                args.za = variant & 1 ? (const int32_t *)(const void *)(memory + 2) : NULL;
                ck_assert_int_eq(octgemm_workspace(ctx, &args, &with), OCTGEMM_OK);
                ck_assert_int_eq(octgemm_query(ctx, &args, &info_with), OCTGEMM_OK);
                ck_assert_str_eq(info_with.kernel, info.kernel);
                ck_assert_msg(with == args.workspace_size, "m %d k %d: %s wants %zu, not %zu",
                              (int)rows, (int)depth, info.kernel, with, args.workspace_size);
                args.workspace = memory + 1; /* nothing runs */
                ck_assert_msg(octgemm_run(ctx, &args) == OCTGEMM_OK, "%s", octgemm_last_error());
            }
    octgemm_close(&ctx);
}
END_TEST

/* Code for architectures before 9.0 does not wait for what it starts beside, so it never does: PTX
 * may be all there is for a later device. */
START_TEST(launches_overlap_where_their_code_waits)
{
    static const int devices[] = {90, 110, 120};
    struct record record = {.count = 0};
    octgemm_ctx *ctx = open_scene(&(struct scene){.capability = devices[_i], .record = &record});
    if (!ctx)
        return;
    octgemm_args args = product();
    args.za = NULL;
    args.lda++; /* copied first */
    run(ctx, &args, memory);
    ck_assert_int_gt(record.count, 0);
    for (int i = 0; i < record.count; i++)
        ck_assert_int_eq(record.launch[i].overlap != 0, code_for(devices[_i]) >= 90);
    octgemm_close(&ctx);
}
END_TEST

/* -- choosing -----------------------------------------------------------------------------------
 */

/* GPUs that nobody had at hand. */
static const struct {
    const char *name;
    int capability;
    struct mock_figures figures;
} gpus[] = {
    {"RTX 4090", 89, {128, 101376, 102400, 75497472, 2520000, 10501000, 384}},
    {"L40S", 89, {142, 101376, 102400, 100663296, 2520000, 9001000, 384}},
    {"A100", 80, {108, 166912, 167936, 41943040, 1410000, 1593000, 5120}},
    {"RTX 3090", 86, {82, 101376, 102400, 6291456, 1695000, 9751000, 384}},
    {"T4", 75, {40, 65536, 65536, 4194304, 1590000, 5001000, 256}},
};

/* The layers of Llama-3.1-8B: what runs fits the GPU and needs nothing that only sm_90 has; few
 * tokens go to a kernel for few, many to wide tiles, where there is shared memory for them. */
START_TEST(choices_are_sane_on_other_gpus)
{
    static const int64_t layers[][2] = {{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}};
    static const int64_t tokens[] = {1, 16, 64, 128, 256, 1024, 4096, 8192};
    struct record record = {.count = 0};
    load_mock()->figures = gpus[_i].figures;
    octgemm_ctx *ctx =
        open_scene(&(struct scene){.capability = gpus[_i].capability, .record = &record});
    if (!ctx)
        return;
    enum { layer_count = sizeof layers / sizeof *layers, layouts = 2 };
    for (size_t l = 0; l < layer_count * layouts; l++)
        for (size_t t = 0; t < sizeof tokens / sizeof *tokens; t++) {
            octgemm_args args = product();
            args.za = NULL;
            args.b_layout = (octgemm_layout)(l % layouts);
            resize(&args, tokens[t], layers[l / layouts][0], layers[l / layouts][1]);
            record.count = 0;
            ck_assert_int_eq(octgemm_workspace(ctx, &args, &args.workspace_size), OCTGEMM_OK);
            ck_assert_uint_lt(args.workspace_size, 1 << 27);
            args.workspace = calloc(args.workspace_size + 1, 1);
            ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
            free(args.workspace);
            ck_assert_int_eq(record.count, record.params[0].gemm.splits > 1 ? 2 : 1);
            const struct mock_launch *launch = &record.launch[0];
            const char *name = launch->function;
            ck_assert_msg(launch->shared <= (unsigned)gpus[_i].figures.shared_per_block &&
                              launch->cluster == 1 && !launch->overlap &&
                              !record.params[0].gemm.early,
                          "%s: %s", gpus[_i].name, name);
            ck_assert_msg(tokens[t] > 1 || strncmp(name, "octgemm_decode", 14) == 0, "%s: %s",
                          gpus[_i].name, name);
            ck_assert_msg(tokens[t] < 4096 || gpus[_i].capability == 75 ||
                              strstr(name, "128x128") || strstr(name, "256x128") ||
                              strstr(name, "128x192"),
                          "%s: %s", gpus[_i].name, name);
        }
    octgemm_close(&ctx);
}
END_TEST

/* Where every kernel may be chosen; NULL where Hopper's own were not built. */
static octgemm_ctx *open_all_of_hopper(void)
{
    struct scene scene = {.capability = 90, .kernel = "wgmma_64x64x128"};
    octgemm_ctx *ctx = open_scene(&scene);
    if (!ctx)
        return NULL;
    octgemm_close(&ctx);
    ck_assert_int_eq(unsetenv("OCTGEMM_KERNEL"), 0);
    scene.kernel = NULL;
    return open_scene(&scene);
}

/* The same layers on an H200: single tokens go to the kernels for few, many to wgmma's, and so they
 * do by either of the two memory clocks that drivers may report for it, and by none. */
START_TEST(choices_are_sane_on_an_h200)
{
    static const int64_t layers[][2] = {{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}};
    static const struct {
        int64_t tokens;
        const char *prefix;
    } cases[] = {{1, "decode_"}, {1024, "wgmma_"}};
    static const int clocks[] = {3201000, 2619000, 0};
    load_mock()->figures.memory_clock_khz = clocks[_i];
    octgemm_ctx *ctx = open_all_of_hopper();
    if (!ctx)
        return;
    for (size_t l = 0; l < sizeof layers / sizeof *layers; l++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            octgemm_info info;
            octgemm_args args = product();
            resize(&args, cases[c].tokens, layers[l][0], layers[l][1]);
            ck_assert_int_eq(octgemm_query(ctx, &args, &info), OCTGEMM_OK);
            ck_assert_msg(strncmp(info.kernel, cases[c].prefix, strlen(cases[c].prefix)) == 0,
                          "m %d n %d k %d: %s", (int)args.m, (int)args.n, (int)args.k, info.kernel);
            /* Its row says that it is not for so few. */
            ck_assert_str_ne(info.kernel, "wgmma_128x128x128_turns_pair");
        }
    octgemm_close(&ctx);
}
END_TEST

/* What a Hopper GPU with such memory would run. */
static void check_choice(int clock_khz, int bus_bits, const octgemm_args *args, const char *kernel)
{
    struct mock_cuda *mock = load_mock();
    octgemm_info info;
    mock->figures.memory_clock_khz = clock_khz;
    mock->figures.memory_bus_bits = bus_bits;
    octgemm_ctx *ctx = open_all_of_hopper();
    if (!ctx)
        return;
    ck_assert_int_eq(octgemm_query(ctx, args, &info), OCTGEMM_OK);
    ck_assert_str_eq(info.kernel, kernel);
    octgemm_close(&ctx);
}

enum { h100_clock_khz = 2619000, h100_bus_bits = 5120 };

/* An H100 and an H200 differ in their memory alone, and were measured apart. */
START_TEST(an_h200_has_figures_of_its_own)
{
    static const struct {
        int clock_khz, bus_bits;
        const char *kernel;
    } cards[] = {{h100_clock_khz, h100_bus_bits, "wgmma_256x128x128_pair"},
                 {3201000, 6016, "wgmma_128x128x128_turns"}};
    octgemm_args args = product();
    resize(&args, 4096, 4096, 4096);
    check_choice(cards[_i].clock_khz, cards[_i].bus_bits, &args, cards[_i].kernel);
}
END_TEST

/* Rows that start off the L2's lines cost more of its bandwidth, which larger tiles need less of.
 * Packed rows are on lines, whatever ldb says. */
START_TEST(rows_off_lines_get_larger_tiles)
{
    static const struct {
        int64_t lda, ldb;
        octgemm_layout layout;
        const char *kernel;
    } cases[] = {{4096, 4096, OCTGEMM_B_ROWS, "wgmma_64x64x128_deep"},
                 {4224, 4352, OCTGEMM_B_ROWS, "wgmma_64x64x128_deep"},
                 {4096, 4112, OCTGEMM_B_PACKED, "wgmma_64x64x128_deep"},
                 {4112, 4112, OCTGEMM_B_ROWS, "wgmma_128x128x128"}};
    octgemm_args args = product();
    args.za = NULL;
    resize(&args, 128, 4096, 4096);
    args.lda = cases[_i].lda;
    args.ldb = cases[_i].ldb;
    args.b_layout = cases[_i].layout;
    check_choice(h100_clock_khz, h100_bus_bits, &args, cases[_i].kernel);
}
END_TEST

/* On 132 multiprocessors: tiles of as many tokens and weights as leave the fewest of them idle. */
START_TEST(tiles_fill_the_device)
{
    static const struct {
        int64_t m, n, k;
        const char *kernel;
    } cases[] = {
        {256, 8192, 8192, "wgmma_128x128x128"}, /* 2 x 64 tiles, in one round ... */
        {576, 4096, 14336, "wgmma_144x128x128_turns"}, {640, 4096, 14336, "wgmma_160x128x128"},
        {320, 6144, 4096, "wgmma_80x192x128"},         {384, 6144, 4096, "wgmma_96x192x128"},
        {320, 4096, 4096, "wgmma_160x64x128"},         /* 2 x 64 */
        {224, 28672, 4096, "wgmma_112x128x128_turns"}, /* 2 x 224: four rounds */
        {160, 28672, 4096, "wgmma_160x128x128"},       /* 224: two, not four of 80 */
        {128, 9216, 3072, "wgmma_80x192x128"}, /* 2 x 48: 72 of 128x128 would leave more idle, and
                                                  memory waiting */
        {64, 4096, 4096, "wgmma_48x64x128_deep"}};
    octgemm_args args = product();
    args.za = NULL;
    resize(&args, cases[_i].m, cases[_i].n, cases[_i].k);
    check_choice(h100_clock_khz, h100_bus_bits, &args, cases[_i].kernel);
}
END_TEST

/* 33 tiles of 128 weights are 17 pairs, and four rows of these more than an H100 has room for. */
START_TEST(an_odd_tile_has_a_pair_to_itself)
{
    static const struct {
        int64_t n;
        const char *kernel;
    } cases[] = {{4096, "wgmma_256x128x128_pair"}, {4104, "wgmma_128x128x128_turns"}};
    octgemm_args args = product();
    args.za = NULL;
    resize(&args, 2048, cases[_i].n, 4096);
    check_choice(h100_clock_khz, h100_bus_bits, &args, cases[_i].kernel);
}
END_TEST

/* Product number i of many: whatever a choice may depend on, in turn, and the sizes fastest. */
static octgemm_args varied(unsigned i)
{
    static const int64_t sizes[8][3] = {{16, 64, 256},   {17, 64, 256},  {16, 300, 256},
                                        {16, 64, 4096},  {1, 64, 256},   {300, 300, 256},
                                        {300, 300, 512}, {300, 64, 4096}};
    octgemm_args args = product();
    args.m = sizes[i % 8][0];
    args.n = sizes[i % 8][1];
    args.k = sizes[i % 8][2];
    i /= 8;
    args.lda = 4096 + (i & 1 ? 0 : 3);
    args.ldb = 4096 + (i & 2 ? 0 : i & 4 ? 4 : 1);
    args.ldd = 300;
    args.a += i & 8 ? 0 : 1;
    args.b = memory + (i & 16 ? 0 : 2);
    args.d = memory + (i & 32 ? 0 : 1);
    args.za = i & 64 ? NULL : args.za;
    args.b_layout = i & 128 ? OCTGEMM_B_PACKED : OCTGEMM_B_ROWS;
    args.d_type = i & 256 ? OCTGEMM_F32 : OCTGEMM_BF16;
    return args;
}

static struct record run_alone(struct mock_cuda *mock, octgemm_ctx *ctx, octgemm_args *args,
                               char *workspace)
{
    struct record record;
    memset(&record, 0, sizeof record);
    mock->user = &record;
    args->workspace = NULL;
    run(ctx, args, workspace);
    for (int i = 0; i < record.count && i < 8; i++)
        record.launch[i].params = NULL, record.launch[i].context = NULL;
    return record;
}

/* A context that has been asked a thousand things answers as one that was just opened. */
START_TEST(what_was_asked_before_changes_nothing)
{
    enum { products = 8 * 512 };
    static char workspace[sizeof memory];
    struct mock_cuda *mock = load_mock();
    octgemm_ctx *old, *fresh;
    mock->launch = record_launch;
    ck_assert_int_eq(octgemm_open(&old, "cuda", 0), OCTGEMM_OK);
    for (unsigned i = 0; i < products; i++) {
        octgemm_args args = varied(i);
        octgemm_args same = args;
        ck_assert_int_eq(octgemm_open(&fresh, "cuda", 0), OCTGEMM_OK);
        struct record expected = run_alone(mock, fresh, &same, workspace);
        for (int again = 0; again < 2; again++) {
            struct record found = run_alone(mock, old, &args, workspace);
            ck_assert_uint_eq(args.workspace_size, same.workspace_size);
            ck_assert_msg(memcmp(&found, &expected, sizeof found) == 0, "product %u", i);
        }
        octgemm_close(&fresh);
    }
    octgemm_close(&old);
}
END_TEST

struct asking {
    octgemm_ctx *ctx;
    const char *expected[64];
    int wrong;
};

static void *keep_asking(void *user)
{
    struct asking *asking = user;
    for (unsigned i = 0; i < 20000; i++) {
        octgemm_args args = varied(i * 7 % 64);
        octgemm_info info;
        if (octgemm_query(asking->ctx, &args, &info) != OCTGEMM_OK ||
            info.kernel != asking->expected[i * 7 % 64])
            return &asking->wrong;
    }
    return NULL;
}

START_TEST(threads_choose_alike)
{
    enum { threads = 4 };
    struct asking asking;
    pthread_t thread[threads];
    load_mock();
    ck_assert_int_eq(octgemm_open(&asking.ctx, "cuda", 0), OCTGEMM_OK);
    for (unsigned i = 0; i < 64; i++) {
        octgemm_args args = varied(i);
        octgemm_info info;
        ck_assert_int_eq(octgemm_query(asking.ctx, &args, &info), OCTGEMM_OK);
        asking.expected[i] = info.kernel;
    }
    for (int i = 0; i < threads; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, keep_asking, &asking), 0);
    for (int i = 0; i < threads; i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        ck_assert_ptr_null(wrong);
    }
    octgemm_close(&asking.ctx);
}
END_TEST

/* -- failing ------------------------------------------------------------------------------------
 */

/* Each call that the library makes. */
static const struct gpu_failure failures[] = {
    {.name = "cuInit", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "cuDriverGetVersion", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "cuDeviceGetCount", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "cuDeviceGet", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "cuDeviceGetName", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "cuDeviceGetAttribute", .status = OCTGEMM_ERR_NO_BACKEND},
    {.name = "cuDevicePrimaryCtxRetain", .status = OCTGEMM_ERR_DEVICE},
    {.name = "cuCtxPushCurrent_v2", .status = OCTGEMM_ERR_DEVICE, .everywhere = 1},
    {.name = "cuModuleLoadData", .status = OCTGEMM_ERR_DEVICE},
    {.name = "cuModuleGetFunction", .status = OCTGEMM_ERR_DEVICE},
    {.name = "cuMemAlloc_v2", .status = OCTGEMM_ERR_DEVICE},
    {.name = "cuMemcpyHtoDAsync_v2", .status = OCTGEMM_ERR_DEVICE},
    {.name = "cuMemcpyDtoHAsync_v2", .status = OCTGEMM_ERR_DEVICE},
    {.name = "cuStreamSynchronize", .status = OCTGEMM_ERR_DEVICE},
    {.name = "cuLaunchKernel", /* of what does not wait for the kernel ahead itself */
     .status = OCTGEMM_ERR_DEVICE,
     .generation = 90,
     .kernel = "generic_64x64"},
    {.name = "cuLaunchKernelEx",
     .status = OCTGEMM_ERR_DEVICE,
     .generation = 90,
     .kernel = "wgmma_64x128x128"},
    {.name = "cuFuncSetAttribute", .status = OCTGEMM_ERR_DEVICE},
    {.name = "cuOccupancyMaxActiveClusters", /* no such clusters, then */
     .status = OCTGEMM_OK,
     .generation = 90,
     .kernel = "wgmma_64x128x128"},
    {.name = "cuTensorMapEncodeTiled",
     .status = OCTGEMM_ERR_DEVICE,
     .generation = 90,
     .kernel = "wgmma_64x128x128"},
    {.name = "cuCtxPopCurrent_v2", .status = OCTGEMM_OK},
    {.name = "cuModuleUnload", .status = OCTGEMM_OK},
    {.name = "cuMemFree_v2", .status = OCTGEMM_OK},
    {.name = "cuDevicePrimaryCtxRelease_v2", .status = OCTGEMM_OK},
};
static const char *const others[] = {"cuGetErrorName", "cuGetErrorString", NULL};

static struct mock_driver *load_driver(void)
{
    struct mock_cuda *mock = load_mock();
    mock->devices = 1;
    return &mock->driver;
}

static void set_generation(struct mock_driver *driver, int generation)
{
    (void)driver;
    load_mock()->capability[0] = generation;
}

static const struct gpu_failures cuda_failures = {
    .backend = "cuda",
    .load = load_driver,
    .set_generation = set_generation,
    .code = 1,
    .words = "CUDA_ERROR_INVALID_VALUE",
    .table = failures,
    .count = sizeof failures / sizeof *failures,
    .others = others,
};

START_TEST(out_of_memory_is_its_own_status)
{
    struct mock_cuda *mock = load_mock();
    octgemm_ctx *ctx;
    void *block;
    ck_assert_int_eq(octgemm_open(&ctx, "cuda", 0), OCTGEMM_OK);
    mock->driver.fault = (struct mock_fault){.call = "cuMemAlloc_v2", .code = 2};
    ck_assert_int_eq(octgemm_alloc(ctx, 64, &block), OCTGEMM_ERR_NOMEM);
    check_error("CUDA_ERROR_OUT_OF_MEMORY");
    mock->driver.fault.call = NULL;
    ck_assert_int_eq(octgemm_alloc(ctx, 0, &block), OCTGEMM_OK);
    octgemm_free(ctx, block);
    octgemm_close(&ctx);
}
END_TEST

int main(void)
{
    /* Without shared libraries there is no mock. */
    if (access(MOCK_CUDA "/libcuda.so.1", R_OK) != 0)
        return skipped;
    TCase *tests = tcase_create("cuda");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, no_driver_is_a_reason);
    tcase_add_test(tests, an_old_driver_is_a_reason);
    tcase_add_test(tests, a_driver_older_than_the_code_is_a_reason);
    tcase_add_test(tests, no_device_is_a_reason);
    tcase_add_test(tests, an_empty_list_is_a_reason);
    tcase_add_test(tests, an_unknown_error_has_words);
    tcase_add_test(tests, an_old_gpu_is_a_reason);
    tcase_add_test(tests, a_device_that_is_not_there);
    tcase_add_test(tests, every_device_is_listed);
    tcase_add_test(tests, a_device_of_any_size_is_listed);
    tcase_add_test(tests, auto_takes_the_gpu);
    tcase_add_test(tests, auto_passes_over_a_gpu_that_does_not_open);
    tcase_add_test(tests, threads_load_the_driver_once);
    tcase_add_test(tests, a_fork_while_the_driver_is_loaded);
    tcase_add_test(tests, everything_is_given_back);
    tcase_add_test(tests, a_run_only_queues_work);
    tcase_add_test(tests, the_callers_context_is_restored);
    tcase_add_test(tests, parameters_reach_the_kernel);
    tcase_add_test(tests, packed_weights_bring_their_sums);
    tcase_add_test(tests, decode_kernels_count_with_a_spare_token);
    tcase_add_test(tests, odd_rows_are_copied);
    tcase_add_test(tests, odd_addresses_without_k_are_taken);
    tcase_add_test(tests, parts_of_k_are_joined);
    tcase_add_test(tests, wgmma_kernels_come_in_clusters);
    tcase_add_test(tests, a_driver_without_tensor_maps_runs_the_rest);
    tcase_add_test(tests, clusters_are_those_that_the_device_can_have);
    tcase_add_loop_test(tests, boxes_have_no_rows_that_are_not_there, 0, 7);
    tcase_add_loop_test(tests, boxes_of_d_have_no_bytes_that_are_not_there, 0, 11);
    tcase_add_loop_test(tests, tiles_are_walked_together, 0, 13);
    tcase_add_test(tests, tiles_walked_together_can_be_counted);
    tcase_add_loop_test(tests, a_large_d_leaves_the_l2_first, 0, 4);
    tcase_add_loop_test(tests, launches_hold_back_what_needs_an_order, 0, 13);
    tcase_add_loop_test(tests, packed_weights_are_read_early, 0, 11);
    tcase_add_test(tests, one_row_of_any_stride_is_quantised);
    tcase_add_loop_test(tests, quantisers_take_the_rows_they_can, 0, 20);
    tcase_add_test(tests, workspace_is_the_same_for_any_address);
    tcase_add_loop_test(tests, launches_overlap_where_their_code_waits, 0, 3);
    tcase_add_loop_test(tests, choices_are_sane_on_other_gpus, 0, sizeof gpus / sizeof *gpus);
    tcase_add_loop_test(tests, choices_are_sane_on_an_h200, 0, 3);
    tcase_add_loop_test(tests, an_h200_has_figures_of_its_own, 0, 2);
    tcase_add_loop_test(tests, rows_off_lines_get_larger_tiles, 0, 4);
    tcase_add_loop_test(tests, an_odd_tile_has_a_pair_to_itself, 0, 2);
    tcase_add_loop_test(tests, tiles_fill_the_device, 0, 10);
    tcase_add_test(tests, what_was_asked_before_changes_nothing);
    tcase_add_test(tests, threads_choose_alike);
    gpu_add_failure_tests(tests, &cuda_failures);
    tcase_add_test(tests, out_of_memory_is_its_own_status);
    return run_tests("cuda on a mock driver", tests, CK_FORK);
}
