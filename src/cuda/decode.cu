/* The blocks of decode.cuh that the table in kernels.c offers, by tokens x weights and warps.
 *
 * 94 to 121 registers on sm_90, bytes of shared memory in kernels.c, where `resident` is the blocks
 * that such registers leave room for; the bounds here say how many must fit without spilling on
 * every target. Measured figures, and what was tried and lost, are in bench/NOTES.md.
 */
#include "cuda/decode.cuh"

/*                            warps, MMAs n, m, blocks */
using decode_8x32 = decode_tile<8, 2, 1, 2>;
using decode_8x32_w16 = decode_tile<16, 2, 1, 1>;
using decode_16x32 = decode_tile<8, 2, 2, 1>;
using decode_16x32_w4 = decode_tile<4, 2, 2, 3>;
using decode_24x32 = decode_tile<8, 2, 3, 1>;

#define KERNEL(function, tile, align)                                                              \
    extern "C" __global__ void __launch_bounds__(tile::threads, tile::resident)                    \
        function(const __grid_constant__ octgemm_gemm_params p)                                    \
    {                                                                                              \
        decode<tile, align>(p);                                                                    \
    }

KERNEL(octgemm_decode_8x32, decode_8x32, 16)
KERNEL(octgemm_decode_8x32_w16, decode_8x32_w16, 16)
KERNEL(octgemm_decode_16x32, decode_16x32, 16)
KERNEL(octgemm_decode_16x32_any, decode_16x32, 1)
KERNEL(octgemm_decode_16x32_w4, decode_16x32_w4, 16)
KERNEL(octgemm_decode_24x32, decode_24x32, 16)
