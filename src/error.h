/* Statuses and the thread-local message behind octgemm_last_error(). */
#ifndef OCTGEMM_ERROR_H
#define OCTGEMM_ERROR_H

#include "octgemm.h"

/* Stores a message of one line and returns `status`, so that a check reads
 *     return octgemm_fail(OCTGEMM_ERR_ARG, "k is %lld, ...", k);                              */
octgemm_status octgemm_fail(octgemm_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ERR_ARG: an argument of `function`, or a member of what it is given, is NULL. */
octgemm_status octgemm_null_argument(const char *function, const char *name);

#endif
