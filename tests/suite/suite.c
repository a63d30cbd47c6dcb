/* Walks backends, kernels and cases, and reports. Each case is made once, its oracle computed once,
 * and then run on every kernel of the backend. */
#include "suite.h"
#include "list.h"
#include "session.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { most_targets = 128 };

void suite_line(const struct suite_session *session, const char *format, ...)
{
    if (!session->options->line)
        return;
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    session->options->line(session->options->user, text);
}

int suite_wanted(const struct suite_session *session, const char *name)
{
    const char *filter = session->options->filter;
    return !filter || fnmatch(filter, name, 0) == 0;
}

void suite_fail(const struct suite_session *session, struct suite_target *target,
                const char *case_name, const char *variant, const char *shape,
                const struct suite_difference *where, const char *format, ...)
{
    static const char *const tiers[] = {"", " --tier big", " --tier paranoid"};
    const struct suite_options *options = session->options;
    session->result->failed++;
    target->failures++;
    if (options->failure) {
        struct suite_failure failure = {.backend = target->backend,
                                        .kernel = target->kernel,
                                        .case_name = case_name,
                                        .variant = variant,
                                        .array = where ? where->array : "",
                                        .i = where ? where->i : -1,
                                        .j = where ? where->j : -1};
        options->failure(options->user, &failure);
    }
    if (target->failures > (options->failures_shown ? options->failures_shown : 3))
        return;
    char text[512], place[128] = "";
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (where && where->i >= 0)
        snprintf(place, sizeof place, " %s(%" PRId64 ", %" PRId64 "):", where->array, where->i,
                 where->j);
    else if (where)
        snprintf(place, sizeof place, " %s, byte %zu:", where->array, where->byte);
    suite_line(session, "FAIL %s/%s %s %s:%s %s", target->backend, target->kernel, case_name,
               variant, place, text);
    if (!target->ctx) { /* what was required is not there */
        suite_line(session, "     octgemm check --require %s", target->backend);
        return;
    }
    suite_line(session, "     %s", shape);
    suite_line(session,
               "     %s%s%soctgemm check --backend %s --kernel %s --case '%s' --seed %" PRIu64 "%s",
               target->cap ? "OCTGEMM_CPU=" : "", target->cap ? target->cap : "",
               target->cap ? " " : "", target->backend, target->kernel, case_name, options->seed,
               tiers[options->tier]);
}

int suite_good(const struct suite_outcome *outcome)
{
    return outcome->status == OCTGEMM_OK && !outcome->differs && outcome->kept;
}

void suite_judge(const struct suite_session *session, struct suite_target *target,
                 const char *case_name, const char *variant, const char *shape,
                 const struct suite_outcome *outcome)
{
    const char *step = outcome->step ? outcome->step : "", *colon = outcome->step ? ": " : "";
    if (suite_good(outcome))
        session->result->passed++;
    else if (outcome->status != OCTGEMM_OK)
        suite_fail(session, target, case_name, variant, shape, NULL, "%s%s%s: %s", step, colon,
                   octgemm_strerror(outcome->status), octgemm_last_error());
    else if (outcome->differs)
        suite_fail(session, target, case_name, variant, shape, &outcome->difference, "%s",
                   outcome->difference.text);
    else
        suite_fail(session, target, case_name, variant, shape, NULL,
                   "the caller's floating-point state was changed");
}

/* ---- targets ----------------------------------------------------------------------------------
 */

/* Sets a variable of the environment, or unsets it (NULL). Returns what it was, to be given back.
 */
static char *exchange(const char *name, const char *value)
{
    const char *was = getenv(name);
    char *saved = was ? strdup(was) : NULL;
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
    return saved;
}

static void give_back(const char *name, char *saved)
{
    free(exchange(name, saved));
    free(saved);
}

/* Opens a context with OCTGEMM_KERNEL set to `kernel`, or unset for "auto". */
static octgemm_status open_forced(octgemm_ctx **ctx, const char *backend, int device,
                                  const char *kernel)
{
    char *saved = exchange("OCTGEMM_KERNEL", strcmp(kernel, "auto") == 0 ? NULL : kernel);
    octgemm_status status = octgemm_open(ctx, backend, device);
    give_back("OCTGEMM_KERNEL", saved);
    return status;
}

static octgemm_status open_target(struct suite_target *target, const char *backend, int device,
                                  const char *kernel, long index)
{
    *target = (struct suite_target){.backend = backend, .kernel = kernel, .index = index};
    octgemm_status status = open_forced(&target->ctx, backend, device, kernel);
    if (status != OCTGEMM_OK)
        return status;
    return suite_arena_open(&target->arena, target->ctx);
}

