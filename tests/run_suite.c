/* The accuracy suite alone, without Check or jansson, for C libraries and machines where those are
 * not at hand: `make tests/run_suite`. It runs every backend and kernel that can run there, on all
 * cases or those of a pattern: run_suite [PATTERN]. */
#include "suite/suite.h"

#include <stdio.h>

static void print_line(void *user, const char *text)
{
    (void)user;
    puts(text);
}

int main(int count, char **words)
{
    struct suite_options options = {
        .seed = 1, .filter = count > 1 ? words[1] : NULL, .line = print_line};
    struct suite_result result;
    int rc = suite_run(&options, &result);
    printf("%ld cases, %ld runs: %ld passed, %ld failed; %ld skipped\n", result.cases, result.runs,
           result.passed, result.failed, result.skipped);
    return rc;
}
