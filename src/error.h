/* Statuses and the thread-local message behind octgemm_last_error(). */
#ifndef OCTGEMM_ERROR_H
#define OCTGEMM_ERROR_H

#include "octgemm.h"

/* Stores a message of one line and returns `status`, so that a check reads
 *     return octgemm_fail(OCTGEMM_ERR_ARG, "k is %lld, ...", k);                              */
octgemm_status octgemm_fail(octgemm_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
