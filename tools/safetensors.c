/* The header of a .safetensors file: 8 bytes of length, that many bytes of JSON, then the data.
 *
 *     {"name": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}, "__metadata__": {...}}
 *
 * Checked as the format demands: every byte of the data belongs to exactly one tensor. */
#include "report.h"
#include "tensor.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { length_size = 8, header_max = 100 << 20 }; /* the format's own limit is 100 MB */

static uint64_t little_endian_64(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = length_size - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static int get_offset(json_t *offsets, size_t index, uint64_t *out)
{
    json_t *value = json_array_get(offsets, index);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return 0;
    *out = (uint64_t)json_integer_value(value);
    return 1;
}

static enum parse_result parse_shape(json_t *shape, struct tensor *tensor, uint64_t *count,
                                     char *why)
{
    *count = 1;
    if (!json_is_array(shape))
        return octgemm_parse_bad(why, "tensor \"%.80s\" has no shape", tensor->name);
    for (size_t i = 0; i < json_array_size(shape); i++) {
        json_t *size = json_array_get(shape, i);
        if (!json_is_integer(size) ||
            !octgemm_tensor_add_dimension(tensor, json_integer_value(size), count))
            return octgemm_parse_bad(why, "tensor \"%.80s\" has an impossible shape", tensor->name);
    }
    return PARSE_OK;
}

/* One entry of the header. Offsets count from `data`, where the header ends. */
static enum parse_result parse_entry(json_t *entry, uint64_t data, uint64_t data_size,
                                     struct tensor *tensor, char *why)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    json_t *offsets = json_object_get(entry, "data_offsets");
    uint64_t begin, end, count, bytes;
    if (!dtype)
        return octgemm_parse_bad(why, "tensor \"%.80s\" has no dtype", tensor->name);
    if ((size_t)snprintf(tensor->dtype, sizeof tensor->dtype, "%s", dtype) >= sizeof tensor->dtype)
        return octgemm_parse_bad(why, "tensor \"%.80s\" has a dtype of %zu characters",
                                 tensor->name, strlen(dtype));
    tensor->type = octgemm_tensor_type_named(dtype);
    if (parse_shape(json_object_get(entry, "shape"), tensor, &count, why) != PARSE_OK)
        return PARSE_BAD;
    if (json_array_size(offsets) != 2 || !get_offset(offsets, 0, &begin) ||
        !get_offset(offsets, 1, &end) || begin > end)
        return octgemm_parse_bad(why, "tensor \"%.80s\" has bad data_offsets", tensor->name);
    if (end > data_size)
        return octgemm_parse_bad(why,
                                 "tensor \"%.80s\" ends at byte %llu of the data, which has %llu "
                                 "(is the file truncated?)",
                                 tensor->name, (unsigned long long)end,
                                 (unsigned long long)data_size);
    tensor->offset = data + begin;
    tensor->bytes = end - begin;
    if (tensor->type && (__builtin_mul_overflow(count, (uint64_t)tensor->type->size, &bytes) ||
                         bytes != tensor->bytes))
        return octgemm_parse_bad(why, "tensor \"%.80s\" has %llu bytes, its type and shape differ",
                                 tensor->name, (unsigned long long)tensor->bytes);
    return PARSE_OK;
}

static int by_offset(const void *left, const void *right)
{
    const struct tensor *a = left, *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (a->bytes > b->bytes) - (a->bytes < b->bytes); /* empty tensors first */
}

/* Sorts the tensors by place; each must begin where the one before ends. */
static enum parse_result check_places(struct tensor_list *list, uint64_t data, uint64_t file_size,
                                      char *why)
{
    uint64_t at = data;
    if (list->count > 0)
        qsort(list->tensors, list->count, sizeof *list->tensors, by_offset);
    for (size_t i = 0; i < list->count; i++) {
        const struct tensor *tensor = &list->tensors[i];
        if (tensor->offset != at)
            return octgemm_parse_bad(why, "tensor \"%.80s\" %s", tensor->name,
                                     tensor->offset < at ? "overlaps another"
                                                         : "leaves a gap before it");
        at = tensor->offset + tensor->bytes;
    }
    if (at != file_size)
        return octgemm_parse_bad(why, "%llu bytes at the end belong to no tensor",
                                 (unsigned long long)(file_size - at));
    return PARSE_OK;
}

static enum parse_result parse_entries(json_t *header, uint64_t data, uint64_t file_size,
                                       struct tensor_list *list, char *why)
{
    const char *name;
    json_t *entry;
    list->tensors = calloc(json_object_size(header) + 1, sizeof *list->tensors);
    if (!list->tensors)
        return octgemm_parse_bad(why, "no memory for the list of tensors");
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        struct tensor *tensor = &list->tensors[list->count];
        tensor->name = strdup(name);
        if (!tensor->name)
            return octgemm_parse_bad(why, "no memory for the list of tensors");
        list->count++;
        if (parse_entry(entry, data, file_size - data, tensor, why) != PARSE_OK)
            return PARSE_BAD;
    }
    return check_places(list, data, file_size, why);
}

enum parse_result octgemm_parse_safetensors(const void *head, size_t size, uint64_t file_size,
                                            struct tensor_list *list, size_t *wanted,
                                            char why[tensor_why_size])
{
    *list = (struct tensor_list){NULL, 0};
    if (file_size < length_size)
        return octgemm_parse_bad(why, "too short for a .safetensors file");
    *wanted = length_size;
    if (size < length_size)
        return PARSE_MORE;
    uint64_t length = little_endian_64(head);
    if (length > header_max)
        return octgemm_parse_bad(why,
                                 "the header's length is %llu bytes, more than the format's "
                                 "limit of 100 MB",
                                 (unsigned long long)length);
    enum parse_result whole =
        octgemm_parse_whole(length_size, length, size, file_size, wanted, why);
    if (whole != PARSE_OK)
        return whole;

    json_error_t error;
    json_t *header = json_loadb((const char *)head + length_size, (size_t)length,
                                JSON_REJECT_DUPLICATES, &error);
    if (!header)
        return octgemm_json_starved()
                   ? octgemm_parse_bad(why, "no memory for the header")
                   : octgemm_parse_bad(why, "the header is not JSON: %s", error.text);
    enum parse_result result =
        json_is_object(header) ? parse_entries(header, length_size + length, file_size, list, why)
                               : octgemm_parse_bad(why, "the header is not a JSON object");
    json_decref(header);
    if (result != PARSE_OK)
        octgemm_release_tensors(list);
    return result;
}
