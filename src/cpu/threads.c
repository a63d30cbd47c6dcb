/* Threads: OpenMP where the compiler has it, else the calling thread alone.
 *
 * The only file that talks to the OpenMP runtime. A caller's omp_set_num_threads(), OMP_NUM_THREADS
 * and affinity hold; in a caller's own parallel region we use what the runtime allows there, by
 * default one thread.
 *
 * It is one thread or the whole team, even where only some of it find work: libgomp ends threads
 * that a smaller team has no use for, and the next larger one waits 0.3 to 1 ms for new ones
 * (16 cores; bench/NOTES.md).
 *
 * libgomp's threads do not exist in a forked child, where it waits for them for ever, whoever they
 * worked for. So a child of a process that has threads, and its children, use one. Forks are seen
 * from when the library is loaded. */
#include "cpu.h"
#include "environment.h"
#include "error.h"
#include "integers.h"

/* In letters of either case, in every locale: Turkish has two of i. */
static int equal_words(const char *word, const char *lower)
{
    size_t i = 0;
    while (lower[i] && (word[i] | 0x20) == lower[i])
        i++;
    return word[i] == lower[i];
}

/* Calling a team and meeting it again took 0.4 us with 2 threads of a Zen 5 that spin, and on a
 * Sapphire Rapids 1, 2, 3 and 4.5 us with 2, 4, 8 and 16; of 16 threads that sleep 50 us. What is
 * shared is shared unevenly. */
struct cpu_team octgemm_cpu_team(void)
{
    static const struct cpu_team spinning = {8000, 1000}, sleeping = {120000, 15000};
    const char *policy = octgemm_environment("OMP_WAIT_POLICY");
    return policy && equal_words(policy, "passive") ? sleeping : spinning;
}

int octgemm_cpu_worth(const struct cpu_team *team, int threads, double cycles)
{
    return threads > 1 && cycles > team->call + team->each * threads;
}

#ifdef _OPENMP
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

static atomic_int had_threads; /* that worked for us */
static atomic_int has_threads; /* when it forks */
static atomic_int is_child;    /* of a process that had threads */
static atomic_int watches_forks;

/* Linux counts a process's threads among the links of this folder, which has two of its own. */
static void before_a_fork(void)
{
    enum { own_links = 2 };
    struct stat tasks;
    int counted = stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > own_links;
    has_threads = counted ? tasks.st_nlink > own_links + 1 : had_threads;
}

static void in_the_child(void)
{
    if (has_threads)
        is_child = 1;
}

/* Two threads that both do it do no harm. */
static int watch_forks(void)
{
    if (!watches_forks)
        watches_forks = pthread_atfork(before_a_fork, NULL, in_the_child) == 0;
    return watches_forks;
}

/* A caller may have threads, and fork, before it opens a context. */
__attribute__((constructor)) static void begin(void)
{
    watch_forks(); /* else open() will */
}

octgemm_status octgemm_cpu_threads_open(void)
{
    return watch_forks()
               ? OCTGEMM_OK
               : octgemm_fail(OCTGEMM_ERR_NOMEM, "octgemm_open: no memory to watch for fork()");
}

int octgemm_cpu_threads_at_most(void)
{
    enum { most = 1024 }; /* unless there are more processors: each thread has its own workspace */
    int processors = omp_get_num_procs();
    int64_t limit = at_most(omp_get_max_threads(), most);
    return (int)at_least(limit, processors);
}

int octgemm_cpu_threads_now(const struct cpu_team *team, double cycles)
{
    if (is_child || omp_get_active_level() >= omp_get_max_active_levels())
        return 1;
    int threads = omp_get_max_threads();
    return octgemm_cpu_worth(team, threads, cycles) ? threads : 1;
}

void octgemm_cpu_parallel(int threads, void (*work)(void *arg, int thread), void *arg)
{
    if (threads == 1) { /* not even an inactive region: entering one costs a microsecond */
        work(arg, 0);
        return;
    }
    had_threads = 1;
#pragma omp parallel
    if (omp_get_thread_num() < threads)
        work(arg, omp_get_thread_num());
}

#else

octgemm_status octgemm_cpu_threads_open(void)
{
    return OCTGEMM_OK;
}

int octgemm_cpu_threads_at_most(void)
{
    return 1;
}

int octgemm_cpu_threads_now(const struct cpu_team *team, double cycles)
{
    (void)team;
    (void)cycles;
    return 1;
}

void octgemm_cpu_parallel(int threads, void (*work)(void *arg, int thread), void *arg)
{
    (void)threads;
    work(arg, 0);
}

#endif
