/* Launches that start before the kernel ahead of them in the stream is done. */
#ifndef OCTGEMM_CUDA_GRID_CUH
#define OCTGEMM_CUDA_GRID_CUH

/* Programmatic launch (sm_90 and later, a no-op in an ordinary launch): the next kernel of the
 * stream may start once every block has said grid_release(), and must call grid_wait() before it
 * reads or writes global memory, which returns when the kernels before it are done and visible.
 * Packed weights may be read before that (p.early): what writes them never says grid_release(), so
 * it was done and visible when the kernel ahead of this one started (PTX ISA, griddepcontrol). */
__device__ __forceinline__ void grid_wait()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ __forceinline__ void grid_release()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

#endif
