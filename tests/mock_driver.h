/* What every mock driver of a GPU keeps: which of its calls were made, which one a test makes fail,
 * and what was not given back yet. Each call begins with mock_enter(). */
#ifndef MOCK_DRIVER_H
#define MOCK_DRIVER_H

#include <pthread.h>
#include <string.h>

enum { mock_calls_max = 64 };

/* How often a driver call was made. */
struct mock_call {
    const char *name;
    long count;
};

/* The call that fails with this code, after so many of it that succeed: once, or from then on. */
struct mock_fault {
    const char *call;
    int code;
    long after;
    int lasting;
};

struct mock_driver {
    pthread_mutex_t lock;
    long begun; /* calls, those that wait for the lock included; atomic */
    struct mock_fault fault;
    struct mock_call calls[mock_calls_max];
    /* Retained or current, loaded, allocated, and not yet given back. */
    long contexts, modules, memory;
};

/* Counts a call. Returns the error that it is to fail with, or 0. */
static inline int mock_enter(struct mock_driver *driver, const char *name)
{
    struct mock_fault *fault = &driver->fault;
    struct mock_call *call = driver->calls;
    __atomic_fetch_add(&driver->begun, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&driver->lock);
    while (call->name && strcmp(call->name, name) != 0)
        call++;
    call->name = name;
    call->count++;
    int named = fault->call && strcmp(fault->call, name) == 0;
    long to_come = named ? fault->after-- : 1;
    int failing = to_come == 0 || (to_come < 0 && fault->lasting);
    pthread_mutex_unlock(&driver->lock);
    return failing ? fault->code : 0;
}

/* Counts what is taken, and given back by a step of -1. */
static inline void mock_count(struct mock_driver *driver, long *counter, long step)
{
    pthread_mutex_lock(&driver->lock);
    *counter += step;
    pthread_mutex_unlock(&driver->lock);
}

static inline long mock_calls_of(const struct mock_driver *driver, const char *name)
{
    for (const struct mock_call *call = driver->calls; call->name; call++)
        if (strcmp(call->name, name) == 0)
            return call->count;
    return 0;
}

static inline long mock_not_given_back(const struct mock_driver *driver)
{
    return driver->contexts + driver->modules + driver->memory;
}

#endif
