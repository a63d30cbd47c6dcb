/* A machine for which there is plain C only. */
#include "cpu.h"

static const char *always(void)
{
    return NULL;
}

const struct cpu_isa_row octgemm_cpu_isas[] = {
    {CPU_GENERIC, "generic", always},
};
const size_t octgemm_cpu_isa_count = sizeof octgemm_cpu_isas / sizeof *octgemm_cpu_isas;
