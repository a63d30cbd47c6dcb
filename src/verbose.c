/* OCTGEMM_VERBOSE=1: the one place where the library writes to stderr, and only because the user
 * asked for it in the environment. A line is written with one call, so lines of threads do not mix.
 */
#include "verbose.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct line {
    char text[2048];
    size_t length;
};

static void append(struct line *line, const char *format, ...)
{
    size_t room = sizeof line->text - line->length;
    va_list list;
    va_start(list, format);
    int written = vsnprintf(line->text + line->length, room, format, list);
    va_end(list);
    if (written > 0)
        line->length += (size_t)written < room ? (size_t)written : room - 1;
}

void octgemm_verbose_run(const octgemm_ctx *ctx, const octgemm_args *args,
                         const struct kernel *chosen, const char *why)
{
    struct line line = {.length = 0};
    append(&line, "octgemm: %s %s %" PRId64 "x%" PRId64 "x%" PRId64 "%s: %s (%s)",
           ctx->backend->name, ctx->info.arch, args->m, args->n, args->k,
           args->b_layout == OCTGEMM_B_PACKED ? " packed" : "", chosen->name, why);
    for (const struct kernel *kernel = ctx->backend->kernels; kernel < chosen; kernel++) {
        const char *obstacle = octgemm_kernel_obstacle(ctx, kernel, args);
        if (obstacle)
            append(&line, "; %s: %s", kernel->name, obstacle);
    }
    fprintf(stderr, "%s\n", line.text);
}
