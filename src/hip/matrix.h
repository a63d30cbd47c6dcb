/* Matrix operations as the kernels see them: one wave multiplies a tile of A by a tile of B.
 *
 * Each lane brings one chunk (16 consecutive bytes) of one row of A and of one row of B. A and B
 * are both rows along k, and S does not care in which order k is summed, so any assignment of k to
 * lanes and instructions is right as long as A and B share it: a chunk is simply cut into as many
 * operands as the instruction wants, and a lane never needs another lane's bytes.
 *
 *   wave            lanes
 *   rows, cols      size of the tile of D
 *   depth           bytes of k that multiply() consumes
 *   row(lane)       which row of A's tile the lane brings, and
 *   col(lane)       which row of B's tile, that is: which column of D's tile
 *   part(lane)      which chunk of the depth / 16 the lane brings, of both
 *   values          sums a lane holds; value v belongs to d_row(lane, v), col(lane)
 *
 * Layouts: AMD, "Instinct MI100 / MI200 / MI300 Instruction Set Architecture", chapter Matrix
 * Arithmetic Instructions; "RDNA3 ISA" and "RDNA4 ISA", chapter Wave Matrix Multiply Accumulate;
 * the AMD Matrix Instruction Calculator prints the same.
 */
#ifndef OCTGEMM_HIP_MATRIX_H
#define OCTGEMM_HIP_MATRIX_H

#include "device.h"

/* CDNA: A row l % 16, B row l % 16, four lane groups along k, D rows 4 * (l / 16) + v. */
struct mfma_16x16 {
    enum { wave = 64, rows = 16, cols = 16, depth = 64, values = 4 };
    typedef i32x4 sums;

    static __device__ __forceinline__ int row(int lane)
    {
        return lane % 16;
    }
    static __device__ __forceinline__ int col(int lane)
    {
        return lane % 16;
    }
    static __device__ __forceinline__ int part(int lane)
    {
        return lane / 16;
    }
    static __device__ __forceinline__ int d_row(int lane, int v)
    {
        return 4 * (lane / 16) + v;
    }
};

/* gfx908, gfx90a: 4 bytes of a chunk at a time. */
struct mfma_16x16x16 : mfma_16x16 {
    static __device__ __forceinline__ void multiply(chunk a, chunk b, sums &sum)
    {
        for (int i = 0; i < 4; i++)
            sum = __builtin_amdgcn_mfma_i32_16x16x16i8(a[i], b[i], sum, 0, 0, 0);
    }
};

/* gfx940, gfx942: 8 bytes of a chunk at a time. */
struct mfma_16x16x32 : mfma_16x16 {
    static __device__ __forceinline__ void multiply(chunk a, chunk b, sums &sum)
    {
        for (int i = 0; i < 2; i++)
            sum = __builtin_amdgcn_mfma_i32_16x16x32_i8(((i64x2)a)[i], ((i64x2)b)[i], sum, 0, 0, 0);
    }
};

/* gfx950: the whole chunk at once. Compilers before clang 20 do not know the target. */
#if defined(__gfx950__)
struct mfma_16x16x64 : mfma_16x16 {
    static __device__ __forceinline__ void multiply(chunk a, chunk b, sums &sum)
    {
        sum = __builtin_amdgcn_mfma_i32_16x16x64_i8(a, b, sum, 0, 0, 0);
    }
};
#endif

/* RDNA3: lanes 16 to 31 repeat what lanes 0 to 15 bring; D rows 2 * v + l / 16. */
struct wmma_gfx11 {
    enum { wave = 32, rows = 16, cols = 16, depth = 16, values = 8 };
    typedef i32x8 sums;

    static __device__ __forceinline__ int row(int lane)
    {
        return lane % 16;
    }
    static __device__ __forceinline__ int col(int lane)
    {
        return lane % 16;
    }
    static __device__ __forceinline__ int part(int)
    {
        return 0;
    }
    static __device__ __forceinline__ int d_row(int lane, int v)
    {
        return 2 * v + lane / 16;
    }
    static __device__ __forceinline__ void multiply(chunk a, chunk b, sums &sum)
    {
        sum = __builtin_amdgcn_wmma_i32_16x16x16_iu8_w32(true, a, true, b, sum, false);
    }
};

/* RDNA4: the two halves of the wave share k, 8 bytes each; D rows 8 * (l / 16) + v. Compilers
 * before clang 18 do not know the target. */
#if defined(__GFX12__)
struct wmma_gfx12 {
    enum { wave = 32, rows = 16, cols = 16, depth = 32, values = 8 };
    typedef i32x8 sums;

    static __device__ __forceinline__ int row(int lane)
    {
        return lane % 16;
    }
    static __device__ __forceinline__ int col(int lane)
    {
        return lane % 16;
    }
    static __device__ __forceinline__ int part(int lane)
    {
        return lane / 16;
    }
    static __device__ __forceinline__ int d_row(int lane, int v)
    {
        return 8 * (lane / 16) + v;
    }
    static __device__ __forceinline__ void multiply(chunk a, chunk b, sums &sum)
    {
        for (int i = 0; i < 4; i += 2) {
            i32x2 half_a = {a[i], a[i + 1]};
            i32x2 half_b = {b[i], b[i + 1]};
            sum = __builtin_amdgcn_wmma_i32_16x16x16_iu8_w32_gfx12(true, half_a, true, half_b, sum,
                                                                   false);
        }
    }
};
#endif

/* Without matrix instructions a lane is one element of the tile: row l / 8 of A times row l % 8 of
 * B, four products at a time. `dot4` says how. */
template <int lanes, class dot4>
struct lane_dot {
    enum { wave = lanes, rows = lanes / 8, cols = 8, depth = 16, values = 1 };
    typedef int32_t sums __attribute__((vector_size(4)));

    static __device__ __forceinline__ int row(int lane)
    {
        return lane / 8;
    }
    static __device__ __forceinline__ int col(int lane)
    {
        return lane % 8;
    }
    static __device__ __forceinline__ int part(int)
    {
        return 0;
    }
    static __device__ __forceinline__ int d_row(int lane, int)
    {
        return lane / 8;
    }
    static __device__ __forceinline__ void multiply(chunk a, chunk b, sums &sum)
    {
        int32_t total = sum[0];
        for (int i = 0; i < 4; i++)
            total = dot4::add(a[i], b[i], total);
        sum[0] = total;
    }
};

/* v_dot4_i32_i8: gfx906, gfx908 and later of GFX9, gfx1011, gfx1012, gfx103x. */
struct signed_dot4 {
    static __device__ __forceinline__ int32_t add(int32_t a, int32_t b, int32_t sum)
    {
        return __builtin_amdgcn_sdot4(a, b, sum, false);
    }
};

/* Any GPU. */
struct plain_dot4 {
    static __device__ __forceinline__ int32_t add(int32_t a, int32_t b, int32_t sum)
    {
        for (int i = 0; i < 32; i += 8)
            sum += (int32_t)(int8_t)(a >> i) * (int8_t)(b >> i);
        return sum;
    }
};

#endif
