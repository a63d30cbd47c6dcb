/* Copying rows to rows that fit every kernel's loads (packed weights, and operands whose stride
 * does not fit), and the sums of B's rows that zero points need. Any shape and address.
 *
 * A warp takes a piece of a row, all of whose words are under way at once: these launches are
 * short, and what they cost is latency. Where rows are added up a warp has a whole row, or, where
 * rows are few, a block. Words are read where they lie in memory and shifted to where they belong
 * in the copy: byte by byte the copy would take longer than the product of a few tokens.
 *
 * 48 registers, 16 bytes of shared memory, 720 instructions. Measured on an H100: a copy of both
 * operands ahead of a small product 1.0 to 2 us, 0.6 us a megabyte; sums 0.4 us a megabyte. Lost:
 * several short rows in a warp (an address for each word: 4000 instructions, twice the time for
 * long rows), bytes at the ends of a row in a loop that all lanes wait for (2.5 us), a launch for
 * each operand (4.7 us), sums by words of four bytes (1.1 to 1.2 times as long), the product behind
 * a long launch started early (choose.c). */
#include "cuda/grid.cuh"
#include "elements.h"
#include "gpu/params.h"

enum {
    threads = octgemm_weights_threads,
    lanes = 32, /* of a warp */
    teams = threads / lanes,
    batch = 8, /* words that a lane has under way */
    piece_bytes = 4 * batch * lanes
};
static_assert((int)piece_bytes == (int)octgemm_weights_piece, "as the host counts them");

/* Four bytes of a row of which `left` are there, and zeros. */
static __device__ uint32_t edge_word(const int8_t *from, int left)
{
    uint32_t value = 0;
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (i < left)
            value |= (uint32_t)(uint8_t)from[i] << 8 * i;
    return value;
}

static __device__ void store_bytes(int8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (int8_t)(value >> 8 * i);
}

static __device__ int add_bytes(int sum, uint32_t value)
{
    return __dp4a((int)value, 0x01010101, sum);
}

/* `limit` - `from`, or more than there is in a piece. */
static __device__ int bytes_left(int64_t limit, int64_t from)
{
    return (int)(limit - from < piece_bytes + 8 ? limit - from : piece_bytes + 8);
}

/* Copies this lane's words of a piece of a row, from the byte `start` on, and returns the sum of
 * them. Nothing outside of the row's k bytes is read. */
static __device__ int move_piece(const octgemm_weights_rows &p, int k, int64_t row, int64_t start)
{
    constexpr int step = 4 * lanes; /* from one of a lane's words to its next */
    const int64_t at = start + 4 * ((int)threadIdx.x % lanes);
    const int8_t *const from = p.b + row * p.ldb + at;
    int8_t *const to = p.packed ? p.packed + row * p.ldp + at : NULL;
    const int left = bytes_left(k, at), room = bytes_left(p.packed ? p.ldp : k, at);
    /* A word of the copy is made of two in memory that are both inside the row, or of one, and of
     * zeros behind the row. Others go byte by byte: one at each end of the row, unless the copy has
     * no address for words. */
    const int shift = (int)((uintptr_t)from & 3), needed = shift > 0 ? 8 - shift : 4;
    const bool words = ((uintptr_t)to & 3) == 0;
    const uint32_t *const source = (const uint32_t *)(from - shift);
    uint32_t low[batch], high[batch], edges = 0;
#pragma unroll
    for (int i = 0; i < batch; i++) {
        const bool whole = i * step + needed <= left && (i > 0 || at >= shift);
        low[i] = whole ? source[i * lanes] : 0;
        high[i] = whole && shift > 0 ? source[i * lanes + 1] : 0;
        edges |= (uint32_t)(i * step < room && !(words && (whole || i * step >= left))) << i;
    }
    int sum = 0;
#pragma unroll
    for (int i = 0; i < batch; i++) {
        const uint64_t both = (uint64_t)high[i] << 32 | low[i];
        const uint32_t value = edges >> i & 1 ? 0 : (uint32_t)(both >> 8 * shift);
        sum = add_bytes(sum, value);
        if (to && i * step < room && !(edges >> i & 1))
            *(uint32_t *)(to + i * step) = value;
    }
    for (; edges; edges &= edges - 1) {
        const int i = __ffs((int)edges) - 1;
        const uint32_t value = edge_word(from + i * step, left - i * step);
        sum = add_bytes(sum, value);
        if (to)
            store_bytes(to + i * step, value);
    }
    return sum;
}

