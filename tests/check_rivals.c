/* `octgemm bench --rivals` with libraries of our own (mock_rivals.c): each is loaded, asked as its
 * headers say, checked and timed; wrong sums, a refusal, an error and a library that is not there
 * are told apart, and everything is given back. The GPU libraries are asked for host memory here,
 * so this needs no GPU. */
#include "mock_rivals.h"
#include "operands.h"
#include "rivals.h"
#include "run_tests.h"

#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { skipped = 77 };

static const char *const version_2[] = {MOCK_RIVALS_2, NULL};
static const char *const version_3[] = {MOCK_RIVALS_3, NULL};
static const char *const absent[] = {"libnot-there.so.1", NULL};

static const struct {
    const struct rival *rival;
    const char *const *libraries;
    int can_refuse, can_fail;
} cases[] = {
    {&octgemm_rival_onednn_matmul, version_2, 1, 1},
    {&octgemm_rival_onednn_matmul, version_3, 1, 1},
    {&octgemm_rival_onednn_s8s8, version_2, 1, 1},
    {&octgemm_rival_onednn_u8s8, version_3, 1, 1},
    {&octgemm_rival_openblas, version_2, 0, 0},
    {&octgemm_rival_cublaslt, version_2, 1, 1},
    {&octgemm_rival_hipblaslt, version_3, 1, 1},
};

/* What was reported of the rival and of octgemm. */
struct seen {
    struct score octgemm, rival;
    size_t count;
    struct round_up result;
};

static void keep(void *user, const struct round_up *result)
{
    struct seen *seen = user;
    seen->result = *result;
    seen->count = result->count;
    seen->octgemm = result->scores[0];
    seen->rival = result->scores[result->count - 1];
}

