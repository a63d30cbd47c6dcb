/* How every Check program ends: one test case is run, as the environment wishes (CK_RUN_CASE,
 * CK_VERBOSITY); the result is the exit status. */
#ifndef RUN_TESTS_H
#define RUN_TESTS_H

#include <check.h>
#include <stdlib.h>

/* fork: whether each test gets a process of its own; CK_FORK_GETENV: yes, unless $CK_FORK is "no".
 */
static inline int run_tests(const char *name, TCase *tests, enum fork_status fork)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, fork);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
