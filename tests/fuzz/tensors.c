/* The readers of .safetensors and .npy: the parsers on a buffer that ends where the input ends
 * (whatever size the file is said to have), and the whole way from a file to a matrix. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"
#include "../../tools/report.h"
#include "../../tools/tensor_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef enum parse_result parser(const void *head, size_t size, uint64_t file_size,
                                 struct tensor_list *list, size_t *wanted,
                                 char why[tensor_why_size]);
static parser *const parsers[] = {octgemm_parse_tensor_file, octgemm_parse_safetensors,
                                  octgemm_parse_npy};
enum { parser_count = sizeof parsers / sizeof *parsers };

/* What PARSE_OK promises of a tensor. */
static void check_tensor(const struct tensor *tensor, uint64_t file_size)
{
    uint64_t count = 1;
    char text[256], clean[64];
    if (tensor->offset > file_size || tensor->bytes > file_size - tensor->offset)
        fuzz_fail("\"%s\": bytes beyond the file", tensor->name);
    for (size_t i = 0; i < tensor->rank && i < tensor_rank_max; i++) {
        if (tensor->shape[i] < 0)
            fuzz_fail("\"%s\": a negative dimension", tensor->name);
        count *= (uint64_t)tensor->shape[i];
    }
    if (tensor->type && tensor->rank <= tensor_rank_max &&
        count * tensor->type->size != tensor->bytes)
        fuzz_fail("\"%s\": size and shape differ", tensor->name);
    octgemm_format_shape(text, sizeof text, tensor);
    octgemm_clean(clean, sizeof clean, tensor->name);
    for (const char *c = clean; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            fuzz_fail("a control character in a name that was cleaned");
}

static void parse(parser *reader, const uint8_t *data, size_t size, uint64_t file_size)
{
    struct tensor_list list = {NULL, 0};
    size_t wanted = 0;
    char why[tensor_why_size];
    memset(why, 'x', sizeof why);
    enum parse_result result = reader(data, size, file_size, &list, &wanted, why);
    if (result == PARSE_MORE && (wanted <= size || wanted > file_size))
        fuzz_fail("wants %zu bytes, has %zu of %llu", wanted, size, (unsigned long long)file_size);
    if (result == PARSE_BAD && (!memchr(why, '\0', sizeof why) || why[0] == '\0'))
        fuzz_fail("does not say why");
    if (result != PARSE_OK && (list.count != 0 || list.tensors))
        fuzz_fail("a list without PARSE_OK");
    for (size_t i = 0; i < list.count; i++)
        check_tensor(&list.tensors[i], file_size);
    octgemm_release_tensors(&list);
}

static volatile double last_element; /* so that elements are read */

static void read_matrix(const char *path, const char *name)
{
    static const struct tensor_wish wish = {"weights",
                                            1u << TENSOR_F32 | 1u << TENSOR_F16 |
                                                1u << TENSOR_BF16 | 1u << TENSOR_I32 |
                                                1u << TENSOR_I8,
                                            0, tensor_rank_max};
    char where[4096];
    struct matrix matrix;
    if ((size_t)snprintf(where, sizeof where, "%s:%s", path, name) >= sizeof where ||
        octgemm_read_matrix(where, &wish, &matrix) != 0)
        return;
    for (int64_t i = 0; i < matrix.rows * matrix.columns; i++)
        last_element = octgemm_element(matrix.data, matrix.kind, i);
    octgemm_release_matrix(&matrix);
}

static void read_file(const uint8_t *data, size_t size)
{
    char path[64];
    struct tensor_list list;
    int descriptor = memfd_create("tensors", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size)
        fuzz_fail("no file in memory");
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (octgemm_list_tensors(path, &list) == 0) {
        for (size_t i = 0; i < list.count && i < 4; i++)
            read_matrix(path, list.tensors[i].name);
        octgemm_release_tensors(&list);
    }
    close(descriptor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, data + size};
    int64_t what = fuzz_below(&input, parser_count + 1);
    uint64_t more = 0;
    if (what < parser_count && (fuzz_byte(&input) & 1))
        more = fuzz_word(&input);
    size = (size_t)(input.end - input.at);
    uint8_t *exact = malloc(size + !size);
    if (!exact)
        return 0;
    memcpy(exact, input.at, size);
    if (what == parser_count)
        read_file(exact, size);
    else
        parse(parsers[what], exact, size, more > UINT64_MAX - size ? UINT64_MAX : size + more);
    free(exact);
    return 0;
}
