/* Statuses and the thread-local message behind octgemm_last_error(): one line, also where it
 * repeats a name that came from the caller, the environment or damaged weights. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[512];

octgemm_status octgemm_fail(octgemm_status status, const char *format, ...)
{
    char text[sizeof message]; /* what is repeated may be the message before */
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    memcpy(message, text, sizeof message);
    for (char *c = message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return status;
}

octgemm_status octgemm_null_argument(const char *function, const char *name)
{
    return octgemm_fail(OCTGEMM_ERR_ARG, "%s: %s is NULL", function, name);
}

const char *octgemm_last_error(void)
{
    return message;
}

const char *octgemm_strerror(octgemm_status status)
{
    static const char *const words[] = {
        [OCTGEMM_OK] = "success",
        [OCTGEMM_ERR_ARG] = "invalid argument",
        [OCTGEMM_ERR_UNSUPPORTED] = "not taken by the kernel that is forced",
        [OCTGEMM_ERR_NO_BACKEND] = "backend cannot run here",
        [OCTGEMM_ERR_NOMEM] = "out of memory",
        [OCTGEMM_ERR_WORKSPACE] = "workspace missing or too small",
        [OCTGEMM_ERR_DEVICE] = "device or driver error",
    };
    unsigned index = (unsigned)status;
    return index < sizeof words / sizeof *words ? words[index] : "unknown status";
}
