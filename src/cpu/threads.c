/* Threads: OpenMP where the compiler has it, else the calling thread alone.
 *
 * The only file that talks to the OpenMP runtime. A caller's omp_set_num_threads(), OMP_NUM_THREADS
 * and affinity hold; in a caller's own parallel region we use what the runtime allows there, by
 * default one thread. */
#include "cpu.h"

#ifdef _OPENMP
#include <omp.h>

int octgemm_cpu_threads_at_most(void)
{
    int limit = omp_get_max_threads();
    int processors = omp_get_num_procs();
    return limit > processors ? limit : processors;
}

int octgemm_cpu_threads_now(int most)
{
    if (omp_get_active_level() >= omp_get_max_active_levels())
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
#pragma omp parallel num_threads(threads)
    work(arg, omp_get_thread_num());
}

#else

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
