/* `octgemm bench`'s shapes: words of the command line, and files of models. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"
#include "../../tools/shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void check(struct shape_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct shape *shape = &list->shapes[i];
        if (shape->m < 0 || shape->n <= 0 || shape->k <= 0 || shape->k > OCTGEMM_K_MAX ||
            shape->n > INT32_MAX || shape->m > INT32_MAX)
            fuzz_fail("the shape %lld x %lld x %lld", (long long)shape->m, (long long)shape->n,
                      (long long)shape->k);
    }
    octgemm_release_shapes(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shape_list list = {NULL, 0};
    char path[64], *word = malloc(size + 1);
    if (!word)
        return 0;
    memcpy(word, data, size);
    word[size] = '\0';
    if (size > 0 && word[0] != '/') { /* no file of this machine */
        octgemm_add_shapes(&list, word, "/nonexistent");
        check(&list);
    }
    free(word);

    int descriptor = memfd_create("shapes", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size)
        fuzz_fail("no file in memory");
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    octgemm_add_shapes(&list, path, ".");
    check(&list);
    close(descriptor);
    return 0;
}
