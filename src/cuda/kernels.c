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
    WGMMA("_turns", m, n, .max_splits = 1, .threads = 384, .resident = 1, .group = 4, __VA_ARGS__)
#define WGMMA_SPLIT(suffix, m, n, most, ...)                                                       \
    WGMMA(suffix, m, n, .clustered = 1, .max_splits = most, .group = 4, __VA_ARGS__)

static const struct kernel kernels[] = {
    WGMMA_PAIR("_pair", 256, 128, .shared = 231504, .group = 16, .from_m = 300, .rate = 3533,
               .h200_rate = 3070, .start = 1.9, .fixed = 2.8),
    WGMMA_PAIR("_turns_pair", 192, 128, .shared = 198224, .group = 32, .from_m = 700, .rate = 3458,
               .h200_rate = 3041, .start = 0, .fixed = 4.15),
    WGMMA_PAIR("_turns_pair", 128, 128, .shared = 230512, .group = 32, .from_m = 1500, .rate = 3095,
               .h200_rate = 2894, .start = 0, .fixed = 1.7),
    WGMMA_TURNS(160, 128, .boxes = 1, .shared = 210272, .rate = 3493, .h200_rate = 3263,
                .start = 0.25, .fixed = 2.95),
    WGMMA_TURNS(144, 128, .boxes = 1, .shared = 212192, .rate = 3478, .h200_rate = 3412,
                .start = 0.5, .fixed = 1.95),
    WGMMA_TURNS(128, 128, .boxes = 1, .shared = 230512, .rate = 3506, .h200_rate = 3404, .start = 0,
                .fixed = 2.3),
    WGMMA_TURNS(112, 128, .shared = 224256, .rate = 3690, .h200_rate = 3526, .start = 0.9,
                .fixed = 1.75),
    WGMMA_TURNS(96, 128, .boxes = 1, .shared = 226176, .rate = 3604, .h200_rate = 3453,
                .start = 0.3, .fixed = 2.55),
    WGMMA_SPLIT("", 128, 192, 2, .boxes = 1, .threads = 512, .shared = 214608, .resident = 1,
                .rate = 3292, .h200_rate = 3163, .start = 2.35, .fixed = 0.5),
    WGMMA_SPLIT("", 112, 192, 2, .threads = 512, .shared = 208288, .resident = 1, .rate = 3364,
                .h200_rate = 3335, .start = 3.2, .fixed = 0.3),
    WGMMA_SPLIT("", 96, 192, 2, .boxes = 1, .threads = 512, .shared = 222432, .resident = 1,
                .rate = 3345, .h200_rate = 3298, .start = 2.65, .fixed = 0.45),
    WGMMA_SPLIT("", 80, 192, 2, .threads = 512, .shared = 222256, .resident = 1, .rate = 3320,
                .h200_rate = 3350, .start = 2.35, .fixed = 0.6),
    WGMMA_SPLIT("", 192, 128, 2, .boxes = 1, .threads = 384, .shared = 198224, .resident = 1,
                .rate = 3602, .h200_rate = 3243, .start = 2.25, .fixed = 0.4),
    WGMMA_SPLIT("", 176, 128, 2, .threads = 384, .shared = 204256, .resident = 1, .rate = 3524,
                .h200_rate = 3313, .start = 3.45, .fixed = 0),
    WGMMA_SPLIT("", 160, 128, 2, .boxes = 1, .threads = 384, .shared = 210272, .resident = 1,
                .rate = 3515, .h200_rate = 3400, .start = 3.05, .fixed = 0),
    WGMMA_SPLIT("", 128, 128, 8, .boxes = 1, .threads = 384, .shared = 230512, .resident = 1,
                .rate = 3400, .h200_rate = 3380, .start = 2, .fixed = 0.6),
    WGMMA_SPLIT("", 96, 128, 8, .boxes = 1, .threads = 384, .shared = 226176, .resident = 1,
                .rate = 3390, .h200_rate = 3361, .start = 2.05, .fixed = 0.6),
    WGMMA_SPLIT("", 80, 128, 8, .threads = 384, .shared = 221968, .resident = 1, .rate = 3775,
                .h200_rate = 3501, .start = 1.9, .fixed = 1.3),
    WGMMA_SPLIT("", 64, 128, 8, .threads = 384, .shared = 213648, .resident = 1, .rate = 3173,
                .h200_rate = 3221, .start = 1.2, .fixed = 1.45),
    WGMMA_SPLIT("", 160, 64, 2, .threads = 160, .shared = 209664, .resident = 1, .rate = 3167,
                .h200_rate = 3297, .start = 2.45, .fixed = 0),
    WGMMA_SPLIT("", 128, 64, 8, .threads = 160, .shared = 205456, .resident = 1, .rate = 3127,
                .h200_rate = 3075, .start = 2.1, .fixed = 0.15),
    WGMMA_SPLIT("", 112, 64, 8, .threads = 160, .shared = 230000, .resident = 1, .rate = 2969,
                .h200_rate = 3142, .start = 1.85, .fixed = 0.65),
    WGMMA_SPLIT("", 96, 64, 8, .threads = 160, .shared = 213552, .resident = 1, .rate = 3108,
                .h200_rate = 2990, .start = 2.05, .fixed = 0.15),
    WGMMA_SPLIT("", 64, 64, 8, .threads = 160, .shared = 106864, .resident = 2, .rate = 2378,
                .h200_rate = 2479, .alone = 1415, .start = 0.75, .fixed = 1.1),
    WGMMA_SPLIT("_deep", 64, 64, 8, .threads = 160, .shared = 205264, .resident = 1, .rate = 2714,
                .h200_rate = 2521, .start = 1.8, .fixed = 0.3),
    WGMMA_SPLIT("", 32, 64, 8, .threads = 160, .shared = 106768, .resident = 2, .rate = 1747,
                .alone = 1057, .start = 0.75, .fixed = 1.3),
    WGMMA_SPLIT("", 16, 64, 8, .threads = 160, .shared = 106736, .resident = 2, .rate = 978,
                .alone = 630, .start = 0.75, .fixed = 1.4),
    WGMMA_SPLIT("_deep", 16, 64, 8, .threads = 160, .shared = 209296, .resident = 1, .rate = 582,
                .start = 1.1, .fixed = 0.8),
    MMA(256, 128, 128, .threads = 256, .shared = 147456, .resident = 1, .rate = 1908, .start = 4.55,
        .fixed = 1.55),
    MMA(128, 192, 128, .threads = 384, .shared = 163840, .resident = 1, .rate = 2012, .start = 5,
        .fixed = 3.2),
    MMA(128, 128, 128, .threads = 128, .shared = 98304, .resident = 2, .rate = 1950, .alone = 1483,
        .start = 0, .fixed = 2.75),
    MMA(256, 128, 64, .threads = 256, .shared = 98304, .resident = 1, .rate = 1900, .start = 3.55,
        .fixed = 2.4),
    MMA(128, 128, 64, .threads = 128, .shared = 49152, .resident = 2, .rate = 1713, .alone = 1293,
        .start = 0.25, .fixed = 3.95, .unaligned = "octgemm_mma_128x128x64_any"),
    MMA(64, 128, 128, .threads = 128, .shared = 98304, .resident = 2, .rate = 1756, .alone = 1360,
        .start = 0.2, .fixed = 3.45),
    MMA(80, 64, 256, .threads = 128, .shared = 87040, .resident = 2, .rate = 1619, .alone = 1182,
        .start = 2.75, .fixed = 3.45),
    MMA(64, 64, 256, .threads = 128, .shared = 98304, .resident = 2, .rate = 1444, .alone = 1058,
        .start = 2.25, .fixed = 1.9),
    MMA(48, 64, 256, .threads = 128, .shared = 86016, .resident = 2, .rate = 1305, .alone = 895,
        .start = 1.65, .fixed = 2.1),
    MMA(32, 64, 256, .threads = 128, .shared = 98304, .resident = 2, .rate = 1004, .alone = 688,
        .start = 0.6, .fixed = 2.15, .unaligned = "octgemm_mma_32x64x256_any"),
    DECODE("", 8, 32, .threads = 256, .shared = 9600, .resident = 2, .rate = 225, .alone = 118,
           .start = 0.55, .fixed = 0.55),
    DECODE("_w16", 8, 32, .threads = 512, .shared = 18816, .resident = 1, .rate = 254,
           .start = 1.65, .fixed = 0),
    DECODE("", 16, 32, .threads = 256, .shared = 18816, .resident = 2, .rate = 356, .alone = 213,
           .start = 0, .fixed = 1.15, .unaligned = "octgemm_decode_16x32_any"),
    DECODE("_w4", 16, 32, .threads = 128, .shared = 9600, .resident = 5, .rate = 259, .alone = 187,
           .start = 0, .fixed = 1.6),
    DECODE("", 24, 32, .threads = 256, .shared = 28032, .resident = 2, .rate = 401, .alone = 289,
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
