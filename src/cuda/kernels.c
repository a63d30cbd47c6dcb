/* The CUDA backend's table of kernels: for each its tile, its needs and the figures that the cost
 * model (gpu/choose.c) takes. Best first; the last takes everything on every device that there is
 * code for. */
#include "cuda/cuda.h"

/* gemm.cuh and decode.cuh in one tile each; align = 16 where there is no second function. The
 * figures of the cost model were fitted to timings on an H100 and an H200, those of mma_* to an
 * H100 (bench/NOTES.md). */
#define TENSOR(name_, file, function_, m, n, k, ...)                                               \
    OCTGEMM_GPU_KERNEL(name_, "sm_75", .module = file, .function = function_, .first = 75,         \
                       .last = 9999, .tile_m = m, .tile_n = n, .tile_k = k, .align = 16,           \
                       .overlap = 1, .crossing = {0, 0, 15}, __VA_ARGS__)
#define MMA(m, n, k, ...)                                                                          \
    TENSOR("mma_" #m "x" #n "x" #k, OCTGEMM_CUDA_TENSOR, "octgemm_mma_" #m "x" #n "x" #k, m, n, k, \
           .max_splits = 8, .joined = 1, __VA_ARGS__)
#define DECODE(suffix, m, n, ...)                                                                  \
    TENSOR("decode_" #m "x" #n suffix, OCTGEMM_CUDA_DECODE, "octgemm_decode_" #m "x" #n suffix, m, \
           n, 128, .max_splits = 1, .max_m = m, .counts = 1, __VA_ARGS__)

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
    WGMMA("_turns", m, n, .max_splits = 1, .threads = 384, .resident = 1, .group = 4, __VA_ARGS__)
#define WGMMA_SPLIT(suffix, m, n, most, ...)                                                       \
    WGMMA(suffix, m, n, .clustered = 1, .max_splits = most, .group = 4, __VA_ARGS__)

