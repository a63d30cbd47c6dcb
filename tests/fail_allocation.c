/* malloc() and its relatives, one call of which fails: loaded before a program by LD_PRELOAD.
 *
 *     OCTGEMM_TEST_FAIL=7    the seventh call fails; "7+": it and every one after it
 *     OCTGEMM_TEST_FAILED=F  the file F is made when one fails
 *
 * Counted are calls in the program and its libraries, but not in the OpenMP runtime nor in the
 * loader that makes its threads: these end the process where there is no memory, and nobody can
 * prevent them. Programs that are not called octgemm (a shell before it) are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long wanted; /* 0: none; set once the program's libraries are there */
static int onwards;
static long counted;

/* What dlsym() itself asks for before it has found anything. */
static char early[4096];
static size_t early_used;

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("OCTGEMM_TEST_FAIL");
    char *end;
    if (!text || !strstr(program_invocation_short_name, "octgemm"))
        return;
    wanted = strtol(text, &end, 10);
    onwards = *end == '+';
}

static int is_excluded(const void *caller)
{
    static const char *const names[] = {"libgomp", "libomp", "ld-linux", "ld-musl", "libasan"};
    Dl_info info;
    if (!dladdr(caller, &info) || !info.dli_fname)
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(info.dli_fname, names[i]))
            return 1;
    return 0;
}

static int fails(const void *caller)
{
    if (wanted == 0 || is_excluded(caller))
        return 0;
    long number = __atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED);
    if (number != wanted && !(onwards && number > wanted))
        return 0;
    const char *path = getenv("OCTGEMM_TEST_FAILED");
    int mark = path ? open(path, O_WRONLY | O_CREAT, 0600) : -1;
    if (mark >= 0)
        close(mark);
    errno = ENOMEM;
    return 1;
}

#pragma GCC visibility push(default) /* the build hides everything else */

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
    static void *(*function)(size_t);
    if (!function)
        function = (void *(*)(size_t))real("malloc");
    return fails(CALLER) ? NULL : function(size);
}

void *calloc(size_t count, size_t size)
{
    static void *(*function)(size_t, size_t);
    static int searching;
    if (searching) {
        void *memory = early + early_used;
        early_used += (count * size + 15) & ~(size_t)15;
        return early_used <= sizeof early ? memory : NULL;
    }
    if (!function) {
        searching = 1;
        function = (void *(*)(size_t, size_t))real("calloc");
        searching = 0;
    }
    return fails(CALLER) ? NULL : function(count, size);
}

void *realloc(void *memory, size_t size)
{
    static void *(*function)(void *, size_t);
    if (!function)
        function = (void *(*)(void *, size_t))real("realloc");
    return fails(CALLER) ? NULL : function(memory, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    static int (*function)(void **, size_t, size_t);
    if (!function)
        function = (int (*)(void **, size_t, size_t))real("posix_memalign");
    return fails(CALLER) ? ENOMEM : function(out, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    static void *(*function)(size_t, size_t);
    if (!function)
        function = (void *(*)(size_t, size_t))real("aligned_alloc");
    return fails(CALLER) ? NULL : function(alignment, size);
}

void free(void *memory)
{
    static void (*function)(void *);
    static int searching;
    if (searching) /* dlsym() may free the text of an earlier error: so little may leak */
        return;
    if (!function) {
        searching = 1;
        function = (void (*)(void *))real("free");
        searching = 0;
    }
    if ((char *)memory < early || (char *)memory >= early + sizeof early)
        function(memory);
}
