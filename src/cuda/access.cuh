/* Reading and writing arrays of any alignment, and the step from sums to D.
 *
 * `align` is what a kernel's host side promises: 16 for rows of a and b on 16-byte boundaries and
 * every other pointer naturally aligned, 1 for nothing at all. */
#ifndef OCTGEMM_ACCESS_CUH
#define OCTGEMM_ACCESS_CUH

#include "cuda/ptx.cuh"
#include "elements.h"
#include "gpu/params.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

/* Element `index` of an array of 4-byte values. */
template <int align, typename T>
__device__ __forceinline__ T load_32(const void *base, int64_t index)
{
    T value;
    if (align == 1 && ((uintptr_t)base & 3) != 0)
        memcpy(&value, (const char *)base + index * 4, 4);
    else
        value = ((const T *)base)[index];
    return value;
}

/* Element `index` of an aligned array of F32, F16 or BF16 as it is, and its value: apart, so that
 * nothing need wait for the load. */
__device__ __forceinline__ uint32_t load_typed_bits(const void *base, int32_t type, int64_t index)
{
    const uint8_t *const at = (const uint8_t *)base + index * (type == OCTGEMM_F32 ? 4 : 2);
    return type == OCTGEMM_F32 ? *(const uint32_t *)at : *(const uint16_t *)at;
}

__device__ __forceinline__ float typed_float(int32_t type, uint32_t bits)
{
    if (type == OCTGEMM_F32)
        return __uint_as_float(bits);
    return type == OCTGEMM_F16 ? octgemm_f16_to_f32((uint16_t)bits)
                               : octgemm_bf16_to_f32((uint16_t)bits);
}

/* Element `index` of any such array. */
template <int align>
__device__ __forceinline__ float load_typed(const void *base, int32_t type, int64_t index)
{
    if (align == 1)
        return octgemm_load_float(base, (octgemm_type)type, index);
    return typed_float(type, load_typed_bits(base, type, index));
}

/* The widest copy that every row of a matrix of bytes allows. */
__device__ __forceinline__ int copy_width(const void *base, int64_t ld)
{
    uint64_t low = (uint64_t)base | (uint64_t)ld;
    return low % 16 == 0 ? 16 : low % 4 == 0 ? 4 : 1;
}

/* 16 bytes from any address, of which `bytes` exist (16 or more: all; 0 or less: none); the rest
 * are zero. Nothing else is read: words where whole words lie inside, bytes at the two ends.
 * (`bytes` is not clamped by callers: with max(min(x, 16), 0) == 16, which ptxas 13.0 made one
 * VIMNMX.RELU of, parts of chunks were copied whole on an H200; without, never.) */
__device__ __forceinline__ uint4 load_any_16(const void *global, int bytes)
{
    const uint8_t *from = (const uint8_t *)global;
    uint32_t w[5] = {0, 0, 0, 0, 0};
    int shift = (int)((uintptr_t)from & 3);
    if (bytes >= 16) {
        const uint32_t *word = (const uint32_t *)(from - shift);
#pragma unroll
        for (int i = 1; i < 4; i++)
            w[i] = word[i];
        if (shift == 0) {
            w[0] = word[0];
        } else {
            for (int i = shift; i < 4; i++)
                w[0] |= (uint32_t)from[i - shift] << 8 * i;
            for (int i = 0; i < shift; i++)
                w[4] |= (uint32_t)from[16 - shift + i] << 8 * i;
        }
    } else {
        shift = 0;
#pragma unroll
        for (int i = 0; i < 16; i++)
            if (i < bytes)
                w[i / 4] |= (uint32_t)from[i] << 8 * (i % 4);
    }
    return make_uint4(
        __funnelshift_r(w[0], w[1], 8 * shift), __funnelshift_r(w[1], w[2], 8 * shift),
        __funnelshift_r(w[2], w[3], 8 * shift), __funnelshift_r(w[3], w[4], 8 * shift));
}

/* The same to shared memory, by the widest copy the matrix allows. */
__device__ __forceinline__ void copy_any_16(uint32_t shared, const int8_t *from, int bytes,
                                            int width)
{
    if (width == 16 && bytes >= 16) {
        copy_async_16(shared, from, true);
    } else if (width == 4 && bytes >= 16) {
#pragma unroll
        for (int i = 0; i < 16; i += 4)
            copy_async_4(shared + i, from + i);
    } else {
        store_shared_16(shared, load_any_16(from, bytes));
    }
}

/* One value of D to any address its alignment promises. */
template <int align>
__device__ __forceinline__ void store_element(void *base, int64_t index, int size, uint32_t bits)
{
    uint8_t *to = (uint8_t *)base + index * size;
    if (align == 1 && ((uintptr_t)base & (uintptr_t)(size - 1)) != 0) {
        for (int i = 0; i < size; i++)
            to[i] = (uint8_t)(bits >> 8 * i);
    } else if (size == 4) {
        *(uint32_t *)to = bits;
    } else {
        *(uint16_t *)to = (uint16_t)bits;
    }
}

