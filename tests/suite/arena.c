/* Device memory with guards. The block is moved and compared in chunks, so that arrays of many
 * gigabytes need no second copy on the host. */
#include "arena.h"
#include "patterns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { gap = 128 }; /* guard bytes in front of, between and behind arrays, at least */
static const size_t chunk = (size_t)16 << 20;

octgemm_status suite_arena_open(struct suite_arena *arena, const octgemm_ctx *ctx)
{
    *arena = (struct suite_arena){.ctx = ctx};
    for (int i = 0; i < 2; i++)
        if (!(arena->scratch[i] = malloc(chunk)))
            return OCTGEMM_ERR_NOMEM;
    return OCTGEMM_OK;
}

void suite_arena_close(struct suite_arena *arena)
{
    octgemm_free(arena->ctx, arena->memory);
    free(arena->scratch[0]);
    free(arena->scratch[1]);
}

void suite_arena_trim(struct suite_arena *arena)
{
    if (arena->capacity <= 4 * chunk)
        return;
    octgemm_free(arena->ctx, arena->memory);
    arena->memory = NULL;
    arena->capacity = 0;
}

static size_t end_of(const struct suite_slot *slot)
{
    return slot->offset + slot->bytes;
}

/* The part of a slot that lies in [low, high), as offsets into the block; empty when *from >= *to.
 */
static void overlap(const struct suite_slot *slot, size_t low, size_t high, size_t *from,
                    size_t *to)
{
    *from = slot->offset > low ? slot->offset : low;
    *to = end_of(slot) < high ? end_of(slot) : high;
}

/* The block's first contents in [low, high). */
static void initial_image(const struct suite_slot *slots, size_t count, unsigned char guard,
                          size_t low, size_t high, unsigned char *out)
{
    memset(out, guard, high - low);
    for (size_t s = 0; s < count; s++) {
        size_t from, to;
        overlap(&slots[s], low, high, &from, &to);
        if (from < to && slots[s].host)
            memcpy(out + (from - low),
                   (const unsigned char *)slots[s].host + (from - slots[s].offset), to - from);
    }
}

octgemm_status suite_arena_place(struct suite_arena *arena, struct suite_slot *slots, size_t count,
                                 unsigned char guard)
{
    size_t total = gap;
    for (size_t s = 0; s < count; s++) {
        slots[s].offset = (total + 63) / 64 * 64 + slots[s].shift;
        total = end_of(&slots[s]) + gap;
    }
    octgemm_status status = OCTGEMM_OK;
    if (total > arena->capacity) {
        void *memory;
        size_t wanted = total < chunk / 4 ? total * 2 : total;
        octgemm_free(arena->ctx, arena->memory);
        arena->memory = NULL;
        arena->capacity = 0;
        status = octgemm_alloc(arena->ctx, wanted, &memory);
        if (status != OCTGEMM_OK)
            return status;
        arena->memory = memory;
        arena->capacity = wanted;
    }
    for (size_t low = 0; low < total && status == OCTGEMM_OK; low += chunk) {
        size_t high = low + chunk < total ? low + chunk : total;
        initial_image(slots, count, guard, low, high, arena->scratch[0]);
        status =
            octgemm_upload(arena->ctx, arena->memory + low, arena->scratch[0], high - low, NULL);
    }
    return status;
}

void *suite_arena_address(const struct suite_arena *arena, const struct suite_slot *slot)
{
    return slot->bytes > 0 ? arena->memory + slot->offset : NULL;
}

/* Writes what an output should hold in [low, high) over `out`; gaps between rows stay as they are.
 */
static void expected_image(const struct suite_slot *slot, size_t low, size_t high,
                           unsigned char *out)
{
    size_t from, to;
    overlap(slot, low, high, &from, &to);
    size_t stride = (size_t)(slot->ldd * slot->width), length = (size_t)(slot->n * slot->width);
    while (from < to) {
        size_t row = stride ? (from - slot->offset) / stride : 0;
        size_t byte = from - slot->offset - row * stride;
        size_t next = slot->offset + (row + 1) * stride; /* where the next row begins */
        if (byte < length) {
            size_t here = length - byte < to - from ? length - byte : to - from;
            memcpy(out + (from - low),
                   slot->expected + (row % (size_t)slot->period) * length + byte, here);
        }
        if (stride == 0 || next >= to)
            return;
        from = next;
    }
}

static int is_nan(const unsigned char *at, octgemm_type type)
{
    return type != OCTGEMM_I32 && isnan(suite_value(at, type, 0));
}

/* Makes found equal to expected wherever both are NaN: their bits are not part of the contract. */
static void forgive_nans(const struct suite_slot *slot, size_t low, size_t high,
                         const unsigned char *expected, unsigned char *found)
{
    size_t from, to, width = (size_t)slot->width;
    overlap(slot, low, high, &from, &to);
    for (size_t at = from; at + width <= to; at += width) {
        unsigned char *f = found + (at - low);
        const unsigned char *e = expected + (at - low);
        if (memcmp(e, f, width) != 0 && is_nan(e, slot->type) && is_nan(f, slot->type))
            memcpy(f, e, width);
    }
}

