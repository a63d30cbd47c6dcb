/* Which x86-64 instruction sets this machine has: cpuid says what the CPU can do, xgetbv which
 * registers the system saves, and for AMX Linux wants to be asked for permission. */
#include "cpu.h"

#include <cpuid.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

struct features {
    unsigned leaf1_c, leaf7_b, leaf7_c, leaf7_d, leaf7_1a;
    uint64_t saved; /* XCR0 */
};

static uint64_t saved_registers(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static struct features read_features(void)
{
    struct features have = {.saved = 0};
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d))
        have.leaf1_c = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        have.leaf7_b = b;
        have.leaf7_c = c;
        have.leaf7_d = d;
    }
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d))
        have.leaf7_1a = a;
    if (have.leaf1_c & bit_OSXSAVE)
        have.saved = saved_registers();
    return have;
}

/* Bits of XCR0. */
enum {
    saves_ymm = 0x6,       /* xmm and the upper halves of ymm */
    saves_zmm = 0xe6,      /* and masks, upper halves of zmm, zmm16 to zmm31 */
    saves_tiles = 0x60000, /* tile configuration and data */
};

static int has(unsigned word, unsigned bits)
{
    return (word & bits) == bits;
}

static int saves(const struct features *have, uint64_t bits)
{
    return (have->saved & bits) == bits;
}

static const char *generic_absent(void)
{
    return NULL;
}

static const char *sse41_absent(void)
{
    struct features have = read_features();
    return has(have.leaf1_c, bit_SSE4_1 | bit_SSSE3) ? NULL : "the CPU has no SSE4.1";
}

static const char *avx2_absent(void)
{
    struct features have = read_features();
    if (!has(have.leaf7_b, bit_AVX2) || !has(have.leaf1_c, bit_FMA | bit_F16C))
        return "the CPU has no AVX2";
    return saves(&have, saves_ymm) ? NULL : "the system does not save AVX registers";
}

static const char *avxvnni_absent(void)
{
    enum { bit_avxvnni = 1 << 4 };
    struct features have = read_features();
    const char *reason = avx2_absent();
    if (reason)
        return reason;
    return has(have.leaf7_1a, bit_avxvnni) ? NULL : "the CPU has no AVX-VNNI";
}

static const char *avx512bw_absent(void)
{
    struct features have = read_features();
    const char *reason = avx2_absent();
    if (reason)
        return reason;
    if (!has(have.leaf7_b, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL))
        return "the CPU has no AVX-512 (F, BW, DQ, VL)";
    return saves(&have, saves_zmm) ? NULL : "the system does not save AVX-512 registers";
}

static const char *avx512vnni_absent(void)
{
    struct features have = read_features();
    const char *reason = avx512bw_absent();
    if (reason)
        return reason;
    return has(have.leaf7_c, bit_AVX512VNNI) ? NULL : "the CPU has no AVX512-VNNI";
}

/* Tile data is 8 KB of state for each thread, so Linux grants it to a process on request only. */
static const char *request_tiles(void)
{
#if defined(__linux__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, tile_data = 18 };
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, tile_data) == 0)
        return NULL;
    return "the system refuses AMX tiles to this process (arch_prctl)";
#else
    return "octgemm does not know how to ask this system for AMX tiles";
#endif
}

static const char *amx_absent(void)
{
    enum { bit_amx_tile = 1 << 24, bit_amx_int8 = 1 << 25 };
    struct features have = read_features();
    const char *reason = avx512vnni_absent(); /* decode and epilogue of the AMX kernels use it */
    if (reason)
        return reason;
    if (!has(have.leaf7_d, bit_amx_tile | bit_amx_int8))
        return "the CPU has no AMX-INT8";
    return saves(&have, saves_tiles) ? request_tiles() : "the system does not save AMX tiles";
}

const struct cpu_isa_row octgemm_cpu_isas[] = {
    {CPU_GENERIC, "generic", generic_absent},
    {CPU_SSE41, "sse41", sse41_absent},
    {CPU_AVX2, "avx2", avx2_absent},
    {CPU_AVXVNNI, "avxvnni", avxvnni_absent},
    {CPU_AVX512BW, "avx512bw", avx512bw_absent},
    {CPU_AVX512VNNI, "avx512vnni", avx512vnni_absent},
    {CPU_AMX, "amx", amx_absent},
};
const size_t octgemm_cpu_isa_count = sizeof octgemm_cpu_isas / sizeof *octgemm_cpu_isas;
