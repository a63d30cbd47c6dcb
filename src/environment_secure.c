/* Systems with secure_getenv(): Linux, newer BSDs. */
#include "config.h"
#include "environment.h"

#include <stdlib.h>

const char *octgemm_environment_entry(const char *name)
{
    return secure_getenv(name);
}
