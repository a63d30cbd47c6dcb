/* The instructions that only Hopper has (sm_90a), one wrapper each: matrix products of a warpgroup
 * (four warps, the first a multiple of four), tiles by the copy engine (TMA), barriers in shared
 * memory (mbarrier) that both can signal, also in the other blocks of a cluster.
 */
#ifndef OCTGEMM_WGMMA_CUH
#define OCTGEMM_WGMMA_CUH

#include "cuda/describe.cuh"
#include "cuda/ptx.cuh"

/* -- matrix products -------------------------------------------------------------------------- */

/* Sums of 64 x n are n / 2 registers of each thread. Warp w has rows 16w..16w+15; with g = lane / 4
 * and t = lane % 4, sum[4j..4j+3] are (row g, column 8j + 2t), (g, 8j + 2t + 1), and the same of
 * row g + 8. multiply(): sum = a (64 x 32) * b^T (n x 32), plus sum when `add`. */
template <int n>
struct wgmma;

#define REGISTERS_16 "%0, %1, %2, %3, %4, %5, %6, %7"
#define REGISTERS_32 REGISTERS_16 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define REGISTERS_48 REGISTERS_32 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define REGISTERS_64 REGISTERS_48 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define REGISTERS_80 REGISTERS_64 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define REGISTERS_96 REGISTERS_80 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define REGISTERS_112 REGISTERS_96 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define REGISTERS_128 REGISTERS_112 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define REGISTERS_144 REGISTERS_128 ", %64, %65, %66, %67, %68, %69, %70, %71"
#define REGISTERS_160 REGISTERS_144 ", %72, %73, %74, %75, %76, %77, %78, %79"
#define REGISTERS_176 REGISTERS_160 ", %80, %81, %82, %83, %84, %85, %86, %87"
#define REGISTERS_192 REGISTERS_176 ", %88, %89, %90, %91, %92, %93, %94, %95"
#define REGISTERS_256                                                                              \
    REGISTERS_192 ", %96, %97, %98, %99, %100, %101, %102, %103"                                   \
                  ", %104, %105, %106, %107, %108, %109, %110, %111"                               \
                  ", %112, %113, %114, %115, %116, %117, %118, %119"                               \
                  ", %120, %121, %122, %123, %124, %125, %126, %127"

#define SUMS(i) "+r"(sum[i]), "+r"(sum[i + 1]), "+r"(sum[i + 2]), "+r"(sum[i + 3])
#define SUMS_16 SUMS(0), SUMS(4)
#define SUMS_32 SUMS_16, SUMS(8), SUMS(12)
#define SUMS_48 SUMS_32, SUMS(16), SUMS(20)
#define SUMS_64 SUMS_48, SUMS(24), SUMS(28)
#define SUMS_80 SUMS_64, SUMS(32), SUMS(36)
#define SUMS_96 SUMS_80, SUMS(40), SUMS(44)
#define SUMS_112 SUMS_96, SUMS(48), SUMS(52)
#define SUMS_128 SUMS_112, SUMS(56), SUMS(60)
#define SUMS_144 SUMS_128, SUMS(64), SUMS(68)
#define SUMS_160 SUMS_144, SUMS(72), SUMS(76)
#define SUMS_176 SUMS_160, SUMS(80), SUMS(84)
#define SUMS_192 SUMS_176, SUMS(88), SUMS(92)
#define SUMS_256                                                                                   \
    SUMS_192, SUMS(96), SUMS(100), SUMS(104), SUMS(108), SUMS(112), SUMS(116), SUMS(120), SUMS(124)

/* a_, b_, add_: the numbers of the operands behind the n / 2 sums. */
#define WGMMA(n, a_, b_, add_)                                                                     \
    template <>                                                                                    \
    struct wgmma<n> {                                                                              \
        static __device__ __forceinline__ void multiply(int32_t (&sum)[n / 2], uint64_t a,         \
                                                        uint64_t b, bool add)                      \
        {                                                                                          \
            asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #add_ ", 0;\n"                       \
                         "wgmma.mma_async.sync.aligned.m64n" #n "k32.s32.s8.s8 {" REGISTERS_##n    \
                         "}, %" #a_ ", %" #b_ ", p;\n}"                                            \
                         : SUMS_##n                                                                \
                         : "l"(a), "l"(b), "r"((int)add));                                         \
        }                                                                                          \
    };

