/* The shared accuracy suite over every backend and kernel that can run here, as a Check program.
 *
 *   OCTGEMM_TIER=big|paranoid   runs more (`make bigcheck`, `make paranoid-check`)
 *   OCTGEMM_REQUIRE=cuda,cpu    makes the absence of a backend a failure instead of a skip
 *   OCTGEMM_CASE=<pattern>      runs the cases of that name
 */
#include "suite/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_line(void *user, const char *text)
{
    (void)user;
    puts(text);
    fflush(stdout);
}

static enum suite_tier tier_from_environment(void)
{
    static const char *const names[] = {"quick", "big", "paranoid"};
    const char *name = getenv("OCTGEMM_TIER");
    for (int i = 0; name && i < 3; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum suite_tier)i;
    ck_assert_msg(!name, "OCTGEMM_TIER=%s is none of quick, big, paranoid", name);
    return SUITE_QUICK;
}

START_TEST(every_kernel_equals_the_reference)
{
    struct suite_options options = {.tier = tier_from_environment(),
                                    .seed = 1,
                                    .filter = getenv("OCTGEMM_CASE"),
                                    .require = getenv("OCTGEMM_REQUIRE"),
                                    .line = print_line};
    struct suite_result result;
    int rc = suite_run(&options, &result);
    printf("%ld cases, %ld runs: %ld passed, %ld failed, %ld not taken by a forced kernel; "
           "%ld skipped\n",
           result.cases, result.runs, result.passed, result.failed, result.not_taken,
           result.skipped);
    ck_assert_int_eq(rc, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("accuracy");
    TCase *tests = tcase_create("accuracy");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, every_kernel_equals_the_reference);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* GPU contexts do not survive a fork */
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
