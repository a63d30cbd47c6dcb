/* OCTGEMM_VERBOSE=1: the one place where the library writes to stderr, and only because the user
 * asked for it in the environment. */
#ifndef OCTGEMM_VERBOSE_H
#define OCTGEMM_VERBOSE_H

#include "backend.h"

/* One line: which kernel runs these arguments, and which earlier rows of the table cannot, and why.
 */
void octgemm_verbose_run(const octgemm_ctx *ctx, const octgemm_args *args,
                         const struct kernel *chosen, const char *why);

#endif
