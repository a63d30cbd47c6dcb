/* src/hip/kernels.hip for the host, for one target: compiled once for each with the macros that
 * clang would define for it and with -DSIM_TARGET=<name>. */
#include "amdgcn.h"

/* A simulated target stands for others of its matrix operation, of which some have room for these.
 */
#define OCTGEMM_TILE_128
#define OCTGEMM_TILE_256
#include "hip/kernels.hip"
#include "target.h"

template <class params, void (*kernel)(params)>
static void call(const void *given)
{
    kernel(*(const params *)given);
}

#define GEMM(name)                                                                                 \
    {                                                                                              \
#name, call < const octgemm_gemm_params, name>                                             \
    }
static const sim_function functions[] = {
    GEMM(tile_256x128),
    GEMM(tile_128x128),
    GEMM(tile_64x64),
    GEMM(stream_64),
    GEMM(stream_32),
    GEMM(stream_16),
#ifdef OCTGEMM_BLOCKS
    GEMM(tile_256x128_packed),
    GEMM(tile_128x128_packed),
    GEMM(tile_64x64_packed),
    GEMM(stream_64_packed),
    GEMM(stream_32_packed),
    GEMM(stream_16_packed),
#endif
    {"quantize", call<const octgemm_quantize_params, quantize>},
    {"weights", call<const octgemm_weights_params, weights>},
    {nullptr, nullptr},
};

#define NAME(target) #target
#define NAME_OF(target) NAME(target)
#define SYMBOL(target) sim_##target
#define SYMBOL_OF(target) SYMBOL(target)
extern "C" {
extern const sim_target SYMBOL_OF(SIM_TARGET);
const sim_target SYMBOL_OF(SIM_TARGET) = {NAME_OF(SIM_TARGET), matrix::wave, functions};
}