WGMMA(16, 8, 9, 10)
WGMMA(32, 16, 17, 18)
WGMMA(48, 24, 25, 26)
WGMMA(64, 32, 33, 34)
WGMMA(80, 40, 41, 42)
WGMMA(96, 48, 49, 50)
WGMMA(112, 56, 57, 58)
WGMMA(128, 64, 65, 66)
WGMMA(144, 72, 73, 74)
WGMMA(160, 80, 81, 82)
WGMMA(176, 88, 89, 90)
WGMMA(192, 96, 97, 98)
WGMMA(256, 128, 129, 130)

/* Before the first product of a batch: registers that were written are there. */
__device__ __forceinline__ void wgmma_begin()
{
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

__device__ __forceinline__ void wgmma_commit()
{
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/* Sums are written behind the compiler's back until wgmma_wait<0>(); nothing reads them above this.
 */
template <int count>
__device__ __forceinline__ void wgmma_settle(int32_t (&sum)[count])
{
#pragma unroll
    for (int i = 0; i < count; i++)
        asm volatile("" : "+r"(sum[i])::"memory");
}

/* Waits until at most `pending` batches are still under way. */
template <int pending>
__device__ __forceinline__ void wgmma_wait()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

/* -- barriers in shared memory ---------------------------------------------------------------- */

__device__ __forceinline__ void barrier_init(uint32_t barrier, int arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals));
}

/* Makes them known to the copy engine and to the cluster. */
__device__ __forceinline__ void barrier_init_done()
{
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/* Waits until the phase of this parity is over. Asked to sleep for up to 10 ms, though what wakes
 * it is the phase: threads that ask again and again take power from those that multiply. */
__device__ __forceinline__ void barrier_wait(uint32_t barrier, uint32_t parity)
{
    asm volatile("{\n.reg .pred p;\n"
                 "again:\n"
                 "mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1, 0x989680;\n"
                 "@!p bra again;\n}" ::"r"(barrier),
                 "r"(parity)
                 : "memory");
}

/* Arrives, and has the phase last until so many bytes have come, too. */
__device__ __forceinline__ void barrier_expect(uint32_t barrier, int bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
                 : "memory");
}

__device__ __forceinline__ void barrier_arrive(uint32_t barrier)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/* The same place of shared memory, a barrier's or any, in block `rank` of the cluster. */
__device__ __forceinline__ uint32_t place_in_block(uint32_t address, int rank)
{
    uint32_t remote;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(remote) : "r"(address), "r"(rank));
    return remote;
}

/* Arrives at a barrier there. (Not .release.cluster, for which ptxas 13.0 has a fence of the whole
 * GPU: what is signalled here is that reads are over.) */
__device__ __forceinline__ void barrier_arrive_remote(uint32_t remote)
{
    asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(remote) : "memory");
}

/* A barrier of all threads of a cluster. */
__device__ __forceinline__ void cluster_sync()
{
    asm volatile("barrier.cluster.arrive.release.aligned;\n"
                 "barrier.cluster.wait.acquire.aligned;" ::
                     : "memory");
}

/* The same in two halves. They order nothing but what barriers in shared memory order anyway, and
 * so cost no fence: cluster_sync() waits for every store of the block. */
__device__ __forceinline__ void cluster_arrive()
{
    asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
}

__device__ __forceinline__ void cluster_wait()
{
    asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
}

/* __syncthreads() in two halves: some warps wait, the others only tell that they were here. */
__device__ __forceinline__ void block_sync(int threads)
{
    asm volatile("bar.sync 0, %0;" ::"r"(threads) : "memory");
}

__device__ __forceinline__ void block_arrive(int threads)
{
    asm volatile("bar.arrive 0, %0;" ::"r"(threads) : "memory");
}

