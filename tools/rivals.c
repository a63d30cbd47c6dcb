/* octgemm bench --rivals: see rivals.h.
 *
 * All contenders get the same A (m x k) and B (n x k), both with every int8 value in them, and each
 * answer is compared bit by bit with the reference: a library that saturates is named so, not left
 * out. Rounds are interleaved, for clocks and neighbours change; printed are medians. On a CPU they
 * stand beside what a loop of the kernel's instructions alone, and plain reading of the weights,
 * reached in the same rounds (cycles.h). On a GPU a sample is a graph of the driver where it has
 * graphs, timed by the device's clock, so that the host's part does not count (queue.h). */
#include "rivals.h"
#include "command.h"
#include "cycles.h"
#include "matrix.h"
#include "operands.h"
#include "progress.h"
#include "report.h"
#include "timing.h"
#include "verify.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rivals. octgemm's own rows are ahead of them. */
static const struct rival *const table[] = {
    &octgemm_rival_onednn_matmul,
    &octgemm_rival_onednn_s8s8,
    &octgemm_rival_onednn_u8s8,
    &octgemm_rival_openblas,
    &octgemm_rival_cublaslt,
    &octgemm_rival_hipblaslt,
    NULL,
};

enum { contenders_max = 16, rounds_max = 200, rounds_min = 5, roof_rounds = 10 };

static const double sample_seconds = 5e-3;

struct contender {
    const struct rival *rival;
    void *state;
    int opened;
    struct batch batch;
    double seconds[rounds_max];
};

int octgemm_rival_refuses(char why[rival_why_size], const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(why, rival_why_size, format, list);
    va_end(list);
    return 1;
}

int octgemm_rival_symbol(void *library, const char *name, void *slot, char why[rival_why_size])
{
    void *address = dlsym(library, name);
    if (!address)
        return octgemm_rival_refuses(why, "it has no %s", name);
    memcpy(slot, &address, sizeof address);
    return 0;
}

static int load(const struct rival *rival, void **library, struct score *score)
{
    *library = NULL;
    score->library = "";
    for (size_t i = 0; rival->libraries && rival->libraries[i] && !*library; i++) {
        *library = dlopen(rival->libraries[i], RTLD_NOW | RTLD_LOCAL);
        score->library = rival->libraries[i];
    }
    if (!rival->libraries || *library)
        return 0;
    score->library = "";
    return octgemm_rival_refuses(score->why, "%s not found", rival->libraries[0]);
}

/* Writes over D, so that no contender passes with the answer of another. */
static int spoil_answer(const struct contest *contest)
{
    int64_t bytes = octgemm_bytes(contest->m, contest->n, 4);
    void *junk = octgemm_allocate(bytes, 1, 1, "results");
    if (!junk)
        return EXIT_INPUT;
    memset(junk, 0xa5, (size_t)bytes);
    octgemm_status status =
        octgemm_upload(contest->device.ctx, contest->d, junk, (size_t)bytes, contest->queue.stream);
    if (status == OCTGEMM_OK)
        status = octgemm_sync(contest->device.ctx, contest->queue.stream);
    free(junk);
    return status == OCTGEMM_OK ? 0 : octgemm_complain_library("writing over the results");
}

/* The product as the library is asked for it, with weights as rows and without scales. */
static octgemm_args product_of(const struct contest *contest, octgemm_type answer)
{
    return (octgemm_args){.size = sizeof(octgemm_args),
                          .m = contest->m,
                          .n = contest->n,
                          .k = contest->k,
                          .a = contest->a,
                          .lda = contest->k,
                          .b = contest->b[0],
                          .ldb = contest->k,
                          .d = contest->d,
                          .ldd = contest->n,
                          .d_type = answer};
}

/* One product, and what is wrong with it. */
static int check(struct contender *contender, const struct contest *contest, uint64_t seed,
                 struct score *score)
{
    const struct rival *rival = contender->rival;
    octgemm_args args = product_of(contest, rival->answer);
    float *sa = NULL, *sb = NULL;
    int status = spoil_answer(contest);
    if (status)
        return status;
    int code = rival->run(contender->state, 0);
    if (code != 0 || octgemm_sync(contest->device.ctx, contest->queue.stream) != OCTGEMM_OK) {
        octgemm_rival_refuses(score->why, "fails with error %d", code);
        return 0;
    }
    if (rival->scaled) {
        sa = octgemm_allocate(contest->m, 1, sizeof *sa, "scales");
        sb = octgemm_allocate(contest->n, 1, sizeof *sb, "scales");
        status = sa && sb ? octgemm_device_download(&contest->device, sa, contest->sa,
                                                    octgemm_bytes(contest->m, 1, sizeof *sa))
                          : EXIT_INPUT;
        if (status == 0)
            status = octgemm_device_download(&contest->device, sb, contest->sb,
                                             octgemm_bytes(contest->n, 1, sizeof *sb));
    }
    struct product product = {.device = &contest->device,
                              .args = &args,
                              .a = contest->host_a,
                              .b = contest->host_b,
                              .sa = sa,
                              .sb = sb};
    struct verdict verdict = {.compared = 0};
    if (status == 0)
        status = octgemm_verify(&product, seed, &verdict);
    score->compared = verdict.compared;
    score->wrong = verdict.bad;
    free(sa);
    free(sb);
    return status;
}

