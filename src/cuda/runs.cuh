/* Rows of 16-bit results that do not start on 16 bytes of D, written by whole words.
 *
 * Number `word` of `words` lanes has results 2 word and 2 word + 1 of a row, and the next lane's
 * (the last has those of the first) to fill a word with, where the row starts within one. So a
 * store has neighbouring words of neighbouring lanes. Result by result, eight to a lane, a product
 * took up to 4.9 times as long as with rows on 16 bytes, and takes 1.02 to 1.69 times now (an H100,
 * bench/NOTES.md).
 */
#ifndef OCTGEMM_RUNS_CUH
#define OCTGEMM_RUNS_CUH

#include <stdint.h>

/* A lane's share of results `begin` to `end` of rows that start at one place of a word: what it
 * writes of each is found once, which is half of the instructions. begin is 0 where rows start
 * within a word. */
struct run_share {
    int pair_at, single_at;
    uint32_t pair_bytes, single_bytes; /* of a lane's word and the next, for __byte_perm */
    bool pair, single;

    __device__ __forceinline__ run_share(const uint16_t *row, int begin, int end, int word,
                                         int words)
    {
        const int odd = (int)((uintptr_t)row / sizeof *row & 1);
        pair_at = single_at = word * 2 + odd;
        pair_bytes = single_bytes = odd ? 0x5432 : 0x3210;
        pair = pair_at >= begin && pair_at + 1 < end;
        single = pair_at >= begin && pair_at + 1 == end;
        /* The result ahead of the first whole word, by a lane that has no other half. */
        const int spare = end == words * 2 ? 0 : words - 1;
        if (odd && end > 0 && word == spare) {
            single = true;
            single_at = 0;
            single_bytes = spare == 0 ? 0x10 : 0x54;
        }
    }

    __device__ __forceinline__ void store(uint16_t *row, uint32_t own, uint32_t next) const
    {
        if (pair)
            *(uint32_t *)(row + pair_at) = __byte_perm(own, next, pair_bytes);
        if (single)
            row[single_at] = (uint16_t)__byte_perm(own, next, single_bytes);
    }
};

#endif
