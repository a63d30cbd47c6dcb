/* What the files of AMX share: sizes, the tiles' configuration, and what compilers are told. */
#ifndef OCTGEMM_CPU_AMX_H
#define OCTGEMM_CPU_AMX_H

#include "gemm.h"

#include <immintrin.h>

enum {
    TILES = 8,
    TILE_ROWS = 16,
    TILE_K = 64,
    TILE_BYTES = TILE_ROWS * TILE_K,
};

/* What ldtilecfg reads. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* All tiles have rows of 64 bytes. */
static inline void configure_tiles(const uint8_t rows[TILES])
{
    struct tile_config config = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        config.rows[i] = rows[i];
        config.row_bytes[i] = TILE_K;
    }
    /* Not _tile_loadconfig(): gcc's says that eight bytes are read, so that the rest of the
     * structure was not always written; the processor answers that with a signal. */
    __asm__ volatile("ldtilecfg %0" : : "m"(config));
}

/* Memory is as the program says, on both sides: GCC's intrinsics do not say that tiles read and
 * write it. */
static inline void settle_memory(void)
{
    __asm__ volatile("" : : : "memory");
}

/* Not _mm_prefetch(), in which GCC sees nothing that a program could miss: it deletes a loop that
 * holds nothing else, by which this kernel lost a sixth of its speed unseen.
 * The line need not be there, so its address is no pointer's. */
static inline void fetch_l2(uintptr_t address)
{
    __asm__ volatile("prefetcht1 %0" : : "m"(*(const char *)address));
}

/* C is tiles 0 to 3 wherever there are products. */
static inline void clear_c(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

/* amx_dot.c: what weights as rows are multiplied by (gemm.h). */
cpu_dot octgemm_cpu_amx_dot;
size_t octgemm_cpu_amx_dot_bytes(int64_t rows, int64_t k);
void octgemm_cpu_amx_dot_prepare(void *block, const int8_t *a, int64_t lda, int64_t rows,
                                 int64_t k);

#endif
