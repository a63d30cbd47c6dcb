/* Token ids from a text file; ids.py makes one with the model's tokenizer. */
#include "embed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *path;
    int64_t vocabulary, longest;
    int64_t id_room, text_room;
};

static void *grow(void *old, int64_t *room, int64_t wanted, size_t size)
{
    if (wanted <= *room)
        return old;
    *room = wanted * 2;
    void *memory = realloc(old, (size_t)*room * size);
    if (!memory)
        fail("no memory for the ids");
    return memory;
}

static const char blanks[] = " \t\r\n";

/* For a message: 20 characters say enough. */
static int word_length(const char *text)
{
    size_t length = strcspn(text, blanks);
    return length < 20 ? (int)length : 20;
}

static void read_line(struct texts *texts, struct reader *reader, const char *line)
{
    int64_t first = texts->begin[texts->count], at = first;
    const char *text = line;
    for (;;) {
        char *end;
        text += strspn(text, blanks);
        if (!*text)
            break;
        errno = 0;
        long long id = strtoll(text, &end, 10);
        if (end == text || errno || id < 0 || id >= reader->vocabulary)
            fail("%s, line %lld: \"%.*s\" is no token id (0 to %lld)", reader->path,
                 (long long)texts->count + 1, word_length(text), text,
                 (long long)reader->vocabulary - 1);
        texts->ids = grow(texts->ids, &reader->id_room, at + 1, sizeof *texts->ids);
        texts->ids[at++] = (int32_t)id;
        text = end;
    }
    if (at == first || at - first > reader->longest)
        fail("%s, line %lld: %lld ids; the model takes 1 to %lld", reader->path,
             (long long)texts->count + 1, (long long)(at - first), (long long)reader->longest);
    texts->begin = grow(texts->begin, &reader->text_room, texts->count + 2, sizeof *texts->begin);
    texts->begin[++texts->count] = at;
}

void texts_read(struct texts *texts, const char *path, int64_t vocabulary, int64_t longest)
{
    struct reader reader = {.path = path, .vocabulary = vocabulary, .longest = longest};
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        fail("%s: %s", path, strerror(errno));
    *texts = (struct texts){.count = 0};
    texts->begin = grow(NULL, &reader.text_room, 1, sizeof *texts->begin);
    texts->begin[0] = 0;
    while (getline(&line, &size, file) >= 0)
        read_line(texts, &reader, line);
    if (ferror(file))
        fail("%s: cannot be read", path);
    if (texts->count == 0)
        fail("%s: has no sentences", path);
    free(line);
    fclose(file);
}

void texts_release(struct texts *texts)
{
    free(texts->begin);
    free(texts->ids);
    *texts = (struct texts){.count = 0};
}
