/* A machine for which there is plain C only. */
#include "cpu.h"

struct cpu_features octgemm_cpu_features(void)
{
    return (struct cpu_features){.saved = 0};
}

const struct cpu_isa_row octgemm_cpu_isas[] = {
    {.isa = CPU_GENERIC, .name = "generic", .below = CPU_GENERIC},
};
const size_t octgemm_cpu_isa_count = sizeof octgemm_cpu_isas / sizeof *octgemm_cpu_isas;
