/* The shared accuracy suite: one table of cases, run over every backend and every kernel of it, and
 * compared with the reference at tolerance 0.
 *
 * It uses the public header alone and neither prints nor exits, so that the Check programs of
 * `make check` and the command `octgemm check` are the same suite.
 *
 *     struct suite_options options = {.seed = 1, .line = print_line};
 *     struct suite_result result;
 *     int rc = suite_run(&options, &result);      0 passed, 1 failed, 2 nothing could be run
 */
#ifndef OCTGEMM_SUITE_H
#define OCTGEMM_SUITE_H

#include <stddef.h>
#include <stdint.h>

enum suite_tier {
    SUITE_QUICK,   /* seconds: `make check`, `octgemm check` */
    SUITE_BIG,     /* and indices beyond 2^31, shapes of real models: gigabytes, minutes */
    SUITE_PARANOID /* and every shape in a range */
};

/* What a tamper hook sees: bytes downloaded from a device, before they are compared. It exists to
 * prove that the suite can fail (check_suite_fails.c). */
struct suite_view {
    const char *kernel, *case_name, *variant;
    unsigned char *bytes; /* D and everything around it, as far as it was downloaded at once */
    size_t size;
    unsigned char *d; /* D's first byte, within bytes, or NULL when D does not begin here */
    int64_t m, n, ldd, width;
};

/* One failure, also handed to `line` in words. */
struct suite_failure {
    const char *backend, *kernel, *case_name, *variant;
    const char *array; /* where the first bad byte is: "d", "a", "guard after d" ... or "" */
    int64_t i, j;      /* the element of d, q or x; -1 elsewhere */
};

/* Zero-initialise, then set what differs. */
struct suite_options {
    const char *backend;     /* NULL: every backend */
    const char *kernel;      /* NULL: every kernel of it, and "auto", the library's own choice */
    const char *const *caps; /* "auto" of the cpu backend once more under each of these values of
                                OCTGEMM_CPU, as far as it takes them; NULL ends them; NULL: none */
    int device;              /* within the backend */
    enum suite_tier tier;
    uint64_t seed;       /* of all generated data and drawn properties */
    const char *filter;  /* a shell pattern for case names; NULL: all */
    const char *require; /* comma list of backends whose absence is a failure; NULL: none */
    int failures_shown;  /* per kernel, the rest is counted; 0: 3 */
    size_t memory;       /* bytes a case may use on the host; 0: most of what the host has free */
    void (*line)(void *user, const char *text); /* a line of report, without newline; NULL: none */
    void (*progress)(void *user, const char *what, long done, long total);
    void (*failure)(void *user, const struct suite_failure *failure);
    void (*tamper)(void *user, const struct suite_view *view);
    void *user;
};

/* Counts. One run is a case in one of its variants (packed, row by row, twice ...) on one kernel.
 */
struct suite_result {
    long cases, runs, passed, failed;
    long skipped;   /* backends and cases that cannot run here; each has its line */
    long not_taken; /* runs that a forced kernel does not take; "auto" takes all */
};

/* Runs the suite. While it runs it sets and restores OCTGEMM_KERNEL and OCTGEMM_CPU, so no other
 * thread may use the environment. */
int suite_run(const struct suite_options *options, struct suite_result *result);

#endif
