/* The kernels of mma.sync, and the quantiser, for the host. */
#include "ptx.h"

#include "cuda/decode.cuh"
#include "cuda/gemm.cuh"
#include "cuda/shifted.cuh"
#include "gpu/rule.h"
#include "launches.h"

/* The files name their constants and macros alike. */
namespace tensor
{
#include "cuda/tensor.cu"
}
#undef KERNEL
namespace decode_
{
#include "cuda/decode.cu"
}
namespace join
{
#include "cuda/join.cu"
}
namespace quantize
{
#include "cuda/quantize.cu"
}

template <class params, void (*kernel)(params)>
static void call(const void *given)
{
    kernel(*(const params *)given);
    sim_thread_ends();
}

static const struct {
    const char *name;
    void (*call)(const void *params);
} functions[] = {
#define PRODUCT(space, name) {#name, call<const octgemm_gemm_params, space::name>},
#define ROWS(name) {#name, call<const octgemm_quantize_params, quantize::name>},
#include "tensor_names.inc"
    {"octgemm_join", call<const octgemm_join_params, join::octgemm_join>},
    {"octgemm_quantize_any", call<const octgemm_quantize_params, quantize::octgemm_quantize_any>},
};

int sim_tensor_launch(const mock_launch *launch)
{
    for (const auto &function : functions) {
        if (strcmp(function.name, launch->function) != 0)
            continue;
        sim_give_memory(1, launch->shared);
        gridDim.x = launch->blocks;
        const sim_launch run = {.kernel = function.call,
                                .params = launch->params[0],
                                .blocks = launch->blocks,
                                .threads = launch->threads,
                                .wave = 32,
                                .cluster = 0,
                                .beside = nullptr};
        sim_run(&run);
        return 0;
    }
    return sim_not_found;
}
