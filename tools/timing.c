/* Timing: see timing.h. */
#include "timing.h"
#include "command.h"
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { sample_max = 256, sample_least = 3, sample_wanted = 25, batch_max = 20000 };

double octgemm_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct run {
    const octgemm_ctx *ctx;
    octgemm_status (*call)(void *user, int64_t index);
    void *user;
    int64_t next;
};

/* Seconds per call of a batch, or a negative number after a complaint. */
static double time_batch(struct run *run, int64_t batch)
{
    double begin = octgemm_now();
    octgemm_status status = OCTGEMM_OK;
    for (int64_t i = 0; i < batch && status == OCTGEMM_OK; i++)
        status = run->call(run->user, run->next++);
    if (status == OCTGEMM_OK)
        status = octgemm_sync(run->ctx, NULL);
    if (status == OCTGEMM_OK)
        return (octgemm_now() - begin) / (double)batch;
    octgemm_complain_library("multiplying");
    return -1;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* A batch that takes a sample's share of the time. The first call pays for cold caches and page
 * faults, so a second one is the guess. */
static int64_t choose_batch(double guess, double seconds)
{
    double batch = ceil(seconds / sample_wanted / fmax(guess, 1e-9));
    return batch < 1 ? 1 : batch > batch_max ? batch_max : (int64_t)batch;
}

int octgemm_time_calls(const octgemm_ctx *ctx, octgemm_status (*call)(void *user, int64_t index),
                       void *user, double seconds, struct timing *out)
{
    struct run run = {ctx, call, user, 0};
    double samples[sample_max], begin = octgemm_now();
    size_t count = 0;
    double guess = time_batch(&run, 1);
    if (guess >= 0 && guess < seconds)
        guess = time_batch(&run, 1);
    if (guess < 0)
        return EXIT_INPUT;
    int64_t batch = choose_batch(guess, seconds);
    out->calls = 0;
    while (count < sample_max && (count < sample_least || octgemm_now() - begin < seconds)) {
        samples[count] = guess >= seconds ? guess : time_batch(&run, batch);
        if (samples[count] < 0)
            return EXIT_INPUT;
        count++;
        out->calls += batch;
        if (guess >= seconds) /* one call is more than all the time there is */
            break;
    }
    qsort(samples, count, sizeof *samples, by_value);
    out->best = samples[0];
    out->median =
        count % 2 ? samples[count / 2] : (samples[count / 2 - 1] + samples[count / 2]) / 2;
    return 0;
}
