/* The tiles of hopper.cuh that the table in kernels.c offers, by tokens x weights x k. */
#include "cuda/hopper.cuh"

/* `shared`: as in kernels.c. */
#define KERNEL(name, shared, ...)                                                                  \
    using tile_##name = hopper_tile<__VA_ARGS__>;                                                  \
    static_assert(tile_##name::shared_bytes == shared, "what the table says");                     \
    extern "C" __global__ void __launch_bounds__(tile_##name::threads, tile_##name::resident)      \
        octgemm_wgmma_##name(const __grid_constant__ octgemm_gemm_params p,                        \
                             const __grid_constant__ octgemm_tensor_maps maps)                     \
    {                                                                                              \
        hopper<tile_##name>(p, maps);                                                              \
    }

/*      shared bytes, warpgroups, in turns, blocks, tokens, stages, lag, cluster, resident */
KERNEL(256x128x128_pair, 218704, 2, false, 1, 256, 4, 2, 2, 1)
KERNEL(128x128x128_turns, 216688, 2, true, 2, 128, 6, 0, 2, 1)
KERNEL(256x128x128, 218704, 2, false, 1, 256, 4, 2, 1, 1)
KERNEL(128x128x128, 216688, 2, false, 1, 128, 6, 2, 1, 1)
KERNEL(96x128x128, 220288, 2, false, 1, 96, 7, 2, 1, 1)
KERNEL(64x128x128, 208512, 2, false, 1, 64, 7, 0, 1, 1)
KERNEL(64x64x128, 100704, 1, false, 1, 64, 5, 0, 1, 2)
KERNEL(32x128x128, 203424, 2, false, 1, 32, 9, 0, 1, 1)
KERNEL(32x64x128, 46656, 1, false, 1, 32, 3, 0, 1, 4)
KERNEL(16x64x128, 56544, 1, false, 1, 16, 5, 0, 1, 4)
