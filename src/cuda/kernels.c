/* The CUDA backend's table of kernels: for each its tile, its needs and the figures that the cost
 * model (gpu/choose.c) takes. Best first; the last takes everything on every device that there is
 * code for. */
#include "cuda/cuda.h"

/* gemm.cuh and decode.cuh in one tile each; align = 16 where there is no second function. The
 * figures of the cost model were fitted to timings on an H100 and an H200 (of both: WGMMA from 64
 * tokens on; the others on an H200; bench/NOTES.md). */
#define TENSOR(name_, file, function_, m, n, k, ...)                                               \
    OCTGEMM_GPU_KERNEL(name_, "sm_75", .module = file, .function = function_, .first = 75,         \
                       .last = 9999, .tile_m = m, .tile_n = n, .tile_k = k, .align = 16,           \
                       .overlap = 1, .crossing = {0, 0, 15}, __VA_ARGS__)
#define MMA(m, n, k, ...)                                                                          \
    TENSOR("mma_" #m "x" #n "x" #k, OCTGEMM_CUDA_TENSOR, "octgemm_mma_" #m "x" #n "x" #k, m, n, k, \
           .max_splits = 8, .joined = 1, __VA_ARGS__)
#define DECODE(suffix, m, n, ...)                                                                  \
    TENSOR("decode_" #m "x" #n suffix, OCTGEMM_CUDA_DECODE, "octgemm_decode_" #m "x" #n suffix, m, \
           n, 128, .max_splits = 1, .max_m = m, .counts = 1, .pieces = 2, __VA_ARGS__)

/* hopper.cuh, one tile each; shared memory as hopper.cu says. */
#define WGMMA(suffix, m, n, ...)                                                                   \
    OCTGEMM_GPU_KERNEL("wgmma_" #m "x" #n "x128" suffix, "sm_90a", .module = OCTGEMM_CUDA_HOPPER,  \
                       .function = "octgemm_wgmma_" #m "x" #n "x128" suffix, .first = 90,          \
                       .last = 90, .tile_m = m, .tile_n = n, .tile_k = 128, .align = 16,           \
                       .persistent = 1, .overlap = 1, .maps = 1, .crossing = {33, 29, 17},         \
                       __VA_ARGS__)
#define WGMMA_PAIR(suffix, m, n, ...)                                                              \
    WGMMA(suffix, m, n, .neighbours = 2, .boxes = 1, .max_splits = 1, .resident = 1,               \
          .threads = 384, .from_n = 256, __VA_ARGS__)
#define WGMMA_TURNS(m, n, ...)                                                                     \
    WGMMA("_turns", m, n, .max_splits = 1, .threads = 384, .resident = 1, .group = 4, .early = 1,  \
          __VA_ARGS__)
#define WGMMA_SPLIT(suffix, m, n, most, ...)                                                       \
    WGMMA(suffix, m, n, .clustered = 1, .max_splits = most, .group = 4, .early = 1, __VA_ARGS__)

