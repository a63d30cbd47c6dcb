/* For instructions without masks: `width` bytes (32 at most) of which the last `count` are -1, all
 * ones, and the others 0. */
#ifndef OCTGEMM_CPU_LAST_BYTES_H
#define OCTGEMM_CPU_LAST_BYTES_H

#include <stdint.h>

static inline const int8_t *last_bytes(int64_t width, int64_t count)
{
    enum { most = 32 };
    static const int8_t window[2 * most] = {[most] = -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                            -1,          -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                            -1,          -1, -1, -1, -1, -1, -1, -1, -1, -1};
    return window + most - width + count;
}

#endif
