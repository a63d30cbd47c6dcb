/* Which x86-64 instruction sets this machine has: cpuid says what the CPU can do, xgetbv which
 * registers the system saves, and for AMX Linux wants to be asked for permission. */
#include "cpu.h"

#include <cpuid.h>

enum { leaf1_c, leaf7_b, leaf7_c, leaf7_d, leaf7_1a };

/* Bits of XCR0. */
enum {
    saves_ymm = 0x6,       /* xmm and the upper halves of ymm */
    saves_zmm = 0xe6,      /* and masks, upper halves of zmm, zmm16 to zmm31 */
    saves_tiles = 0x60000, /* tile configuration and data */
};

enum { bit_avxvnni = 1 << 4, bit_amx_tile = 1 << 24, bit_amx_int8 = 1 << 25 };

#if defined(__linux__)
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { tile_data = 18, arch_get_xcomp_supp = 0x1021, arch_req_xcomp_perm = 0x1023 };

/* Of what XCR0 says that the system saves, what a process can have. Asked only where there are
 * tiles: a sandbox may know no such call. */
static uint32_t granted(uint32_t saved)
{
    uint64_t supported = 0;
    if (!(saved & saves_tiles))
        return saved;
    long status = syscall(SYS_arch_prctl, arch_get_xcomp_supp, &supported);
    return status == 0 && supported >> tile_data & 1 ? saved : saved & ~(uint32_t)saves_tiles;
}

/* Tile data is 8 KB of state for each thread, which a signal saves on the thread's stack for
 * signals: so Linux grants it to a process on request only, and no smaller stacks from then on. */
static const char *request_tiles(void)
{
    if (syscall(SYS_arch_prctl, arch_req_xcomp_perm, tile_data) == 0)
        return NULL;
    return errno == ENOSPC ? "a thread's stack for signals (sigaltstack) is too small for AMX tiles"
                           : "the system refuses AMX tiles to this process (arch_prctl)";
}
#else
static uint32_t granted(uint32_t saved)
{
    return saved;
}

static const char *request_tiles(void)
{
    return "octgemm does not know how to ask this system for AMX tiles";
}
#endif

static uint32_t saved_registers(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return granted(low);
}

struct cpu_features octgemm_cpu_features(void)
{
    struct cpu_features have = {.saved = 0};
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d))
        have.word[leaf1_c] = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        have.word[leaf7_b] = b;
        have.word[leaf7_c] = c;
        have.word[leaf7_d] = d;
    }
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d))
        have.word[leaf7_1a] = a;
    if (have.word[leaf1_c] & bit_OSXSAVE)
        have.saved = saved_registers();
    return have;
}

const struct cpu_isa_row octgemm_cpu_isas[] = {
    {.isa = CPU_GENERIC, .name = "generic", .below = CPU_GENERIC},
    {.isa = CPU_SSE41,
     .name = "sse41",
     .below = CPU_GENERIC,
     .needs = {.word[leaf1_c] = bit_SSE4_1 | bit_SSSE3},
     .missing = "the CPU has no SSE4.1"},
    {.isa = CPU_AVX2,
     .name = "avx2",
     .below = CPU_SSE41,
     .needs = {.word[leaf7_b] = bit_AVX2, .word[leaf1_c] = bit_F16C, .saved = saves_ymm},
     .missing = "the CPU has no AVX2 or no F16C",
     .unsaved = "the system does not save AVX registers"},
    {.isa = CPU_AVXVNNI,
     .name = "avxvnni",
     .below = CPU_AVX2,
     .needs = {.word[leaf7_1a] = bit_avxvnni},
     .missing = "the CPU has no AVX-VNNI"},
    {.isa = CPU_AVX512BW,
     .name = "avx512bw",
     .below = CPU_AVX2,
     .needs = {.word[leaf7_b] = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL,
               .saved = saves_zmm},
     .missing = "the CPU has no AVX-512 (F, BW, DQ, VL)",
     .unsaved = "the system does not save AVX-512 registers"},
    {.isa = CPU_AVX512VNNI,
     .name = "avx512vnni",
     .below = CPU_AVX512BW,
     .needs = {.word[leaf7_c] = bit_AVX512VNNI},
     .missing = "the CPU has no AVX512-VNNI"},
    {.isa = CPU_AMX,
     .name = "amx",
     .below = CPU_AVX512VNNI, /* which few rows and the epilogue use */
     .needs = {.word[leaf7_d] = bit_amx_tile | bit_amx_int8, .saved = saves_tiles},
     .missing = "the CPU has no AMX-INT8",
     .unsaved = "the system offers no AMX tiles",
     .request = request_tiles},
};
const size_t octgemm_cpu_isa_count = sizeof octgemm_cpu_isas / sizeof *octgemm_cpu_isas;
