/* The header in front of packed weights on the host backends.
 *
 * It makes feeding weights that were packed for another shape, kernel family or version an error
 * instead of wrong numbers. 64 bytes, so that what follows keeps the alignment of the buffer.
 */
#ifndef OCTGEMM_PACKED_H
#define OCTGEMM_PACKED_H

#include "octgemm.h"

#include <stdint.h>

enum { OCTGEMM_PACKED_VERSION = 1 };

struct packed_header {
    char magic[8];    /* "OCTGPACK" */
    uint32_t version; /* of every format together */
    char family[20];  /* which format follows: "rows", "vnni16" ... */
    int64_t n, k;
    uint64_t bytes;    /* header included */
    uint64_t reserved; /* 0 */
};
_Static_assert(sizeof(struct packed_header) == 64, "the header is part of the format");

/* Writes a header to `packed`, at any alignment. */
void octgemm_packed_write(void *packed, const char *family, int64_t n, int64_t k, uint64_t bytes);

/* Checks that args->b was packed as `family` for args->n x args->k, which takes `bytes`. What is
 * behind the header is taken as it is. */
octgemm_status octgemm_packed_check(const octgemm_args *args, const char *family, uint64_t bytes);

#endif
