/* The kernels of x86-64 machines, best first; the first whose instruction set is there decides the
 * format of packed weights. Likewise the sets of vector functions. */
#include "kernels.h"
#include "vector.h"

static const struct kernel kernels[] = {
    CPU_KERNEL("amx_32x32", "amx", &octgemm_cpu_amx),
    CPU_KERNEL("avx512vnni_6x64", "avx512vnni", &octgemm_cpu_avx512vnni),
    CPU_KERNEL("avxvnni_6x16", "avxvnni", &octgemm_cpu_avxvnni),
    CPU_KERNEL("avx2_acc16_2x32", "avx2", &octgemm_cpu_avx2_acc16),
    CPU_KERNEL("avx2_winograd_4x16", "avx2", &octgemm_cpu_avx2_winograd),
    CPU_KERNEL("sse41_i16_2x4", "sse41", &octgemm_cpu_sse41_i16),
    CPU_KERNEL("generic_i16_2x4", "any", &octgemm_cpu_generic_i16),
};

const struct cpu_vector *const octgemm_cpu_vectors[] = {
    &octgemm_cpu_vector_avx512,
    &octgemm_cpu_vector_avx2,
    &octgemm_cpu_vector_sse41,
    &octgemm_cpu_vector_generic,
};

const struct backend octgemm_cpu_backend = CPU_BACKEND(kernels);
