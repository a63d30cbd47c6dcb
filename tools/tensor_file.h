/* Reading tensors out of files. */
#ifndef OCTGEMM_TENSOR_FILE_H
#define OCTGEMM_TENSOR_FILE_H

#include "matrix.h"

/* Lists what is in a file. Returns 0, or the exit status after a complaint. */
int octgemm_list_tensors(const char *path, struct tensor_list *list);

/* What a place in the command line must hold. */
struct tensor_wish {
    const char *what; /* for messages: "weights" */
    unsigned kinds;   /* bits 1 << tensor_kind; F64 is always read, and rounded to F32 */
    size_t rank_least, rank_most;
};

/* Reads "FILE" or "FILE:TENSOR" (without a name: the only tensor there is). The last dimension
 * makes the columns, the others the rows. Returns 0, or the exit status after a complaint. */
int octgemm_read_matrix(const char *where, const struct tensor_wish *wish, struct matrix *out);

#endif
