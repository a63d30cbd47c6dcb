/* Packing weights, and the sums of their rows that zero points need. Any shape and address: bytes
 * go one by one. A block takes a row at a time. */
#include "elements.h"
#include "gpu/params.h"

enum { threads = 128 };

/* Copies a row and zeroes what is behind it. */
static __device__ void copy_row(const struct octgemm_weights_params &p, int64_t row)
{
    for (int64_t column = threadIdx.x; column < p.ldp; column += threads)
        p.packed[row * p.ldp + column] = column < p.k ? p.b[row * p.ldb + column] : 0;
}

static __device__ void sum_row(const struct octgemm_weights_params &p, int64_t row)
{
    __shared__ int sum;
    __syncthreads(); /* the row before has been stored */
    if (threadIdx.x == 0)
        sum = 0;
    __syncthreads();
    int part = 0;
    for (int column = threadIdx.x; column < p.k; column += threads)
        part += p.b[row * p.ldb + column];
    atomicAdd(&sum, part);
    __syncthreads();
    if (threadIdx.x == 0)
        memcpy((char *)p.column + row * (int64_t)sizeof sum, &sum, sizeof sum);
}

extern "C" __global__ void __launch_bounds__(threads)
    octgemm_weights(const __grid_constant__ struct octgemm_weights_params p)
{
    for (int64_t row = blockIdx.x; row < p.n; row += gridDim.x) {
        if (p.packed)
            copy_row(p, row);
        sum_row(p, row);
    }
}