/* Step 6: the instruction where there is one (the same bits but for a NaN's payload). */
__device__ __forceinline__ uint32_t round_to_half(int32_t type, float f)
{
    if (type == OCTGEMM_F16)
        return __half_as_ushort(__float2half_rn(f));
#if __CUDA_ARCH__ >= 800
    return __bfloat16_as_ushort(__float2bfloat16_rn(f));
#else
    return octgemm_f32_to_bf16(f);
#endif
}

/* The same for two values, the first in the low half of the word. */
__device__ __forceinline__ uint32_t round_pair(int32_t type, float first, float second)
{
#if __CUDA_ARCH__ >= 800
    const __nv_bfloat162 bf16 = __floats2bfloat162_rn(first, second);
    const __half2 f16 = __floats2half2_rn(first, second);
    uint32_t bits;
    if (type == OCTGEMM_F16)
        memcpy(&bits, &f16, sizeof bits);
    else
        memcpy(&bits, &bf16, sizeof bits);
    return bits;
#else
    return round_to_half(type, first) | round_to_half(type, second) << 16;
#endif
}

/* Results of `size` bytes, 16 bytes of them, to D[i, j...], of which those below n exist. */
template <int align, int size>
__device__ __forceinline__ void store_16(const octgemm_gemm_params &p, int64_t i, int64_t j,
                                         const uint4 &v)
{
    constexpr int count = 16 / size;
    const int64_t index = i * p.ldd + j;
    uint8_t *to = (uint8_t *)p.d + index * size;
    if (j + count <= p.n && (uintptr_t)to % 16 == 0) {
        *(uint4 *)to = v;
        return;
    }
    const uint32_t word[4] = {v.x, v.y, v.z, v.w};
    const bool natural = align > 1 || ((uintptr_t)p.d & (size - 1)) == 0;
    if (natural && size == 2 && j + count <= p.n) {
        /* Whole words of D, and a half at either end where the row starts within one. */
        const int odd = (int)((uintptr_t)to / 2 & 1);
        if (odd)
            store_element<align>(to, 0, 2, word[0]);
#pragma unroll
        for (int e = 0; e < 3; e++)
            store_element<align>(to + odd * 2, e, 4,
                                 odd ? __byte_perm(word[e], word[e + 1], 0x5432) : word[e]);
        if (odd)
            store_element<align>(to, 7, 2, word[3] >> 16);
        else
            store_element<align>(to, 3, 4, word[3]);
        return;
    }
#pragma unroll
    for (int e = 0; e < count; e++)
        if (j + e < p.n)
            store_element<align>(p.d, index + e, size, word[e * size / 4] >> 8 * (e * size % 4));
}

/* Sums of other parts for 8 neighbouring weights. */
__device__ __forceinline__ void add_8(int32_t (&v)[8], const int4 *from)
{
    const int4 low = from[0], high = from[1];
    v[0] += low.x, v[1] += low.y, v[2] += low.z, v[3] += low.w;
    v[4] += high.x, v[5] += high.y, v[6] += high.z, v[7] += high.w;
}

/* Steps 2 to 6 for D[i, j..j+7], of which those below n exist, from the exact sums. sb, bias and
 * column point to the values of j. Each type has its own way from here on: asked value by value,
 * the types cost a split product 0.8 to 2 us (bench/NOTES.md). */
template <int align>
__device__ __forceinline__ void write_8(const octgemm_gemm_params &p, int64_t i, int64_t j,
                                        int32_t (&v)[8], float sa, int32_t za, const float *sb,
                                        const float *bias, const int32_t *column)
{
    if (p.za)
#pragma unroll
        for (int e = 0; e < 8; e++)
            v[e] = (int32_t)((uint32_t)v[e] - (uint32_t)za * (uint32_t)column[e]);
    if (p.d_type == OCTGEMM_I32) {
#pragma unroll
        for (int e = 0; e < 8; e += 4)
            store_16<align, 4>(p, i, j + e, make_uint4(v[e], v[e + 1], v[e + 2], v[e + 3]));
        return;
    }
    float f[8];
#pragma unroll
    for (int e = 0; e < 8; e++)
        f[e] = octgemm_scale_sum(v[e], sa, sb[e]);
    if (p.bias)
#pragma unroll
        for (int e = 0; e < 8; e++)
            f[e] = octgemm_add_bias(f[e], bias[e]);
    if (p.d_type == OCTGEMM_F32) {
#pragma unroll
        for (int e = 0; e < 8; e += 4)
            store_16<align, 4>(p, i, j + e,
                               make_uint4(octgemm_float_bits(f[e]), octgemm_float_bits(f[e + 1]),
                                          octgemm_float_bits(f[e + 2]),
                                          octgemm_float_bits(f[e + 3])));
        return;
    }
    store_16<align, 2>(
        p, i, j,
        make_uint4(round_pair(p.d_type, f[0], f[1]), round_pair(p.d_type, f[2], f[3]),
                   round_pair(p.d_type, f[4], f[5]), round_pair(p.d_type, f[6], f[7])));
}

#endif
