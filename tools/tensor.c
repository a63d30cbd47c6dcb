/* Tensor types and lists: what both file formats share. */
#include "tensor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tensor_type types[] = {
    {"F32", "<f4", 4, TENSOR_F32},      {"F16", "<f2", 2, TENSOR_F16},
    {"BF16", "<V2", 2, TENSOR_BF16},    {"I32", "<i4", 4, TENSOR_I32},
    {"I8", "|i1", 1, TENSOR_I8},        {"F64", "<f8", 8, TENSOR_F64},
    {"BOOL", "|b1", 1, TENSOR_OTHER},   {"U8", "|u1", 1, TENSOR_OTHER},
    {"I16", "<i2", 2, TENSOR_OTHER},    {"U16", "<u2", 2, TENSOR_OTHER},
    {"U32", "<u4", 4, TENSOR_OTHER},    {"I64", "<i8", 8, TENSOR_OTHER},
    {"U64", "<u8", 8, TENSOR_OTHER},    {"F8_E4M3", NULL, 1, TENSOR_OTHER},
    {"F8_E5M2", NULL, 1, TENSOR_OTHER}, {"C64", "<c8", 8, TENSOR_OTHER},
};
enum { type_count = sizeof types / sizeof *types };

const struct tensor_type *octgemm_tensor_type_named(const char *name)
{
    for (size_t i = 0; i < type_count; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

/* The byte-order mark says nothing about single bytes, nor about NumPy's raw V2. */
static int same_descr(const char *descr, const struct tensor_type *type)
{
    if (!type->descr || strcmp(descr + 1, type->descr + 1) != 0)
        return 0;
    if (type->size == 1 || type->kind == TENSOR_BF16)
        return strchr("<|=>", descr[0]) != NULL;
    return descr[0] == '<';
}

const struct tensor_type *octgemm_tensor_type_of_descr(const char *descr)
{
    for (size_t i = 0; i < type_count && *descr; i++)
        if (same_descr(descr, &types[i]))
            return &types[i];
    return NULL;
}

const struct tensor_type *octgemm_tensor_type_of_kind(enum tensor_kind kind)
{
    for (size_t i = 0; i < type_count; i++)
        if (types[i].kind == kind)
            return &types[i];
    return NULL;
}

enum parse_result octgemm_parse_bad(char why[tensor_why_size], const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(why, tensor_why_size, format, list);
    va_end(list);
    return PARSE_BAD;
}

enum parse_result octgemm_parse_whole(size_t prefix, uint64_t length, size_t size,
                                      uint64_t file_size, size_t *wanted, char why[tensor_why_size])
{
    if (length > file_size - prefix)
        return octgemm_parse_bad(why,
                                 "the header's length is %llu bytes, the file has %llu (is it "
                                 "truncated?)",
                                 (unsigned long long)length, (unsigned long long)file_size);
    *wanted = prefix + (size_t)length;
    return size < *wanted ? PARSE_MORE : PARSE_OK;
}

int octgemm_tensor_add_dimension(struct tensor *tensor, int64_t size, uint64_t *count)
{
    if (tensor->rank < tensor_rank_max)
        tensor->shape[tensor->rank] = size;
    tensor->rank++;
    return size >= 0 && !__builtin_mul_overflow(*count, (uint64_t)size, count) &&
           *count <= INT64_MAX;
}

void octgemm_release_tensors(struct tensor_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->tensors[i].name);
    free(list->tensors);
    *list = (struct tensor_list){NULL, 0};
}

const char *octgemm_format_shape(char *out, size_t size, const struct tensor *tensor)
{
    size_t length = 0;
    snprintf(out, size, "scalar");
    for (size_t i = 0; i < tensor->rank && i < tensor_rank_max && length < size; i++)
        length += (size_t)snprintf(out + length, size - length, i ? " x %lld" : "%lld",
                                   (long long)tensor->shape[i]);
    if (tensor->rank > tensor_rank_max && length < size)
        snprintf(out + length, size - length, " x ...");
    return out;
}

enum parse_result octgemm_parse_tensor_file(const void *head, size_t size, uint64_t file_size,
                                            struct tensor_list *list, size_t *wanted,
                                            char why[tensor_why_size])
{
    *list = (struct tensor_list){NULL, 0};
    enum { enough = 16 };
    if (size < enough && size < file_size) {
        *wanted = file_size < enough ? (size_t)file_size : enough;
        return PARSE_MORE;
    }
    if (size >= sizeof octgemm_npy_magic &&
        memcmp(head, octgemm_npy_magic, sizeof octgemm_npy_magic) == 0)
        return octgemm_parse_npy(head, size, file_size, list, wanted, why);
    /* A safetensors header is a JSON object behind its 8-byte length. */
    if (size > 8 && ((const char *)head)[8] == '{')
        return octgemm_parse_safetensors(head, size, file_size, list, wanted, why);
    return octgemm_parse_bad(why, "neither a .safetensors nor a .npy file");
}
