/* Launches that start before the kernel ahead of them in the stream is done. */
#ifndef OCTGEMM_CUDA_GRID_CUH
#define OCTGEMM_CUDA_GRID_CUH

/* Programmatic launch (sm_90 and later, a no-op in an ordinary launch): the next kernel of the
 * stream may start once every block has said grid_release() or ended, and must call grid_wait()
 * before it reads or writes global memory, which returns when the kernels before it are done and
 * visible.
 *
 * Packed weights may be read before that (p.early): octgemm_pack() says grid_release_written(), and
 * behind whatever else writes them comes something that waits for it (octgemm.h). (That the copies
 * ahead of such a product wait for it too, and release after that, would cost 0.4 to 1.4 us, up to
 * 19 % at one token; H200.) */
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

/* What these threads have written is there for the next kernel without grid_wait(), by the copy
 * engine too. */
__device__ __forceinline__ void grid_release_written()
{
    __threadfence();
#if __CUDA_ARCH__ >= 900
    asm volatile("fence.proxy.async.global;" ::: "memory");
#endif
    __syncthreads(); /* the first thread that releases does so for its block */
    grid_release();
}

#endif