/* Seconds of a batch, or a negative number: by the device's clock where it has a stream. */
static double time_batch(struct contender *contender, const struct contest *contest)
{
    if (contest->queue.stream)
        return octgemm_queue_time(&contest->queue, &contender->batch);
    double start = octgemm_now();
    int code = octgemm_queue_run(&contest->queue, &contender->batch);
    if (octgemm_sync(contest->device.ctx, contest->queue.stream) != OCTGEMM_OK || code != 0)
        return -1;
    return octgemm_now() - start;
}

/* How many calls a sample has: long enough for the clock, and every copy of the weights in turn. */
static void size_batch(struct contender *contender, const struct contest *contest)
{
    enum { most = 2000 };
    struct batch *batch = &contender->batch;
    *batch = (struct batch){.call = contender->rival->run, .user = contender->state, .count = 1};
    time_batch(contender, contest); /* pays for cold caches and page faults */
    double seconds = time_batch(contender, contest);
    int64_t calls = seconds > 0 ? (int64_t)(sample_seconds / seconds) + 1 : 1;
    if (contest->queue.stream && calls < contest->copies)
        calls = contest->copies; /* a graph begins with the same copy each time */
    batch->count = calls < most ? calls : most;
    octgemm_queue_record(&contest->queue, batch);
}

/* Loads, opens and checks a contender; score->why says why it cannot be measured. */
static int prepare(struct contender *contender, const struct contest *contest, uint64_t seed,
                   struct score *score)
{
    void *library;
    const struct rival *rival = contender->rival;
    if (load(rival, &library, score))
        return 0;
    octgemm_progress_step(rival->name, 0);
    contender->opened = 1;
    if (rival->open(&contender->state, rival, library, contest, score->why))
        return 0;
    score->why[0] = '\0';
    int status = check(contender, contest, seed, score);
    if (status == 0 && !score->why[0])
        size_batch(contender, contest);
    return status;
}

static void sample(struct contender *contender, const struct contest *contest, int round,
                   struct score *score)
{
    double work = (double)contender->batch.count * (double)contest->m * (double)contest->n *
                  (double)contest->k;
    int host = strcmp(contest->backend, "cpu") == 0;
    if (host) {
        octgemm_settle();
        if (contender->batch.count > 1) /* its threads wake up */
            contender->rival->run(contender->state, contender->batch.first);
    }
    int cycles = host && octgemm_threads() == 1;
    struct cycles begin = cycles ? octgemm_cycles_now() : (struct cycles){0, 0};
    double seconds = time_batch(contender, contest);
    double rate = cycles ? octgemm_per_cycle(work, begin) : 0;
    if (seconds < 0)
        octgemm_rival_refuses(score->why, "fails while it is timed");
    score->rate = rate > score->rate ? rate : score->rate;
    contender->seconds[round] = seconds / (double)contender->batch.count;
}

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The figures of every contender. octgemm's sums are the first, so each ratio has its base. */
static void sum_up(struct contender *contenders, struct score *scores, size_t count, int rounds)
{
    for (size_t i = 0; i < count; i++) {
        struct score *score = &scores[i];
        if (score->why[0])
            continue;
        qsort(contenders[i].seconds, (size_t)rounds, sizeof(double), compare_seconds);
        score->median = contenders[i].seconds[rounds / 2];
        score->best = contenders[i].seconds[0];
        score->ratio = scores[0].median > 0 ? score->median / scores[0].median : 0;
    }
}

/* Rounds over all contenders. */
static void time_rounds(struct contender *contenders, struct score *scores, size_t count,
                        const struct contest *contest, double seconds, struct round_up *result)
{
    int host = strcmp(contest->backend, "cpu") == 0;
    const struct ceiling *ceiling = host ? octgemm_find_ceiling(result->info.arch) : NULL;
    double end = octgemm_now() + seconds * (double)count;
    int rounds = 0;
    octgemm_progress_step("timing", 0);
    while (rounds < rounds_min || (rounds < rounds_max && octgemm_now() < end)) {
        for (size_t i = 0; i < count; i++)
            if (!scores[i].why[0])
                sample(&contenders[i], contest, rounds, &scores[i]);
        if (host && rounds < roof_rounds)
            octgemm_sample_roofs(ceiling, contest->b, contest->copies, contest->n * contest->k,
                                 &result->roofs);
        rounds++;
    }
    result->threads = octgemm_backend_threads(contest->backend);
    sum_up(contenders, scores, count, rounds);
}

/* The kernel that octgemm takes for the sums; octgemm_query() gives the device's architecture,
 * octgemm_kernel() the kernel's. */
