/* The tiles of hopper.cuh that the table in kernels.c offers, by tokens x weights x k.
 *
 * Tokens in steps of 16: what a product costs is rounds of tiles, and with powers of two alone up
 * to a third of the multiprocessors had nothing to do in a round, or tiles rows that are not there
 * (640x4096x14336: 128 tiles of 160 tokens take 49 us, the best of before 58). 192 weights in turns
 * are for few tokens and many weights, where 128 leave a second round nearly empty (256x18432x7168:
 * 68.5 us to 59.3). Kept are those that were the best by 3 % and more at some of 1700 timed shapes.
 * Tried and not kept: 208, 224, 240 and 256 tokens without pairs, 64, 80, 176 and 192 in turns,
 * pairs of 144, 160, 176, 192 and 224, 160x192, 64x192, 32x192, 16x192, 32x128, 16x128, 80x64,
 * 32x64 deep, of 192 weights in turns 32, 48 and 112, 64x256 in turns, pairs that share weights in
 * place of tokens (bench/NOTES.md).
 *
 * `boxes`: 80, 112 and 176 tokens would have boxes of 16, which are slower than none. */
#include "cuda/hopper.cuh"

/* `shared`: as in kernels.c. */
#define KERNEL(name, shared, ...)                                                                  \
    using tile_##name = hopper_tile<__VA_ARGS__>;                                                  \
    static_assert(tile_##name::shared_bytes == shared, "what the table says");                     \
    extern "C" __global__ void __launch_bounds__(tile_##name::threads, tile_##name::resident)      \
        octgemm_wgmma_##name(const __grid_constant__ octgemm_gemm_params p,                        \
                             const __grid_constant__ tile_##name::maps maps)                       \
    {                                                                                              \
        hopper<tile_##name>(p, maps);                                                              \
    }

/*      shared bytes, warpgroups, in turns, blocks, tokens, stages, cluster, resident, boxes */
KERNEL(256x128x128_pair, 231504, 2, false, 1, 256, 4, 2, 1, true)
KERNEL(192x128x128_turns_pair, 198224, 2, true, 2, 192, 4, 2, 1, true)
KERNEL(128x128x128_turns_pair, 230512, 2, true, 2, 128, 6, 2, 1, true)
KERNEL(160x128x128_turns, 210272, 2, true, 2, 160, 5, 1, 1, true)
KERNEL(144x128x128_turns, 212192, 2, true, 2, 144, 5, 1, 1, true)
KERNEL(128x128x128_turns, 230512, 2, true, 2, 128, 6, 1, 1, true)
KERNEL(112x128x128_turns, 224256, 2, true, 2, 112, 7, 1, 1, false)
KERNEL(96x128x128_turns, 226176, 2, true, 2, 96, 7, 1, 1, true)
KERNEL(96x192x128_turns, 201568, 2, true, 3, 96, 5, 1, 1, false)
KERNEL(80x192x128_turns, 217840, 2, true, 3, 80, 6, 1, 1, false)
KERNEL(64x192x128_turns, 213616, 2, true, 3, 64, 6, 1, 1, false)
KERNEL(128x192x128, 214608, 3, false, 1, 128, 4, 1, 1, true)
KERNEL(112x192x128, 208288, 3, false, 1, 112, 5, 1, 1, false)
KERNEL(96x192x128, 222432, 3, false, 1, 96, 5, 1, 1, true)
KERNEL(80x192x128, 222256, 3, false, 1, 80, 6, 1, 1, false)
KERNEL(48x192x128, 228032, 3, false, 1, 48, 7, 1, 1, false)
KERNEL(192x128x128, 198224, 2, false, 1, 192, 4, 1, 1, true)
KERNEL(176x128x128, 204256, 2, false, 1, 176, 5, 1, 1, false)
KERNEL(160x128x128, 210272, 2, false, 1, 160, 5, 1, 1, true)
KERNEL(128x128x128, 230512, 2, false, 1, 128, 6, 1, 1, true)
KERNEL(96x128x128, 226176, 2, false, 1, 96, 7, 1, 1, true)
KERNEL(80x128x128, 221968, 2, false, 1, 80, 8, 1, 1, false)
KERNEL(64x128x128, 213648, 2, false, 1, 64, 8, 1, 1, false)
KERNEL(48x128x128, 211488, 2, false, 1, 48, 9, 1, 1, false)
KERNEL(160x64x128, 209664, 1, false, 1, 160, 7, 1, 1, false)
KERNEL(128x64x128, 205456, 1, false, 1, 128, 8, 1, 1, false)
KERNEL(112x64x128, 230000, 1, false, 1, 112, 10, 1, 1, false)
KERNEL(96x64x128, 213552, 1, false, 1, 96, 10, 1, 1, false)
KERNEL(64x64x128, 106864, 1, false, 1, 64, 6, 1, 2, false)
KERNEL(64x64x128_deep, 205264, 1, false, 1, 64, 12, 1, 1, false)
KERNEL(48x64x128_deep, 219584, 1, false, 1, 48, 15, 1, 1, false)
KERNEL(32x64x128, 106768, 1, false, 1, 32, 8, 1, 2, false)
KERNEL(16x64x128, 106736, 1, false, 1, 16, 10, 1, 2, false)
KERNEL(16x64x128_deep, 209296, 1, false, 1, 16, 20, 1, 1, false)
