/* What the fuzz targets share. A target is one file that defines LLVMFuzzerTestOneInput(); `make
 * fuzz` links it with libFuzzer, `make check` with replay.c, which runs the inputs of corpus/.
 *
 * An input is read from the front; behind its end there are zeros, so every input means something.
 * What is wrong ends the program: by fuzz_fail(), or by a sanitizer. */
#ifndef OCTGEMM_FUZZ_H
#define OCTGEMM_FUZZ_H

#include "octgemm.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *at, *end;
};

uint8_t fuzz_byte(struct fuzz_input *input);
uint64_t fuzz_word(struct fuzz_input *input); /* 8 bytes */

/* A number below `count`, from one byte or, above 256, from two. */
int64_t fuzz_below(struct fuzz_input *input, int64_t count);

/* Fills with the rest of the input, again and again. */
void fuzz_fill(const struct fuzz_input *input, void *out, size_t size);

/* Prints why and aborts. */
_Noreturn void fuzz_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A block of its own for each array, so that AddressSanitizer sees one byte too many behind it. */
struct fuzz_array {
    unsigned char *block, *at, *copy; /* at: block + shift; copy: what the block held */
    size_t bytes, shift;
};
enum { fuzz_shifts = 64 }; /* blocks are aligned to as many bytes */

/* Contents are 0xa5 until something is written to `at`. */
void fuzz_array_make(struct fuzz_array *array, size_t bytes, size_t shift);
void fuzz_array_keep(struct fuzz_array *array); /* takes the copy */
int fuzz_array_changed(const struct fuzz_array *array);
void fuzz_array_free(struct fuzz_array *array);

/* Contexts of the CPU: every kernel (and the library's own choice) under every cap of the
 * instruction set, opened at the first call. */
struct fuzz_context {
    octgemm_ctx *ctx;
    char name[96]; /* "avx2: avx2_2x32" */
};
enum fuzz_which { FUZZ_KERNELS, FUZZ_CAPS }; /* each kernel of each cap, or one of each cap */
const struct fuzz_context *fuzz_contexts(enum fuzz_which which, size_t *count);
const octgemm_ctx *fuzz_reference(void);

/* Do two results agree? NaNs of a float type equal each other. */
int fuzz_same(octgemm_type type, const void *x, const void *y, size_t count);
size_t fuzz_width(octgemm_type type);

#endif
