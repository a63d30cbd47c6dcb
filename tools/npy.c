/* NumPy's .npy: magic, version, length of the header, then a Python dict as text
 *
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 *
 * padded with blanks, then the data. The dict is read by the few rules that numpy.save writes by,
 * not by Python's: three keys in any order, each once. */
#include "npy.h"
#include "options.h"
#include "output_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char octgemm_npy_magic[6] = "\x93NUMPY";

enum { prefix_1 = 10, prefix_2 = 12, header_max = 1 << 20 };

/* A place in the text of the header. */
struct text {
    const char *at, *end;
};

static void skip_blanks(struct text *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n' || *text->at == '\t'))
        text->at++;
}

static int take(struct text *text, char wanted)
{
    skip_blanks(text);
    if (text->at == text->end || *text->at != wanted)
        return 0;
    text->at++;
    return 1;
}

static int take_word(struct text *text, const char *word)
{
    size_t length = strlen(word);
    skip_blanks(text);
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
        return 0;
    text->at += length;
    return 1;
}

static int take_string(struct text *text, char *out, size_t size)
{
    char quote = take(text, '\'') ? '\'' : take(text, '"') ? '"' : '\0';
    size_t length = 0;
    if (!quote)
        return 0;
    for (; text->at < text->end && *text->at != quote; text->at++) {
        if (length + 1 == size || *text->at == '\\' || *text->at == '\0')
            return 0;
        out[length++] = *text->at;
    }
    out[length] = '\0';
    return take(text, quote);
}

static int take_integer(struct text *text, int64_t *out)
{
    skip_blanks(text);
    const char *begin = text->at;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9')
        text->at++;
    int good = octgemm_parse_integer(begin, text->at, 0, INT64_MAX, out);
    take(text, 'L'); /* as Python 2 wrote it */
    return good;
}

/* (), (3,), (3, 4) ... but not (3), which is no tuple. */
static int take_shape(struct text *text, struct tensor *tensor, uint64_t *count)
{
    int comma = 1;
    *count = 1;
    if (!take(text, '('))
        return 0;
    while (!take(text, ')')) {
        int64_t size;
        if (!comma || !take_integer(text, &size) ||
            !octgemm_tensor_add_dimension(tensor, size, count))
            return 0;
        comma = take(text, ',');
    }
    return tensor->rank != 1 || comma;
}

static int take_bool(struct text *text, int *out)
{
    *out = take_word(text, "True");
    return *out || take_word(text, "False");
}

struct header {
    int has_descr, has_order, has_shape;
    int fortran;
    uint64_t count;
};

static enum parse_result parse_item(struct text *text, const char *key, struct header *header,
                                    struct tensor *tensor, char *why)
{
    if (strcmp(key, "descr") == 0 && !header->has_descr++) {
        skip_blanks(text);
        if (text->at < text->end && *text->at == '[')
            return octgemm_parse_bad(why, "holds records, not plain numbers");
        if (take_string(text, tensor->dtype, sizeof tensor->dtype))
            return PARSE_OK;
    } else if (strcmp(key, "fortran_order") == 0 && !header->has_order++) {
        if (take_bool(text, &header->fortran))
            return PARSE_OK;
    } else if (strcmp(key, "shape") == 0 && !header->has_shape++) {
        if (take_shape(text, tensor, &header->count))
            return PARSE_OK;
    } else {
        return octgemm_parse_bad(why, "the header has an unknown or second key '%.40s'", key);
    }
    return octgemm_parse_bad(why, "the header's '%s' is malformed", key);
}

static enum parse_result parse_dict(struct text *text, struct header *header, struct tensor *tensor,
                                    char *why)
{
    int comma = 1;
    if (!take(text, '{'))
        return octgemm_parse_bad(why, "the header is not a Python dict");
    while (!take(text, '}')) {
        char key[32];
        if (!comma || !take_string(text, key, sizeof key) || !take(text, ':'))
            return octgemm_parse_bad(why, "the header is not a Python dict");
        if (parse_item(text, key, header, tensor, why) != PARSE_OK)
            return PARSE_BAD;
        comma = take(text, ',');
    }
    skip_blanks(text);
    if (text->at != text->end)
        return octgemm_parse_bad(why, "the header has text behind its dict");
    if (!header->has_descr || !header->has_order || !header->has_shape)
        return octgemm_parse_bad(why, "the header lacks '%s'",
                                 !header->has_descr   ? "descr"
                                 : !header->has_order ? "fortran_order"
                                                      : "shape");
    return PARSE_OK;
}

