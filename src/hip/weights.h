/* Packing (rows copied to rows of ldp bytes, or into blocks, zeros from k on) and the sums of B's
 * rows, which zero points need: a block takes a row. */
#ifndef OCTGEMM_HIP_WEIGHTS_H
#define OCTGEMM_HIP_WEIGHTS_H

#include "blocks.h"
#include "reduce.h"

OCTGEMM_FN int32_t sum_bytes(chunk value)
{
    int32_t sum = 0;
    for (int i = 0; i < 4; i++)
        for (int bit = 0; bit < 32; bit += 8)
            sum += (int8_t)(value[i] >> bit);
    return sum;
}

OCTGEMM_FN void pack_rows(const octgemm_weights_params &p, int32_t *shared)
{
    int64_t width = p.packed ? p.ldp : p.k;
    int64_t rows = p.blocks ? group_count(p.n) * group_rows : p.n;
    for (int64_t row = block_index(); row < rows; row += block_count()) {
        int32_t sum = 0;
        for (int64_t at = thread_index() * chunk_bytes; at < width;
             at += block_threads * chunk_bytes) {
            chunk value = {0, 0, 0, 0};
            if (at < p.k && row < p.n)
                value = load_chunk_before(p.b + row * p.ldb, (int32_t)at, p.k);
            sum += sum_bytes(value);
            if (p.packed) /* ldp is a multiple of 16 */
                memcpy(p.packed + (p.blocks ? block_place(row, at, p.ldp) : row * p.ldp + at),
                       &value, sizeof value);
        }
        sum = block_reduce(sum, shared, [](int32_t a, int32_t b) { return a + b; });
        if (p.column && row < p.n && thread_index() == 0)
            memcpy((char *)p.column + row * (int64_t)sizeof sum, &sum, sizeof sum);
    }
}

#endif
