/* Shapes to time: see shapes.h. */
#include "shapes.h"
#include "octgemm.h"
#include "options.h"
#include "report.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { numbers_max = 3 };
static const char suffix[] = ".txt";

static int add_shape(struct shape_list *list, const struct shape *shape)
{
    struct shape *shapes = realloc(list->shapes, (list->count + 1) * sizeof *shapes);
    if (!shapes)
        return octgemm_complain("no memory for the shapes");
    list->shapes = shapes;
    shapes[list->count++] = *shape;
    return 0;
}

void octgemm_release_shapes(struct shape_list *list)
{
    free(list->shapes);
    *list = (struct shape_list){NULL, 0};
}

static int sane(int64_t n, int64_t k)
{
    return n > 0 && n <= INT32_MAX && k > 0 && k <= OCTGEMM_K_MAX;
}

/* "16x4096x4096": how many numbers there are, 0 when it is something else. */
static int parse_numbers(const char *word, int64_t numbers[numbers_max])
{
    int count = 0;
    for (;;) {
        const char *end = word + strcspn(word, "x");
        if (count == numbers_max ||
            !octgemm_parse_integer(word, end, 1, INT32_MAX, &numbers[count++]))
            return 0;
        if (!*end)
            return count;
        word = end + 1;
    }
}

/* One line of a model's file; comments and blank lines add nothing. */
static int parse_line(struct shape_list *list, char *line, const char *model, const char *path,
                      int number)
{
    static const char blanks[] = " \t\r\n";
    struct shape shape = {.m = 0};
    char *save, *words[4];
    int count = 0;
    line[strcspn(line, "#")] = '\0';
    for (char *word = strtok_r(line, blanks, &save); word && count < 4;
         word = strtok_r(NULL, blanks, &save))
        words[count++] = word;
    if (count == 0)
        return 0;
    if (count != 3 || strlen(words[0]) >= sizeof shape.layer ||
        !octgemm_parse_integer(words[1], words[1] + strlen(words[1]), 1, INT32_MAX, &shape.n) ||
        !octgemm_parse_integer(words[2], words[2] + strlen(words[2]), 1, INT32_MAX, &shape.k) ||
        !sane(shape.n, shape.k))
        return octgemm_complain("%s:%d: want \"layer N K\" with K up to %d", path, number,
                                OCTGEMM_K_MAX);
    snprintf(shape.model, sizeof shape.model, "%s", model);
    snprintf(shape.layer, sizeof shape.layer, "%s", words[0]);
    return add_shape(list, &shape);
}

/* advice: what to do when there is no such file. */
static int read_model(struct shape_list *list, const char *path, const char *model,
                      const char *advice)
{
    char *line = NULL;
    size_t size = 0;
    size_t before = list->count;
    int status = 0, number = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return octgemm_complain("%s: cannot be opened: %s%s", path, strerror(errno), advice);
    while (status == 0 && getline(&line, &size, file) >= 0)
        status = parse_line(list, line, model, path, ++number);
    if (status == 0 && !feof(file)) /* or there was no memory for a line */
        status = octgemm_complain("%s: cannot be read: %s", path, strerror(errno));
    free(line);
    fclose(file);
    if (status == 0 && list->count == before)
        status = octgemm_complain("%s: has no shapes", path);
    return status;
}

int octgemm_add_shapes(struct shape_list *list, const char *word, const char *folder)
{
    int64_t numbers[numbers_max];
    int count = parse_numbers(word, numbers);
    if (count >= 2) {
        struct shape shape = {
            .m = count == 3 ? numbers[0] : 0, .n = numbers[count - 2], .k = numbers[count - 1]};
        if (!sane(shape.n, shape.k))
            return octgemm_complain("bench: %s: K is at most %d", word, OCTGEMM_K_MAX);
        return add_shape(list, &shape);
    }
    if (word[strspn(word, "0123456789xX")] == '\0')
        return octgemm_complain("bench: %s: a size is NxK or MxNxK, of whole numbers from 1 to %d",
                                word, INT32_MAX);
    const char *slash = strrchr(word, '/');
    if (slash)
        return read_model(list, word, slash + 1, "");
    char path[PATH_MAX], lower[NAME_MAX];
    size_t length = strlen(word);
    if (length >= sizeof lower)
        return octgemm_complain("bench: no model has a name that long");
    for (size_t i = 0; i <= length; i++)
        lower[i] = (char)tolower((unsigned char)word[i]);
    if ((size_t)snprintf(path, sizeof path, "%s/%s%s", folder, lower, suffix) >= sizeof path)
        return octgemm_complain("%s: the path is too long", folder);
    return read_model(list, path, lower,
                      " (--models lists the models there are, --shapes DIR looks elsewhere)");
}

static int is_model(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name), tail = sizeof suffix - 1;
    return length > tail && strcmp(entry->d_name + length - tail, suffix) == 0;
}

int octgemm_print_models(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_model, alphasort);
    if (count < 0)
        return octgemm_complain("%s: cannot be read: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *name = entries[i]->d_name, clean[NAME_MAX + 1];
        name[strlen(name) - (sizeof suffix - 1)] = '\0';
        printf("%s\n", octgemm_clean(clean, sizeof clean, name));
        free(entries[i]);
    }
    free(entries);
    return octgemm_flush_output();
}
