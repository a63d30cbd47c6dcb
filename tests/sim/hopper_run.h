/* Hopper kernels on the simulator. */
#ifndef OCTGEMM_SIM_HOPPER_RUN_H
#define OCTGEMM_SIM_HOPPER_RUN_H

#include "mock_cuda.h"

/* As struct mock_cuda.launch; an unknown function is CUDA_ERROR_NOT_FOUND. */
int sim_hopper_launch(const struct mock_launch *launch);

#endif
