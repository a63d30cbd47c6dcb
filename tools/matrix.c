/* Matrices in host memory: see matrix.h. */
#include "matrix.h"
#include "epilogue.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

void octgemm_release_matrix(struct matrix *matrix)
{
    free(matrix->data);
    free(matrix->scale);
    *matrix = (struct matrix){.data = NULL};
}

double octgemm_element(const void *data, enum tensor_kind kind, int64_t index)
{
    if (kind == TENSOR_F32)
        return ((const float *)data)[index];
    if (kind == TENSOR_F16)
        return octgemm_f16_to_f32(((const uint16_t *)data)[index]);
    if (kind == TENSOR_BF16)
        return octgemm_bf16_to_f32(((const uint16_t *)data)[index]);
    if (kind == TENSOR_I32)
        return ((const int32_t *)data)[index];
    if (kind == TENSOR_I8)
        return ((const int8_t *)data)[index];
    return ((const double *)data)[index];
}

void octgemm_matrix_row(const struct matrix *matrix, int64_t row, double *out)
{
    double scale = 1;
    if (matrix->kind == TENSOR_I8 && matrix->scale)
        scale = matrix->scale[matrix->scale_count > 1 ? row : 0];
    for (int64_t p = 0; p < matrix->columns; p++)
        out[p] = octgemm_element(matrix->data, matrix->kind, row * matrix->columns + p) * scale;
}

int64_t octgemm_bytes(int64_t a, int64_t b, size_t size)
{
    int64_t bytes;
    if (__builtin_mul_overflow(a, b, &bytes) ||
        __builtin_mul_overflow(bytes, (int64_t)size, &bytes) || bytes > INT64_MAX / 2)
        return -1;
    return bytes;
}

void *octgemm_allocate(int64_t a, int64_t b, size_t size, const char *what)
{
    int64_t bytes = octgemm_bytes(a, b, size);
    void *memory = bytes < 0 ? NULL : malloc(bytes > 0 ? (size_t)bytes : 1);
    if (!memory)
        octgemm_complain("no memory for %s (%lld x %lld x %zu bytes)", what, (long long)a,
                         (long long)b, size);
    return memory;
}
