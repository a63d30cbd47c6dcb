/* Writing .npy files; the reader is octgemm_parse_npy() of tensor.h. */
#ifndef OCTGEMM_NPY_H
#define OCTGEMM_NPY_H

#include "tensor.h"

/* Writes rank-dimensional data to path: all of it or nothing (output_file.h). Returns 0, or the
 * exit status after a complaint. */
int octgemm_write_npy(const char *path, enum tensor_kind kind, size_t rank, const int64_t *shape,
                      const void *data);

#endif
