/* Opens tensor files and reads from them. Only the header and the tensor asked for are read, with
 * pread() into memory of our own: a file that shrinks meanwhile is an error, not a SIGBUS. */
#include "tensor_file.h"
#include "command.h"
#include "progress.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tensor_file {
    const char *path;
    int descriptor;
    uint64_t size;
    struct tensor_list list;
};

static int read_exactly(const struct tensor_file *file, void *out, size_t bytes, uint64_t offset)
{
    enum { chunk = 16 << 20 };
    char *at = out;
    while (bytes > 0) {
        ssize_t got = pread(file->descriptor, at, bytes < chunk ? bytes : chunk, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return octgemm_complain("%s: cannot be read: %s", file->path,
                                    got < 0 ? strerror(errno) : "it became shorter meanwhile");
        at += got;
        offset += (uint64_t)got;
        bytes -= (size_t)got;
        octgemm_progress_add(got);
    }
    return 0;
}

/* Reads more of the file's beginning until the parser has what it wants. */
static int parse_header(struct tensor_file *file)
{
    char why[tensor_why_size];
    size_t wanted = file->size < 4096 ? (size_t)file->size : 4096;
    for (;;) {
        char *head = octgemm_allocate((int64_t)wanted, 1, 1, "the file's header");
        if (!head)
            return EXIT_INPUT;
        size_t size = wanted;
        int status = read_exactly(file, head, size, 0);
        enum parse_result result = PARSE_BAD;
        if (status == 0)
            result = octgemm_parse_tensor_file(head, size, file->size, &file->list, &wanted, why);
        free(head);
        if (status || result == PARSE_OK)
            return status;
        if (result == PARSE_BAD)
            return octgemm_complain("%s: %s", file->path, why);
    }
}

static void close_file(struct tensor_file *file)
{
    octgemm_release_tensors(&file->list);
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}

static int open_file(struct tensor_file *file, const char *path)
{
    struct stat about;
    /* O_NONBLOCK: a pipe without a writer must not hang the program */
    *file = (struct tensor_file){.path = path,
                                 .descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file->descriptor < 0 || fstat(file->descriptor, &about) != 0)
        return octgemm_complain("%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return octgemm_complain("%s: is not a regular file", path);
    file->size = (uint64_t)about.st_size;
    if (file->size == 0)
        return octgemm_complain("%s: is empty", path);
    return parse_header(file);
}

int octgemm_list_tensors(const char *path, struct tensor_list *list)
{
    struct tensor_file file;
    int status = open_file(&file, path);
    *list = (struct tensor_list){NULL, 0};
    if (status == 0) {
        *list = file.list;
        file.list = (struct tensor_list){NULL, 0};
    }
    close_file(&file);
    return status;
}

/* "FILE" or "FILE:TENSOR", where both may have colons: FILE is the shortest part, up to a colon or
 * the end, that exists. Without any, the part before the last colon is tried and complained of. */
static const char *split_place(char *where)
{
    if (access(where, F_OK) == 0)
        return NULL;
    char *last = strrchr(where, ':');
    for (char *colon = strchr(where, ':'); colon; colon = strchr(colon + 1, ':')) {
        *colon = '\0';
        if (access(where, F_OK) == 0 || colon == last)
            return colon + 1;
        *colon = ':';
    }
    return NULL;
}

static const struct tensor *find_tensor(const struct tensor_file *file, const char *name)
{
    if (!name) {
        if (file->list.count == 1)
            return &file->list.tensors[0];
        octgemm_complain("%s: has %zu tensors; name one as FILE:TENSOR (\"octgemm tensors\" lists "
                         "them)",
                         file->path, file->list.count);
        return NULL;
    }
    for (size_t i = 0; i < file->list.count; i++)
        if (strcmp(file->list.tensors[i].name, name) == 0)
            return &file->list.tensors[i];
    octgemm_complain("%s: has no tensor \"%s\" (\"octgemm tensors\" lists them)", file->path, name);
    return NULL;
}

/* By the name that safetensors has for a type: NumPy's <i8 is of 8 bytes, and no I8. */
static int bad_type(const struct tensor_file *file, const struct tensor *tensor, const char *what,
                    unsigned kinds)
{
    char type[64], wanted[64] = "";
    snprintf(type, sizeof type, "%s", tensor->dtype);
    if (tensor->type && strcmp(tensor->type->name, tensor->dtype) != 0)
        snprintf(type, sizeof type, "%s (NumPy's %s)", tensor->type->name, tensor->dtype);
    for (unsigned kind = 0; kind < TENSOR_OTHER; kind++) {
        size_t length = strlen(wanted);
        const char *joint = length == 0 ? "" : kinds >> (kind + 1) ? ", " : " or ";
        if (kinds >> kind & 1u)
            snprintf(wanted + length, sizeof wanted - length, "%s%s", joint,
                     octgemm_tensor_type_of_kind((enum tensor_kind)kind)->name);
    }
    return octgemm_complain("%s: %s cannot be of type %s; want %s", file->path, what, type, wanted);
}

static int check_wish(const struct tensor_file *file, const struct tensor *tensor,
                      const struct tensor_wish *wish)
{
    char shape[128];
    unsigned kinds = wish->kinds | 1u << TENSOR_F64; /* which is rounded to F32 */
    if (!tensor->type || !(kinds >> tensor->type->kind & 1u))
        return bad_type(file, tensor, wish->what, kinds);
    if (tensor->rank < wish->rank_least || tensor->rank > wish->rank_most)
        return octgemm_complain("%s: %s cannot have %zu dimensions (%s)", file->path, wish->what,
                                tensor->rank, octgemm_format_shape(shape, sizeof shape, tensor));
    return 0;
}

static void round_to_f32(struct matrix *matrix, int64_t count)
{
    float *to = matrix->data;
    for (int64_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, (const char *)matrix->data + i * (int64_t)sizeof value, sizeof value);
        float rounded = (float)value;
        memcpy(to + i, &rounded, sizeof rounded);
    }
    matrix->kind = TENSOR_F32;
}

static int read_tensor(const struct tensor_file *file, const struct tensor *tensor,
                       const struct tensor_wish *wish, struct matrix *out)
{
    int status = check_wish(file, tensor, wish);
    if (status)
        return status;
    out->kind = tensor->type->kind;
    out->rank = tensor->rank;
    out->rows = 1;
    out->columns = tensor->rank > 0 ? tensor->shape[tensor->rank - 1] : 1;
    for (size_t i = 0; i < tensor->rank; i++) {
        out->shape[i] = tensor->shape[i];
        if (i + 1 < tensor->rank)
            out->rows *= tensor->shape[i];
    }
    out->data = octgemm_allocate((int64_t)tensor->bytes, 1, 1, wish->what);
    if (!out->data)
        return EXIT_INPUT;
    octgemm_progress_step("reading", (int64_t)tensor->bytes);
    status = read_exactly(file, out->data, (size_t)tensor->bytes, tensor->offset);
    if (status == 0 && out->kind == TENSOR_F64)
        round_to_f32(out, out->rows * out->columns);
    return status;
}

int octgemm_read_matrix(const char *where, const struct tensor_wish *wish, struct matrix *out)
{
    struct tensor_file file;
    *out = (struct matrix){.data = NULL};
    char *path = strdup(where);
    if (!path)
        return octgemm_complain("no memory for a file's name");
    const char *name = split_place(path);
    int status = open_file(&file, path);
    if (status == 0) {
        const struct tensor *tensor = find_tensor(&file, name);
        status = tensor ? read_tensor(&file, tensor, wish, out) : EXIT_INPUT;
    }
    close_file(&file);
    free(path);
    if (status)
        octgemm_release_matrix(out);
    return status;
}
