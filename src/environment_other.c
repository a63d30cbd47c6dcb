/* Systems that do not tell whether privileges were raised: in setuid and setgid programs the ids
 * differ, until the program itself makes them alike. */
#include "config.h"
#include "environment.h"

#include <stdlib.h>
#include <unistd.h>

const char *octgemm_environment_entry(const char *name)
{
    int raised = getuid() != geteuid() || getgid() != getegid();
    return raised ? NULL : getenv(name);
}
