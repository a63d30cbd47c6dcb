/* The tiles of gemm.cuh that the table in kernels.c offers, by tokens x weights x k.
 *
 * 137 to 254 registers on sm_90, bytes of shared memory in kernels.c; no kernel spills on any
 * target (tests/cuda_code.sh). Measured figures, and what was tried and lost, are in
 * bench/NOTES.md.
 */
#include "cuda/gemm.cuh"

/*                        warps n, m, k  MMAs n, m   k   stages, blocks  ahead */
using tile_256x128x128 = gemm_tile<2, 4, 1, 4, 8, 128, 3, 1, true>;
using tile_256x128x64 = gemm_tile<2, 4, 1, 4, 8, 64, 4, 1, true>;
using tile_128x192x128 = gemm_tile<3, 4, 1, 4, 4, 128, 4, 1, true>;
using tile_128x128x128 = gemm_tile<2, 2, 1, 4, 8, 128, 3, 2, true>;
using tile_128x128x64 = gemm_tile<2, 2, 1, 4, 8, 64, 3, 2, true>;
using tile_64x128x128 = gemm_tile<2, 1, 2, 4, 8, 128, 4, 2, true>;
using tile_80x64x256 = gemm_tile<1, 1, 4, 4, 10, 256, 2, 2, false>;
using tile_64x64x256 = gemm_tile<1, 1, 4, 4, 8, 256, 3, 2, false>;
using tile_48x64x256 = gemm_tile<1, 1, 4, 4, 6, 256, 3, 2, false>;
using tile_32x64x256 = gemm_tile<1, 1, 4, 4, 4, 256, 4, 2, false>;

#define KERNEL(function, tile, align)                                                              \
    extern "C" __global__ void __launch_bounds__(tile::threads, tile::resident)                    \
        function(const __grid_constant__ octgemm_gemm_params p)                                    \
    {                                                                                              \
        gemm<tile, align>(p);                                                                      \
    }

KERNEL(octgemm_mma_256x128x128, tile_256x128x128, 16)
KERNEL(octgemm_mma_256x128x64, tile_256x128x64, 16)
KERNEL(octgemm_mma_128x192x128, tile_128x192x128, 16)
KERNEL(octgemm_mma_128x128x128, tile_128x128x128, 16)
KERNEL(octgemm_mma_128x128x64, tile_128x128x64, 16)
KERNEL(octgemm_mma_128x128x64_any, tile_128x128x64, 1)
KERNEL(octgemm_mma_64x128x128, tile_64x128x128, 16)
KERNEL(octgemm_mma_80x64x256, tile_80x64x256, 16)
KERNEL(octgemm_mma_64x64x256, tile_64x64x256, 16)
KERNEL(octgemm_mma_48x64x256, tile_48x64x256, 16)
KERNEL(octgemm_mma_32x64x256, tile_32x64x256, 16)
KERNEL(octgemm_mma_32x64x256_any, tile_32x64x256, 1)
