/* The CUDA backend: its driver and its modules. */
#ifndef OCTGEMM_CUDA_H
#define OCTGEMM_CUDA_H

#include "gpu/gpu.h"

/* One .cu file is one module: compiled to one fatbin, embedded by modules.S. */
enum cuda_module {
    OCTGEMM_CUDA_DECODE,
    OCTGEMM_CUDA_GENERIC,
    OCTGEMM_CUDA_HOPPER,
    OCTGEMM_CUDA_JOIN,
    OCTGEMM_CUDA_QUANTIZE,
    OCTGEMM_CUDA_TENSOR,
    OCTGEMM_CUDA_WEIGHTS,
    OCTGEMM_CUDA_MODULES
};

extern const struct gpu_driver octgemm_cuda_driver;

#endif
