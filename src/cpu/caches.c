/* Cache sizes as Linux lists them; where it lists none (some virtual machines and sandboxes) as the
 * C library knows them from the processor itself; else those of a modest machine. They steer the
 * size of tiles and never the results. */
#include "cpu.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int read_line(char *line, size_t size, int index, const char *property)
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, property);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    int found = fgets(line, (int)size, file) != NULL;
    fclose(file);
    return found;
}

static size_t parse_size(const char *text)
{
    unsigned long size = 0;
    char unit = 0;
    sscanf(text, "%lu%c", &size, &unit);
    return (size_t)size << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0);
}

/* The C library's answer, or `otherwise` where it has none or does not know the question. */
static size_t ask_library(int level, size_t otherwise)
{
    long size = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
    size = sysconf(level == 2 ? _SC_LEVEL2_CACHE_SIZE : _SC_LEVEL3_CACHE_SIZE);
#else
    (void)level;
#endif
    return size > 0 ? (size_t)size : otherwise;
}

struct cpu_caches octgemm_cpu_caches(void)
{
    struct cpu_caches caches = {.l2 = ask_library(2, 512 << 10), .l3 = ask_library(3, 4 << 20)};
    char level[16], type[32], size[32];
    for (int index = 0; read_line(level, sizeof level, index, "level"); index++) {
        if (!read_line(type, sizeof type, index, "type") || strncmp(type, "Instruction", 11) == 0 ||
            !read_line(size, sizeof size, index, "size") || parse_size(size) == 0)
            continue;
        if (level[0] == '2')
            caches.l2 = parse_size(size);
        if (level[0] == '3')
            caches.l3 = parse_size(size);
    }
    if (caches.l3 < caches.l2)
        caches.l3 = caches.l2;
    return caches;
}
