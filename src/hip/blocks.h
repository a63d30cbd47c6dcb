/* Packed weights on targets with MFMA: blocks of 16 rows, in the order in which a wave's lanes want
 * them, so that B goes from memory straight into the registers of the matrix instruction.
 *
 * A block holds, for each 16 bytes of k, the chunks of its 16 rows one after another: lane l of a
 * wave, which brings chunk l / 16 of row l % 16, reads its 16 bytes at l * 16, and the wave 1024
 * consecutive bytes. Four blocks make a group of 64 rows: block j of it has the rows j, j + 4 ...
 * of the group, so that a lane, which holds one column of D for each of its blocks, holds
 * consecutive ones. Rows behind the last one are zeros, up to a whole group, and so is k up to ldp.
 */
#ifndef OCTGEMM_HIP_BLOCKS_H
#define OCTGEMM_HIP_BLOCKS_H

#include "device.h"

enum { block_rows = 16, group_blocks = 4, group_rows = block_rows * group_blocks };

OCTGEMM_FN int64_t group_count(int64_t n)
{
    return (n + group_rows - 1) / group_rows;
}

/* The row of B, and column of D, that row r of a block is. */
OCTGEMM_FN int64_t block_column(int64_t block, int r)
{
    return block / group_blocks * group_rows + r * group_blocks + block % group_blocks;
}

/* Where the chunk of a row at k = `at` (a multiple of 16) is. */
OCTGEMM_FN int64_t block_place(int64_t row, int64_t at, int64_t ldp)
{
    int64_t in_group = row % group_rows;
    int64_t block = row / group_rows * group_blocks + in_group % group_blocks;
    return block * block_rows * ldp + at * block_rows + in_group / group_blocks * chunk_bytes;
}

/* A lane's part of `count` neighbouring blocks of one group; blocks behind the last repeat it. */
template <class op, int count>
struct block_reader {
    static_assert(op::wave == 64 && (int)op::cols == (int)block_rows && op::depth == 64,
                  "the blocks' order is that of MFMA's lanes");
    const int8_t *first;
    int64_t block_bytes;
    uint32_t own; /* the lane's place in 64 bytes of k of a block */

    __device__ __forceinline__ void aim(const octgemm_gemm_params &p, int64_t block, int lane)
    {
        int64_t last = group_count(p.n) * group_blocks - count;
        block_bytes = block_rows * p.ldb;
        first = p.b + (block < last ? block : last) * block_bytes;
        own = (uint32_t)(op::part(lane) * block_rows + op::col(lane)) * chunk_bytes;
    }

    __device__ __forceinline__ chunk load(int j, int32_t k) const
    {
        return load_chunk(first + j * block_bytes + (int64_t)k * block_rows + own);
    }
};

#endif
