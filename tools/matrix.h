/* A matrix (or vector) in host memory, as read from a file or generated. */
#ifndef OCTGEMM_MATRIX_H
#define OCTGEMM_MATRIX_H

#include "tensor.h"

struct matrix {
    enum tensor_kind kind; /* F32, F16, BF16, I8 */
    int64_t rows, columns; /* row-major, without gaps */
    void *data;            /* owned */
    size_t rank;           /* of the tensor it came from: the rows may be several dimensions */
    int64_t shape[tensor_rank_max];
    float *scale; /* owned; NULL = 1. I8: what a unit is worth. Floats: quantise by this scale. */
    int64_t scale_count; /* one, or one per row */
};

void octgemm_release_matrix(struct matrix *matrix);

/* Row `row` as doubles, I8 with its scale. */
void octgemm_matrix_row(const struct matrix *matrix, int64_t row, double *out);

/* Element `index` of a plain array. */
double octgemm_element(const void *data, enum tensor_kind kind, int64_t index);

/* a * b * size, or -1 when that does not fit an object in memory. */
int64_t octgemm_bytes(int64_t a, int64_t b, size_t size);

/* malloc() of that many elements, at least one byte; complains when it cannot. */
void *octgemm_allocate(int64_t a, int64_t b, size_t size, const char *what);

#endif
