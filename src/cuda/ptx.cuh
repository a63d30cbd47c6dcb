/* The machine instructions the CUDA kernels need and C++ has no word for, one wrapper each.
 *
 * Older chips get the same meaning from what they have (sm_75: four smaller MMAs, plain loads), so
 * a kernel is written once. Fragments are those of m16n8k32: with g = lane / 4 and t = lane % 4,
 *   A (16 x 32, rows of k)  a0: row g, k 4t..4t+3   a1: row g+8   a2, a3: the same at k + 16
 *   B (8 x 32, rows of k)   b0: row g, k 4t..4t+3   b1: at k + 16
 *   C (16 x 8)              c0, c1: row g, columns 2t, 2t+1   c2, c3: row g+8
 */
#ifndef OCTGEMM_PTX_CUH
#define OCTGEMM_PTX_CUH

#include "cuda/grid.cuh"
#include "cuda/plain.cuh"

#include <stdint.h>

/* Whether global memory can be copied to shared memory without registers. */
#if __CUDA_ARCH__ >= 800
static constexpr bool has_async_copy = true;
#else
static constexpr bool has_async_copy = false;
#endif

/* Shared-memory instructions take 32-bit addresses of their own window. */
__device__ __forceinline__ uint32_t shared_address(const void *pointer)
{
    return (uint32_t)__cvta_generic_to_shared(pointer);
}

/* c += a * b. The widest int8 MMA of every chip since sm_80: a narrower one runs at half its rate
 * or less. It wraps on overflow, which k <= 131071 rules out. */
__device__ __forceinline__ void mma_16832(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0,
                                          uint32_t b1)
{
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else /* sm_75: the same fragments, quarter by quarter */
    const uint32_t b[2] = {b0, b1};
    for (int half = 0; half < 2; half++)
        for (int k = 0; k < 2; k++)
            asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, "
                         "{%0, %1};"
                         : "+r"(c[2 * half]), "+r"(c[2 * half + 1])
                         : "r"(a[half + 2 * k]), "r"(b[k]));
#endif
}

/* Four 8 x 16-byte matrices; lane l gives the address of row l % 8 of matrix l / 8 and receives
 * bytes 4t..4t+3 of row g of each: the fragments above without a single shuffle. */
__device__ __forceinline__ void load_matrix_x4(uint32_t &r0, uint32_t &r1, uint32_t &r2,
                                               uint32_t &r3, uint32_t address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r0), "=r"(r1), "=r"(r2), "=r"(r3)
                 : "r"(address));
}

/* Four 8 x 8 matrices of 16 bits, each transposed: of matrix i, lane l holds (row l / 4, columns
 * 2 (l % 4) and the next) in r<i>, and lane 8i + c says where column c goes. From sm_90 on. */
__device__ __forceinline__ void store_columns_x4(uint32_t address, uint32_t r0, uint32_t r1,
                                                 uint32_t r2, uint32_t r3)
{
    asm volatile(
        "stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
        "r"(r0), "r"(r1), "r"(r2), "r"(r3)
        : "memory");
}

/* The same side by side at `shared`, on every chip: column c goes to `shared` + c * ld, in 64 bytes
 * of which 16i and on are matrix i's. */
__device__ __forceinline__ void store_transposed_x4(uint32_t shared, int ld, uint32_t r0,
                                                    uint32_t r1, uint32_t r2, uint32_t r3)
{
    const int lane = threadIdx.x & 31;
#if __CUDA_ARCH__ >= 900
    store_columns_x4(shared + (lane & 7) * ld + (lane >> 3) * 16, r0, r1, r2, r3);
#else
    const uint32_t r[4] = {r0, r1, r2, r3};
    const uint32_t to = shared + (lane & 3) * 2 * ld + (lane >> 2) * 2;
    for (int i = 0; i < 4; i++) {
        asm volatile("st.shared.b16 [%0], %1;" ::"r"(to + i * 16), "h"((uint16_t)r[i]) : "memory");
        asm volatile("st.shared.b16 [%0], %1;" ::"r"(to + ld + i * 16), "h"((uint16_t)(r[i] >> 16))
                     : "memory");
    }
#endif
}

