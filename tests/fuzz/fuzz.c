/* What the fuzz targets share: see fuzz.h. */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t fuzz_byte(struct fuzz_input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

uint64_t fuzz_word(struct fuzz_input *input)
{
    uint64_t word = 0;
    for (int i = 0; i < 64; i += 8)
        word |= (uint64_t)fuzz_byte(input) << i;
    return word;
}

int64_t fuzz_below(struct fuzz_input *input, int64_t count)
{
    int64_t number = fuzz_byte(input);
    if (count > 256)
        number |= (int64_t)fuzz_byte(input) << 8;
    return number % count;
}

void fuzz_fill(const struct fuzz_input *input, void *out, size_t size)
{
    size_t have = (size_t)(input->end - input->at);
    unsigned char *bytes = out;
    for (size_t i = 0; i < size; i++)
        bytes[i] = have > 0 ? input->at[i % have] : 0;
}

_Noreturn void fuzz_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    abort();
}

void fuzz_array_make(struct fuzz_array *array, size_t bytes, size_t shift)
{
    *array = (struct fuzz_array){.bytes = bytes, .shift = shift};
    void *block;
    if (posix_memalign(&block, fuzz_shifts, bytes + shift + !(bytes + shift)) != 0)
        fuzz_fail("no memory for %zu bytes", bytes);
    array->block = block;
    array->at = array->block + shift;
    memset(array->block, 0xa5, bytes + shift);
}

void fuzz_array_keep(struct fuzz_array *array)
{
    array->copy = malloc(array->bytes + array->shift + 1);
    if (!array->copy)
        fuzz_fail("no memory for %zu bytes", array->bytes);
    memcpy(array->copy, array->block, array->bytes + array->shift);
}

int fuzz_array_changed(const struct fuzz_array *array)
{
    return memcmp(array->block, array->copy, array->bytes + array->shift) != 0;
}

void fuzz_array_free(struct fuzz_array *array)
{
    free(array->block);
    free(array->copy);
    *array = (struct fuzz_array){.block = NULL};
}

/* ---- contexts ---------------------------------------------------------------------------------
 */

enum { contexts_max = 256 };

struct list {
    struct fuzz_context items[contexts_max];
    size_t count;
};

static void add(struct list *list, const char *cap, const char *kernel)
{
    struct fuzz_context *item = &list->items[list->count];
    if (kernel)
        setenv("OCTGEMM_KERNEL", kernel, 1);
    else
        unsetenv("OCTGEMM_KERNEL");
    if (list->count < contexts_max && octgemm_open(&item->ctx, "cpu", 0) == OCTGEMM_OK) {
        snprintf(item->name, sizeof item->name, "%s: %s", cap, kernel ? kernel : "auto");
        list->count++;
    }
    unsetenv("OCTGEMM_KERNEL");
}

static void add_kernels(struct list *list, const char *cap)
{
    octgemm_info info;
    const octgemm_ctx *first = list->items[list->count - 1].ctx;
    for (size_t row = 0; octgemm_kernel(first, NULL, row, &info) == OCTGEMM_OK; row++)
        if (info.reason[0] == '\0')
            add(list, cap, info.kernel);
}

/* The names of other machines' instruction sets, and of those this one lacks, do no harm: the
 * former are refused, the latter cap nothing. */
static const char *const caps[] = {"generic",    "sse41", "avx2", "avxvnni", "avx512bw",
                                   "avx512vnni", "amx",   "neon", "dotprod", "i8mm"};

const struct fuzz_context *fuzz_contexts(enum fuzz_which which, size_t *count)
{
    static struct list list;
    if (list.count == 0) {
        for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
            size_t before = list.count;
            setenv("OCTGEMM_CPU", caps[i], 1);
            add(&list, caps[i], NULL);
            if (which == FUZZ_KERNELS && list.count > before)
                add_kernels(&list, caps[i]);
        }
        unsetenv("OCTGEMM_CPU");
        if (list.count == 0)
            fuzz_fail("no context opens: %s", octgemm_last_error());
    }
    *count = list.count;
    return list.items;
}

const octgemm_ctx *fuzz_reference(void)
{
    static octgemm_ctx *reference;
    if (!reference && octgemm_open(&reference, "ref", 0) != OCTGEMM_OK)
        fuzz_fail("no reference: %s", octgemm_last_error());
    return reference;
}

/* ---- results ----------------------------------------------------------------------------------
 */

size_t fuzz_width(octgemm_type type)
{
    return type == OCTGEMM_F16 || type == OCTGEMM_BF16 ? 2 : 4;
}

/* The bits of a value without its sign, and those of infinity: larger ones are NaNs. */
static int is_nan(octgemm_type type, uint32_t bits)
{
    if (type == OCTGEMM_F32)
        return (bits & 0x7fffffff) > 0x7f800000;
    if (type == OCTGEMM_F16)
        return (bits & 0x7fff) > 0x7c00;
    return type == OCTGEMM_BF16 && (bits & 0x7fff) > 0x7f80;
}

int fuzz_same(octgemm_type type, const void *x, const void *y, size_t count)
{
    size_t width = fuzz_width(type);
    if (memcmp(x, y, count * width) == 0)
        return 1;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits[2] = {0, 0};
        memcpy(&bits[0], (const char *)x + i * width, width);
        memcpy(&bits[1], (const char *)y + i * width, width);
        if (bits[0] != bits[1] && !(is_nan(type, bits[0]) && is_nan(type, bits[1])))
            return 0;
    }
    return 1;
}
