/* Systems with issetugid(), which tells what was started with raised privileges: macOS, BSD. */
#include "config.h"
#include "environment.h"

#include <stdlib.h>
#include <unistd.h>

const char *octgemm_environment_entry(const char *name)
{
    return issetugid() ? NULL : getenv(name);
}
