/* Which aarch64 instruction sets this machine has, as the system says. NEON is part of the
 * architecture. */
#include "cpu.h"

#if defined(__linux__)
#include <sys/auxv.h>
static int system_says(unsigned long type, unsigned long bit)
{
    return (getauxval(type) & bit) != 0;
}
enum { bit_asimddp = 1 << 20, bit_i8mm = 1 << 13 };
static int has_dotprod(void)
{
    return system_says(AT_HWCAP, bit_asimddp);
}
static int has_i8mm(void)
{
    return system_says(AT_HWCAP2, bit_i8mm);
}
#elif defined(__APPLE__)
#include <sys/sysctl.h>
static int system_says(const char *name)
{
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}
static int has_dotprod(void)
{
    return system_says("hw.optional.arm.FEAT_DotProd");
}
static int has_i8mm(void)
{
    return system_says("hw.optional.arm.FEAT_I8MM");
}
#else
static int has_dotprod(void)
{
    return 0;
}
static int has_i8mm(void)
{
    return 0;
}
#endif

static const char *always(void)
{
    return NULL;
}

static const char *dotprod_absent(void)
{
    return has_dotprod() ? NULL : "the CPU has no dot product instructions (FEAT_DotProd)";
}

static const char *i8mm_absent(void)
{
    if (!has_dotprod())
        return dotprod_absent();
    return has_i8mm() ? NULL : "the CPU has no int8 matrix instructions (FEAT_I8MM)";
}

const struct cpu_isa_row octgemm_cpu_isas[] = {
    {CPU_GENERIC, "generic", always},
    {CPU_NEON, "neon", always},
    {CPU_DOTPROD, "dotprod", dotprod_absent},
    {CPU_I8MM, "i8mm", i8mm_absent},
};
const size_t octgemm_cpu_isa_count = sizeof octgemm_cpu_isas / sizeof *octgemm_cpu_isas;
