/* The words of src/hip/device.h and the __builtin_amdgcn_* that the kernels use, for the host.
 *
 * Layouts are written from AMD's documents, not from the kernels: "Instinct MI100 / MI200 / MI300
 * ISA" and "CDNA4 ISA", V_MFMA_I32_*; "RDNA3 ISA" and "RDNA4 ISA", V_WMMA_I32_16X16X16_IU8 and
 * V_DOT4_I32_I8. Lane l of a wave is written l, register v of a lane v, byte b of an operand b.
 */
#ifndef OCTGEMM_SIM_AMDGCN_H
#define OCTGEMM_SIM_AMDGCN_H

#include "sim.h"

#include <stdint.h>
#include <string.h>

#define __HIP__ 1
#define __device__
#define __shared__ static
#define __global__
#define __forceinline__ inline
#define OCTGEMM_KERNEL static void
#define OCTGEMM_LARGE_KERNEL OCTGEMM_KERNEL

#define __HIP_MEMORY_SCOPE_AGENT 4

typedef int32_t sim_i32x2 __attribute__((vector_size(8)));
typedef int32_t sim_i32x4 __attribute__((vector_size(16)));
typedef int32_t sim_i32x8 __attribute__((vector_size(32)));

static inline unsigned __builtin_amdgcn_workitem_id_x()
{
    return sim_thread();
}

static inline unsigned __builtin_amdgcn_workgroup_id_x()
{
    return sim_block();
}

static inline unsigned __builtin_amdgcn_grid_size_x()
{
    return sim_threads();
}

static inline void __builtin_amdgcn_s_barrier()
{
    sim_barrier();
}

/* Memory is in order here, and there is no schedule. */
static inline void __builtin_amdgcn_fence(int, const char *, ...)
{
}

static inline void __builtin_amdgcn_sched_barrier(int)
{
}

static inline uint32_t __hip_atomic_fetch_add(uint32_t *at, uint32_t value, int, int)
{
    uint32_t old = *at;
    *at += value;
    return old;
}

/* The value of the first lane. */
static inline int __builtin_amdgcn_readfirstlane(int value)
{
    struct operand {
        int value;
    } own = {value};
    sim_meet(
        [](void *const *all, int lanes) {
            for (int l = 1; l < lanes; l++)
                ((operand *)all[l])->value = ((operand *)all[0])->value;
        },
        &own);
    return own.value;
}

/* V_DOT4_I32_I8: four signed products and a sum, without clamping. */
static inline int __builtin_amdgcn_sdot4(int a, int b, int c, bool)
{
    for (int i = 0; i < 4; i++)
        c += (int8_t)(a >> 8 * i) * (int8_t)(b >> 8 * i);
    return c;
}

/* D = A * B of one matrix instruction: rows of A, columns of B, element [i][j] of D. This is most
 * of a simulated kernel's time: elements of 16 bits and no checks by sanitizers (the indices are
 * constants, no sum comes near 2^31) let compilers make vector instructions of it. */
template <int depth>
__attribute__((noinline, no_sanitize("address", "undefined"))) static void
sim_products(const int8_t (*rows)[depth], const int8_t (*columns)[depth], int32_t (*d)[16])
{
    int16_t wide_rows[16][depth], wide_columns[16][depth];
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < depth; k++) {
            wide_rows[i][k] = rows[i][k];
            wide_columns[i][k] = columns[i][k];
        }
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) {
            int32_t sum = 0;
            for (int k = 0; k < depth; k++)
                sum += wide_rows[i][k] * wide_columns[j][k];
            d[i][j] = sum;
        }
}

/* V_MFMA_I32_16X16X{16,32,64}_I8, wave64: byte b of lane l's A is A[l % 16][w * (l / 16) + b] for
 * operands of w bytes, B likewise is B[w * (l / 16) + b][l % 16], and register v of its C and D is
 * element [4 * (l / 16) + v][l % 16]. */
template <class operand>
static sim_i32x4 sim_mfma_16x16(operand a, operand b, sim_i32x4 c)
{
    struct operands {
        operand a, b;
        sim_i32x4 d;
    } own = {a, b, c};
    sim_meet(
        [](void *const *all, int lanes) {
            enum { width = sizeof(operand), depth = 4 * width };
            int8_t rows[16][depth], columns[16][depth];
            int32_t d[16][16];
            if (lanes != 64)
                sim_fail("MFMA wants a wave of 64");
            for (int l = 0; l < lanes; l++) {
                const operands *lane = (const operands *)all[l];
                memcpy(&rows[l % 16][width * (l / 16)], &lane->a, width);
                memcpy(&columns[l % 16][width * (l / 16)], &lane->b, width);
            }
            sim_products<depth>(rows, columns, d);
            for (int l = 0; l < lanes; l++)
                for (int v = 0; v < 4; v++)
                    ((operands *)all[l])->d[v] += d[4 * (l / 16) + v][l % 16];
        },
        &own);
    return own.d;
}

