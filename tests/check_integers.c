/* Shares of counts: together all of it, in order, sizes that differ by one at most, whatever the
 * numbers. The driver shares out columns and tasks so (src/cpu/integers.h), of which there are
 * more than any machine could try. */
#include "cpu/integers.h"
#include "run_tests.h"

#include <check.h>

/* The part `index` of them: whether its size is right, and where the next begins. */
static int64_t expect_part(int64_t index, int64_t count, int64_t parts)
{
    int64_t first = part_start(index, count, parts), end = part_start(index + 1, count, parts);
    ck_assert_msg(end - first == count / parts ||
                      (count % parts > 0 && end - first == count / parts + 1),
                  "part %lld of %lld of %lld: from %lld to %lld", (long long)index,
                  (long long)parts, (long long)count, (long long)first, (long long)end);
    return end;
}

START_TEST(small_counts_are_shared_evenly_over_the_parts)
{
    for (int64_t parts = 1; parts < 40; parts++)
        for (int64_t count = 0; count < 200; count++)
            for (int64_t index = 0; index < parts; index++) {
                ck_assert_int_eq(part_start(index, count, parts), index * count / parts);
                expect_part(index, count, parts);
            }
}
END_TEST

/* Units and groups of columns: of n = 2^36 and up with few columns to a group. */
static const int64_t huge[][2] = {
    {INT64_C(1) << 32, INT64_C(1) << 31},
    {(INT64_C(1) << 33) + 3, (INT64_C(1) << 31) - 1},
    {(INT64_C(1) << 33) + 3, (INT64_C(1) << 32) + 1},
    {INT64_MAX - 1, 1023},
    {INT64_MAX - 1, INT64_MAX / 3 * 2},
    {INT64_MAX - 1, INT64_MAX - 1},
};

START_TEST(huge_counts_are_shared_evenly)
{
    int64_t count = huge[_i][0], parts = huge[_i][1], tried = 1000;
    ck_assert_int_eq(part_start(0, count, parts), 0);
    for (int64_t i = 0; i < tried; i++) {
        expect_part(i % parts, count, parts);
        expect_part(parts / tried * i, count, parts);
    }
    ck_assert_int_eq(expect_part(parts - 1, count, parts), count);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("integers");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, small_counts_are_shared_evenly_over_the_parts);
    tcase_add_loop_test(tests, huge_counts_are_shared_evenly, 0, sizeof huge / sizeof *huge);
    return run_tests("integers", tests, CK_FORK_GETENV);
}
