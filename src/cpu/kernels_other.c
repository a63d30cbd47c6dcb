/* The kernels of machines without kernels of their own, best first; the first whose instruction set
 * is there decides the format of packed weights. Likewise the sets of vector functions. */
#include "kernels.h"
#include "vector.h"

static const struct kernel kernels[] = {
    CPU_KERNEL("generic_i16_2x4", "any", &octgemm_cpu_generic_i16),
};

const struct cpu_vector *const octgemm_cpu_vectors[] = {
    &octgemm_cpu_vector_generic,
};

const struct backend octgemm_cpu_backend = CPU_BACKEND(kernels);
