/* Kernels made of a GPU's own instructions, on the simulator. */
#ifndef OCTGEMM_SIM_LAUNCHES_H
#define OCTGEMM_SIM_LAUNCHES_H

#include "mock_cuda.h"

enum { sim_not_found = 500 }; /* CUDA_ERROR_NOT_FOUND */

/* As struct mock_cuda.launch; a function that is not theirs is sim_not_found. */
int sim_tensor_launch(const struct mock_launch *launch);
int sim_hopper_launch(const struct mock_launch *launch);

#endif