/* The sum of what a lane has of a row of 16-byte words. */
static __device__ int add_share(const octgemm_weights_rows &p, int k, int64_t row, int64_t sharer)
{
    constexpr int ahead = 8;
    const uint4 *const from = (const uint4 *)(p.b + row * p.ldb);
    const int count = k / 16, step = (int)p.sharers * lanes;
    int sum = 0;
#pragma unroll 1
    for (int at = (int)sharer * lanes + (int)threadIdx.x % lanes; at < count; at += ahead * step) {
        uint4 v[ahead];
#pragma unroll
        for (int i = 0; i < ahead; i++)
            v[i] = at + i * step < count ? from[at + i * step] : uint4{0, 0, 0, 0};
#pragma unroll
        for (int i = 0; i < ahead; i++)
            sum = add_bytes(add_bytes(add_bytes(add_bytes(sum, v[i].x), v[i].y), v[i].z), v[i].w);
    }
    return sum;
}

/* Copies or adds up what a warp has of a row, and returns the sum of this lane's words of it. */
static __device__ int move_share(const octgemm_weights_rows &p, int k, int64_t row, int64_t sharer)
{
    const int64_t end = p.packed ? p.ldp : k;
    if (!p.packed && ((uintptr_t)p.b | (uintptr_t)p.ldb | (uintptr_t)k) % 16 == 0)
        return add_share(p, k, row, sharer);
    int sum = 0;
#pragma unroll 1
    for (int64_t at = sharer * piece_bytes; at < end; at += p.sharers * piece_bytes)
        sum += move_piece(p, k, row, at);
    return sum;
}

extern "C" __global__ void __launch_bounds__(threads)
    octgemm_weights(const __grid_constant__ octgemm_weights_params p)
{
    __shared__ int total[teams];
    const int team = (int)threadIdx.x / lanes;
    /* Shares of part[0]; those of a row of part[1] then start with a block. */
    const int64_t first = (p.part[0].n * p.part[0].sharers + teams - 1) / teams * teams;
    const int64_t all = first + p.part[1].n * p.part[1].sharers;
    const bool summing = p.part[0].column || p.part[1].column;
    if (!p.in_order && !p.packs)
        grid_release();
    grid_wait();
    for (int64_t base = (int64_t)blockIdx.x * teams; base < all;
         base += (int64_t)gridDim.x * teams) {
        const int which = base >= first;
        const octgemm_weights_rows &part = p.part[which];
        const int64_t share = base + team - which * first;
        const int64_t row = part.sharers == 1 ? share : share / part.sharers;
        int sum = 0;
        if (row < part.n)
            sum = move_share(part, p.k, row, share - row * part.sharers);
        if (!summing)
            continue;
        const int own = part.sharers == 1 ? team : 0; /* where a row is added up */
        const bool first_of_row = (int)threadIdx.x % (part.sharers == 1 ? lanes : threads) == 0;
        if (first_of_row)
            total[own] = 0;
        __syncthreads();
        atomicAdd(&total[own], sum);
        __syncthreads();
        if (first_of_row && part.column && row < part.n)
            memcpy((char *)part.column + row * (int64_t)sizeof sum, &total[own], sizeof sum);
    }
    /* What has not been released starts when these blocks have ended. */
    if (p.packs)
        grid_release_written();
}
