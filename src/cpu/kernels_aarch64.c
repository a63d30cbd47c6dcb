/* The kernels of aarch64 machines, best first; the first whose instruction set is there decides the
 * format of packed weights. Likewise the sets of vector functions. */
#include "kernels.h"
#include "vector.h"

static const struct kernel kernels[] = {
    CPU_KERNEL("i8mm_s8_8x8", "i8mm", &octgemm_cpu_i8mm_s8),
    CPU_KERNEL("dotprod_s8_8x8", "dotprod", &octgemm_cpu_dotprod_s8),
    CPU_KERNEL("neon_mlal_4x4", "neon", &octgemm_cpu_neon_mlal),
    CPU_KERNEL("generic_i16_2x4", "any", &octgemm_cpu_generic_i16),
};

const struct cpu_vector *const octgemm_cpu_vectors[] = {
    &octgemm_cpu_vector_neon,
    &octgemm_cpu_vector_generic,
};

const struct backend octgemm_cpu_backend = CPU_BACKEND(kernels);
