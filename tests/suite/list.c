/* A list has one word more than it has commas. */
#include "list.h"

#include <string.h>

int suite_next_word(const char **list, struct suite_word *word)
{
    if (!*list)
        return 0;
    *word = (struct suite_word){.at = *list, .length = strcspn(*list, ",")};
    const char *end = word->at + word->length;
    *list = *end ? end + 1 : NULL;
    return 1;
}
