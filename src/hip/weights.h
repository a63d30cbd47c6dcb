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

OCTGEMM_FN void pack_row(const octgemm_weights_rows &part, int64_t row, int32_t k, int32_t blocks,
                         int32_t *shared)
{
    int64_t width = part.packed ? part.ldp : k;
    int32_t sum = 0;
    for (int64_t at = thread_index() * chunk_bytes; at < width; at += block_threads * chunk_bytes) {
        chunk value = {0, 0, 0, 0};
        if (at < k && row < part.n)
            value = load_chunk_before(part.b + row * part.ldb, (int32_t)at, k);
        sum += sum_bytes(value);
        if (part.packed) /* ldp is a multiple of 16 */
            memcpy(part.packed + (blocks ? block_place(row, at, part.ldp) : row * part.ldp + at),
                   &value, sizeof value);
    }
    sum = block_reduce(sum, shared, [](int32_t a, int32_t b) { return a + b; });
    if (part.column && row < part.n && thread_index() == 0)
        memcpy((char *)part.column + row * (int64_t)sizeof sum, &sum, sizeof sum);
}

OCTGEMM_FN void pack_rows(const octgemm_weights_params &p, int32_t *shared)
{
    int64_t first = p.blocks ? group_count(p.part[0].n) * group_rows : p.part[0].n;
    for (int64_t row = block_index(); row < first + p.part[1].n; row += block_count())
        if (row < first)
            pack_row(p.part[0], row, p.k, p.blocks, shared);
        else
            pack_row(p.part[1], row - first, p.k, 0, shared);
}

#endif
