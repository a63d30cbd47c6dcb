/* The ceilings of x86-64. Assembly, because a compiler would see that nothing is computed, and
 * because the command is built for the baseline. The caller has seen that the CPU has the
 * instruction set. 12 accumulators hide a latency of 5 cycles with two multipliers. */
#include "ceiling.h"

#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* Linux gives a process the tiles' state when it asks (asm/prctl.h). */
static int amx_permitted(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

/* Six sums in tiles of 16 x 16, for a latency of 52 cycles and a product every 16. The operands are
 * not zeros, on which the multipliers would take less power and the clock would be higher. */
static void amx_tdpbssd(int64_t count)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    uint8_t operand[16 * 64];
    for (size_t i = 0; i < 8; i++) {
        config.row_bytes[i] = 64;
        config.rows[i] = 16;
    }
    for (size_t i = 0; i < sizeof operand; i++)
        operand[i] = (uint8_t)(i * 157 + (i >> 5));
    __asm__ volatile("ldtilecfg %1\n"
                     "tilezero %%tmm0\ntilezero %%tmm1\ntilezero %%tmm2\n"
                     "tilezero %%tmm3\ntilezero %%tmm4\ntilezero %%tmm5\n"
                     "tileloadd (%2, %3, 1), %%tmm6\n"
                     "tileloadd (%2, %3, 1), %%tmm7\n"
                     "1:\n"
                     "tdpbssd %%tmm6, %%tmm7, %%tmm0\ntdpbssd %%tmm6, %%tmm7, %%tmm1\n"
                     "tdpbssd %%tmm6, %%tmm7, %%tmm2\ntdpbssd %%tmm6, %%tmm7, %%tmm3\n"
                     "tdpbssd %%tmm6, %%tmm7, %%tmm4\ntdpbssd %%tmm6, %%tmm7, %%tmm5\n"
                     "dec %0\n"
                     "jnz 1b\n"
                     "tilerelease\n"
                     : "+r"(count)
                     : "m"(config), "r"(operand), "r"((int64_t)64)
                     : "cc", "memory");
}

const struct ceiling octgemm_ceilings[] = {
    {"amx", amx_tdpbssd, 6 * 16 * 16 * 64, amx_permitted},
    {"avx512vnni", zmm_vpdpbusd, 12 * 64, NULL},
    {"avxvnni", ymm_vpdpbusd, 12 * 32, NULL},
    {"avx2", ymm_vpmaddubsw, 12 * 32, NULL},
    {NULL, NULL, 0, NULL},
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
