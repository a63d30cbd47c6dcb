/* octgemm check: the accuracy suite of `make check` (tests/suite/) on the user's own machine. */
#include "command.h"
#include "device.h"
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
    {"list", 0, NULL, "list the cases (of --case), run none", .kind = OPTION_FLAG,
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

static int wanted(const struct check_options *options, const char *name)
{
    return !options->filter || fnmatch(options->filter, name, 0) == 0;
}

/* Prints the names of the cases that the pattern matches, if `print`; that there are none is a
 * complaint. */
static int find_cases(const struct check_options *options, int print)
{
    struct suite_case *cases;
    long count = suite_make_cases((enum suite_tier)options->tier, (uint64_t)options->seed, &cases);
    long found = 0;
    char name[suite_name_size];
    if (count < 0)
        return octgemm_complain("no memory for the cases");
    for (long i = 0; i < count; i++) {
        int is_wanted = wanted(options, cases[i].name);
        found += is_wanted;
        if (is_wanted && print)
            octgemm_print_line(cases[i].name);
    }
    free(cases);
    for (long i = 0; suite_quantizer_name(i, name); i++) {
        int is_wanted = wanted(options, name);
        found += is_wanted;
        if (is_wanted && print)
            octgemm_print_line(name);
    }
    if (found == 0)
        return octgemm_complain("check: no case of tier %s matches \"%s\" (--list lists them)",
                                tiers[options->tier], options->filter);
    return 0;
}

static int list_cases(const struct check_options *options)
{
    if (options->backend || options->kernel || options->require || options->device || options->json)
        return octgemm_complain("check: --list takes --tier, --case and --seed only: the cases are "
                                "the same for every backend");
    int status = find_cases(options, 1);
    return status ? status : octgemm_flush_output();
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

/* Looks for the kernel of the options on a device; with its `reason`, if it is there. */
static int find_kernel(const struct check_options *options, const octgemm_info *on,
                       octgemm_info *found)
{
    struct device device;
    struct device_choice choice = {
        .backend = on->backend, .kernel = "auto", .index = options->device};
    int there = 0;
    if (octgemm_open_device(&device, &choice) != 0)
        return 0;
    for (size_t i = 0; !there && octgemm_kernel(device.ctx, NULL, i, found) == OCTGEMM_OK; i++)
        there = strcmp(found->kernel, options->kernel) == 0;
    octgemm_close_device(&device);
    return there;
}

/* Why nothing was run: of backend, kernel and cases, the first that is in the way. */
static int complain_of_nothing(const struct check_options *options)
{
    int forced = options->kernel && strcmp(options->kernel, "auto") != 0;
    int usable = 0, named = 0, index = 0;
    octgemm_info info, unusable = {.reason = NULL}, kernel;
    char before[32] = "";
    for (size_t i = 0; octgemm_backend(i, &info) == OCTGEMM_OK; i++) {
        index = strcmp(before, info.backend) == 0 ? index + 1 : 0;
        snprintf(before, sizeof before, "%s", info.backend);
        if (options->backend && strcmp(options->backend, info.backend) != 0)
            continue;
        if (!*info.kernel) {
            unusable = info;
        } else if (index == options->device) {
            usable = 1;
            named = named || (forced && find_kernel(options, &info, &kernel));
        }
    }
    if (!usable && options->backend && unusable.reason)
        return octgemm_complain("check: backend %s cannot be used here: %s", unusable.backend,
                                unusable.reason);
    if (!usable)
        return octgemm_complain("check: %s%s has a device %lld here",
                                options->backend ? "no backend called " : "no backend",
                                options->backend ? options->backend : "",
                                (long long)options->device);
    if (forced && !named)
        return octgemm_complain("check: no kernel of %s is called \"%s\" (\"octgemm info\" lists "
                                "them)",
                                options->backend ? options->backend : "a backend that works here",
                                options->kernel);
    if (forced && *kernel.reason)
        return octgemm_complain("check: kernel %s cannot be used here: %s", kernel.kernel,
                                kernel.reason);
    return octgemm_complain("check: every case was skipped (its line says why) or not taken by the "
                            "kernel");
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

    status = find_cases(&options, 0);
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
    if (status == 0 && outcome == EXIT_INPUT)
        complain_of_nothing(&options);
    return status ? status : outcome;
}
