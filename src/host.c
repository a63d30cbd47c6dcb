/* What the two host backends (ref, cpu) share: one device, the host, and memory functions that are
 * malloc and memcpy. */
#include "config.h"
#include "host.h"
#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>

octgemm_status octgemm_host_alloc(const octgemm_ctx *ctx, size_t bytes, void **out)
{
    (void)ctx;
    void *memory = NULL;
    if (bytes > SIZE_MAX - 64 || posix_memalign(&memory, 64, bytes ? bytes : 64) != 0)
        return octgemm_fail(OCTGEMM_ERR_NOMEM, "octgemm_alloc: no memory for %zu bytes", bytes);
    *out = memory;
    return OCTGEMM_OK;
}

void octgemm_host_free(const octgemm_ctx *ctx, void *memory)
{
    (void)ctx;
    free(memory);
}

octgemm_status octgemm_host_copy_in(const octgemm_ctx *ctx, void *device, const void *host,
                                    size_t bytes, void *stream)
{
    (void)ctx;
    (void)stream;
    memmove(device, host, bytes);
    return OCTGEMM_OK;
}

octgemm_status octgemm_host_copy_out(const octgemm_ctx *ctx, void *host, const void *device,
                                     size_t bytes, void *stream)
{
    return octgemm_host_copy_in(ctx, host, device, bytes, stream);
}

octgemm_status octgemm_host_sync(const octgemm_ctx *ctx, void *stream)
{
    (void)ctx;
    (void)stream;
    return OCTGEMM_OK;
}

static char device_name[128] = "CPU";

/* Linux names the CPU in the first "model name" line; where there is none, "CPU" has to do. */
static void read_device_name(void)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file)
        return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        const char *name = colon + 1 + strspn(colon + 1, " ");
        snprintf(device_name, sizeof device_name, "%.*s", (int)strcspn(name, "\n"), name);
        break;
    }
    fclose(file);
}

int octgemm_host_devices(const struct backend *self)
{
    (void)self;
    return 1;
}

octgemm_status octgemm_host_probe(const struct backend *self, int device, octgemm_info *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    *out = (octgemm_info){.backend = self->name, .device = "", .arch = "", .kernel = ""};
    if (device != 0) {
        out->reason = "there is one host, device 0";
        return OCTGEMM_ERR_NO_BACKEND;
    }
    pthread_once(&once, read_device_name);
    out->device = device_name;
    return OCTGEMM_OK;
}
