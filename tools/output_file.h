/* An output file that is there complete or not at all.
 *
 * It is written under a temporary name in the same directory and renamed when every byte is on
 * disk; on a failure, or when a signal ends the program, the temporary file is removed. */
#ifndef OCTGEMM_OUTPUT_FILE_H
#define OCTGEMM_OUTPUT_FILE_H

#include <limits.h>
#include <stddef.h>

struct output_file {
    const char *path; /* as the user gave it, for messages */
    char target[PATH_MAX];
    char temporary[PATH_MAX]; /* "" when written in place: a device or a pipe */
    int descriptor;
    int error; /* errno of the first failure */
};

/* Each returns 0, or the exit status after a complaint. One output file at a time. */
int octgemm_open_output(struct output_file *file, const char *path);
int octgemm_close_output(struct output_file *file);

/* In place of the latter: what was there before stays. */
void octgemm_discard_output(struct output_file *file);

/* Failures are kept and reported by octgemm_close_output(). */
void octgemm_write_output(struct output_file *file, const void *data, size_t bytes);

#endif
