/* Argument checks. One text for every backend: what reaches a kernel is complete and valid. */
#ifndef OCTGEMM_ARGS_H
#define OCTGEMM_ARGS_H

#include "octgemm.h"

/* Copies the caller's struct, of whatever version, into *out and checks it: sizes, strides, enums;
 * for run, with pointers. */
octgemm_status octgemm_complete_args(octgemm_args *out, const octgemm_args *in, int with_pointers);
octgemm_status octgemm_complete_quantize_args(octgemm_quantize_args *out,
                                              const octgemm_quantize_args *in);

/* Is there nothing to read or write? */
int octgemm_quantizes_nothing(const octgemm_quantize_args *args);

/* n and k of a weight matrix. */
octgemm_status octgemm_check_weights(const char *function, int64_t n, int64_t k);

/* A matrix of rows x columns elements of `width` bytes with stride ld: ld >= columns, and its last
 * byte lies at an offset that fits int64_t and size_t. */
octgemm_status octgemm_check_matrix(const char *function, const char *ld_name, int64_t rows,
                                    int64_t columns, int64_t ld, int64_t width);

/* ERR_ARG: such weights, packed, need more bytes than an address can count. */
octgemm_status octgemm_refuse_packed(const char *function, int64_t n, int64_t k);

#endif
