/* Hopper's instructions for the simulator: the wrappers of src/cuda/wgmma.cuh, by the same names.
 *
 * What the GPU does beside its threads is done here when it may be done, early or late, as a random
 * number says: boxes arrive some time after they were asked for, matrix products read shared memory
 * at once or when they are waited for, the copy engine reads results when it is waited for. So a
 * stage given back too early, or read before it has come, is a wrong result.
 */
#ifndef OCTGEMM_SIM_HOPPER_H
#define OCTGEMM_SIM_HOPPER_H
#define OCTGEMM_WGMMA_CUH

#include "ptx.h"

#include "cuda/describe.cuh"

struct alignas(64) tensor_map {
    uint8_t opaque[128];
};

/* -- warps ------------------------------------------------------------------------------------ */

static inline bool one_of_warp()
{
    return threadIdx.x % 32 == 0;
}

template <int count>
void registers_up()
{
}

template <int count>
void registers_down()
{
}

/* -- barriers --------------------------------------------------------------------------------- */

void named_barrier(int barrier, int threads);
void block_arrive(int threads);
void cluster_arrive();
void cluster_wait();

static inline void block_sync(int threads)
{
    named_barrier(0, threads);
}

static inline void warpgroup_sync(int barrier)
{
    named_barrier(barrier, 128);
}

static inline void cluster_sync()
{
    cluster_arrive();
    cluster_wait();
}

void barrier_init(uint32_t barrier, int arrivals);
void barrier_wait(uint32_t barrier, uint32_t parity);
void barrier_expect(uint32_t barrier, int bytes);
void barrier_arrive(uint32_t barrier);

static inline void barrier_init_done()
{
}

static inline void barrier_arrive_remote(uint32_t remote)
{
    barrier_arrive(remote);
}

void store_to_block(uint32_t to, const int32_t *v, uint32_t barrier);

/* -- the copy engine -------------------------------------------------------------------------- */

void tensor_load(uint32_t shared, const tensor_map &map, int column, int row, uint32_t barrier);
void tensor_load_all(uint32_t shared, const tensor_map &map, int column, int row, uint32_t barrier,
                     uint16_t blocks);
void tensor_store(const tensor_map &map, int column, int row, uint32_t shared, uint64_t policy);
void tensor_stores_commit();
void sim_stores_read(int pending);

template <int pending>
void tensor_stores_read()
{
    sim_stores_read(pending);
}

static inline void tensor_prefetch_map(const tensor_map &)
{
}

static inline void tensor_prefetch_l2(const tensor_map &, int, int)
{
}

static inline void written_for_copies()
{
}

static inline uint64_t l2_policy(bool)
{
    return 0;
}

/* -- matrix products -------------------------------------------------------------------------- */

void sim_multiply(int32_t *sum, int n, uint64_t a, uint64_t b, bool add);
void sim_products_done(int pending);
/* A warpgroup begins together (WARPGROUP.ARRIVE), so none of its threads still waits for what the
 * others use up. */
void wgmma_begin();
void wgmma_commit();

template <int n>
struct wgmma {
    static void multiply(int32_t (&sum)[n / 2], uint64_t a, uint64_t b, bool add)
    {
        static_assert(n == 8 || n == 24 || n % 16 == 0, "what integers may have");
        sim_multiply(sum, n, a, b, add);
    }
};

template <int pending>
void wgmma_wait()
{
    sim_products_done(pending);
}

template <int count>
void wgmma_settle(int32_t (&)[count])
{
}

#endif
