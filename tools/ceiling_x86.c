/* The ceilings of x86-64. Assembly, because a compiler would see that nothing is computed, and
 * because the command is built for the baseline. The caller has seen that the CPU has the
 * instruction set. 12 accumulators hide a latency of 5 cycles with two multipliers. */
#include "ceiling.h"

#include <stddef.h>

#define CLOBBERED                                                                                  \
    "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define TWELVE(before, kind, after)                                                                \
    before kind "4" after before kind "5" after before kind "6" after before kind                  \
                "7" after before kind "8" after before kind "9" after before kind                  \
                "10" after before kind "11" after before kind "12" after before kind               \
                "13" after before kind "14" after before kind "15" after

static void zmm_vpdpbusd(int64_t count)
{
    __asm__ volatile("1:\n" TWELVE("vpdpbusd %%zmm0, %%zmm1, ", "%%zmm", "\n") "dec %0\n"
                                                                               "jnz 1b\n"
                                                                               "vzeroupper\n"
                     : "+r"(count)
                     :
                     : CLOBBERED);
}

static void ymm_vpdpbusd(int64_t count)
{
    __asm__ volatile("1:\n" TWELVE("%{vex%} vpdpbusd %%ymm0, %%ymm1, ", "%%ymm", "\n") "dec %0\n"
                                                                                       "jnz 1b\n"
                                                                                       "vzeroupper"
                                                                                       "\n"
                     : "+r"(count)
                     :
                     : CLOBBERED);
}

/* The exact u8 x s8 chain: vpmaddubsw, vpmaddwd by ones, vpaddd. */
static void ymm_vpmaddubsw(int64_t count)
{
    __asm__ volatile("1:\n" TWELVE("vpmaddubsw %%ymm0, %%ymm1, %%ymm2\n"
                                   "vpmaddwd %%ymm0, %%ymm2, %%ymm3\n"
                                   "vpaddd %%ymm3, %%ymm4, ",
                                   "%%ymm", "\n") "dec %0\n"
                                                  "jnz 1b\n"
                                                  "vzeroupper\n"
                     : "+r"(count)
                     :
                     : CLOBBERED);
}

const struct ceiling octgemm_ceilings[] = {
    {"avx512vnni", zmm_vpdpbusd, 12 * 64},
    {"avxvnni", ymm_vpdpbusd, 12 * 32},
    {"avx2", ymm_vpmaddubsw, 12 * 32},
    {NULL, NULL, 0},
};

void octgemm_spin(int64_t count)
{
    uint64_t sum = 0;
#define FOUR "add %0, %0\nadd %0, %0\nadd %0, %0\nadd %0, %0\n"
    __asm__ volatile("1:\n" FOUR FOUR FOUR FOUR "dec %1\n"
                     "jnz 1b\n"
                     : "+r"(sum), "+r"(count)
                     :
                     : "cc");
#undef FOUR
}
