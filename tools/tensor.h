/* Tensors in files: types, what a file holds, and the two parsers.
 *
 * The parsers work on a buffer with the beginning of a file and know the file's size; they never
 * touch the file, so a fuzzer can call them. Files are untrusted: a parser that returns PARSE_OK
 * has checked that every tensor lies inside the file and that its size fits its type and shape. */
#ifndef OCTGEMM_TENSOR_H
#define OCTGEMM_TENSOR_H

#include "octgemm.h"

#include <stddef.h>
#include <stdint.h>

/* The kinds that octgemm calculates with come first and have octgemm_type's values. */
enum tensor_kind {
    TENSOR_F32 = OCTGEMM_F32,
    TENSOR_F16 = OCTGEMM_F16,
    TENSOR_BF16 = OCTGEMM_BF16,
    TENSOR_I32 = OCTGEMM_I32,
    TENSOR_I8,
    TENSOR_F64,
    TENSOR_OTHER
};

struct tensor_type {
    const char *name;  /* as safetensors has it */
    const char *descr; /* as .npy has it, or NULL. NumPy has no bf16 and saves it as V2. */
    size_t size;
    enum tensor_kind kind;
};

/* By either name; NULL when it is in neither column. */
const struct tensor_type *octgemm_tensor_type_named(const char *name);
const struct tensor_type *octgemm_tensor_type_of_descr(const char *descr);
const struct tensor_type *octgemm_tensor_type_of_kind(enum tensor_kind kind);

enum { tensor_rank_max = 8, tensor_why_size = 256 };

struct tensor {
    char *name; /* "" in .npy */
    char dtype[32];
    const struct tensor_type *type; /* NULL: a type this program does not know */
    size_t rank;                    /* may exceed tensor_rank_max; shape has the first ones */
    int64_t shape[tensor_rank_max];
    uint64_t offset, bytes; /* in the file */
};

struct tensor_list {
    struct tensor *tensors; /* in the order of the file */
    size_t count;
};

enum parse_result {
    PARSE_OK,
    PARSE_BAD, /* `why` says what is wrong, one line */
    PARSE_MORE /* *wanted bytes of the file's beginning are needed */
};

/* head: the first `size` bytes of a file of file_size bytes. On PARSE_OK the caller releases *list;
 * otherwise it is empty. */
enum parse_result octgemm_parse_tensor_file(const void *head, size_t size, uint64_t file_size,
                                            struct tensor_list *list, size_t *wanted,
                                            char why[tensor_why_size]);
enum parse_result octgemm_parse_safetensors(const void *head, size_t size, uint64_t file_size,
                                            struct tensor_list *list, size_t *wanted,
                                            char why[tensor_why_size]);
enum parse_result octgemm_parse_npy(const void *head, size_t size, uint64_t file_size,
                                    struct tensor_list *list, size_t *wanted,
                                    char why[tensor_why_size]);
void octgemm_release_tensors(struct tensor_list *list);

/* Formats *why and returns PARSE_BAD. */
enum parse_result octgemm_parse_bad(char why[tensor_why_size], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Is a header of `length` bytes, `prefix` bytes into the file, whole? Not in a file that ends
 * before it does; in a buffer that does, more is wanted. */
enum parse_result octgemm_parse_whole(size_t prefix, uint64_t length, size_t size,
                                      uint64_t file_size, size_t *wanted,
                                      char why[tensor_why_size]);

/* Adds a dimension to tensor->shape and its factor to *count. 0 when that overflows or is < 0. */
int octgemm_tensor_add_dimension(struct tensor *tensor, int64_t size, uint64_t *count);

/* "384 x 1536" */
const char *octgemm_format_shape(char *out, size_t size, const struct tensor *tensor);

/* How .npy begins. */
extern const char octgemm_npy_magic[6];

#endif
