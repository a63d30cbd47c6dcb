/* Reading the environment: one place, so that the rule "ignored in setuid programs" holds
 * everywhere. */
#include "config.h"
#include "environment.h"

#include <stdlib.h>

#ifndef HAVE_SECURE_GETENV
#define secure_getenv getenv /* macOS, BSD: no equivalent */
#endif

const char *octgemm_environment(const char *name)
{
    const char *value = secure_getenv(name);
    return value && *value ? value : NULL;
}