static inline sim_i32x4 __builtin_amdgcn_mfma_i32_16x16x16i8(int a, int b, sim_i32x4 c, int, int,
                                                             int)
{
    return sim_mfma_16x16(a, b, c);
}

static inline sim_i32x4 __builtin_amdgcn_mfma_i32_16x16x32_i8(long a, long b, sim_i32x4 c, int, int,
                                                              int)
{
    return sim_mfma_16x16(a, b, c);
}

static inline sim_i32x4 __builtin_amdgcn_mfma_i32_16x16x64_i8(sim_i32x4 a, sim_i32x4 b, sim_i32x4 c,
                                                              int, int, int)
{
    return sim_mfma_16x16(a, b, c);
}

/* V_WMMA_I32_16X16X16_IU8, wave32. The NEG bits say that an operand is signed.
 * RDNA3: byte b of lane l's A is A[l % 16][b], and lanes 16 to 31 must bring what lanes 0 to 15 do;
 * register v of D is element [2 * v + l / 16][l % 16].
 * RDNA4: byte b of lane l's A is A[l % 16][8 * (l / 16) + b]; register v of D is element
 * [8 * (l / 16) + v][l % 16]. B like A, with columns for rows. */
template <class operand>
struct sim_wmma_operands {
    operand a, b;
    sim_i32x8 d;
};

static inline sim_i32x8 __builtin_amdgcn_wmma_i32_16x16x16_iu8_w32(bool a_signed, sim_i32x4 a,
                                                                   bool b_signed, sim_i32x4 b,
                                                                   sim_i32x8 c, bool)
{
    typedef sim_wmma_operands<sim_i32x4> operands;
    operands own = {a, b, c};
    if (!a_signed || !b_signed)
        sim_fail("int8 operands are signed");
    sim_meet(
        [](void *const *all, int lanes) {
            int8_t rows[16][16], columns[16][16];
            int32_t d[16][16];
            if (lanes != 32)
                sim_fail("this WMMA wants a wave of 32");
            for (int l = 0; l < 16; l++) {
                const operands *low = (const operands *)all[l];
                const operands *high = (const operands *)all[l + 16];
                if (memcmp(&low->a, &high->a, 16) != 0 || memcmp(&low->b, &high->b, 16) != 0)
                    sim_fail("WMMA: lanes 16 to 31 do not repeat lanes 0 to 15");
                memcpy(rows[l], &low->a, 16);
                memcpy(columns[l], &low->b, 16);
            }
            sim_products<16>(rows, columns, d);
            for (int l = 0; l < lanes; l++)
                for (int v = 0; v < 8; v++)
                    ((operands *)all[l])->d[v] += d[2 * v + l / 16][l % 16];
        },
        &own);
    return own.d;
}

static inline sim_i32x8 __builtin_amdgcn_wmma_i32_16x16x16_iu8_w32_gfx12(bool a_signed, sim_i32x2 a,
                                                                         bool b_signed, sim_i32x2 b,
                                                                         sim_i32x8 c, bool)
{
    typedef sim_wmma_operands<sim_i32x2> operands;
    operands own = {a, b, c};
    if (!a_signed || !b_signed)
        sim_fail("int8 operands are signed");
    sim_meet(
        [](void *const *all, int lanes) {
            int8_t rows[16][16], columns[16][16];
            int32_t d[16][16];
            if (lanes != 32)
                sim_fail("this WMMA wants a wave of 32");
            for (int l = 0; l < lanes; l++) {
                const operands *lane = (const operands *)all[l];
                memcpy(&rows[l % 16][8 * (l / 16)], &lane->a, 8);
                memcpy(&columns[l % 16][8 * (l / 16)], &lane->b, 8);
            }
            sim_products<16>(rows, columns, d);
            for (int l = 0; l < lanes; l++)
                for (int v = 0; v < 8; v++)
                    ((operands *)all[l])->d[v] += d[8 * (l / 16) + v][l % 16];
        },
        &own);
    return own.d;
}

#endif
