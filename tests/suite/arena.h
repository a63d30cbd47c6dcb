/* Device memory with guards: all arrays of one operation lie in one block, each at the alignment
 * its case asks for, with guard bytes around it. Afterwards every byte of the block is compared:
 * inputs and guards must be as they were, D must be what the reference says. */
#ifndef OCTGEMM_SUITE_ARENA_H
#define OCTGEMM_SUITE_ARENA_H

#include "suite.h"

#include "octgemm.h"

struct suite_arena {
    const octgemm_ctx *ctx;
    unsigned char *memory; /* a device pointer */
    size_t capacity;
    unsigned char *scratch[2]; /* host: expected and found bytes */
};

/* One array. What it should hold afterwards is what it held before, unless it is an output. */
struct suite_slot {
    const char *name;
    size_t bytes;
    unsigned shift;   /* address modulo 64 */
    const void *host; /* contents; NULL: guard bytes */
    int ignored;      /* what it holds afterwards does not matter: workspace */

    /* An output of m rows of n elements with stride ldd, in place of `host` afterwards. Row i must
     * equal row i % period of `expected`, NaNs of a float type equal each other. */
    const unsigned char *expected;
    int64_t m, n, ldd, width, period;
    octgemm_type type;

    size_t offset; /* set by suite_arena_place() */
};

/* Where the first wrong byte is. */
struct suite_difference {
    char array[48];
    size_t byte;    /* within the array or guard */
    int64_t i, j;   /* in an output, else -1 */
    char text[256]; /* both values */
};

octgemm_status suite_arena_open(struct suite_arena *arena, const octgemm_ctx *ctx);
void suite_arena_close(struct suite_arena *arena);

/* Gives gigabytes back, so that kernels tested in turn do not hold them at once. */
void suite_arena_trim(struct suite_arena *arena);

/* Lays the slots out, makes room and writes contents and guards. */
octgemm_status suite_arena_place(struct suite_arena *arena, struct suite_slot *slots, size_t count,
                                 unsigned char guard);

/* The device address of a slot, NULL when the slot is empty. */
void *suite_arena_address(const struct suite_arena *arena, const struct suite_slot *slot);

/* Compares the block. *differs is 0, or 1 with *difference filled in. The chunk in which slot 0,
 * the result, begins is shown to options->tamper before, as *view, in which its names are set. */
octgemm_status suite_arena_verify(struct suite_arena *arena, const struct suite_slot *slots,
                                  size_t count, unsigned char guard, struct suite_view *view,
                                  const struct suite_options *options, int *differs,
                                  struct suite_difference *difference);

#endif
