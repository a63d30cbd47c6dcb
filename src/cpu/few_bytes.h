/* For little-endian machines: the end of a row as a number, its first byte the lowest, by loads
 * that overlap: what is copied to a buffer byte by byte is not yet there when a vector is loaded
 * from it. */
#ifndef OCTGEMM_CPU_FEW_BYTES_H
#define OCTGEMM_CPU_FEW_BYTES_H

#include <stdint.h>
#include <string.h>

/* 1 to 8 bytes, and zeros. */
static inline uint64_t few_bytes(const int8_t *p, int64_t bytes)
{
    uint64_t whole;
    uint32_t first, last;
    if (bytes == 8) {
        memcpy(&whole, p, sizeof whole);
        return whole;
    }
    if (bytes >= 4) {
        memcpy(&first, p, sizeof first);
        memcpy(&last, p + bytes - 4, sizeof last);
        return first | (uint64_t)last << 8 * (bytes - 4);
    }
    whole = (uint8_t)p[0];
    whole |= (uint64_t)(uint8_t)p[bytes / 2] << 8 * (bytes / 2);
    return whole | (uint64_t)(uint8_t)p[bytes - 1] << 8 * (bytes - 1);
}

#endif
