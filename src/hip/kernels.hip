/* Every kernel of the HIP backend. Each compiles for each target with that target's matrix
 * operation (target.h); src/hip/hip.c has a row for each. */
#include "quantize.h"
#include "stream.h"
#include "tile.h"
#include "weights.h"

#define OCTGEMM_GEMM_OF(declaration, name, ...)                                                    \
    declaration name(const octgemm_gemm_params p)                                                  \
    {                                                                                              \
        typedef __VA_ARGS__ kernel;                                                                \
        __shared__ __attribute__((aligned(16))) int8_t lds[kernel::lds_bytes];                     \
        kernel::run(p, lds);                                                                       \
    }
#define OCTGEMM_GEMM(...) OCTGEMM_GEMM_OF(OCTGEMM_KERNEL, __VA_ARGS__)

/* target.h has these three macros. */
#ifdef OCTGEMM_TILE_256
OCTGEMM_GEMM_OF(OCTGEMM_LARGE_KERNEL, tile_256x128, tile_kernel<matrix, 256, 128, staged_b>)
#endif
#ifdef OCTGEMM_TILE_128
OCTGEMM_GEMM(tile_128x128, tile_kernel<matrix, 128, 128, staged_b>)
#endif
OCTGEMM_GEMM(tile_64x64, tile_kernel<matrix, 64, 64, staged_b>)
OCTGEMM_GEMM(stream_64, stream_kernel<matrix, 64, stream_rows>)
OCTGEMM_GEMM(stream_32, stream_kernel<matrix, 32, stream_rows>)
OCTGEMM_GEMM(stream_16, stream_kernel<matrix, 16, stream_rows>)

#ifdef OCTGEMM_BLOCKS
#ifdef OCTGEMM_TILE_256
OCTGEMM_GEMM_OF(OCTGEMM_LARGE_KERNEL, tile_256x128_packed, tile_kernel<matrix, 256, 128, direct_b>)
#endif
OCTGEMM_GEMM(tile_128x128_packed, tile_kernel<matrix, 128, 128, direct_b>)
OCTGEMM_GEMM(tile_64x64_packed, tile_kernel<matrix, 64, 64, direct_b>)
OCTGEMM_GEMM(stream_64_packed, stream_kernel<matrix, 64, stream_blocks>)
OCTGEMM_GEMM(stream_32_packed, stream_kernel<matrix, 32, stream_blocks>)
OCTGEMM_GEMM(stream_16_packed, stream_kernel<matrix, 16, stream_blocks>)
#endif

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
