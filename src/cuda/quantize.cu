/* The quantiser: a block per row, one pass over memory.
 *
 * octgemm_quantize_<warps>x<held> keep a row in registers between finding its range and writing it:
 * rows of whole 16-byte pieces, up to 512 * warps * held bytes. octgemm_quantize_<warps>x<held>_off
 * do the same where x has the alignment of its elements and nothing else has any: 16-byte pieces of
 * memory, of which a row's first and last may be in part another's. octgemm_quantize_any takes any
 * row; what is beyond 64 bytes of each thread it reads again, from L2 for the most part. The rules
 * are octgemm-numerics(7), in the order of src/ref/ref.c; results are those of IEEE divisions and
 * of nothing fused.
 *
 * 54 to 64 registers; _off stages a row in 2.7 to 33 KB of shared memory. Measured on an H100, of
 * the rate of a copy: whole rows 98 to 101 %, rows off 16 bytes 97 to 99 % (F32) and 82 to 86 % (16
 * bits), what octgemm_quantize_any takes 45 %. (With the divider below, by turns on an H200: 16
 * bits in 0.93 to 0.98 of the time at 2048 to 7168 columns, 0.89 at 14335.) Lost: bytes handed from
 * lane to lane by shuffles, with the ends of each warp's part byte by byte (1.1 to 1.7 times as
 * long for 16 bits).
 */
#include "cuda/access.cuh"
#include "cuda/shifted.cuh"
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

/* The range of a row, from those of a block's threads. */
__device__ __forceinline__ octgemm_range join_block(octgemm_range r, int lane, int warp, int warps)
{
    __shared__ octgemm_range parts[32];
    r = join_warp(r);
    __syncthreads(); /* the row before has been read */
    if (lane == 0)
        parts[warp] = r;
    __syncthreads();
    r = parts[lane < warps ? lane : 0];
    return join_warp(r);
}

/* A row of any length, anywhere in memory, by pieces of 16 bytes of x from its start on. */
template <int size>
struct any_row {
    static constexpr int values = 16 / size; /* of a piece */
    const octgemm_quantize_params &p;
    const uint8_t *from;
    int8_t *to;
    bool dynamic, x_aligned;
    int q_size;

    __device__ __forceinline__ uint4 load(int64_t piece) const
    {
        const uint8_t *at = from + piece * 16;
        int bytes = (int)min(p.k - piece * values, (int64_t)values) * size;
        return x_aligned && bytes >= 16 ? load_stream_16(at) : load_any_16(at, bytes);
    }

    __device__ __forceinline__ octgemm_range measure(const uint4 &v, octgemm_range r) const
    {
        float x[values];
        unpack<size>(x, v, p.x_type);
#pragma unroll
        for (int i = 0; i < values; i++) {
            r.magnitude = max(r.magnitude, octgemm_float_bits(x[i]) & 0x7fffffffu);
            r.low = fminf(r.low, x[i]);
            r.high = fmaxf(r.high, x[i]);
        }
        return r;
    }

    __device__ __forceinline__ void write(int64_t piece, const uint4 &raw, const octgemm_rule &rule,
                                          int zero, int lowest) const
    {
        float x[values];
        unpack<size>(x, raw, p.x_type);
        uint32_t q[values / 4] = {};
#pragma unroll
        for (int i = 0; i < values; i++) {
            float f = dynamic ? x[i] * rule.inv : __fdiv_rn(x[i], rule.scale);
            int32_t value = min(max(__float2int_rn(f) + zero, lowest), 127);
            q[i / 4] |= (rule.all_zero ? 0u : (uint32_t)value & 0xffu) << 8 * (i % 4);
        }
        store(piece, q);
    }

    __device__ __forceinline__ void store(int64_t piece, const uint32_t (&q)[values / 4]) const
    {
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
    }
};

