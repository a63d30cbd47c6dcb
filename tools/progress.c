/* The progress line. A thread of its own draws it, so that it also moves during one long call. */
#include "progress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Under a second nothing is drawn. */
enum { quiet_ms = 1000, redraw_ms = 200 };

static struct {
    pthread_t thread;
    int running; /* the thread was started */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int stop;   /* under lock, as is the rest */
    int drawn;  /* there is a line on the terminal */
    int hidden; /* paused, or before the first step */
    char doing[64];
    struct timespec since;
    int64_t total;
    _Atomic int64_t done;
} line = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .hidden = 1};

static void wipe(void)
{
    if (line.drawn)
        fputs("\r\033[K", stderr);
    line.drawn = 0;
}

static void draw(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(stderr, "\r\033[K%s, %lld s", line.doing, (long long)(now.tv_sec - line.since.tv_sec));
    int64_t done = atomic_load(&line.done);
    if (line.total > 0 && done <= line.total)
        fprintf(stderr, ", %d %%", (int)(100.0 * (double)done / (double)line.total));
    line.drawn = 1;
}

static struct timespec later(int milliseconds)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += milliseconds * 1000000LL % 1000000000LL;
    at.tv_sec += milliseconds / 1000 + at.tv_nsec / 1000000000L;
    at.tv_nsec %= 1000000000L;
    return at;
}

static void *draw_until_stopped(void *unused)
{
    pthread_mutex_lock(&line.lock);
    struct timespec at = later(quiet_ms);
    while (!line.stop) {
        if (pthread_cond_timedwait(&line.wake, &line.lock, &at) != ETIMEDOUT)
            continue;
        if (!line.hidden)
            draw();
        at = later(redraw_ms);
    }
    pthread_mutex_unlock(&line.lock);
    return unused;
}

void octgemm_progress_start(void)
{
    if (!isatty(STDERR_FILENO))
        return;
    /* Signals are the main thread's business. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    line.running = pthread_create(&line.thread, NULL, draw_until_stopped, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void octgemm_progress_pause(void)
{
    pthread_mutex_lock(&line.lock);
    wipe();
    line.hidden = 1;
    pthread_mutex_unlock(&line.lock);
}

void octgemm_progress_resume(void)
{
    pthread_mutex_lock(&line.lock);
    line.hidden = 0;
    pthread_mutex_unlock(&line.lock);
}

void octgemm_progress_stop(void)
{
    if (!line.running)
        return;
    octgemm_progress_pause();
    pthread_mutex_lock(&line.lock);
    line.stop = 1;
    pthread_cond_signal(&line.wake);
    pthread_mutex_unlock(&line.lock);
    pthread_join(line.thread, NULL);
    line.running = 0;
}

void octgemm_progress_step(const char *doing, int64_t total)
{
    pthread_mutex_lock(&line.lock);
    snprintf(line.doing, sizeof line.doing, "%s", doing);
    line.hidden = 0;
    line.total = total;
    atomic_store(&line.done, 0);
    clock_gettime(CLOCK_REALTIME, &line.since);
    pthread_mutex_unlock(&line.lock);
}

void octgemm_progress_add(int64_t done)
{
    atomic_fetch_add(&line.done, done);
}
