/* From exact sums to D: octgemm-numerics(7), steps 2 to 6, through src/epilogue.h. */
#ifndef OCTGEMM_HIP_FINISH_H
#define OCTGEMM_HIP_FINISH_H

#include "device.h"

/* What becomes of an element, for each d_type. */
struct to_f32 {
    typedef float element;
    static __device__ __forceinline__ element make(int32_t, float f)
    {
        return f;
    }
};
struct to_f16 {
    typedef uint16_t element;
    static __device__ __forceinline__ element make(int32_t, float f)
    {
        return octgemm_f32_to_f16(f);
    }
};
struct to_bf16 {
    typedef uint16_t element;
    static __device__ __forceinline__ element make(int32_t, float f)
    {
        return octgemm_f32_to_bf16(f);
    }
};
struct to_i32 {
    typedef int32_t element;
    static __device__ __forceinline__ element make(int32_t sum, float)
    {
        return sum;
    }
};

/* What a row of D needs. */
struct row_values {
    float sa;
    uint32_t za;
};

OCTGEMM_FN row_values load_row_values(const octgemm_gemm_params &p, int64_t row)
{
    row_values values = {1.0f, 0};
    row = clamp_index(row, p.m);
    if (p.sa)
        values.sa = octgemm_load_f32(p.sa, row * p.sa_step);
    if (p.za)
        values.za = (uint32_t)octgemm_load_i32(p.za, row * p.za_step);
    return values;
}

/* A lane's `run` consecutive columns of D, from `col` on: their scales, biases and column sums are
 * loaded once, then rows are written one by one. */
template <class to, int run>
struct finisher {
    const octgemm_gemm_params &p;
    int64_t col;
    float sb[run], bias[run];
    uint32_t column[run];

    __device__ __forceinline__ finisher(const octgemm_gemm_params &params, int64_t first)
        : p(params), col(first)
    {
        for (int i = 0; i < run; i++) {
            int64_t j = clamp_index(col + i, p.n);
            sb[i] = p.sb ? octgemm_load_f32(p.sb, j * p.sb_step) : 1.0f;
            bias[i] = p.bias ? octgemm_load_float(p.bias, (octgemm_type)p.bias_type, j)
                             : -0.0f; /* x + -0 is x, also for x = -0 */
            column[i] = p.za ? (uint32_t)octgemm_load_i32(p.column, j) : 0;
        }
    }

    __device__ __forceinline__ void write(int64_t row, row_values values, const int32_t *sums) const
    {
        if (row >= p.m)
            return;
        typename to::element out[run];
        for (int i = 0; i < run; i++) {
            int32_t sum = (int32_t)((uint32_t)sums[i] - values.za * column[i]);
            out[i] =
                to::make(sum, octgemm_add_bias(octgemm_scale_sum(sum, values.sa, sb[i]), bias[i]));
        }
        int64_t width = (int64_t)sizeof *out;
        char *at = (char *)p.d + (row * p.ldd + col) * width;
        if (col + run <= p.n) {
            memcpy(at, out, sizeof out);
            return;
        }
        for (int i = 0; i < run; i++)
            if (col + i < p.n)
                memcpy(at + i * width, &out[i], sizeof *out);
    }
};

#endif
