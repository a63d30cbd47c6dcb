/* One case made concrete: arrays on the host, and what D must be. */
#ifndef OCTGEMM_SUITE_PROBLEM_H
#define OCTGEMM_SUITE_PROBLEM_H

#include "cases.h"

#include "octgemm.h"

struct suite_problem {
    const struct suite_case *c;
    int64_t lda, ldb, ldd;
    /* Each array from its first byte to its last used one; NULL where the case has none. */
    unsigned char *host[ARRAYS];
    size_t bytes[ARRAYS]; /* D's too, which has no host array */
    unsigned char *expected;
    int64_t expected_rows; /* row i of D is row i % expected_rows of expected, each of n elements */
};

/* Makes arrays and has the reference compute D. An error is OCTGEMM_ERR_NOMEM or the reference's.
 */
octgemm_status suite_problem_make(struct suite_problem *problem, const struct suite_case *c,
                                  const octgemm_ctx *reference);
/* The same product with the rows of A and of B, and all that belongs to them, in reverse order. */
octgemm_status suite_problem_reverse(struct suite_problem *reversed,
                                     const struct suite_problem *problem);
void suite_problem_free(struct suite_problem *problem);

/* Everything but pointers, for rows x columns of D. */
octgemm_args suite_problem_args(const struct suite_problem *problem, int64_t rows, int64_t columns);

/* Host memory that making and running this case takes, roughly. */
double suite_case_memory(const struct suite_case *c);

/* Checks the reference's result against a second computation that shares no code with it, and
 * against the float64 bound. Returns 0, or 1 with the element and both values in words. */
int suite_problem_doubt(const struct suite_problem *problem, int64_t *i, int64_t *j, char *text,
                        size_t size);

#endif