/* A thread's first pieces stay in registers between the passes. */
template <int size>
__device__ __forceinline__ void quantize_rows(const octgemm_quantize_params &p)
{
    constexpr int values = 16 / size, held = 4;
    const int thread = threadIdx.x, threads = blockDim.x, lane = thread & 31, warp = thread >> 5;
    const bool dynamic = !p.static_scale, asymmetric = p.zero != nullptr;
    const int64_t count = p.k / values + (p.k % values > 0); /* pieces of a row */
    const bool x_aligned = copy_width(p.x, p.ldx * size) == 16;
    const int q_size = copy_width(p.q, p.ldq) >= 4 ? 4 : 1;

    grid_wait();
    const float given = p.static_scale ? load_32<1, float>(p.scale, 0) : 1.0f;
    for (int64_t row = blockIdx.x; row < p.rows; row += gridDim.x) {
        const any_row<size> own = {
            p,     (const uint8_t *)p.x + row * p.ldx * size, p.q + row * p.ldq, dynamic, x_aligned,
            q_size};
        uint4 v[held];
#pragma unroll
        for (int i = 0; i < held; i++)
            if (thread + i * threads < count)
                v[i] = own.load(thread + i * threads);

        octgemm_rule rule = {given, 0.0f, 0.0f, -128.0f, 0};
        if (dynamic) {
            octgemm_range r = octgemm_range_of(0);
#pragma unroll
            for (int i = 0; i < held; i++)
                if (thread + i * threads < count)
                    r = own.measure(v[i], r);
            for (int64_t piece = thread + held * threads; piece < count; piece += threads)
                r = own.measure(own.load(piece), r);
            rule = octgemm_find_rule(join_block(r, lane, warp, threads / 32), asymmetric);
            if (thread == 0) {
                store_element<1>(p.scale, row, 4, octgemm_float_bits(rule.scale));
                if (asymmetric)
                    store_element<1>(p.zero, row, 4, (uint32_t)(int32_t)rule.zero);
            }
        }

        const int zero = (int)rule.zero, lowest = (int)rule.lowest;
#pragma unroll
        for (int i = 0; i < held; i++)
            if (thread + i * threads < count)
                own.write(thread + i * threads, v[i], rule, zero, lowest);
        for (int64_t piece = thread + held * threads; piece < count; piece += threads)
            own.write(piece, own.load(piece), rule, zero, lowest);
    }
    grid_release();
}

/* What a lane, a warp, a row has of extremes: how far below and above zero, as bits, which order
 * like the numbers; a NaN is above all. */
struct reach {
    uint32_t below, above;
};

__device__ __forceinline__ reach join_reach(reach a, reach b)
{
    return {max(a.below, b.below), max(a.above, b.above)};
}

__device__ __forceinline__ octgemm_range range_of(reach r)
{
    return {max(r.below, r.above), -octgemm_bits_float(r.below), octgemm_bits_float(r.above)};
}

/* Pairs of F16 or BF16 are compared as pairs. At the rate of a copy there is time for some twenty
 * instructions per value, of which measuring takes one and rounding five. */
template <int32_t type, int held>
__device__ __forceinline__ reach measure(const uint4 (&v)[held], int present)
{
    constexpr bool pairs = type != OCTGEMM_F32, bf16 = type == OCTGEMM_BF16;
    float low = 0, high = 0;
    uint32_t low_pair = 0, high_pair = 0;
#pragma unroll
    for (int i = 0; i < held; i++) {
        const uint32_t w[4] = {v[i].x, v[i].y, v[i].z, v[i].w};
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (i < present && pairs) {
                low_pair = pick_pair<bf16, false>(low_pair, w[j]);
                high_pair = pick_pair<bf16, true>(high_pair, w[j]);
            } else if (i < present) {
                low = pick<false>(low, octgemm_bits_float(w[j]));
                high = pick<true>(high, octgemm_bits_float(w[j]));
            }
    }
    if (pairs) {
        float x[8];
        unpack<2>(x, make_uint4(low_pair, high_pair, 0, 0), type);
        low = pick<false>(x[0], x[1]);
        high = pick<true>(x[2], x[3]);
    }
    return {octgemm_float_bits(low) & 0x7fffffffu, octgemm_float_bits(high) & 0x7fffffffu};
}

/* x / scale, correctly rounded where it matters: a NaN where x is one, and what is far beyond int8
 * stays there. Two corrections of an estimate by fused multiply-adds give the IEEE quotient, as
 * division itself does, as long as nothing on the way leaves the normal numbers: so a scale that is
 * not of middling size is brought there by a power of two, and x with it. What x loses then is too
 * small, or what it exceeds too large, to show. A scale of 0 is one of the least size. */
struct divider {
    float factor, scale, inverse, most;

    __device__ __forceinline__ explicit divider(float by)
    {
        const float far = 1024.0f, large = 1.152921504606847e18f; /* 2^60 */
        const float least = 1.17549435e-38f;                      /* 2^-126 */
        factor = fabsf(by) >= large ? 1 / (large * 16) : fabsf(by) <= 1 / large ? large * large : 1;
        scale = by == 0 ? copysignf(least, by) : by * factor;
        inverse = __fdiv_rn(1.0f, scale);
        most = far * fabsf(scale);
    }