static const struct kernel kernels[] = {
    WGMMA_PAIR("_pair", 256, 128, .shared = 231504, .group = 16, .from_m = 300, .rate = 3487,
               .h200_rate = 3101, .start = 2.1, .fixed = 2.75),
    WGMMA_PAIR("_turns_pair", 192, 128, .shared = 198224, .group = 32, .from_m = 700, .rate = 3388,
               .h200_rate = 3073, .start = 0.2, .fixed = 3.95),
    WGMMA_PAIR("_turns_pair", 128, 128, .shared = 230512, .group = 32, .from_m = 1500, .rate = 2977,
               .h200_rate = 2894, .start = 0, .fixed = 1.75),
    WGMMA_TURNS(160, 128, .boxes = 1, .shared = 210272, .rate = 3449, .h200_rate = 3263,
                .start = 0.15, .fixed = 3),
    WGMMA_TURNS(144, 128, .boxes = 1, .shared = 212192, .rate = 3467, .h200_rate = 3447,
                .start = 0.55, .fixed = 2),
    WGMMA_TURNS(128, 128, .boxes = 1, .shared = 230512, .rate = 3447, .h200_rate = 3448,
                .start = 0.05, .fixed = 2.4),
    WGMMA_TURNS(112, 128, .shared = 224256, .rate = 3690, .h200_rate = 3596, .start = 0.9,
                .fixed = 1.95),
    WGMMA_TURNS(96, 128, .boxes = 1, .shared = 226176, .rate = 3577, .h200_rate = 3488,
                .start = 0.35, .fixed = 2.55),
    WGMMA_TURNS(96, 192, .shared = 201568, .rate = 3638, .h200_rate = 3566, .start = 0.55,
                .fixed = 3),
    WGMMA_TURNS(80, 192, .shared = 217840, .rate = 3634, .h200_rate = 3563, .start = 0.55,
                .fixed = 2.55),
    WGMMA_TURNS(64, 192, .shared = 213616, .rate = 3605, .h200_rate = 3534, .start = 0.6,
                .fixed = 1.9),
    WGMMA_SPLIT("", 128, 192, 2, .boxes = 1, .threads = 512, .shared = 214608, .resident = 1,
                .rate = 3308, .h200_rate = 3163, .start = 2.45, .fixed = 0.6),
    WGMMA_SPLIT("", 112, 192, 2, .threads = 512, .shared = 208288, .resident = 1, .rate = 3347,
                .h200_rate = 3293, .start = 2.9, .fixed = 0.4),
    WGMMA_SPLIT("", 96, 192, 2, .boxes = 1, .threads = 512, .shared = 222432, .resident = 1,
                .rate = 3453, .h200_rate = 3369, .start = 2.55, .fixed = 0.9),
    WGMMA_SPLIT("", 80, 192, 2, .threads = 512, .shared = 222256, .resident = 1, .rate = 3586,
                .h200_rate = 3482, .start = 2.7, .fixed = 0.8),
    WGMMA_SPLIT("", 48, 192, 2, .threads = 512, .shared = 228032, .resident = 1, .rate = 3076,
                .h200_rate = 3033, .start = 2, .fixed = 0.75),
    WGMMA_SPLIT("", 192, 128, 2, .boxes = 1, .threads = 384, .shared = 198224, .resident = 1,
                .rate = 3566, .h200_rate = 3259, .start = 2.2, .fixed = 0.55),
    WGMMA_SPLIT("", 176, 128, 2, .threads = 384, .shared = 204256, .resident = 1, .rate = 3506,
                .h200_rate = 3347, .start = 3.5, .fixed = 0),
    WGMMA_SPLIT("", 160, 128, 2, .boxes = 1, .threads = 384, .shared = 210272, .resident = 1,
                .rate = 3421, .h200_rate = 3400, .start = 3, .fixed = 0),
    WGMMA_SPLIT("", 128, 128, 8, .boxes = 1, .threads = 384, .shared = 230512, .resident = 1,
                .rate = 3434, .h200_rate = 3414, .start = 2.05, .fixed = 0.7),
    WGMMA_SPLIT("", 96, 128, 8, .boxes = 1, .threads = 384, .shared = 226176, .resident = 1,
                .rate = 3426, .h200_rate = 3429, .start = 2.05, .fixed = 0.8),
    WGMMA_SPLIT("", 80, 128, 8, .threads = 384, .shared = 221968, .resident = 1, .rate = 3649,
                .h200_rate = 3558, .start = 1.8, .fixed = 1.15),
    WGMMA_SPLIT("", 64, 128, 8, .threads = 384, .shared = 213648, .resident = 1, .rate = 3275,
                .h200_rate = 3200, .start = 1.15, .fixed = 1.35),
    WGMMA_SPLIT("", 48, 128, 8, .threads = 384, .shared = 211488, .resident = 1, .rate = 2874,
                .h200_rate = 2846, .start = 1.25, .fixed = 1.2),
    WGMMA_SPLIT("", 160, 64, 2, .threads = 160, .shared = 209664, .resident = 1, .rate = 3120,
                .h200_rate = 3321, .start = 2.55, .fixed = 0),
    WGMMA_SPLIT("", 128, 64, 8, .threads = 160, .shared = 205456, .resident = 1, .rate = 2689,
                .h200_rate = 3015, .start = 2.1, .fixed = 0.2),
    WGMMA_SPLIT("", 112, 64, 8, .threads = 160, .shared = 230000, .resident = 1, .rate = 3206,
                .h200_rate = 3185, .start = 1.8, .fixed = 0.75),
    WGMMA_SPLIT("", 96, 64, 8, .threads = 160, .shared = 213552, .resident = 1, .rate = 3055,
                .h200_rate = 3019, .start = 1.95, .fixed = 0.4),
    WGMMA_SPLIT("", 64, 64, 8, .threads = 160, .shared = 106864, .resident = 2, .rate = 2353,
                .h200_rate = 2471, .alone = 1366, .start = 0.8, .fixed = 1),
    WGMMA_SPLIT("_deep", 64, 64, 8, .threads = 160, .shared = 205264, .resident = 1, .rate = 2687,
                .h200_rate = 2544, .start = 1.55, .fixed = 0.55),
    WGMMA_SPLIT("_deep", 48, 64, 8, .threads = 160, .shared = 219584, .resident = 1, .rate = 2005,
                .h200_rate = 1987, .start = 2.1, .fixed = 0.3),
    WGMMA_SPLIT("", 32, 64, 8, .threads = 160, .shared = 106768, .resident = 2, .rate = 1595,
                .alone = 980, .start = 0.65, .fixed = 1.2),
    WGMMA_SPLIT("", 16, 64, 8, .threads = 160, .shared = 106736, .resident = 2, .rate = 919,
                .alone = 641, .start = 0.85, .fixed = 1.2),
    WGMMA_SPLIT("_deep", 16, 64, 8, .threads = 160, .shared = 209296, .resident = 1, .rate = 627,
                .start = 1.95, .fixed = 0.1),
    MMA(256, 128, 128, .threads = 256, .shared = 147456, .resident = 1, .rate = 1908, .start = 4.5,
        .fixed = 1.55),
    MMA(128, 192, 128, .threads = 384, .shared = 163840, .resident = 1, .rate = 2012, .start = 4.95,
        .fixed = 3.75),
    MMA(128, 128, 128, .threads = 128, .shared = 98304, .resident = 2, .rate = 1983, .alone = 1516,
        .start = 0.35, .fixed = 3.05),
    MMA(256, 128, 64, .threads = 256, .shared = 98304, .resident = 1, .rate = 1900, .start = 3.5,
        .fixed = 2.45),
    MMA(128, 128, 64, .threads = 128, .shared = 49152, .resident = 2, .rate = 1693, .alone = 1293,
        .start = 0.05, .fixed = 4.05, .unaligned = "octgemm_mma_128x128x64_any"),
    MMA(64, 128, 128, .threads = 128, .shared = 98304, .resident = 2, .rate = 1765, .alone = 1377,
        .start = 0.3, .fixed = 3.5),
    MMA(80, 64, 256, .threads = 128, .shared = 87040, .resident = 2, .rate = 1611, .alone = 1182,
        .start = 2.75, .fixed = 3.35),
    MMA(64, 64, 256, .threads = 128, .shared = 98304, .resident = 2, .rate = 1448, .alone = 1058,
        .start = 2.3, .fixed = 1.9),
    MMA(48, 64, 256, .threads = 128, .shared = 86016, .resident = 2, .rate = 1308, .alone = 895,
        .start = 1.7, .fixed = 2.05),
    MMA(32, 64, 256, .threads = 128, .shared = 98304, .resident = 2, .rate = 1010, .alone = 685,
        .start = 0.65, .fixed = 2.15, .unaligned = "octgemm_mma_32x64x256_any"),
    DECODE("", 8, 32, .threads = 256, .shared = 9600, .resident = 2, .rate = 224, .alone = 114,
           .start = 0.5, .fixed = 0.75),
    DECODE("_w16", 8, 32, .threads = 512, .shared = 18816, .resident = 1, .early = 1, .rate = 209,
           .start = 1.85, .fixed = 0),
    DECODE("", 16, 32, .threads = 256, .shared = 18816, .resident = 2, .rate = 360, .alone = 218,
           .start = 0.05, .fixed = 1.2, .unaligned = "octgemm_decode_16x32_any"),
    DECODE("_w4", 16, 32, .threads = 128, .shared = 9600, .resident = 4, .rate = 262, .alone = 180,
           .start = 0, .fixed = 1.6),
    DECODE("", 24, 32, .threads = 256, .shared = 28032, .resident = 2, .rate = 408, .alone = 295,
           .start = 0, .fixed = 1.2),
    OCTGEMM_GPU_KERNEL("generic_64x64", "any", .module = OCTGEMM_CUDA_GENERIC,
                       .function = "octgemm_generic", .unaligned = "octgemm_generic", .last = 9999,
                       .tile_m = 64, .tile_n = 64, .tile_k = 64, .threads = 256, .align = 1,
                       .resident = 4, .persistent = 1, .max_splits = 1, .rate = 100, .alone = 50,
                       .start = 5, .fixed = 5),
};

const struct backend octgemm_cuda_backend = {
    .name = "cuda",
    .impl = &octgemm_cuda_driver,
    .kernels = kernels,
    .kernel_count = sizeof kernels / sizeof *kernels,
    OCTGEMM_GPU_BACKEND,
};
