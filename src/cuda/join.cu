/* Adds the parts of k that blocks of gemm.cuh left in memory, and finishes them: a thread for 8
 * neighbouring weights of a token, so that every multiprocessor takes part. No shared memory, 56
 * registers.
 *
 * A launch of its own takes 2 to 4 us less than counters zeroed ahead and the last block of a tile
 * adding alone, and no more than the blocks of a cluster adding through each other's shared memory
 * (bench/NOTES.md).
 */
#include "cuda/store.cuh"

enum { threads = octgemm_join_threads, columns = octgemm_join_columns };
static_assert(columns == 8, "as weight_factors and write_8 take them");

extern "C" __global__ void __launch_bounds__(threads)
    octgemm_join(const __grid_constant__ octgemm_join_params join)
{
    const octgemm_gemm_params &p = join.gemm;
    /* A product that is split has fewer tiles than a device runs blocks. */
    const uint32_t pieces = (uint32_t)((p.n + columns - 1) / columns),
                   items = (uint32_t)p.m * pieces;
    grid_wait();
    for (uint32_t item = blockIdx.x * threads + threadIdx.x; item < items;
         item += gridDim.x * threads) {
        const int64_t i = item / pieces, j = item % pieces * columns;
        const int32_t *from = p.partial + i * join.ld + j;
        weight_factors<8, 16> factors;
        factors.load(p, j, 1);
        int32_t v[8] = {};
#pragma unroll 4
        for (int part = 0; part < p.splits; part++, from += join.step)
            add_8(v, (const int4 *)from);
        write_8<16>(p, i, j, v, token_scale<16>(p, i), token_zero<16>(p, i), factors.sb,
                    factors.bias, factors.column);
    }
    grid_release();
}
