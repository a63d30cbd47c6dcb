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

enum { dot_products, int8_matrices }; /* words */

struct cpu_features octgemm_cpu_features(void)
{
    return (struct cpu_features){.word[dot_products] = has_dotprod() != 0,
                                 .word[int8_matrices] = has_i8mm() != 0};
}

const struct cpu_isa_row octgemm_cpu_isas[] = {
    {.isa = CPU_GENERIC, .name = "generic", .below = CPU_GENERIC},
    {.isa = CPU_NEON, .name = "neon", .below = CPU_GENERIC},
    {.isa = CPU_DOTPROD,
     .name = "dotprod",
     .below = CPU_NEON,
     .needs = {.word[dot_products] = 1},
     .missing = "the CPU has no dot product instructions (FEAT_DotProd)"},
    {.isa = CPU_I8MM,
     .name = "i8mm",
     .below = CPU_DOTPROD,
     .needs = {.word[int8_matrices] = 1},
     .missing = "the CPU has no int8 matrix instructions (FEAT_I8MM)"},
};
const size_t octgemm_cpu_isa_count = sizeof octgemm_cpu_isas / sizeof *octgemm_cpu_isas;
