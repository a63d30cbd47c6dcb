/* Lists as users write them: words with commas between. */
#ifndef OCTGEMM_SUITE_LIST_H
#define OCTGEMM_SUITE_LIST_H

#include <stddef.h>

/* A word, which may be empty, where it stands in its list. */
struct suite_word {
    const char *at;
    size_t length;
};

/* Takes the next word off *list, which is NULL behind the last. Returns 0 when there is none. */
int suite_next_word(const char **list, struct suite_word *word);

#endif