    __device__ __forceinline__ float operator()(float x) const
    {
        float cut = pick<true>(pick<false>(__fmul_rn(x, factor), most), -most);
        float steps = __fmul_rn(cut, inverse);
        steps = __fmaf_rn(__fmaf_rn(-steps, scale, cut), inverse, steps);
        return __fmaf_rn(__fmaf_rn(-steps, scale, cut), inverse, steps);
    }
};

/* Four quotients to four bytes of q. The conversion takes a NaN to 0 and saturates. */
__device__ __forceinline__ uint32_t convert_four(const float *steps)
{
    return pack_saturated(__float2int_rn(steps[0]), __float2int_rn(steps[1]),
                          __float2int_rn(steps[2]), __float2int_rn(steps[3]));
}

/* Four values in steps to four bytes of q. The sum with 1.5 * 2^23 rounds to the nearest integer,
 * ties to even, and holds it in its low bits. (No clamp at -127: a row's own range has none there.)
 */
__device__ __forceinline__ uint32_t round_four(const float *steps, int32_t zero, uint32_t mask)
{
    const float shift = 12582912.0f;
    int32_t q[4];
#pragma unroll
    for (int i = 0; i < 4; i++)
        q[i] = (int32_t)octgemm_float_bits(__fadd_rn(steps[i], shift)) +
               (zero - (int32_t)0x4b400000); /* the bits of shift */
    return pack_saturated(q[0], q[1], q[2], q[3]) & mask;
}

/* A lane's pieces of a row, from element `start` and piece `from` on. All loads are under way at
 * once. (Plain values here and below: of a struct of them nvcc 13.0 makes code that spills.) */
template <int warps, int size, bool whole, int held>
__device__ __forceinline__ void load_row(uint4 (&v)[held], const uint4 *from, int start,
                                         int present, int k)
{
    constexpr int values = 16 / size, step = warps * 32;
#pragma unroll
    for (int i = 0; i < held; i++) {
        const int at = start + i * step * values;
        if (whole ? i < present : at >= 0 && at + values <= k)
            v[i] = load_stream_16(from + i * step);
        else if (!whole && i < present)
            v[i] = load_some<size>(from + i * step, -at, k - at);
    }
}

/* A piece of a row to bytes of q: by the row's own rule, or divided by the scale that is given. */
template <int32_t type, int words>
__device__ __forceinline__ void round_piece(uint32_t (&q)[words], const uint4 &v, bool dynamic,
                                            float inverse, int32_t zero, uint32_t mask,
                                            const divider &divide)
{
    float f[words * 4];
    unpack<4 / words>(f, v, type);
#pragma unroll
    for (int e = 0; e < words * 4; e++)
        f[e] = dynamic ? f[e] * inverse : divide(f[e]);
#pragma unroll
    for (int w = 0; w < words; w++)
        q[w] = dynamic ? round_four(f + 4 * w, zero, mask) : convert_four(f + 4 * w);
}

/* A piece's bytes to q, or to where rows that are not whole pieces are staged. */
template <int size, bool whole>
__device__ __forceinline__ void store_piece(int8_t *to, uint32_t *staged, int at,
                                            const uint32_t (&q)[4 / size])
{
    if (!whole)
#pragma unroll
        for (int w = 0; w < 4 / size; w++)
            staged[staged_word(to, at) + w] = q[w];
    else if (size == 4)
        *(uint32_t *)(to + at) = q[0];
    else
        *(uint2 *)(to + at) = make_uint2(q[0], q[4 / size - 1]);
}

/* `warps` to a row and up to `held` pieces to a lane. whole: rows are whole pieces on 16-byte
 * boundaries; else they are staged. */