__device__ __forceinline__ void store_shared_16(uint32_t shared, uint4 v)
{
    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(shared), "r"(v.x), "r"(v.y),
                 "r"(v.z), "r"(v.w)
                 : "memory");
}

/* 16 bytes from global to shared memory without passing through registers, past the L1 (.cg), if
 * `wanted`. (ptxas makes a predicate of the instruction's byte count, so a part of a chunk goes
 * another way.) */
__device__ __forceinline__ void copy_async_16(uint32_t shared, const void *global, bool wanted)
{
#if __CUDA_ARCH__ >= 800
    asm volatile("{\n.reg .pred p;\n"
                 "setp.ne.b32 p, %2, 0;\n"
                 "@p cp.async.cg.shared.global.L2::128B [%0], [%1], 16;\n}" ::"r"(shared),
                 "l"(global), "r"((int)wanted)
                 : "memory");
#else
    if (wanted)
        store_shared_16(shared, *(const uint4 *)global);
#endif
}

/* The same for 4 bytes, the narrowest copy the instruction has. */
__device__ __forceinline__ void copy_async_4(uint32_t shared, const void *global)
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(shared), "l"(global) : "memory");
#else
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(shared), "r"(*(const uint32_t *)global)
                 : "memory");
#endif
}

__device__ __forceinline__ void copy_async_commit()
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/* Waits until at most `pending` of the committed groups are still under way. */
template <int pending>
__device__ __forceinline__ void copy_async_wait()
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

/* 16 bytes of data that is read once: past the L1, which then keeps what is read again. */
__device__ __forceinline__ uint4 load_stream_16(const void *global)
{
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(global));
    return v;
}

/* Of each of two values in a word, F16 or BF16, the larger or the smaller one; a NaN if either is
 * one. (sm_75 has no such instruction: by way of floats.) */
template <bool bf16, bool larger>
__device__ __forceinline__ uint32_t pick_pair(uint32_t a, uint32_t b)
{
    uint32_t d = 0;
#if __CUDA_ARCH__ >= 800
    if (bf16 && larger)
        asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
    else if (bf16)
        asm("min.NaN.bf16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
    else if (larger)
        asm("max.NaN.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
    else
        asm("min.NaN.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
#else
    d = plain_pick_pair<bf16, larger>(a, b);
#endif
    return d;
}

/* The same for one float. */
template <bool larger>
__device__ __forceinline__ float pick(float a, float b)
{
#if __CUDA_ARCH__ >= 800
    float d;
    if (larger)
        asm("max.NaN.f32 %0, %1, %2;" : "=f"(d) : "f"(a), "f"(b));
    else
        asm("min.NaN.f32 %0, %1, %2;" : "=f"(d) : "f"(a), "f"(b));
    return d;
#else
    return plain_pick<larger>(a, b);
#endif
}

/* The largest value of a warp. */
__device__ __forceinline__ uint32_t warp_max(uint32_t value)
{
#if __CUDA_ARCH__ >= 800
    return __reduce_max_sync(~0u, value);
#else
    for (int mask = 16; mask > 0; mask >>= 1)
        value = max(value, __shfl_xor_sync(~0u, value, mask));
    return value;
#endif
}

/* Four numbers to four bytes, each to the nearest int8. */
__device__ __forceinline__ uint32_t pack_saturated(int32_t a, int32_t b, int32_t c, int32_t d)
{
    uint32_t high, all;
    asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, 0;" : "=r"(high) : "r"(d), "r"(c));
    asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, %3;" : "=r"(all) : "r"(b), "r"(a), "r"(high));
    return all;
}

/* Brings the line into the L2. Changes no result, so it may run before grid_wait(). */
__device__ __forceinline__ void prefetch_l2(const void *global)
{
    asm volatile("prefetch.global.L2 [%0];" ::"l"(global));
}

#endif
