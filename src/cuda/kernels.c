/* The CUDA backend's table of kernels: for each its tile, its needs and the figures that the cost
 * model (gpu/choose.c) takes. Best first; the last takes everything on every device. */
#include "cuda/cuda.h"

static const struct kernel kernels[] = {
    OCTGEMM_GPU_KERNEL("generic_64x64", "any", .module = OCTGEMM_CUDA_GENERIC,
                       .function = "octgemm_generic", .unaligned = "octgemm_generic", .last = 9999,
                       .tile_m = 64, .tile_n = 64, .tile_k = 64, .threads = 256, .align = 1,
                       .resident = 4, .persistent = 1, .max_splits = 1, .rate = 100, .fixed = 5),
};

const struct backend octgemm_cuda_backend = {
    .name = "cuda",
    .impl = &octgemm_cuda_driver,
    .kernels = kernels,
    .kernel_count = sizeof kernels / sizeof *kernels,
    OCTGEMM_GPU_BACKEND,
};