static const struct kernel kernels[] = {
    WGMMA_PAIR("_pair", 256, 128, .shared = 231504, .group = 16, .from_m = 300, .rate = 3710,
               .h200_rate = 3125, .start = 2.1, .fixed = 1.9),
    WGMMA_PAIR("_turns_pair", 192, 128, .shared = 198224, .group = 32, .from_m = 700, .rate = 3505,
               .h200_rate = 3074, .start = 0.1, .fixed = 2.2),
    WGMMA_PAIR("_turns_pair", 128, 128, .shared = 230512, .group = 32, .from_m = 1500, .rate = 3459,
               .h200_rate = 2994, .start = 0.1, .fixed = 1.3),
    WGMMA_TURNS(160, 128, .boxes = 1, .shared = 210272, .rate = 3873, .h200_rate = 3416, .start = 0,
                .fixed = 3),
    WGMMA_TURNS(144, 128, .boxes = 1, .shared = 212192, .rate = 3749, .h200_rate = 3665,
                .start = 0.5, .fixed = 1.6),
    WGMMA_TURNS(128, 128, .boxes = 1, .shared = 230512, .rate = 4044, .h200_rate = 3606, .start = 0,
                .fixed = 2.1),
    WGMMA_TURNS(112, 128, .shared = 224256, .rate = 4251, .h200_rate = 3695, .start = 0.8,
                .fixed = 1.5),
    WGMMA_TURNS(96, 128, .boxes = 1, .shared = 226176, .rate = 4453, .h200_rate = 3766, .start = 0,
                .fixed = 2.6),
    WGMMA_SPLIT("", 128, 192, 2, .boxes = 1, .threads = 512, .shared = 214608, .resident = 1,
                .rate = 3869, .h200_rate = 3343, .start = 2.8, .fixed = 0.1),
    WGMMA_SPLIT("", 112, 192, 2, .threads = 512, .shared = 208288, .resident = 1, .rate = 3670,
                .h200_rate = 3656, .start = 3, .fixed = 0.3),
    WGMMA_SPLIT("", 96, 192, 2, .boxes = 1, .threads = 512, .shared = 222432, .resident = 1,
                .rate = 3367, .h200_rate = 3300, .start = 1.3, .fixed = 0.7),
    WGMMA_SPLIT("", 80, 192, 2, .threads = 512, .shared = 222256, .resident = 1, .rate = 4427,
                .h200_rate = 3936, .start = 1.9, .fixed = 1),
    WGMMA_SPLIT("", 192, 128, 2, .boxes = 1, .threads = 384, .shared = 198224, .resident = 1,
                .rate = 3924, .h200_rate = 3360, .start = 1.3, .fixed = 1.9),
    WGMMA_SPLIT("", 176, 128, 2, .threads = 384, .shared = 204256, .resident = 1, .rate = 3690,
                .h200_rate = 3381, .start = 2.9, .fixed = 0),
    WGMMA_SPLIT("", 160, 128, 2, .boxes = 1, .threads = 384, .shared = 210272, .resident = 1,
                .rate = 3734, .h200_rate = 3488, .start = 2.8, .fixed = 0.2),
    WGMMA_SPLIT("", 128, 128, 8, .boxes = 1, .threads = 384, .shared = 230512, .resident = 1,
                .rate = 3975, .h200_rate = 3702, .start = 2.3, .fixed = 0.4),
    WGMMA_SPLIT("", 96, 128, 8, .boxes = 1, .threads = 384, .shared = 226176, .resident = 1,
                .rate = 3978, .h200_rate = 3514, .start = 1.6, .fixed = 0.9),
    WGMMA_SPLIT("", 80, 128, 8, .threads = 384, .shared = 221968, .resident = 1, .rate = 4212,
                .h200_rate = 3884, .start = 1.6, .fixed = 1.5),
    WGMMA_SPLIT("", 64, 128, 8, .threads = 384, .shared = 213648, .resident = 1, .rate = 3665,
                .h200_rate = 3185, .start = 1, .fixed = 1),
    WGMMA_SPLIT("", 160, 64, 2, .threads = 160, .shared = 209664, .resident = 1, .rate = 3522,
                .h200_rate = 3581, .start = 1.7, .fixed = 0.3),
    WGMMA_SPLIT("", 128, 64, 8, .threads = 160, .shared = 205456, .resident = 1, .rate = 3265,
                .h200_rate = 3101, .start = 1.4, .fixed = 0.4),
    WGMMA_SPLIT("", 112, 64, 8, .threads = 160, .shared = 230000, .resident = 1, .rate = 3575,
                .h200_rate = 3373, .start = 1.5, .fixed = 0.9),
    WGMMA_SPLIT("", 96, 64, 8, .threads = 160, .shared = 213552, .resident = 1, .rate = 2922,
                .h200_rate = 3041, .start = 1.6, .fixed = 0.4),
    WGMMA_SPLIT("", 64, 64, 8, .threads = 160, .shared = 106864, .resident = 2, .rate = 2785,
                .h200_rate = 3472, .alone = 1576, .start = 1.8, .fixed = 0.3),
    WGMMA_SPLIT("_deep", 64, 64, 8, .threads = 160, .shared = 205264, .resident = 1, .rate = 2806,
                .h200_rate = 2364, .start = 1.3, .fixed = 0.6),
    WGMMA_SPLIT("", 32, 64, 8, .threads = 160, .shared = 106768, .resident = 2, .rate = 3277,
                .h200_rate = 2973, .alone = 1476, .start = 1.6, .fixed = 0.8),
    WGMMA_SPLIT("", 16, 64, 8, .threads = 160, .shared = 106736, .resident = 2, .rate = 3888,
                .h200_rate = 3924, .alone = 899, .start = 1.6, .fixed = 0.9),
    WGMMA_SPLIT("_deep", 16, 64, 8, .threads = 160, .shared = 209296, .resident = 1, .rate = 701,
                .h200_rate = 710, .start = 0.4, .fixed = 1.2),
    MMA(256, 128, 128, .threads = 256, .shared = 147456, .resident = 1, .rate = 2118, .alone = 2308,
        .start = 5.2, .fixed = 1),
    MMA(128, 192, 128, .threads = 384, .shared = 163840, .resident = 1, .rate = 1675, .alone = 1829,
        .start = 4.4, .fixed = 1.2),
    MMA(128, 128, 128, .threads = 128, .shared = 98304, .resident = 2, .rate = 2025, .alone = 1735,
        .start = 3.6, .fixed = 1.2),
    MMA(256, 128, 64, .threads = 256, .shared = 98304, .resident = 1, .rate = 2122, .alone = 2968,
        .start = 5.1, .fixed = 1.9),
    MMA(128, 128, 64, .threads = 128, .shared = 49152, .resident = 2, .rate = 1751, .alone = 1293,
        .start = 3.7, .fixed = 1.6, .unaligned = "octgemm_mma_128x128x64_any"),
    MMA(64, 128, 128, .threads = 128, .shared = 98304, .resident = 2, .rate = 1789, .alone = 1818,
        .start = 2.8, .fixed = 2.5),
    MMA(80, 64, 256, .threads = 128, .shared = 87040, .resident = 2, .rate = 1387, .alone = 1182,
        .start = 3.2, .fixed = 2.4),
    MMA(64, 64, 256, .threads = 128, .shared = 98304, .resident = 2, .rate = 1521, .alone = 1231,
        .start = 2.3, .fixed = 2.1),
    MMA(48, 64, 256, .threads = 128, .shared = 86016, .resident = 2, .rate = 1522, .alone = 1072,
        .start = 2.4, .fixed = 2.3),
    MMA(32, 64, 256, .threads = 128, .shared = 98304, .resident = 2, .rate = 1322, .alone = 908,
        .start = 2.9, .fixed = 1.6, .unaligned = "octgemm_mma_32x64x256_any"),
    DECODE("", 8, 32, .threads = 256, .shared = 9600, .resident = 2, .rate = 4096, .alone = 177,
           .start = 3.4, .fixed = 0.1),
    DECODE("_w16", 8, 32, .threads = 512, .shared = 18816, .resident = 1, .rate = 3022,
           .alone = 3854, .start = 3.3, .fixed = 1),
    DECODE("", 16, 32, .threads = 256, .shared = 18816, .resident = 2, .rate = 3817, .alone = 288,
           .start = 2.5, .fixed = 0.4, .unaligned = "octgemm_decode_16x32_any"),
    DECODE("_w4", 16, 32, .threads = 128, .shared = 9600, .resident = 5, .rate = 3519, .alone = 187,
           .start = 2.5, .fixed = 0.8),
    DECODE("", 24, 32, .threads = 256, .shared = 28032, .resident = 2, .rate = 4096, .alone = 363,
           .start = 3.2, .fixed = 0.1),
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