static void close_target(struct suite_target *target)
{
    if (target->ctx)
        suite_arena_close(&target->arena);
    octgemm_close(&target->ctx);
}

/* "auto" under each cap that the options name. A cap of other machines is refused at open. Returns
 * how many. */
static int open_capped(const struct suite_session *session, struct suite_target *targets, int room)
{
    int count = 0;
    for (const char *const *cap = session->options->caps; cap && *cap && count < room; cap++) {
        struct suite_target *target = &targets[count];
        char *saved = exchange("OCTGEMM_CPU", *cap);
        octgemm_status status = open_target(target, "cpu", session->options->device, "auto", -1);
        give_back("OCTGEMM_CPU", saved);
        target->cap = *cap;
        if (status == OCTGEMM_OK) {
            count++;
            continue;
        }
        if (status == OCTGEMM_ERR_ARG) {
            suite_line(session, "SKIP cpu/auto: %s", octgemm_last_error());
            session->result->skipped++;
        } else {
            suite_fail(session, target, "open", "", "", NULL, "%s", octgemm_last_error());
        }
        close_target(target);
    }
    return count;
}

/* Opens "auto" and each usable kernel that the options want. Returns how many. */
static int open_targets(const struct suite_session *session, struct suite_target *targets,
                        const char *backend)
{
    const struct suite_options *options = session->options;
    int count = 0;
    size_t row;
    octgemm_info info;
    if (open_target(&targets[count++], backend, options->device, "auto", -1) != OCTGEMM_OK) {
        suite_fail(session, &targets[0], "open", "", "", NULL, "%s", octgemm_last_error());
        close_target(&targets[0]);
        return 0;
    }
    octgemm_ctx *automatic = targets[0].ctx;
    for (row = 0; octgemm_kernel(automatic, NULL, row, &info) == OCTGEMM_OK; row++) {
        if (options->kernel && strcmp(options->kernel, info.kernel) != 0)
            continue;
        if (info.reason[0]) {
            suite_line(session, "SKIP %s/%s: %s", backend, info.kernel, info.reason);
            session->result->skipped++;
            continue;
        }
        if (count == most_targets)
            break;
        struct suite_target *target = &targets[count++];
        if (open_target(target, backend, options->device, info.kernel, (long)row) != OCTGEMM_OK) {
            suite_fail(session, target, "open", "", "", NULL, "%s", octgemm_last_error());
            close_target(target);
            count--;
        }
    }
    /* Of a backend with a single kernel, "auto" is that kernel once more. */
    int single = !options->kernel && row == 1 && count == 2;
    if (single || (options->kernel && strcmp(options->kernel, "auto") != 0)) {
        close_target(&targets[0]);
        memmove(targets, targets + 1, (size_t)--count * sizeof *targets);
    }
    if (strcmp(backend, "cpu") == 0)
        count += open_capped(session, targets + count, most_targets - count);
    return count;
}

/* ---- cases ------------------------------------------------------------------------------------
 */

static size_t free_memory(const struct suite_options *options)
{
    if (options->memory)
        return options->memory;
    return (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) / 10 * 9;
}

static void run_on_targets(const struct suite_session *session, struct suite_target *targets,
                           int count, const struct suite_problem *problem)
{
    const struct suite_case *c = problem->c;
    struct suite_problem reversed = {.c = NULL};
    if ((c->variants & VARIANT(V_PERMUTED)) &&
        suite_problem_reverse(&reversed, problem) != OCTGEMM_OK)
        suite_line(session, "SKIP %s permuted: no memory", c->name);
    for (int t = 0; t < count; t++)
        for (int variant = 0; variant < VARIANTS; variant++) {
            const struct suite_problem *which = variant == V_PERMUTED ? &reversed : problem;
            if (!(c->variants & VARIANT(variant)) || !which->c)
                continue;
            suite_run_product(session, &targets[t], which, (enum suite_variant)variant);
            suite_arena_trim(&targets[t].arena);
        }
    suite_problem_free(&reversed);
}

static void run_case(const struct suite_session *session, struct suite_target *targets, int count,
                     const struct suite_case *c)
{
    double wanted = suite_case_memory(c), room = (double)free_memory(session->options);
    if (wanted > room) {
        suite_line(session, "SKIP %s/%s: it takes %.1f GB of memory, %.1f GB are free",
                   targets[0].backend, c->name, wanted * 1e-9, room * 1e-9);
        session->result->skipped++;
        return;
    }
    struct suite_problem problem;
    octgemm_status status = suite_problem_make(&problem, c, session->reference);
    int64_t i, j;
    char text[128];
    if (status != OCTGEMM_OK) {
        suite_fail(session, &targets[0], c->name, "", "", NULL, "the reference: %s: %s",
                   octgemm_strerror(status), octgemm_last_error());
    } else {
        if (suite_problem_doubt(&problem, &i, &j, text, sizeof text)) {
            struct suite_difference where = {.array = "d", .i = i, .j = j};
            suite_fail(session, &targets[0], c->name, "", "", &where, "%s", text);
        }
        run_on_targets(session, targets, count, &problem);
    }
    suite_problem_free(&problem);
}

