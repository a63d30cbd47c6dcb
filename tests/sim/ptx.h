/* The words of src/cuda/ptx.cuh for the simulator, and those of CUDA itself for which a block's own
 * memory or a warp is needed.
 *
 * A copy to shared memory happens when it is asked for or when it is waited for, as a random number
 * says: who reads it without waiting, or has it written over what is still read, gets a wrong
 * result.
 *
 * Shared addresses are a block's number in its cluster and the place in its memory.
 */
#ifndef OCTGEMM_SIM_PTX_H
#define OCTGEMM_SIM_PTX_H
#define OCTGEMM_PTX_CUH

#include "ahead.h"
#include "cuda.h"
#include "cuda/plain.cuh"

static constexpr bool has_async_copy = true;

/* -- launches --------------------------------------------------------------------------------- */

/* Shared memory for as many blocks as run together. */
void sim_give_memory(unsigned blocks, unsigned bytes);

/* What each thread calls at its end. */
void sim_thread_ends();

/* -- a block's memory ------------------------------------------------------------------------- */

uint8_t *block_memory();
uint32_t shared_address(const void *pointer);
uint8_t *shared_pointer(uint32_t address, int bytes); /* of any block of the cluster */

int cluster_rank();
uint32_t place_in_block(uint32_t address, int rank);

static inline void store_shared_16(uint32_t shared, uint4 v)
{
    memcpy(shared_pointer(shared, sizeof v), &v, sizeof v);
}

void sim_copy(uint32_t shared, const void *global, int bytes);
void copy_async_commit();
void sim_copies_done(int pending);

static inline void copy_async_16(uint32_t shared, const void *global, bool wanted)
{
    if (wanted)
        sim_copy(shared, global, 16);
}

static inline void copy_async_4(uint32_t shared, const void *global)
{
    sim_copy(shared, global, 4);
}

template <int pending>
void copy_async_wait()
{
    sim_copies_done(pending);
}

static inline uint4 load_stream_16(const void *global)
{
    uint4 v;
    memcpy(&v, global, sizeof v);
    return v;
}

static inline void prefetch_l2(const void *)
{
}

/* All of memory is seen by everybody at once. */
static inline void __threadfence()
{
}

/* -- warps ------------------------------------------------------------------------------------ */

void __syncwarp();
uint32_t __shfl_sync(unsigned lanes, uint32_t value, int from);

static inline uint32_t __shfl_xor_sync(unsigned lanes, uint32_t value, int mask)
{
    return __shfl_sync(lanes, value, (int)(threadIdx.x % 32) ^ mask);
}

static inline float __shfl_xor_sync(unsigned lanes, float value, int mask)
{
    return octgemm_bits_float(__shfl_xor_sync(lanes, octgemm_float_bits(value), mask));
}

static inline uint32_t warp_max(uint32_t value)
{
    for (int mask = 16; mask > 0; mask >>= 1)
        value = max(value, __shfl_xor_sync(~0u, value, mask));
    return value;
}

void mma_16832(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
void load_matrix_x4(uint32_t &r0, uint32_t &r1, uint32_t &r2, uint32_t &r3, uint32_t address);
void store_columns_x4(uint32_t address, uint32_t r0, uint32_t r1, uint32_t r2, uint32_t r3);

static inline void store_transposed_x4(uint32_t shared, int ld, uint32_t r0, uint32_t r1,
                                       uint32_t r2, uint32_t r3)
{
    const uint32_t lane = threadIdx.x % 32;
    store_columns_x4(shared + lane % 8 * (uint32_t)ld + lane / 8 * 16, r0, r1, r2, r3);
}

/* -- numbers ---------------------------------------------------------------------------------- */

/* 32 bytes of a row, widened so that the host multiplies some at a time. */
typedef int8_t sim_bytes __attribute__((vector_size(16)));
typedef int16_t sim_words __attribute__((vector_size(32)));

struct sim_row {
    sim_words half[2];
};

static inline sim_words sim_widen(const void *bytes)
{
    sim_bytes narrow;
    memcpy(&narrow, bytes, sizeof narrow);
    return __builtin_convertvector(narrow, sim_words);
}

static inline int32_t sim_dot(const sim_row &a, const sim_row &b)
{
    typedef int32_t sums __attribute__((vector_size(64)));
    typedef int32_t few __attribute__((vector_size(16)));
    /* (-128)^2 fits in 16 bits, twice that does not. */
    const sums all = __builtin_convertvector(a.half[0] * b.half[0], sums) +
                     __builtin_convertvector(a.half[1] * b.half[1], sums);
    few part[4];
    memcpy(part, &all, sizeof part);
    const few sum = (part[0] + part[1]) + (part[2] + part[3]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

template <bool larger>
float pick(float a, float b)
{
    return plain_pick<larger>(a, b);
}

template <bool bf16, bool larger>
uint32_t pick_pair(uint32_t a, uint32_t b)
{
    return plain_pick_pair<bf16, larger>(a, b);
}

static inline uint32_t pack_saturated(int32_t a, int32_t b, int32_t c, int32_t d)
{
    const int32_t values[4] = {a, b, c, d};
    uint32_t packed = 0;
    for (int i = 0; i < 4; i++)
        packed |= (uint32_t)(uint8_t)min(max(values[i], -128), 127) << 8 * i;
    return packed;
}

#endif
