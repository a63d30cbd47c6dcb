/* In place of CUDA's header of this name: src/cuda/access.cuh has a way without it for GPUs before
 * sm_80, which the simulator takes. */
