/* Proof that the accuracy suite can fail: results of the reference are spoiled between download and
 * comparison, one way at a time, and the suite must say what is wrong and where. */
#include "run_tests.h"
#include "suite/suite.h"

#include "octgemm.h"

#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned char *element(const struct suite_view *view, int64_t i, int64_t j)
{
    return view->d + (i * view->ldd + j) * view->width;
}

static void flip_a_bit(const struct suite_view *view)
{
    element(view, 3, 2)[0] ^= 1;
}

static void flip_the_last_sign(const struct suite_view *view)
{
    element(view, view->m - 1, view->n - 1)[view->width - 1] ^= 0x80;
}

static void transpose_two(const struct suite_view *view)
{
    unsigned char other[8];
    memcpy(other, element(view, 0, 1), (size_t)view->width);
    memcpy(element(view, 0, 1), element(view, 1, 0), (size_t)view->width);
    memcpy(element(view, 1, 0), other, (size_t)view->width);
}

/* What a kernel does that adds pairs of products in 16 bits. */
static void saturate(const struct suite_view *view)
{
    int32_t sum;
    memcpy(&sum, element(view, 0, 0), sizeof sum);
    sum = sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum;
    memcpy(element(view, 0, 0), &sum, sizeof sum);
}

static void write_nothing(const struct suite_view *view)
{
    for (int64_t i = 0; i < view->m; i++)
        memset(element(view, i, 0), 0xa5, (size_t)(view->n * view->width));
}

static void forget_the_last_row(const struct suite_view *view)
{
    memset(element(view, view->m - 1, 0), 0xa5, (size_t)(view->n * view->width));
}

static void repeat_a_row(const struct suite_view *view)
{
    memcpy(element(view, 2, 0), element(view, 1, 0), (size_t)(view->n * view->width));
}

static void lose_a_zero_sign(const struct suite_view *view)
{
    memset(element(view, 4, 5), 0, (size_t)view->width);
}

static void lose_a_nan(const struct suite_view *view)
{
    memset(element(view, 0, 32), 0, (size_t)view->width);
}

static void change_the_nans(const struct suite_view *view)
{
    static const uint16_t nan = 0x7d55;
    for (int64_t i = 0; i < view->m; i++)
        for (int64_t j = 0; j < view->n; j++)
            memcpy(element(view, i, j), &nan, sizeof nan);
}

static void write_into_a_gap(const struct suite_view *view)
{
    element(view, 1, view->n + 2)[0] ^= 0xff;
}

static void write_behind(const struct suite_view *view)
{
    element(view, view->m - 1, view->n)[0] ^= 0xff;
}

static void write_in_front(const struct suite_view *view)
{
    view->d[-1] ^= 0xff;
}

/* A begins at the next multiple of 64 after 128 guard bytes behind D (arena.c). */
static void write_into_a(const struct suite_view *view)
{
    size_t end = (size_t)(element(view, view->m - 1, view->n) - view->bytes);
    view->bytes[(end + 128 + 63) / 64 * 64] ^= 1;
}

static void spoil_a_quantised_value(const struct suite_view *view)
{
    element(view, 11, 5)[0] += 1;
}