static enum parse_result check_array(const struct header *header, struct tensor *tensor, char *why)
{
    uint64_t bytes;
    tensor->type = octgemm_tensor_type_of_descr(tensor->dtype);
    if (!tensor->type)
        return octgemm_parse_bad(why, "holds %s, which octgemm does not read%s", tensor->dtype,
                                 tensor->dtype[0] == '>' ? " (big-endian)" : "");
    if (header->fortran)
        return octgemm_parse_bad(why, "is stored column by column (fortran_order); save "
                                      "numpy.ascontiguousarray() of it");
    if (__builtin_mul_overflow(header->count, (uint64_t)tensor->type->size, &bytes) ||
        bytes != tensor->bytes) {
        char shape[128];
        return octgemm_parse_bad(why, "has %llu bytes of data, its type %s and shape %s differ",
                                 (unsigned long long)tensor->bytes, tensor->dtype,
                                 octgemm_format_shape(shape, sizeof shape, tensor));
    }
    return PARSE_OK;
}

enum parse_result octgemm_parse_npy(const void *head, size_t size, uint64_t file_size,
                                    struct tensor_list *list, size_t *wanted,
                                    char why[tensor_why_size])
{
    const unsigned char *bytes = head;
    *list = (struct tensor_list){NULL, 0};
    *wanted = prefix_2;
    if (size < prefix_2)
        return file_size < prefix_2 ? octgemm_parse_bad(why, "too short for a .npy file")
                                    : PARSE_MORE;
    unsigned major = bytes[6];
    if (major < 1 || major > 3)
        return octgemm_parse_bad(why, ".npy format version %u, known are 1 to 3", major);
    size_t prefix = major == 1 ? prefix_1 : prefix_2;
    uint64_t length = bytes[8] | (uint64_t)bytes[9] << 8;
    if (major > 1)
        length |= (uint64_t)bytes[10] << 16 | (uint64_t)bytes[11] << 24;
    if (length > header_max)
        return octgemm_parse_bad(why,
                                 "the header's length is %llu bytes, more than any array needs",
                                 (unsigned long long)length);
    enum parse_result whole = octgemm_parse_whole(prefix, length, size, file_size, wanted, why);
    if (whole != PARSE_OK)
        return whole;

    list->tensors = calloc(1, sizeof *list->tensors);
    char *name = strdup("");
    if (!list->tensors || !name) {
        free(name);
        octgemm_release_tensors(list);
        return octgemm_parse_bad(why, "no memory for the header");
    }
    struct tensor *tensor = list->tensors;
    list->count = 1;
    tensor->name = name;
    tensor->offset = *wanted;
    tensor->bytes = file_size - *wanted;
    struct text text = {(const char *)head + prefix, (const char *)head + *wanted};
    struct header header = {0};
    enum parse_result result = parse_dict(&text, &header, tensor, why);
    if (result == PARSE_OK)
        result = check_array(&header, tensor, why);
    if (result != PARSE_OK)
        octgemm_release_tensors(list);
    return result;
}

/* The header, padded so that the data begins at a multiple of 64 as numpy.save does it. */
static size_t format_header(char *out, size_t size, const struct tensor_type *type, size_t rank,
                            const int64_t *shape)
{
    size_t length = prefix_1;
    length += (size_t)snprintf(out + length, size - length,
                               "{'descr': '%s', 'fortran_order': False, 'shape': (", type->descr);
    for (size_t i = 0; i < rank; i++)
        length += (size_t)snprintf(out + length, size - length, i ? " %lld," : "%lld,",
                                   (long long)shape[i]);
    length += (size_t)snprintf(out + length, size - length, "), }");
    size_t total = (length + 1 + 63) / 64 * 64;
    memset(out + length, ' ', total - length);
    out[total - 1] = '\n';
    memcpy(out, octgemm_npy_magic, sizeof octgemm_npy_magic);
    out[6] = 1;
    out[7] = 0;
    out[8] = (char)((total - prefix_1) & 0xff);
    out[9] = (char)((total - prefix_1) >> 8);
    return total;
}

int octgemm_write_npy(const char *path, enum tensor_kind kind, size_t rank, const int64_t *shape,
                      const void *data)
{
    const struct tensor_type *type = octgemm_tensor_type_of_kind(kind);
    char header[512];
    struct output_file file;
    size_t bytes = type->size;
    for (size_t i = 0; i < rank; i++)
        bytes *= (size_t)shape[i];
    int status = octgemm_open_output(&file, path);
    if (status)
        return status;
    octgemm_write_output(&file, header, format_header(header, sizeof header, type, rank, shape));
    octgemm_write_output(&file, data, bytes);
    return octgemm_close_output(&file);
}