static void run_cases(const struct suite_session *session, struct suite_target *targets, int count,
                      const struct suite_case *cases, long case_count)
{
    const struct suite_options *options = session->options;
    for (long i = 0; i < case_count; i++) {
        if (options->progress)
            options->progress(options->user, targets[0].backend, i, case_count);
        if (!suite_wanted(session, cases[i].name))
            continue;
        session->result->cases++;
        run_case(session, targets, count, &cases[i]);
    }
    suite_run_quantizer(session, targets, count);
    if (options->progress)
        options->progress(options->user, targets[0].backend, case_count, case_count);
}

/* ---- backends ---------------------------------------------------------------------------------
 */

static void require_backend(const struct suite_session *session, const char *name)
{
    char reason[256] = "no backend is called that";
    octgemm_info info;
    for (size_t row = 0; octgemm_backend(row, &info) == OCTGEMM_OK; row++) {
        if (strcmp(info.backend, name) != 0)
            continue;
        if (info.kernel[0])
            return;
        snprintf(reason, sizeof reason, "%s", info.reason);
    }
    struct suite_target absent = {.backend = name, .kernel = "auto"};
    suite_fail(session, &absent, "require", "", "", NULL, "required, but: %s", reason);
}

/* Of all backends, not only of those that the options choose. */
static void check_required(const struct suite_session *session)
{
    struct suite_word word;
    for (const char *list = session->options->require; suite_next_word(&list, &word);) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)word.length, word.at);
        if (word.length > 0)
            require_backend(session, name);
    }
}

static void run_backend(const struct suite_session *session, const octgemm_info *info,
                        const struct suite_case *cases, long case_count)
{
    struct suite_target targets[most_targets];
    if (!info->kernel[0]) {
        suite_line(session, "SKIP %s: %s", info->backend, info->reason);
        session->result->skipped++;
        return;
    }
    int count = open_targets(session, targets, info->backend);
    if (count > 0)
        run_cases(session, targets, count, cases, case_count);
    for (int t = 0; t < count; t++) {
        if (targets[t].taken == 0 && !session->options->filter)
            suite_fail(session, &targets[t], "all", "", "", NULL,
                       "the kernel took no case of the table");
        suite_line(session, "%s %s/%s%s%s (%s): %ld runs, %ld failed",
                   targets[t].failures ? "FAIL" : "ok  ", info->backend, targets[t].kernel,
                   targets[t].cap ? ", OCTGEMM_CPU=" : "", targets[t].cap ? targets[t].cap : "",
                   info->device, targets[t].taken, targets[t].failures);
        close_target(&targets[t]);
    }
}

/* The row of octgemm_backend()'s list that stands for the options' device of a backend. */
static int is_chosen(const struct suite_options *options, const octgemm_info *info, int device)
{
    return (!options->backend || strcmp(options->backend, info->backend) == 0) &&
           (device == options->device || !info->kernel[0]);
}

int suite_run(const struct suite_options *options, struct suite_result *result)
{
    struct suite_session session = {.options = options, .result = result};
    *result = (struct suite_result){.cases = 0};
    struct suite_case *cases = NULL;
    long case_count = suite_make_cases(options->tier, options->seed, &cases);
    octgemm_status status = open_forced(&session.reference, "ref", 0, "auto");
    if (case_count < 0 || status != OCTGEMM_OK) {
        suite_line(&session, "FAIL ref: %s", octgemm_last_error());
        free(cases);
        return 2;
    }
    check_required(&session);
    octgemm_info info;
    char previous[32] = "";
    int device = 0;
    for (size_t row = 0; octgemm_backend(row, &info) == OCTGEMM_OK; row++) {
        device = strcmp(previous, info.backend) == 0 ? device + 1 : 0;
        snprintf(previous, sizeof previous, "%s", info.backend);
        if (is_chosen(options, &info, device))
            run_backend(&session, &info, cases, case_count);
    }
    octgemm_close(&session.reference);
    free(cases);
    if (result->failed > 0)
        return 1;
    return result->passed > 0 ? 0 : 2;
}
