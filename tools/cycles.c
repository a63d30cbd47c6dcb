/* Work per cycle: see cycles.h. */
#include "cycles.h"
#include "timing.h"

#include <string.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* Seconds of processor time, which do not count what neighbours take. */
static double processor_seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The best of three tries, for one may be interrupted. */
static double clock_rate(void)
{
    enum { count = 1000 };
    double best = 0;
    for (int i = 0; i < 3 && octgemm_ceilings[0].arch; i++) {
        double start = octgemm_now();
        octgemm_spin(count);
        double rate = 16 * count / (octgemm_now() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

static struct cycles begin_cycles(clockid_t clock)
{
    double rate = clock_rate();
    return (struct cycles){rate, processor_seconds(clock)};
}

static double per_cycle(double work, struct cycles begin, clockid_t clock)
{
    double seconds = processor_seconds(clock) - begin.processor;
    double after = clock_rate();
    double rate =
        after > begin.rate ? after : begin.rate; /* the faster of the two: never too much */
    return begin.rate > 0 && seconds > 0 ? work / (seconds * rate) : 0;
}

struct cycles octgemm_cycles_now(void)
{
    return begin_cycles(CLOCK_PROCESS_CPUTIME_ID);
}

double octgemm_per_cycle(double work, struct cycles begin)
{
    return per_cycle(work, begin, CLOCK_PROCESS_CPUTIME_ID);
}

void octgemm_settle(void)
{
    enum { tries = 60 };
    const struct timespec nap = {.tv_nsec = 1000000};
    const double at_rest = 1e-4; /* seconds of processor time in a nap */
    for (int i = 0; i < tries; i++) {
        double before = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
        nanosleep(&nap, NULL);
        if (processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - before < at_rest)
            return;
    }
}

static void keep_best(double *best, double now)
{
    *best = now > *best ? now : *best;
}

/* What keeps a compiler from leaving out sums that nobody reads. */
static volatile uint64_t sink;

/* 16 bytes anywhere; four sums side by side, so that loads and not additions bound it. */
typedef uint64_t wide __attribute__((vector_size(16), aligned(1), may_alias));

static uint64_t read_words(const int8_t *block, int64_t bytes)
{
    wide a = {0}, b = {0}, c = {0}, d = {0};
    for (const int8_t *at = block, *end = block + bytes; at < end; at += 64) {
        a += *(const wide *)at;
        b += *(const wide *)(at + 16);
        c += *(const wide *)(at + 32);
        d += *(const wide *)(at + 48);
    }
    a += b + c + d;
    return a[0] + a[1];
}

static double read_rate(int8_t *const *blocks, int64_t count, int64_t bytes)
{
    enum { piece = 1 << 16 };
    int64_t pieces = bytes / piece, read = 0;
    uint64_t sum = 0;
#pragma omp parallel reduction(+ : sum) /* the threads wake up */
    sum += 1;
    double start = octgemm_now();
    do { /* a block that lies in a cache is soon read */
#pragma omp parallel for schedule(static) collapse(2) reduction(+ : sum)
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = 0; j < pieces; j++)
                sum += read_words(blocks[i] + j * piece, piece);
        read += count * pieces * piece;
    } while (pieces > 0 && octgemm_now() - start < 1e-3);
    sink = sum;
    return (double)read / (octgemm_now() - start) * 1e-9;
}

/* Every thread by its own clock, for they do not begin at the same time. */
static double loop_tops(const struct ceiling *ceiling)
{
    enum { count = 200000 };
    double rate = 0;
#pragma omp parallel reduction(+ : rate)
    {
        double start = octgemm_now();
        ceiling->loop(count);
        rate += 2.0 * count * ceiling->macs / (octgemm_now() - start);
    }
    return rate * 1e-12;
}

void octgemm_sample_roofs(const struct ceiling *ceiling, int8_t *const *blocks, int64_t count,
                          int64_t bytes, struct roofs *best)
{
    enum { single = 5000 };
    octgemm_settle();
    if (ceiling) {
        struct cycles begin = begin_cycles(CLOCK_THREAD_CPUTIME_ID);
        ceiling->loop(single);
        keep_best(&best->rate,
                  per_cycle((double)ceiling->macs * single, begin, CLOCK_THREAD_CPUTIME_ID));
        keep_best(&best->tops, loop_tops(ceiling));
    }
    keep_best(&best->bandwidth, read_rate(blocks, count, bytes));
}

int octgemm_threads(void)
{
#ifdef _OPENMP
    enum { least_limit = 1024 };
    int processors = omp_get_num_procs(), threads = omp_get_max_threads();
    int limit = processors > least_limit ? processors : least_limit;
    return threads < limit ? threads : limit;
#else
    return 1;
#endif
}

int octgemm_backend_threads(const char *backend)
{
    if (strcmp(backend, "cpu") == 0)
        return octgemm_threads();
    return strcmp(backend, "ref") == 0;
}

const struct ceiling *octgemm_find_ceiling(const char *arch)
{
    for (const struct ceiling *ceiling = octgemm_ceilings; ceiling->arch; ceiling++)
        if (strcmp(ceiling->arch, arch) == 0)
            return !ceiling->usable || ceiling->usable() ? ceiling : NULL;
    return NULL;
}
