/* Reading the environment: one place, so that the rule "ignored in setuid programs" holds
 * everywhere. */
#include "environment.h"

#include <stddef.h>

const char *octgemm_environment(const char *name)
{
    const char *value = octgemm_environment_entry(name);
    return value && *value ? value : NULL;
}
