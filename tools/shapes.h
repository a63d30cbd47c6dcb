/* Shapes to time: "MxNxK", "NxK", or the layers of a model from a file "layer N K". */
#ifndef OCTGEMM_SHAPES_H
#define OCTGEMM_SHAPES_H

#include <stddef.h>
#include <stdint.h>

struct shape {
    char model[48], layer[48]; /* model "" when given as numbers */
    int64_t m, n, k;           /* m 0: every M of the list */
};

struct shape_list {
    struct shape *shapes;
    size_t count;
};

/* Adds what `word` means. A model is the file `word`.txt, in lower case, in `folder`; a word with a
 * slash is the file itself. Returns 0, or the exit status after a complaint. */
int octgemm_add_shapes(struct shape_list *list, const char *word, const char *folder);
void octgemm_release_shapes(struct shape_list *list);

/* Prints the names of the models in `folder`. */
int octgemm_print_models(const char *folder);

#endif
