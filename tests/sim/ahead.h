/* Launches that start before the one ahead of them is done.
 *
 * What such a launch finds in its operands is what was there before: here they are scrambled until
 * one of its threads has waited. A kernel that reads before that has a wrong result, but for the
 * weights that it was told to read early. */
#ifndef OCTGEMM_SIM_AHEAD_H
#define OCTGEMM_SIM_AHEAD_H

#include "mock_cuda.h"

/* The operands of a product, if its launch may start early. */
void sim_scramble(const mock_launch *launch);
bool sim_scrambled();

/* Fails if nobody has waited. */
void sim_launch_ends();

/* Those of src/cuda/grid.cuh. */
#define OCTGEMM_CUDA_GRID_CUH
void grid_wait();

static inline void grid_release()
{
}

static inline void grid_release_written()
{
}

#endif
