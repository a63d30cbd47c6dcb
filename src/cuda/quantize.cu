/* The quantiser: a block per row, one pass over memory.
 *
 * A row of up to 4 x 16 bytes per thread stays in registers between finding its range and writing
 * it; what a longer row has beyond that is read again, from L2 for the most part. The rules are
 * octgemm-numerics(7), in the order of src/ref/ref.c: divisions are IEEE, nothing is fused.
 */
#include "cuda/access.cuh"
#include "gpu/rule.h"

__device__ __forceinline__ octgemm_range join_warp(octgemm_range a)
{
#pragma unroll
    for (int mask = 16; mask > 0; mask >>= 1)
        a = octgemm_join(a,
                         {__shfl_xor_sync(~0u, a.magnitude, mask),
                          __shfl_xor_sync(~0u, a.low, mask), __shfl_xor_sync(~0u, a.high, mask)});
    return a;
}

/* 16 bytes of a row as floats: four F32, or eight F16 or BF16. */
template <int size>
__device__ __forceinline__ void unpack(float (&x)[16 / size], const uint4 &v, int32_t type)
{
    const uint32_t w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (size == 4) {
            x[i] = octgemm_bits_float(w[i]);
        } else if (type == OCTGEMM_BF16) {
            x[(2 * i) % (16 / size)] = octgemm_bits_float(w[i] << 16);
            x[(2 * i + 1) % (16 / size)] = octgemm_bits_float(w[i] & 0xffff0000u);
        } else {
            x[(2 * i) % (16 / size)] = __half2float(__ushort_as_half((uint16_t)w[i]));
            x[(2 * i + 1) % (16 / size)] = __half2float(__ushort_as_half((uint16_t)(w[i] >> 16)));
        }
}

template <int size>
__device__ __forceinline__ void quantize_rows(const octgemm_quantize_params &p)
{
    constexpr int values = 16 / size, held = 4;
    __shared__ octgemm_range parts[32];
    const int thread = threadIdx.x, threads = blockDim.x, lane = thread & 31, warp = thread >> 5;
    const bool dynamic = !p.static_scale, asymmetric = p.zero != nullptr;
    const int64_t count = p.k / values + (p.k % values > 0); /* pieces of 16 bytes in a row */
    const bool x_aligned = copy_width(p.x, p.ldx * size) == 16;
    const int q_size = copy_width(p.q, p.ldq) >= 4 ? 4 : 1;

    grid_wait();
    const float given = p.static_scale ? load_32<1, float>(p.scale, 0) : 1.0f;
    for (int64_t row = blockIdx.x; row < p.rows; row += gridDim.x) {
        const uint8_t *from = (const uint8_t *)p.x + row * p.ldx * size;
        int8_t *to = p.q + row * p.ldq;
        auto load = [&](int64_t piece) {
            const uint8_t *at = from + piece * 16;
            int bytes = (int)min(p.k - piece * values, (int64_t)values) * size;
            return x_aligned && bytes >= 16 ? load_stream_16(at) : load_any_16(at, bytes);
        };
        auto measure = [&](const uint4 &v, octgemm_range r) {
            float x[values];
            unpack<size>(x, v, p.x_type);
#pragma unroll
            for (int i = 0; i < values; i++) {
                r.magnitude = max(r.magnitude, octgemm_float_bits(x[i]) & 0x7fffffffu);
                r.low = fminf(r.low, x[i]);
                r.high = fmaxf(r.high, x[i]);
            }
            return r;
        };

        uint4 v[held];
#pragma unroll
        for (int i = 0; i < held; i++)
            if (thread + i * threads < count)
                v[i] = load(thread + i * threads);

        octgemm_rule rule = {given, 0.0f, 0.0f, -128.0f, 0};
        if (dynamic) {
            octgemm_range r = octgemm_range_of(0);
#pragma unroll
            for (int i = 0; i < held; i++)
                if (thread + i * threads < count)
                    r = measure(v[i], r);
            for (int64_t piece = thread + held * threads; piece < count; piece += threads)
                r = measure(load(piece), r);
            r = join_warp(r);
            __syncthreads(); /* the row before has been read */
            if (lane == 0)
                parts[warp] = r;
            __syncthreads();
            r = parts[lane < threads / 32 ? lane : 0];
            rule = octgemm_find_rule(join_warp(r), asymmetric);
            if (thread == 0) {
                store_element<1>(p.scale, row, 4, octgemm_float_bits(rule.scale));
                if (asymmetric)
                    store_element<1>(p.zero, row, 4, (uint32_t)(int32_t)rule.zero);
            }
        }

        const int zero = (int)rule.zero, lowest = (int)rule.lowest;
        auto write = [&](int64_t piece, const uint4 &raw) {
            float x[values];
            unpack<size>(x, raw, p.x_type);
            uint32_t q[values / 4] = {};
#pragma unroll
            for (int i = 0; i < values; i++) {
                float f = dynamic ? x[i] * rule.inv : __fdiv_rn(x[i], rule.scale);
                int32_t value = min(max(__float2int_rn(f) + zero, lowest), 127);
                q[i / 4] |= (rule.all_zero ? 0u : (uint32_t)value & 0xffu) << 8 * (i % 4);
            }
            int8_t *at = to + piece * values;
            if ((piece + 1) * values <= p.k && q_size == 4) {
                if (values == 8 && (uintptr_t)at % 8 == 0)
                    *(uint2 *)at = make_uint2(q[0], q[values / 4 - 1]);
                else
#pragma unroll
                    for (int i = 0; i < values / 4; i++)
                        ((uint32_t *)at)[i] = q[i];
            } else {
#pragma unroll
                for (int i = 0; i < values; i++)
                    if (piece * values + i < p.k)
                        at[i] = (int8_t)(q[i / 4] >> 8 * (i % 4));
            }
        };
#pragma unroll
        for (int i = 0; i < held; i++)
            if (thread + i * threads < count)
                write(thread + i * threads, v[i]);
        for (int64_t piece = thread + held * threads; piece < count; piece += threads)
            write(piece, load(piece));
    }
    grid_release();
}

extern "C" __global__ void __launch_bounds__(512, 2)
    octgemm_quantize_any(const __grid_constant__ octgemm_quantize_params p)
{
    if (p.x_type == OCTGEMM_F32)
        quantize_rows<4>(p);
    else
        quantize_rows<2>(p);
}
