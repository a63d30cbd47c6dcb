/* octgemm check: the accuracy suite of `make check` (tests/suite/) on the user's own machine. */
#include "command.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "suite/cases.h"
#include "suite/list.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check_options {
    const char *backend, *kernel, *filter, *require;
    int64_t device, seed;
    int tier, list, json;
};

static const char *const tiers[] = {
    [SUITE_QUICK] = "quick", [SUITE_BIG] = "big", [SUITE_PARANOID] = "paranoid", NULL};

#define MEMBER(name) offsetof(struct check_options, name)
static const struct option_row option_rows[] = {
    {"backend", 'b', "NAME", "hip, cuda, cpu or ref (default: each)", .kind = OPTION_TEXT,
     .offset = MEMBER(backend)},
    {"device", 0, "I", "which device of the backends, from 0", .kind = OPTION_INTEGER,
     .offset = MEMBER(device), .low = 0, .high = 1024},
    {"kernel", 0, "NAME", "one kernel, or auto (default: each, and auto)", .kind = OPTION_TEXT,
     .offset = MEMBER(kernel)},
    {"tier", 't', "TIER", "quick (default), big (gigabytes, minutes) or paranoid",
     .kind = OPTION_CHOICE, .offset = MEMBER(tier), .choices = tiers},
    {"case", 0, "PATTERN", "the cases that this shell pattern matches", .kind = OPTION_TEXT,
     .offset = MEMBER(filter)},
    {"seed", 0, "S", "of all data (default 1)", .kind = OPTION_INTEGER, .offset = MEMBER(seed),
     .low = 0, .high = INT64_MAX},
    {"require", 0, "NAME,...", "backends that must be there", .kind = OPTION_TEXT,
     .offset = MEMBER(require)},
    {"list", 0, NULL, "list the cases of products (of --case), run none", .kind = OPTION_FLAG,
     .offset = MEMBER(list)},
    {"json", 0, NULL, "print JSON", .kind = OPTION_FLAG, .offset = MEMBER(json)},
};
const struct syntax octgemm_check_syntax = {
    .command = "check",
    .operands = "",
    .summary = "Compares every backend and kernel of this machine with the reference, bit by bit.\n"
               "Exit status: 0 all equal, 1 something differs, 2 nothing could be run.",
    .rows = option_rows,
    .row_count = sizeof option_rows / sizeof *option_rows,
    .others = octgemm_syntaxes,
};

/* What the suite's hooks write to: the terminal, or lists for JSON. */
struct report {
    json_t *lines, *failures;
};

static void take_line(void *user, const char *text)
{
    struct report *report = user;
    char clean[1024];
    if (report->lines) {
        json_array_append_new(report->lines, json_string(text));
        return;
    }
    octgemm_progress_pause();
    puts(octgemm_clean(clean, sizeof clean, text));
    octgemm_show_output();
    octgemm_progress_resume();
}

static void take_progress(void *user, const char *what, long done, long total)
{
    (void)user;
    if (done == 0)
        octgemm_progress_step(what, total);
    else
        octgemm_progress_add(1);
}

static void take_failure(void *user, const struct suite_failure *failure)
{
    struct report *report = user;
    if (report->failures)
        json_array_append_new(report->failures,
                              json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "backend",
                                        failure->backend, "kernel", failure->kernel, "case",
                                        failure->case_name, "variant", failure->variant, "array",
                                        failure->array, "i", (json_int_t)failure->i, "j",
                                        (json_int_t)failure->j));
}

static int list_cases(const struct check_options *options)
{
    if (options->backend || options->kernel || options->require || options->device || options->json)
        return octgemm_complain("check: --list takes --tier, --case and --seed only: the cases are "
                                "the same for every backend");
    struct suite_case *cases;
    long count = suite_make_cases((enum suite_tier)options->tier, (uint64_t)options->seed, &cases);
    if (count < 0)
        return octgemm_complain("no memory for the cases");
    for (long i = 0; i < count; i++)
        if (!options->filter || fnmatch(options->filter, cases[i].name, 0) == 0)
            puts(cases[i].name);
    free(cases);
    return octgemm_flush_output();
}

/* The suite skips what it does not find; a name that nothing has is the user's mistake. */
static int check_backend_name(const char *name, size_t length)
{
    octgemm_info info;
    for (size_t i = 0; octgemm_backend(i, &info) == OCTGEMM_OK; i++)
        if (strlen(info.backend) == length && memcmp(info.backend, name, length) == 0)
            return 0;
    return octgemm_complain("check: no backend is called \"%.*s\" (hip, cuda, cpu, ref)",
                            (int)length, name);
}

static int check_backend_names(const struct check_options *options)
{
    int status =
        options->backend ? check_backend_name(options->backend, strlen(options->backend)) : 0;
    struct suite_word word;
    for (const char *list = options->require; status == 0 && suite_next_word(&list, &word);)
        status = check_backend_name(word.at, word.length);
    return status;
}

static int print_result(const struct suite_result *result, const struct report *report)
{
    octgemm_progress_pause();
    if (report->lines)
        return octgemm_print_json(json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O}", "cases", (json_int_t)result->cases, "runs",
            (json_int_t)result->runs, "passed", (json_int_t)result->passed, "failed",
            (json_int_t)result->failed, "skipped", (json_int_t)result->skipped, "not_taken",
            (json_int_t)result->not_taken, "failures", report->failures, "lines", report->lines));
    printf("%ld cases, %ld runs: %ld passed, %ld failed; %ld skipped, %ld not taken by a forced "
           "kernel\n",
           result->cases, result->runs, result->passed, result->failed, result->skipped,
           result->not_taken);
    return octgemm_flush_output();
}

int octgemm_check_command(int argc, char **argv)
{
    struct check_options options = {.seed = 1};
    int operand;
    int status = octgemm_parse_options(&octgemm_check_syntax, argc, argv, &options, &operand);
    if (status >= 0)
        return status;
    if (options.list)
        return list_cases(&options);
    status = check_backend_names(&options);
    if (status)
        return status;

    struct report report = {NULL, NULL};
    if (options.json) {
        report.lines = json_array();
        report.failures = json_array();
    }
    struct suite_options suite = {.backend = options.backend,
                                  .kernel = options.kernel,
                                  .device = (int)options.device,
                                  .tier = (enum suite_tier)options.tier,
                                  .seed = (uint64_t)options.seed,
                                  .filter = options.filter,
                                  .require = options.require,
                                  .line = take_line,
                                  .progress = take_progress,
                                  .failure = take_failure,
                                  .user = &report};
    struct suite_result result;
    int outcome = suite_run(&suite, &result);
    status = print_result(&result, &report);
    json_decref(report.lines);
    json_decref(report.failures);
    if (outcome == EXIT_INPUT)
        octgemm_complain("check: nothing could be run: no kernel or case has that name, or the "
                         "backend was skipped (its line says why)");
    return status ? status : outcome;
}