static const struct spoiling {
    const char *case_name, *variant;
    void (*spoil)(const struct suite_view *view);
    const char *array; /* what the suite must find; NULL: it must pass */
    int64_t i, j;
    const char *words; /* part of the report */
} spoilings[] = {
    {"plain", "rows", flip_a_bit, "d", 3, 2, "d(3, 2): expected 0x"},
    {"plain", "packed", flip_a_bit, "d", 3, 2, "plain packed"},
    {"plain", "row-by-row", flip_a_bit, "d", 3, 2, "--case 'plain' --seed 5"},
    {"plain", "twice", flip_the_last_sign, "d", 4, 6, "plain twice"},
    {"plain", "permuted", flip_a_bit, "d", 3, 2, "plain permuted"},
    {"integers", "rows", transpose_two, "d", 0, 1, "belongs to (1, 0)"},
    {"saturating-pairs", "rows", saturate, "d", 0, 0, "m 34 n 34 k 516"},
    {"everything", "rows", write_nothing, "d", 0, 0, "found 0xa5a5a5a5"},
    {"everything", "rows", forget_the_last_row, "d", 18, 0, "found 0xa5a5a5a5"},
    {"one-hot-a", "rows", repeat_a_row, "d", 2, 0, "belongs to (1, 0)"},
    {"minus-zero-scales", "rows", lose_a_zero_sign, "d", 4, 5, "expected 0x80000000 (-0)"},
    {"nan-scales", "rows", lose_a_nan, "d", 0, 32, "nan"},
    {"nan-scales", "rows", change_the_nans, NULL, 0, 0, NULL},
    {"everything", "rows", write_into_a_gap, "gap between rows of d", 1, 37, "gap between"},
    {"plain", "rows", write_behind, "guard after d", -1, -1, "guard after d, byte 0"},
    {"plain", "rows", write_in_front, "guard after nothing", -1, -1, "expected byte 0xa5"},
    {"plain", "rows", write_into_a, "a", -1, -1, "a, byte 0"},
    {"d-beyond-2^31-by-ld", "rows", NULL, NULL, 0, 0, NULL}, /* not in this tier: nothing runs */
    {"quantize/57x17/f32/symmetric/0", "", spoil_a_quantised_value, "q", 11, 5, "q(11, 5)"},
};
enum { spoiling_count = sizeof spoilings / sizeof *spoilings };

/* What the suite said. */
struct record {
    const struct spoiling *spoiling;
    int failures;
    struct suite_failure first;
    char array[64], report[4096];
};

static void tamper(void *user, const struct suite_view *view)
{
    const struct spoiling *spoiling = ((struct record *)user)->spoiling;
    if (spoiling && strcmp(view->variant, spoiling->variant) == 0)
        spoiling->spoil(view);
}

static void keep_failure(void *user, const struct suite_failure *failure)
{
    struct record *record = user;
    if (record->failures++ > 0)
        return;
    record->first = *failure;
    snprintf(record->array, sizeof record->array, "%s", failure->array);
}

static void keep_line(void *user, const char *text)
{
    struct record *record = user;
    size_t length = strlen(record->report);
    snprintf(record->report + length, sizeof record->report - length, "%s\n", text);
}

static struct suite_options options_for(struct record *record)
{
    return (struct suite_options){.backend = "ref",
                                  .kernel = "ref",
                                  .seed = 5,
                                  .line = keep_line,
                                  .failure = keep_failure,
                                  .tamper = tamper,
                                  .user = record};
}

START_TEST(a_spoiled_result_is_found)
{
    const struct spoiling *spoiling = &spoilings[_i];
    struct record record = {.spoiling = spoiling};
    struct suite_options options = options_for(&record);
    options.filter = spoiling->case_name;
    struct suite_result result;
    int rc = suite_run(&options, &result);
    if (!spoiling->array) {
        ck_assert_int_eq(record.failures, 0);
        ck_assert_int_eq(rc, spoiling->spoil ? 0 : 2);
        return;
    }
    ck_assert_msg(rc == 1, "%s", record.report);
    ck_assert_int_ge(record.failures, 1);
    ck_assert_int_eq(result.failed, record.failures);
    ck_assert_str_eq(record.array, spoiling->array);
    ck_assert_int_eq(record.first.i, spoiling->i);
    ck_assert_int_eq(record.first.j, spoiling->j);
    ck_assert_msg(strstr(record.report, spoiling->words) != NULL, "%s", record.report);
    ck_assert_msg(strstr(record.report, "octgemm check --backend ref --kernel ref --case") != NULL,
                  "%s", record.report);
}
END_TEST

