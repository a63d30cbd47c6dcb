/* What the parts of the suite share while it runs: where results go, and a kernel under test. */
#ifndef OCTGEMM_SUITE_SESSION_H
#define OCTGEMM_SUITE_SESSION_H

#include "arena.h"
#include "cases.h"
#include "problem.h"

struct suite_session {
    const struct suite_options *options;
    struct suite_result *result;
    octgemm_ctx *reference;
};

/* One kernel of a backend, or "auto": a context of its own, opened with OCTGEMM_KERNEL. */
struct suite_target {
    const char *backend, *kernel;
    const char *cap; /* OCTGEMM_CPU, NULL: not set for it */
    long index;      /* row of the kernel table, -1: auto */
    octgemm_ctx *ctx;
    struct suite_arena arena;
    long taken, failures;
};

#define SUITE_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* One line of report. */
void suite_line(const struct suite_session *session, const char *format, ...) SUITE_PRINTF(2, 3);

/* Does the filter let a case of this name through? */
int suite_wanted(const struct suite_session *session, const char *name);

/* Counts and reports a failure: shape in words, where (NULL: nowhere in particular), what. */
void suite_fail(const struct suite_session *session, struct suite_target *target,
                const char *case_name, const char *variant, const char *shape,
                const struct suite_difference *where, const char *format, ...) SUITE_PRINTF(7, 8);

/* What came of a run: the first of these that is not as it should be is its failure. */
struct suite_outcome {
    octgemm_status status; /* of the last thing that was done */
    const char *step;      /* in words, what that was; NULL: the run has one step */
    int differs;           /* `difference` says where */
    int kept;              /* the caller's floating-point state is as it was */
    struct suite_difference difference;
};

int suite_good(const struct suite_outcome *outcome);

/* Counts the run as passed or failed, and reports a failure. */
void suite_judge(const struct suite_session *session, struct suite_target *target,
                 const char *case_name, const char *variant, const char *shape,
                 const struct suite_outcome *outcome);

/* gemm.c: one case in one variant on one target. */
void suite_run_product(const struct suite_session *session, struct suite_target *target,
                       const struct suite_problem *problem, enum suite_variant variant);

/* quantize.c: the quantiser's cases on the targets of a backend. */
void suite_run_quantizer(const struct suite_session *session, struct suite_target *targets,
                         int count);

#endif
