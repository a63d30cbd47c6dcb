/* Each call of a GPU's driver fails, at each of its turns: see gpu_failures.h. */
#include "gpu_failures.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- what a program does, step by step --------------------------------------------------------- */

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

static octgemm_status pack(struct program *p)
{
    return octgemm_pack(p->ctx, columns, columns, (const int8_t *)p->memory, columns,
                        p->memory + 4096, NULL);
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

octgemm_status gpu_use_context(octgemm_ctx *ctx)
{
    static octgemm_status (*const steps[])(struct program *) = {
        allocate, upload, pack, quantize, ask_workspace, run, wait_for_stream, download};
    struct program p = {.ctx = ctx};
    octgemm_status status = OCTGEMM_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == OCTGEMM_OK; i++)
        status = steps[i](&p);
    octgemm_free(ctx, p.memory);
    return status;
}

octgemm_status gpu_use_everything(const char *backend)
{
    octgemm_ctx *ctx = NULL;
    octgemm_status status = octgemm_open(&ctx, backend, 0);
    if (status == OCTGEMM_OK)
        status = gpu_use_context(ctx);
    octgemm_close(&ctx);
    return status;
}

/* -- the tests, on one backend's table --------------------------------------------------------- */

static const struct gpu_failures *failures;

/* The mock with a device, and a kernel forced, that make the call. NULL: this library has no code
 * for them. */
static struct mock_driver *load(const struct gpu_failure *failure)
{
    struct mock_driver *driver = failures->load();
    if (failure->generation == 0)
        return driver;
    octgemm_ctx *ctx;
    failures->set_generation(driver, failure->generation);
    ck_assert_int_eq(setenv("OCTGEMM_KERNEL", failure->kernel, 1), 0);
    octgemm_status status = octgemm_open(&ctx, failures->backend, 0);
    ck_assert_msg(status == OCTGEMM_OK || strstr(octgemm_last_error(), "no code"), "%s",
                  octgemm_last_error());
    octgemm_close(&ctx);
    memset(driver->calls, 0, sizeof driver->calls);
    return status == OCTGEMM_OK ? driver : NULL;
}

enum { unmade = 0, reported_well = 1, wrong = 2, no_code = 3 };

/* Uses everything while the nth call of a kind fails, in a process of its own. Exit status: was the
 * call made that often, and was its failure well reported? */
static void fail_in_child(const struct gpu_failure *failure, long nth, int lasting)
{
    struct mock_driver *driver = load(failure);
    if (!driver)
        _exit(no_code);
    driver->fault = (struct mock_fault){failure->name, failures->code, nth, lasting};
    octgemm_status status = gpu_use_everything(failures->backend);
    const char *words = octgemm_last_error();
    int made = mock_calls_of(driver, failure->name) > nth;
    int reported =
        status == failure->status && strstr(words, failure->name) && strstr(words, failures->words);
    int silent =
        status == OCTGEMM_OK && (!made || failure->status == OCTGEMM_OK || failure->everywhere);
    int may_keep = failure->everywhere && (lasting || status == OCTGEMM_OK);
    int given_back = mock_not_given_back(driver) == 0 || may_keep;
    _exit((reported || silent) && given_back ? made ? reported_well : unmade : wrong);
}

static int fail_nth(const struct gpu_failure *failure, long nth, int lasting)
{
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        fail_in_child(failure, nth, lasting);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != wrong,
                  "%s, call %ld%s: the process ended with %d", failure->name, nth,
                  lasting ? " and later" : "", status);
    return WEXITSTATUS(status);
}

START_TEST(every_call_may_fail)
{
    for (int lasting = 0; lasting <= 1; lasting++) {
        long nth = 0;
        int end;
        while ((end = fail_nth(&failures->table[_i], nth, lasting)) == reported_well)
            nth++;
        ck_assert_msg(nth > 0 || end == no_code, "%s is never called", failures->table[_i].name);
    }
}
END_TEST

static int is_known(const char *call)
{
    for (int i = 0; i < failures->count; i++)
        if (strcmp(failures->table[i].name, call) == 0)
            return 1;
    for (const char *const *other = failures->others; *other; other++)
        if (strcmp(*other, call) == 0)
            return 1;
    return 0;
}

/* So that a new call cannot be forgotten. */
START_TEST(the_table_of_failures_is_complete)
{
    struct mock_driver *driver = failures->load();
    ck_assert_int_eq(gpu_use_everything(failures->backend), OCTGEMM_OK);
    for (const struct mock_call *call = driver->calls; call->name; call++)
        ck_assert_msg(is_known(call->name), "%s", call->name);
}
END_TEST

START_TEST(a_context_outlives_a_failure)
{
    const struct gpu_failure *failure = &failures->table[_i];
    struct mock_driver *driver = load(failure);
    if (!driver)
        return;
    octgemm_ctx *ctx = NULL;
    ck_assert_int_eq(octgemm_open(&ctx, failures->backend, 0), OCTGEMM_OK);
    long before = mock_calls_of(driver, failure->name);
    driver->fault = (struct mock_fault){.call = failure->name, .code = failures->code};
    octgemm_status status = gpu_use_context(ctx);
    int made = mock_calls_of(driver, failure->name) > before;
    ck_assert_int_eq(status, made ? failure->status : OCTGEMM_OK);
    driver->fault.call = NULL;
    ck_assert_msg(gpu_use_context(ctx) == OCTGEMM_OK, "%s", octgemm_last_error());
    octgemm_close(&ctx);
    ck_assert_int_eq(mock_not_given_back(driver), 0);
}
END_TEST

void gpu_add_failure_tests(TCase *tests, const struct gpu_failures *of)
{
    failures = of;
    tcase_add_loop_test(tests, every_call_may_fail, 0, of->count);
    tcase_add_test(tests, the_table_of_failures_is_complete);
    tcase_add_loop_test(tests, a_context_outlives_a_failure, 0, of->count);
}
