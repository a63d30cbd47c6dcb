/* Every kernel of the HIP backend. Each compiles for each target with that target's matrix
 * operation (target.h); src/hip/hip.c has a row for each. */
#include "quantize.h"
#include "stream.h"
#include "tile.h"
#include "weights.h"

#define OCTGEMM_TILE(tile_m, tile_n)                                                               \
    OCTGEMM_KERNEL tile_##tile_m##x##tile_n(const octgemm_gemm_params p)                           \
    {                                                                                              \
        typedef tile_kernel<matrix, tile_m, tile_n> kernel;                                        \
        __shared__ __attribute__((aligned(16))) int8_t lds[kernel::lds_bytes];                     \
        kernel::run(p, lds);                                                                       \
    }

#define OCTGEMM_STREAM(tile_m)                                                                     \
    OCTGEMM_KERNEL stream_##tile_m(const octgemm_gemm_params p)                                    \
    {                                                                                              \
        typedef stream_kernel<matrix, tile_m> kernel;                                              \
        __shared__ __attribute__((aligned(16))) int8_t lds[kernel::lds_bytes];                     \
        kernel::run(p, lds);                                                                       \
    }

OCTGEMM_TILE(256, 128)
OCTGEMM_TILE(128, 128)
OCTGEMM_TILE(64, 64)
OCTGEMM_STREAM(64)
OCTGEMM_STREAM(32)
OCTGEMM_STREAM(16)

OCTGEMM_KERNEL quantize(const octgemm_quantize_params p)
{
    __shared__ octgemm_range shared[block_threads];
    if (p.x_type == OCTGEMM_F32)
        quantize_kernel<from_f32>::run_rows(p, shared);
    else if (p.x_type == OCTGEMM_F16)
        quantize_kernel<from_f16>::run_rows(p, shared);
    else
        quantize_kernel<from_bf16>::run_rows(p, shared);
}

OCTGEMM_KERNEL weights(const octgemm_weights_params p)
{
    __shared__ int32_t shared[block_threads];
    pack_rows(p, shared);
}