/* A backend that is not there is a skip with its reason, unless it is required. */
START_TEST(an_absent_backend_fails_when_required)
{
    octgemm_info info;
    size_t row = 0;
    while (octgemm_backend(row, &info) == OCTGEMM_OK && info.kernel[0])
        row++;
    if (octgemm_backend(row, &info) != OCTGEMM_OK)
        return; /* every backend is here */
    struct record record = {.spoiling = NULL};
    struct suite_options options = options_for(&record);
    struct suite_result result;
    char require[64];
    options.filter = "plain"; /* what runs does not matter, but it takes long */
    options.backend = info.backend;
    ck_assert_int_eq(suite_run(&options, &result), 2);
    ck_assert_int_eq(result.failed, 0);
    ck_assert_int_eq(result.skipped, 1);
    ck_assert_msg(strstr(record.report, info.reason) != NULL, "%s", record.report);
    snprintf(require, sizeof require, "ref,%s", info.backend);
    options.require = require;
    ck_assert_int_eq(suite_run(&options, &result), 1);
    ck_assert_int_eq(result.failed, 1);
    snprintf(require, sizeof require, "octgemm check --require %s\n", info.backend);
    ck_assert_msg(strstr(record.report, require) != NULL, "%s", record.report);
    snprintf(require, sizeof require, "ref,%s", info.backend);
    options.backend = "ref"; /* what else is chosen does not matter */
    ck_assert_int_eq(suite_run(&options, &result), 1);
    ck_assert_int_eq(result.failed, 1);
}
END_TEST

/* A name that was mistyped is no requirement that is met. */
START_TEST(a_required_backend_has_a_name_that_exists)
{
    struct record record = {.spoiling = NULL};
    struct suite_options options = options_for(&record);
    struct suite_result result;
    options.filter = "plain";
    options.backend = "ref";
    options.require = "ref,re,reff";
    ck_assert_int_eq(suite_run(&options, &result), 1);
    ck_assert_int_eq(result.failed, 2);
    options.require = ",ref,";
    ck_assert_int_eq(suite_run(&options, &result), 0);
}
END_TEST

START_TEST(an_unknown_case_or_kernel_is_no_success)
{
    struct record record = {.spoiling = NULL};
    struct suite_options options = options_for(&record);
    struct suite_result result;
    options.filter = "no-such-case";
    ck_assert_int_eq(suite_run(&options, &result), 2);
    options.filter = "plain";
    options.kernel = "no-such-kernel";
    ck_assert_int_eq(suite_run(&options, &result), 2);
}
END_TEST

/* Instruction sets are visited beside "auto", named in failures, and the variable is given back. */
START_TEST(a_spoiled_result_is_found_under_a_cap)
{
    static const char *const caps[] = {"generic", "no-such-set", NULL};
    struct record record = {.spoiling = &spoilings[0]};
    struct suite_options options = options_for(&record);
    struct suite_result result;
    options.backend = "cpu";
    options.kernel = "auto";
    options.filter = spoilings[0].case_name;
    options.caps = caps;
    setenv("OCTGEMM_CPU", "", 1);
    int rc = suite_run(&options, &result);
    ck_assert_msg(rc == 1, "%s", record.report);
    ck_assert_int_eq(result.failed, 2);
    ck_assert_int_eq(result.skipped, 1);
    ck_assert_msg(strstr(record.report, "SKIP cpu/auto: OCTGEMM_CPU=no-such-set") &&
                      strstr(record.report, "OCTGEMM_CPU=generic octgemm check --backend cpu"),
                  "%s", record.report);
    ck_assert_str_eq(getenv("OCTGEMM_CPU"), "");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("suite-fails");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, a_spoiled_result_is_found, 0, spoiling_count);
    tcase_add_test(tests, an_absent_backend_fails_when_required);
    tcase_add_test(tests, a_required_backend_has_a_name_that_exists);
    tcase_add_test(tests, an_unknown_case_or_kernel_is_no_success);
    tcase_add_test(tests, a_spoiled_result_is_found_under_a_cap);
    return run_tests("suite-fails", tests, CK_FORK_GETENV);
}
