/* Threads: OpenMP where the compiler has it, else the calling thread alone.
 *
 * The only file that talks to the OpenMP runtime. A caller's omp_set_num_threads(), OMP_NUM_THREADS
 * and affinity hold; in a caller's own parallel region we use what the runtime allows there, by
 * default one thread.
 *
 * libgomp's threads do not exist in a forked child, where it waits for them for ever. So a child of
 * a process in which threads have worked for us, and its children, use one. */
#include "cpu.h"
#include "error.h"

#ifdef _OPENMP
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>

static atomic_int had_threads, is_child;
static int no_watch; /* what pthread_atfork() said */

static void in_the_child(void)
{
    if (had_threads)
        is_child = 1;
}

static void watch_forks(void)
{
    no_watch = pthread_atfork(NULL, NULL, in_the_child);
}

octgemm_status octgemm_cpu_threads_open(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    return no_watch ? octgemm_fail(OCTGEMM_ERR_NOMEM, "octgemm_open: no memory to watch for fork()")
                    : OCTGEMM_OK;
}

int octgemm_cpu_threads_at_most(void)
{
    int limit = omp_get_max_threads();
    int processors = omp_get_num_procs();
    return limit > processors ? limit : processors;
}

int octgemm_cpu_threads_now(int most)
{
    if (is_child || omp_get_active_level() >= omp_get_max_active_levels())
        return 1;
    int limit = omp_get_max_threads();
    return limit < most ? limit : most;
}

void octgemm_cpu_parallel(int threads, void (*work)(void *arg, int thread), void *arg)
{
    if (threads == 1) { /* not even an inactive region: entering one costs a microsecond */
        work(arg, 0);
        return;
    }
    had_threads = 1;
#pragma omp parallel num_threads(threads)
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

int octgemm_cpu_threads_now(int most)
{
    (void)most;
    return 1;
}

void octgemm_cpu_parallel(int threads, void (*work)(void *arg, int thread), void *arg)
{
    (void)threads;
    work(arg, 0);
}

#endif
