/* The shared accuracy suite over every backend and kernel that can run here, as a Check program.
 *
 *   OCTGEMM_TIER=big|paranoid   runs more (`make bigcheck`, `make paranoid-check`)
 *   OCTGEMM_REQUIRE=cuda,cpu    makes the absence of a backend a failure instead of a skip
 *   OCTGEMM_CASE=<pattern>      runs the cases of that name
 */
#include "run_tests.h"
#include "suite/suite.h"

#include "octgemm.h"

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

static struct suite_options options_from_environment(void)
{
    return (struct suite_options){.tier = tier_from_environment(),
                                  .seed = 1,
                                  .filter = getenv("OCTGEMM_CASE"),
                                  .require = getenv("OCTGEMM_REQUIRE"),
                                  .line = print_line};
}

/* Forcing a kernel leaves the epilogue and the quantiser as good as the CPU allows. A cap on the
 * instruction set visits the lesser ones, and what "auto" chooses under it. Names of other machines
 * are refused at open. */
static const char *const caps[] = {"generic",  "sse41", "avx2",    "avxvnni",
                                   "avx512bw", "neon",  "dotprod", NULL};

START_TEST(every_kernel_and_instruction_set_equals_the_reference)
{
    struct suite_options options = options_from_environment();
    struct suite_result result;
    options.caps = caps;
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
    TCase *tests = tcase_create("accuracy");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, every_kernel_and_instruction_set_equals_the_reference);
    return run_tests("accuracy", tests, CK_NOFORK); /* GPU contexts do not survive a fork */
}