template <int warps, int held, int32_t type, bool whole>
__device__ __forceinline__ void quantize_held(const octgemm_quantize_params &p, uint32_t *staged)
{
    constexpr int size = type == OCTGEMM_F32 ? 4 : 2, values = 16 / size, step = warps * 32;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, first = threadIdx.x;
    const bool dynamic = !p.static_scale, asymmetric = p.zero != nullptr;
    const int k = (int)p.k;

    grid_wait();
    const divider divide(dynamic ? 1.0f : p.scale[0]);
    for (int64_t row = blockIdx.x; row < p.rows; row += gridDim.x) {
        const uint8_t *const x = (const uint8_t *)p.x + row * p.ldx * size;
        const int ahead = whole ? 0 : (int)((uintptr_t)x & 15) / size; /* of the first piece */
        const int count = (ahead + k + values - 1) / values;
        const int present = (count - first + step - 1) / step; /* pieces of this lane */
        const uint4 *const from = (const uint4 *)(x - ahead * size) + first;
        const int start = first * values - ahead; /* this lane's first element */
        uint4 v[held];
        load_row<warps, size, whole>(v, from, start, present, k);

        octgemm_rule rule = {};
        if (dynamic) {
            __shared__ reach parts[warps];
            reach mine = measure<type>(v, present);
            mine = {warp_max(mine.below), warp_max(mine.above)};
            __syncthreads(); /* the row before has been read */
            if (lane == 0)
                parts[warp] = mine;
            __syncthreads();
#pragma unroll
            for (int w = 0; w < warps; w++)
                mine = join_reach(mine, parts[w]);
            rule = octgemm_find_rule(range_of(mine), asymmetric);
            if (first == 0) {
                p.scale[row] = rule.scale;
                if (asymmetric)
                    p.zero[row] = (int32_t)rule.zero;
            }
        }

        const int32_t zero = (int32_t)rule.zero;
        const uint32_t mask = rule.all_zero ? 0 : ~0u;
        int8_t *const to = p.q + row * p.ldq;
#pragma unroll
        for (int i = 0; i < held; i++)
            if (i < present) {
                uint32_t q[values / 4];
                round_piece<type>(q, v[i], dynamic, rule.inv, zero, mask, divide);
                const int at = start + i * step * values;
                store_piece<size, whole>(to, staged, at, q);
            }
        if (!whole) {
            __syncthreads();
            store_staged(to, k, staged, staged_shift(to, -ahead), first, step);
            if (row + gridDim.x < p.rows)
                __syncthreads(); /* this row has been read */
        }
    }
    grid_release();
}

/* Blocks that registers are to be left for: `wanted`, or what an sm_75 has threads for. */
constexpr int room_for(int wanted, [[maybe_unused]] int warps)
{
#if __CUDA_ARCH__ == 750
    return wanted * warps > 32 ? 32 / warps : wanted;
#elif __CUDA_ARCH__ >= 1000
    return warps > 8 ? 1 : wanted; /* 64 registers do not hold seven pieces as ptxas 13.0 does it */
#else
    return wanted;
#endif
}

/* Few pieces for a lane and many blocks hide latencies, as far as registers go without spilling. A
 * row's bytes of q are at most half of x's: two words for a piece. */
#define HELD(name, warps, held, blocks, whole)                                                     \
    extern "C" __global__ void __launch_bounds__(32 * warps, room_for(blocks, warps))              \
        octgemm_quantize_##name(const __grid_constant__ octgemm_quantize_params p)                 \
    {                                                                                              \
        __shared__ __align__(16) uint32_t staged[whole ? 1 : 64 * warps * held + staged_more];     \
        if (p.x_type == OCTGEMM_F32)                                                               \
            quantize_held<warps, held, OCTGEMM_F32, whole>(p, staged);                             \
        else if (p.x_type == OCTGEMM_F16)                                                          \
            quantize_held<warps, held, OCTGEMM_F16, whole>(p, staged);                             \
        else                                                                                       \
            quantize_held<warps, held, OCTGEMM_BF16, whole>(p, staged);                            \
    }

HELD(2x4, 2, 4, 16, true)
HELD(4x4, 4, 4, 9, true)
HELD(4x5, 4, 5, 8, true)
HELD(8x4, 8, 4, 4, true)
HELD(8x7, 8, 7, 4, true)
HELD(16x7, 16, 7, 2, true)
HELD(32x7, 32, 7, 1, true)
HELD(2x5_off, 2, 5, 16, false)
HELD(4x5_off, 4, 5, 8, false)
HELD(8x5_off, 8, 5, 4, false)
HELD(8x8_off, 8, 8, 4, false)
HELD(16x8_off, 16, 8, 2, false)

extern "C" __global__ void __launch_bounds__(256, 4)
    octgemm_quantize_any(const __grid_constant__ octgemm_quantize_params p)
{
    if (p.x_type == OCTGEMM_F32)
        quantize_rows<4>(p);
    else
        quantize_rows<2>(p);
}
