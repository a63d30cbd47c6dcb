/* A library that says that it was loaded: tests/loading.sh leaves it where nothing may be loaded
 * from, under every name that octgemm looks for. */
#include <unistd.h>

__attribute__((constructor)) static void tell(void)
{
    static const char text[] = "trap: loaded\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
}