/* Another element of the matrix that should hold these bytes: tells a wrong index. */
static void find_elsewhere(const struct suite_slot *slot, const unsigned char *found, char *text,
                           size_t size)
{
    int64_t width = slot->width;
    for (int64_t e = 0; e < slot->period * slot->n && e < 1 << 20; e++)
        if (memcmp(slot->expected + e * width, found, (size_t)width) == 0) {
            snprintf(text, size, "; what is there belongs to (%lld, %lld)",
                     (long long)(e / slot->n), (long long)(e % slot->n));
            return;
        }
    *text = '\0';
}

static void print_value(const unsigned char *at, const struct suite_slot *slot, char *text,
                        size_t size)
{
    uint32_t bits = 0;
    memcpy(&bits, at, (size_t)slot->width);
    double value = slot->width == 1 ? (int8_t)*at : suite_value(at, slot->type, 0);
    snprintf(text, size, "0x%0*x (%.9g)", (int)slot->width * 2, bits, value);
}

static void describe(const struct suite_slot *slots, size_t count, size_t at, size_t low,
                     const unsigned char *expected, const unsigned char *found,
                     struct suite_difference *difference)
{
    const struct suite_slot *before = NULL; /* the last slot that begins at or before `at` */
    for (size_t s = 0; s < count; s++)
        if (slots[s].bytes > 0 && slots[s].offset <= at)
            before = &slots[s];
    *difference = (struct suite_difference){.i = -1, .j = -1};
    int inside = before && at < end_of(before);
    difference->byte = at - (!before ? 0 : inside ? before->offset : end_of(before));
    snprintf(difference->array, sizeof difference->array, "%s%s", inside ? "" : "guard after ",
             before ? before->name : "nothing");
    snprintf(difference->text, sizeof difference->text, "expected byte 0x%02x, found 0x%02x",
             expected[at - low], found[at - low]);
    if (!inside || !before->expected)
        return;
    int64_t element = (int64_t)difference->byte / before->width;
    size_t first = before->offset + (size_t)(element * before->width);
    difference->i = element / before->ldd;
    difference->j = element % before->ldd;
    if (difference->j >= before->n) {
        snprintf(difference->array, sizeof difference->array, "gap between rows of %s",
                 before->name);
        return;
    }
    char e[64], f[64], elsewhere[80];
    print_value(expected + (first - low), before, e, sizeof e);
    print_value(found + (first - low), before, f, sizeof f);
    find_elsewhere(before, found + (first - low), elsewhere, sizeof elsewhere);
    snprintf(difference->text, sizeof difference->text, "expected %s, found %s%s", e, f, elsewhere);
}

/* A chunk does not end within an element of an output. */
static size_t chunk_end(const struct suite_slot *slots, size_t count, size_t low)
{
    size_t end = low + chunk;
    for (size_t s = 0; s < count; s++)
        if (slots[s].expected && slots[s].offset < end && end < end_of(&slots[s]))
            return end - (end - slots[s].offset) % (size_t)slots[s].width;
    return end;
}

octgemm_status suite_arena_verify(struct suite_arena *arena, const struct suite_slot *slots,
                                  size_t count, unsigned char guard, struct suite_view *view,
                                  const struct suite_options *options, int *differs,
                                  struct suite_difference *difference)
{
    unsigned char *expected = arena->scratch[0], *found = arena->scratch[1];
    size_t total = gap, high = 0;
    for (size_t s = 0; s < count; s++)
        total = end_of(&slots[s]) + gap;
    *differs = 0;
    for (size_t low = 0; low < total; low = high) {
        high = chunk_end(slots, count, low);
        if (high > total)
            high = total;
        octgemm_status status =
            octgemm_download(arena->ctx, found, arena->memory + low, high - low, NULL);
        if (status == OCTGEMM_OK)
            status = octgemm_sync(arena->ctx, NULL);
        if (status != OCTGEMM_OK)
            return status;
        if (options->tamper && slots[0].offset >= low && slots[0].offset < high) {
            view->bytes = found;
            view->size = high - low;
            view->d = found + (slots[0].offset - low);
            view->m = slots[0].m;
            view->n = slots[0].n;
            view->ldd = slots[0].ldd;
            view->width = slots[0].width;
            options->tamper(options->user, view);
        }
        initial_image(slots, count, guard, low, high, expected);
        for (size_t s = 0; s < count; s++) {
            size_t from, to;
            overlap(&slots[s], low, high, &from, &to);
            if (from < to && slots[s].expected)
                expected_image(&slots[s], low, high, expected);
            if (from < to && slots[s].ignored)
                memcpy(expected + (from - low), found + (from - low), to - from);
        }
        if (memcmp(expected, found, high - low) == 0)
            continue;
        for (size_t s = 0; s < count; s++)
            if (slots[s].expected)
                forgive_nans(&slots[s], low, high, expected, found);
        for (size_t at = low; at < high && !*differs; at++)
            if (expected[at - low] != found[at - low]) {
                describe(slots, count, at, low, expected, found, difference);
                *differs = 1;
            }
        if (*differs)
            return OCTGEMM_OK;
    }
    return OCTGEMM_OK;
}
