/* What a GPU backend's host side must do when a call of its driver fails, the same for each of
 * them: tests over a table of the calls, on a mock driver. */
#ifndef GPU_FAILURES_H
#define GPU_FAILURES_H

#include "mock_driver.h"
#include "octgemm.h"

#include <check.h>

/* A call that the library makes, and the status that its failure ends in. Those with OK are made on
 * the way out only, where there is nobody to report to. */
struct gpu_failure {
    const char *name;
    octgemm_status status;
    int everywhere;     /* made on the way out too, where its failure ends in OK and keeps things */
    int generation;     /* of a device on which it is made; 0: any */
    const char *kernel; /* that makes it; NULL: whichever is chosen */
};

struct gpu_failures {
    const char *backend;
    struct mock_driver *(*load)(void);                 /* the mock, as the library will find it */
    void (*set_generation)(struct mock_driver *, int); /* of its devices; before it is looked at */
    int code;                                          /* of the failures */
    const char *words;                                 /* what a message says of the code */
    const struct gpu_failure *table;
    int count;
    const char *const *others; /* calls that cannot fail a program; ended by NULL */
};

/* A program that uses everything a context has; returns the first failure. The memory's contents do
 * not matter. */
octgemm_status gpu_use_context(octgemm_ctx *ctx);
octgemm_status gpu_use_everything(const char *backend);

void gpu_add_failure_tests(TCase *tests, const struct gpu_failures *failures);

#endif
