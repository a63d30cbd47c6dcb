/* The floor of quantising: any row length, stride and address. A block takes a row at a time and
 * reads it twice, first for its range and then for its values. */
#include "elements.h"
#include "gpu/params.h"
#include "gpu/rule.h"

constexpr unsigned threads = 256;

/* The range of all threads' ranges, for each of them. */
static __device__ struct octgemm_range join_block(struct octgemm_range range)
{
    __shared__ struct octgemm_range ranges[threads];
    __syncthreads(); /* the row before has been read out */
    ranges[threadIdx.x] = range;
    for (unsigned half = threads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            ranges[threadIdx.x] = octgemm_join(ranges[threadIdx.x], ranges[threadIdx.x + half]);
    }
    __syncthreads();
    return ranges[0];
}

static __device__ float load(const struct octgemm_quantize_params &p, int64_t row, int64_t column)
{
    return octgemm_load_float(p.x, (octgemm_type)p.x_type, row * p.ldx + column);
}

static __device__ struct octgemm_rule find_rule(const struct octgemm_quantize_params &p,
                                                int64_t row)
{
    struct octgemm_range range = octgemm_range_of(0);
    for (int64_t column = threadIdx.x; column < p.k; column += threads)
        range = octgemm_join(range, octgemm_range_of(load(p, row, column)));
    return octgemm_find_rule(join_block(range), p.zero != nullptr);
}

static __device__ void quantize_row(const struct octgemm_quantize_params &p, int64_t row)
{
    struct octgemm_rule rule = find_rule(p, row);
    for (int64_t column = threadIdx.x; column < p.k; column += threads)
        p.q[row * p.ldq + column] =
            rule.all_zero
                ? 0
                : octgemm_round_value(load(p, row, column) * rule.inv, rule.zero, rule.lowest);
    if (threadIdx.x != 0)
        return;
    int32_t zero = (int32_t)rule.zero;
    memcpy((char *)p.scale + row * (int64_t)sizeof(float), &rule.scale, sizeof(float));
    if (p.zero)
        memcpy((char *)p.zero + row * (int64_t)sizeof zero, &zero, sizeof zero);
}

static __device__ void quantize_static(const struct octgemm_quantize_params &p, int64_t row)
{
    float scale = octgemm_load_f32(p.scale, 0);
    for (int64_t column = threadIdx.x; column < p.k; column += threads)
        p.q[row * p.ldq + column] = octgemm_round_value(load(p, row, column) / scale, 0, -128);
}

extern "C" __global__ void __launch_bounds__(threads)
    octgemm_quantize_any(const __grid_constant__ struct octgemm_quantize_params p)
{
    for (int64_t row = blockIdx.x; row < p.rows; row += gridDim.x)
        if (p.static_scale)
            quantize_static(p, row);
        else
            quantize_row(p, row);
}