static struct mock_rivals *mock_of(const char *const *libraries)
{
    void *library = dlopen(libraries[0], RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    struct mock_rivals *mock = dlsym(library, "mock_rivals");
    ck_assert_ptr_nonnull(mock);
    return mock;
}

/* A contest on the CPU of one rival, whatever its backend is. */
static void hold(int index, const char *const *libraries, struct seen *seen)
{
    struct rival rival = *cases[index].rival;
    rival.backend = "cpu";
    rival.libraries = libraries;
    const struct rival *const rivals[] = {&rival, NULL};
    const struct shape shape = {.n = 21, .k = 35};
    const struct rivals_options options = {.choice = {.backend = "cpu"},
                                           .seed = 3,
                                           .d_type = OCTGEMM_F16,
                                           .hot = 1,
                                           .seconds = 0.001,
                                           .report = keep,
                                           .user = seen};
    memset(seen, 0, sizeof *seen);
    ck_assert_int_eq(octgemm_bench_these(&options, rivals, &shape, 5), 0);
    ck_assert_uint_eq(seen->count, 3); /* octgemm's sums, its scaled results, the rival */
    ck_assert_str_eq(seen->octgemm.rival->name, "octgemm");
    ck_assert_str_eq(seen->octgemm.why, "");
    ck_assert_int_eq(seen->octgemm.compared, 5 * 21);
    ck_assert_int_eq(seen->octgemm.wrong, 0);
    ck_assert_double_eq(seen->octgemm.ratio, 1);
}

/* The same with the mock of its library, which has a fault or none. */
static const struct mock_rivals *hold_mock(int index, enum mock_fault fault, struct seen *seen)
{
    struct mock_rivals *mock = mock_of(cases[index].libraries);
    mock->fault = fault;
    hold(index, cases[index].libraries, seen);
    ck_assert_int_eq(mock->alive, 0);
    return mock;
}

START_TEST(a_sound_rival_is_measured)
{
    struct seen seen;
    const struct mock_rivals *mock = hold_mock(_i, MOCK_SOUND, &seen);
    ck_assert_str_eq(seen.rival.why, "");
    ck_assert_str_eq(seen.rival.library, cases[_i].libraries[0]);
    ck_assert_int_eq(seen.rival.compared, 5 * 21);
    ck_assert_int_eq(seen.rival.wrong, 0);
    ck_assert_double_gt(seen.rival.median, 0);
    ck_assert_double_le(seen.rival.best, seen.rival.median);
    ck_assert_double_gt(seen.rival.ratio, 0);
    ck_assert_int_gt(mock->products, 5);
}
END_TEST

START_TEST(a_wrong_rival_is_named)
{
    struct seen seen;
    hold_mock(_i, MOCK_WRONG, &seen);
    ck_assert_str_eq(seen.rival.why, "");
    ck_assert_int_gt(seen.rival.wrong, 0);
    ck_assert_double_gt(seen.rival.median, 0); /* and measured all the same */
}
END_TEST

START_TEST(a_rival_that_refuses_or_fails_says_so)
{
    struct seen seen;
    if (cases[_i].can_refuse) {
        hold_mock(_i, MOCK_REFUSES, &seen);
        ck_assert_str_ne(seen.rival.why, "");
        ck_assert_double_eq(seen.rival.median, 0);
    }
    if (cases[_i].can_fail) {
        hold_mock(_i, MOCK_FAILS, &seen);
        ck_assert_str_ne(seen.rival.why, "");
    }
}
END_TEST

START_TEST(a_rival_that_is_not_there_says_so)
{
    struct seen seen;
    hold(_i, absent, &seen);
    ck_assert_str_eq(seen.rival.why, "libnot-there.so.1 not found");
}
END_TEST

/* More than caches hold, but not so many that a small product takes minutes. */
START_TEST(copies_of_weights_are_limited)
{
    static const int64_t limits[][3] = {{1, 1, 4096},     {16, 16, 4096},   {256, 511, 4096},
                                        {256, 513, 4089}, {4096, 4096, 32}, {1 << 20, 4096, 1}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        ck_assert_int_eq(octgemm_cold_copies(limits[i][0], limits[i][1]), limits[i][2]);
}
END_TEST

/* -- queue.c --------------------------------------------------------------------------------- */

/* mock_queue.c */
struct mock_queue {
    int alive, capturing, recorded, launched, refuse, lost;
};

struct counter {
    struct mock_queue *mock;
    int64_t calls, last;
};

static int count_call(void *user, int64_t index)
{
    struct counter *counter = user;
    if (counter->mock && counter->mock->capturing)
        counter->mock->recorded++;
    else
        counter->calls++;
    counter->last = index;
    return 0;
}

START_TEST(batches_are_recorded_where_the_driver_can)
{
    void *library = dlopen(MOCK_QUEUE, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    struct mock_queue *mock = dlsym(library, "mock_queue");
    ck_assert_ptr_nonnull(mock);
    struct counter counter = {.mock = mock};
    struct batch batch = {.call = count_call, .user = &counter, .count = 7};
    struct queue queue;
    octgemm_queue_open(&queue, "cuda", 0);
    ck_assert_ptr_nonnull(queue.stream);
    octgemm_queue_record(&queue, &batch);
    ck_assert_ptr_nonnull(batch.graph);
    ck_assert_int_eq(mock->recorded, 7);
    ck_assert_int_eq(octgemm_queue_run(&queue, &batch), 0);
    ck_assert_int_eq(octgemm_queue_run(&queue, &batch), 0);
    ck_assert_int_eq(mock->launched, 14);
    ck_assert_int_eq(counter.calls, 0);

    ck_assert_double_eq_tol(octgemm_queue_time(&queue, &batch), 7 * 2e-3, 1e-9);
    mock->lost = 1;
    ck_assert_double_lt(octgemm_queue_time(&queue, &batch), 0);
    octgemm_queue_release(&batch);

    mock->refuse = 1; /* then the calls themselves */
    octgemm_queue_record(&queue, &batch);
    ck_assert_ptr_null(batch.graph);
    ck_assert_int_eq(octgemm_queue_run(&queue, &batch), 0);
    ck_assert_int_eq(counter.calls, 7);
    octgemm_queue_close(&queue);
    ck_assert_int_eq(mock->alive, 0);
}
END_TEST

START_TEST(a_host_has_no_stream_and_goes_on_counting)
{
    struct counter counter = {.mock = NULL};
    struct batch batch = {.call = count_call, .user = &counter, .first = 3, .count = 4};
    struct queue queue;
    octgemm_queue_open(&queue, "cpu", 0);
    ck_assert_ptr_null(queue.stream);
    octgemm_queue_record(&queue, &batch);
    ck_assert_ptr_null(batch.graph);
    octgemm_queue_run(&queue, &batch);
    octgemm_queue_run(&queue, &batch);
    ck_assert_int_eq(counter.calls, 8);
    ck_assert_int_eq(counter.last, 10); /* copies of the weights go round */
    octgemm_queue_release(&batch);
    octgemm_queue_close(&queue);
}
END_TEST

int main(void)
{
    const int count = sizeof cases / sizeof *cases;
    /* Without shared libraries there is no mock. */
    if (access(MOCK_RIVALS_3, R_OK) != 0)
        return skipped;
    TCase *tests = tcase_create("rivals");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, a_sound_rival_is_measured, 0, count);
    tcase_add_loop_test(tests, a_wrong_rival_is_named, 0, count);
    tcase_add_loop_test(tests, a_rival_that_refuses_or_fails_says_so, 0, count);
    tcase_add_loop_test(tests, a_rival_that_is_not_there_says_so, 0, count);
    tcase_add_test(tests, copies_of_weights_are_limited);
    tcase_add_test(tests, batches_are_recorded_where_the_driver_can);
    tcase_add_test(tests, a_host_has_no_stream_and_goes_on_counting);
    return run_tests("rivals", tests, CK_NOFORK); /* OpenMP's threads do not survive a fork */
}