/* All 128 threads of a warpgroup; barrier 0 is __syncthreads(). */
__device__ __forceinline__ void warpgroup_sync(int barrier)
{
    asm volatile("bar.sync %0, 128;" ::"r"(barrier) : "memory");
}

/* -- the copy engine -------------------------------------------------------------------------- */

/* CUtensorMap. */
struct alignas(64) tensor_map {
    uint8_t opaque[128];
};

__device__ __forceinline__ void tensor_prefetch_map(const tensor_map &map)
{
    asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

/* Brings the box at (column, row) to shared memory and tells the barrier how many bytes came;
 * what lies outside of the matrix is zero. */
__device__ __forceinline__ void tensor_load(uint32_t shared, const tensor_map &map, int column,
                                            int row, uint32_t barrier)
{
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
                 "[%0], [%1, {%2, %3}], [%4];" ::"r"(shared),
                 "l"(&map), "r"(column), "r"(row), "r"(barrier)
                 : "memory");
}

/* The same into each block of the cluster that has its bit set, and to its barrier there. */
__device__ __forceinline__ void tensor_load_all(uint32_t shared, const tensor_map &map, int column,
                                                int row, uint32_t barrier, uint16_t blocks)
{
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
                 ".multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(shared),
                 "l"(&map), "r"(column), "r"(row), "r"(barrier), "h"(blocks)
                 : "memory");
}

/* What the L2 is to do with lines that are written: keep them like others, or let them go first. */
__device__ __forceinline__ uint64_t l2_policy(bool first_to_go)
{
    uint64_t policy;
    if (first_to_go)
        asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
    else
        asm("createpolicy.fractional.L2::evict_normal.b64 %0, 1.0;" : "=l"(policy));
    return policy;
}

/* The box at `shared`, as loads bring them, to (column, row) of the matrix; what lies outside is
 * not written. For the thread that asks: commit() ends a batch, read() waits until all batches but
 * the last `pending` have left shared memory. */
__device__ __forceinline__ void tensor_store(const tensor_map &map, int column, int row,
                                             uint32_t shared, uint64_t policy)
{
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group.L2::cache_hint "
                 "[%0, {%1, %2}], [%3], %4;" ::"l"(&map),
                 "r"(column), "r"(row), "r"(shared), "l"(policy)
                 : "memory");
}

__device__ __forceinline__ void tensor_stores_commit()
{
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

template <int pending>
__device__ __forceinline__ void tensor_stores_read()
{
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(pending) : "memory");
}

/* Before the copy engine reads what threads wrote to shared memory, in each of these threads. */
__device__ __forceinline__ void written_for_copies()
{
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/* Four words to shared memory of another block of the cluster, and 16 bytes more have come to a
 * barrier there; both places by place_in_block(). */
__device__ __forceinline__ void store_to_block(uint32_t to, const int32_t *v, uint32_t barrier)
{
    asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 "
                 "[%0], {%1, %2, %3, %4}, [%5];" ::"r"(to),
                 "r"(v[0]), "r"(v[1]), "r"(v[2]), "r"(v[3]), "r"(barrier)
                 : "memory");
}

__device__ __forceinline__ void tensor_prefetch_l2(const tensor_map &map, int column, int row)
{
    asm volatile("cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%0, {%1, %2}];" ::"l"(&map),
                 "r"(column), "r"(row)
                 : "memory");
}

/* -- the rest --------------------------------------------------------------------------------- */

/* Registers of each thread of this warpgroup from here on. */
template <int count>
__device__ __forceinline__ void registers_up()
{
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count));
}

template <int count>
__device__ __forceinline__ void registers_down()
{
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count));
}

/* True in one thread of a warp, which ptxas then knows to be one: asked by lane number, it makes
 * loops of votes around what takes uniform registers. */
__device__ __forceinline__ bool one_of_warp()
{
    uint32_t one;
    asm volatile("{\n.reg .pred p;\nelect.sync _|p, 0xffffffff;\nselp.u32 %0, 1, 0, p;\n}"
                 : "=r"(one));
    return one;
}

/* Which block of its cluster this is: 0 in a launch without clusters. */
__device__ __forceinline__ int cluster_rank()
{
    int rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

#endif
