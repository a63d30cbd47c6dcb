/* Runs a fuzz target on the inputs of its corpus, without libFuzzer: `make check`, any compiler.
 *
 * A corpus is a text file by the target's name, an input in hexadecimal on each line, "-" for the
 * empty one, so that git shows what came and went. Another file may be named as an argument. */
#include "fuzz.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { input_max = 1 << 16 };

/* The bytes of a line of hexadecimal digits; -1 when it is none. */
static long parse_line(const char *line, uint8_t *out)
{
    long size = 0;
    if (line[0] == '-')
        return 0;
    for (; line[0] && line[0] != '\n'; line += 2, size++) {
        unsigned value;
        if (size == input_max || sscanf(line, "%2x", &value) != 1)
            return -1;
        out[size] = (uint8_t)value;
    }
    return size;
}

static int run(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size + !size); /* so that a sanitizer sees a read behind the input */
    if (!exact)
        return 0;
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

/* "tests/fuzz/lt-kernels": the corpus of kernels */
static const char *target_name(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash ? slash + 1 : program;
    return strncmp(name, "lt-", 3) == 0 ? name + 3 : name;
}

int main(int argc, char **argv)
{
    static char line[2 * input_max + 2], path[PATH_MAX];
    static uint8_t bytes[input_max];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s.txt", srcdir ? srcdir : ".",
             target_name(argv[0]));
    FILE *file = fopen(argc > 1 ? argv[1] : path, "r");
    long count = 0;
    while (file && fgets(line, sizeof line, file)) {
        long size = parse_line(line, bytes);
        if (size < 0 || !run(bytes, (size_t)size)) {
            fprintf(stderr, "line %ld is no input\n", count + 1);
            return EXIT_FAILURE;
        }
        count++;
    }
    if (!file || count == 0) {
        fprintf(stderr, "%s: no corpus\n", argc > 1 ? argv[1] : path);
        return EXIT_FAILURE;
    }
    fclose(file);
    printf("%ld inputs\n", count);
    return EXIT_SUCCESS;
}
