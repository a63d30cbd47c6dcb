/* Copying rows to rows that fit every kernel's loads (packed weights, and operands whose stride
 * does not fit), and the sums of B's rows that zero points need. Any shape and address. A block
 * takes a row at a time. Words are read where they lie in memory and shifted to where they belong
 * in the copy: byte by byte the copy would take longer than the product of a few tokens. */
#include "elements.h"
#include "gpu/params.h"

enum { threads = 128, batch = 4 /* words that a thread has under way */ };

/* Four bytes of a row, those from k on as zeros. */
static __device__ uint32_t edge_word(const int8_t *row, int word, int k)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        if (word * 4 + i < k)
            value |= (uint32_t)(uint8_t)row[word * 4 + i] << 8 * i;
    return value;
}

/* `to` may be NULL. Returns the sum of the four bytes. */
static __device__ int put_word(int8_t *to, int word, uint32_t value)
{
    int8_t byte[4];
    memcpy(byte, &value, sizeof value);
    if (to && ((uintptr_t)to & 3) == 0)
        *(uint32_t *)(to + word * 4) = value;
    else if (to)
        for (int i = 0; i < 4; i++)
            to[word * 4 + i] = byte[i];
    return byte[0] + byte[1] + byte[2] + byte[3];
}

/* This thread's share of a row: copies it and returns the sum of it. Nothing outside of the row's
 * k bytes is read. */
static __device__ int move_row(const struct octgemm_weights_params &p, int64_t row)
{
    const int8_t *from = p.b + row * p.ldb;
    int8_t *to = p.packed ? p.packed + row * p.ldp : NULL;
    int words = (int)((p.packed ? p.ldp : p.k + (int64_t)3) / 4);
    /* Word w of the copy is made of words w and w + 1 in memory, both inside the row when w is in
     * [first, last). */
    int shift = (int)((uintptr_t)from & 3);
    int first = shift > 0;
    int last = (int)(((int64_t)p.k + shift) / 4) - 1;
    if (last < first)
        last = first;
    const uint32_t *source = (const uint32_t *)(from - shift);
    int sum = 0;
    for (int word = first + (int)threadIdx.x; word < last; word += batch * threads) {
        uint32_t low[batch], high[batch];
        for (int i = 0; i < batch; i++) {
            int at = word + i * threads < last ? word + i * threads : word;
            low[i] = source[at];
            high[i] = source[at + 1];
        }
        for (int i = 0; i < batch && word + i * threads < last; i++) {
            uint64_t both = (uint64_t)high[i] << 32 | low[i];
            sum += put_word(to, word + i * threads, (uint32_t)(both >> 8 * shift));
        }
    }
    for (int i = (int)threadIdx.x; i < words - (last - first); i += threads) {
        int word = i < first ? i : i + last - first;
        sum += put_word(to, word, edge_word(from, word, p.k));
    }
    return sum;
}

static __device__ void store_sum(const struct octgemm_weights_params &p, int64_t row, int part)
{
    __shared__ int sum;
    __syncthreads(); /* the row before has been stored */
    if (threadIdx.x == 0)
        sum = 0;
    __syncthreads();
    atomicAdd(&sum, part);
    __syncthreads();
    if (threadIdx.x == 0)
        memcpy((char *)p.column + row * (int64_t)sizeof sum, &sum, sizeof sum);
}

extern "C" __global__ void __launch_bounds__(threads)
    octgemm_weights(const __grid_constant__ struct octgemm_weights_params p)
{
    for (int64_t row = blockIdx.x; row < p.n; row += gridDim.x) {
        int part = move_row(p, row);
        if (p.column)
            store_sum(p, row, part);
    }
}
