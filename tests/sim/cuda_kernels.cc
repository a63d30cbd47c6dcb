/* The CUDA kernels for the host, all but Hopper's, and what the mock driver's launches are given
 * to.
 */
#include "ptx.h"

#include "cuda/decode.cuh"
#include "cuda/gemm.cuh"
#include "cuda/shifted.cuh"
#include "gpu/finish.h"
#include "gpu/rule.h"
#include "hopper_run.h"
#include "mock_cuda.h"

#include <cstring>

sim_index gridDim;

/* The files name their constants and macros alike; what they include is included above. */
namespace generic
{
#include "cuda/generic.cu"
}
namespace weights
{
#include "cuda/weights.cu"
}
namespace tensor
{
#include "cuda/tensor.cu"
}
#undef KERNEL
namespace decoding
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
    bool product; /* else a helper, which waits ahead of anything else */
} functions[] = {
#define PRODUCT(space, name) {#name, call<const octgemm_gemm_params, space::name>, true},
#define ROWS(name) {#name, call<const octgemm_quantize_params, quantize::name>, false},
#include "kernel_names.inc"
    PRODUCT(generic, octgemm_generic) ROWS(octgemm_quantize_any){
        "octgemm_join", call<const octgemm_join_params, join::octgemm_join>, false},
    {"octgemm_weights", call<const octgemm_weights_params, weights::octgemm_weights>, false},
};

extern "C" int sim_cuda_launch(void *user, const struct mock_launch *launch);

/* struct mock_cuda.launch. */
int sim_cuda_launch(void *user, const struct mock_launch *launch)
{
    enum { warp = 32 };
    (void)user;
    for (const auto &function : functions)
        if (strcmp(function.name, launch->function) == 0) {
            const sim_launch run = {.kernel = function.call,
                                    .params = launch->params[0],
                                    .blocks = launch->blocks,
                                    .threads = launch->threads,
                                    .wave = warp,
                                    .cluster = 0,
                                    .beside = NULL};
            sim_give_memory(1, launch->shared);
            gridDim.x = launch->blocks;
            if (function.product)
                sim_scramble(launch);
            sim_run(&run);
            sim_launch_ends();
            return 0;
        }
    return sim_hopper_launch(launch);
}

extern "C" void sim_store_run(uint16_t *row, int begin, int end, const uint32_t *results,
                              int words);

/* A row by all of its lanes. */
void sim_store_run(uint16_t *row, int begin, int end, const uint32_t *results, int words)
{
    for (int word = 0; word < words; word++)
        run_share(row, begin, end, word, words)
            .store(row, results[word], results[(word + 1) % words]);
}

extern "C" void sim_load_some(uint32_t words[4], const uint32_t piece[4], int size, int from,
                              int to);
extern "C" void sim_store_staged(int8_t *row, int k, const int8_t *bytes, int at, uint32_t *staged,
                                 int threads);

void sim_load_some(uint32_t words[4], const uint32_t piece[4], int size, int from, int to)
{
    const uint4 *const whole = (const uint4 *)piece;
    const uint4 v = size == 4 ? load_some<4>(whole, from, to) : load_some<2>(whole, from, to);
    memcpy(words, &v, sizeof v);
}

/* `bytes` are those of the row from `at` on, as many words as reach its end. */
void sim_store_staged(int8_t *row, int k, const int8_t *bytes, int at, uint32_t *staged,
                      int threads)
{
    for (int i = at; i < k; i += 4)
        memcpy(&staged[staged_word(row, i)], bytes + (i - at), 4);
    for (int thread = 0; thread < threads; thread++)
        store_staged(row, k, staged, staged_shift(row, at), thread, threads);
}