static int find_kernel(const struct contest *contest, octgemm_info *info)
{
    octgemm_info chosen;
    octgemm_args args = product_of(contest, OCTGEMM_I32);
    if (octgemm_query(contest->device.ctx, &args, &chosen) != OCTGEMM_OK)
        return octgemm_complain_library("choosing a kernel");
    for (size_t i = 0; octgemm_kernel(contest->device.ctx, &args, i, info) == OCTGEMM_OK; i++)
        if (strcmp(info->kernel, chosen.kernel) == 0)
            break;
    chosen.arch = info->arch;
    *info = chosen;
    return 0;
}

static int hold_contest(const struct contest *contest, const struct rivals_options *options,
                        const struct rival *const *rivals, struct round_up *result)
{
    static struct contender contenders[contenders_max];
    struct score scores[contenders_max];
    size_t count = 0;
    memset(contenders, 0, sizeof contenders);
    memset(scores, 0, sizeof scores);
    contenders[count++].rival = &octgemm_itself[OCTGEMM_I32];
    if (options->d_type != OCTGEMM_I32)
        contenders[count++].rival = &octgemm_itself[options->d_type];
    for (size_t i = 0; rivals[i] && count < contenders_max; i++)
        if (!rivals[i]->backend || strcmp(rivals[i]->backend, contest->backend) == 0)
            contenders[count++].rival = rivals[i];
    int status = find_kernel(contest, &result->info);
    for (size_t i = 0; i < count && status == 0; i++) {
        scores[i].rival = contenders[i].rival;
        status = prepare(&contenders[i], contest, (uint64_t)options->seed, &scores[i]);
    }
    if (status == 0) {
        time_rounds(contenders, scores, count, contest, options->seconds, result);
        result->recorded = contenders[0].batch.graph != NULL;
        result->scores = scores;
        result->count = count;
        octgemm_progress_pause();
        options->report(options->user, result);
        if (scores[0].why[0])
            status = octgemm_complain("octgemm: %s", scores[0].why);
        else if (scores[0].wrong > 0) {
            octgemm_complain("octgemm's own answer is wrong");
            status = EXIT_CHECK;
        }
    }
    for (size_t i = 0; i < count; i++) {
        octgemm_queue_release(&contenders[i].batch);
        if (contenders[i].opened)
            contenders[i].rival->close(contenders[i].state);
    }
    return status;
}

/* Brings the operands to the device, B in copies. */
static int upload_operands(struct contest *contest, const struct operands *operands, int hot)
{
    struct device *device = &contest->device;
    int64_t bytes = octgemm_bytes(contest->n, contest->k, 1);
    void *a, *b, *sa, *sb;
    contest->copies = hot ? 1 : octgemm_cold_copies(contest->n, contest->k);
    contest->b = calloc((size_t)contest->copies, sizeof *contest->b);
    if (!contest->b)
        return octgemm_complain("no memory for the weights");
    int status =
        octgemm_device_upload(device, operands->a, octgemm_bytes(contest->m, contest->k, 1), &a);
    if (status == 0)
        status = octgemm_device_upload(device, operands->sa, octgemm_bytes(contest->m, 1, 4), &sa);
    if (status == 0)
        status = octgemm_device_upload(device, operands->sb, octgemm_bytes(contest->n, 1, 4), &sb);
    if (status == 0)
        status =
            octgemm_device_alloc(device, octgemm_bytes(contest->m, contest->n, 4), &contest->d);
    for (int64_t i = 0; i < contest->copies && status == 0; i++) {
        status = octgemm_device_upload(device, operands->b, bytes, &b);
        contest->b[i] = b;
    }
    if (status)
        return status;
    contest->a = a;
    contest->sa = sa;
    contest->sb = sb;
    contest->host_a = operands->a;
    contest->host_b = operands->b;
    return 0;
}

int octgemm_bench_these(const struct rivals_options *options, const struct rival *const *rivals,
                        const struct shape *shape, int64_t m)
{
    struct contest contest = {.m = m, .n = shape->n, .k = shape->k, .rows = options->rows};
    struct operands operands = {NULL, NULL, NULL, NULL};
    struct round_up result = {.shape = shape, .m = m, .hot = options->hot, .rows = options->rows};
    octgemm_info info;
    octgemm_progress_step("making up data", 0);
    int status = octgemm_open_device(&contest.device, &options->choice);
    if (status)
        return status;
    if (octgemm_query(contest.device.ctx, NULL, &info) != OCTGEMM_OK)
        status = octgemm_complain_library("choosing a kernel");
    contest.backend = info.backend;
    if (status == 0) {
        octgemm_queue_open(&contest.queue, contest.backend, (int)options->choice.index);
        status = octgemm_make_operands(&operands, m, shape->n, shape->k, options->weights,
                                       options->seed);
    }
    if (status == 0)
        status = upload_operands(&contest, &operands, options->hot);
    if (status == 0)
        status = hold_contest(&contest, options, rivals, &result);
    octgemm_queue_close(&contest.queue);
    octgemm_close_device(&contest.device);
    octgemm_release_operands(&operands);
    free(contest.b);
    return status;
}

int octgemm_bench_rivals(const struct rivals_options *options, const struct shape *shape, int64_t m)
{
    return octgemm_bench_these(options, table, shape, m);
}
