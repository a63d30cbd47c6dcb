/* A context and its memory: see device.h. */
#include "device.h"
#include "command.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* The library's own way to force a kernel is the environment, so it is set for the time of
 * octgemm_open(). A kernel of "" or "auto" is none at all. */
static int open_with_kernel(octgemm_ctx **out, const struct device_choice *choice)
{
    static const char variable[] = "OCTGEMM_KERNEL";
    int forced = *choice->kernel && strcmp(choice->kernel, "auto") != 0;
    const char *before = getenv(variable);
    char *kept = before ? strdup(before) : NULL;
    int failed = (before && !kept) ||
                 (forced ? setenv(variable, choice->kernel, 1) : unsetenv(variable)) != 0;
    octgemm_status status = OCTGEMM_ERR_NOMEM;
    if (!failed)
        status = octgemm_open(out, choice->backend, (int)choice->index);
    if (kept)
        setenv(variable, kept, 1);
    else
        unsetenv(variable);
    free(kept);
    if (failed)
        return octgemm_complain("no memory for a kernel's name");
    if (status == OCTGEMM_OK)
        return 0;
    /* the user said --kernel NAME, and knows of no variable */
    const char *error = octgemm_last_error();
    size_t length = strlen(variable);
    if (strncmp(error, variable, length) == 0 && error[length] == '=')
        return octgemm_complain("--kernel %s (\"octgemm info\" lists what can be used)",
                                error + length + 1);
    return octgemm_complain_library("opening the device");
}

static int open_context(octgemm_ctx **out, const struct device_choice *choice)
{
    if (choice->kernel)
        return open_with_kernel(out, choice);
    if (octgemm_open(out, choice->backend, (int)choice->index) != OCTGEMM_OK)
        return octgemm_complain_library("opening the device");
    return 0;
}

/* Verification and timing call thousands of times, and a line of each would bury the one that was
 * asked for: under $OCTGEMM_VERBOSE a context opened without it does the work. */
int octgemm_open_device(struct device *device, const struct device_choice *choice)
{
    static const char variable[] = "OCTGEMM_VERBOSE";
    *device = (struct device){.ctx = NULL};
    const char *asked = getenv(variable);
    if (!asked)
        return open_context(&device->ctx, choice);
    char *kept = strdup(asked);
    if (!kept)
        return octgemm_complain("no memory for a variable of the environment");
    int status = open_context(&device->aloud, choice);
    unsetenv(variable);
    if (status == 0)
        status = open_context(&device->ctx, choice);
    setenv(variable, kept, 1);
    free(kept);
    if (status)
        octgemm_close_device(device);
    return status;
}

octgemm_status octgemm_run_aloud(const struct device *device, const octgemm_args *args)
{
    return octgemm_run(device->aloud ? device->aloud : device->ctx, args);
}

void octgemm_close_device(struct device *device)
{
    for (size_t i = 0; i < device->count; i++)
        octgemm_free(device->ctx, device->owned[i]);
    free(device->owned);
    octgemm_close(&device->ctx);
    octgemm_close(&device->aloud);
    *device = (struct device){.ctx = NULL};
}

int octgemm_device_alloc(struct device *device, int64_t bytes, void **out)
{
    *out = NULL;
    if (bytes < 0)
        return octgemm_complain("a matrix of this shape does not fit the address space");
    if (device->count == device->room) {
        size_t room = device->room * 2 + 16;
        void **owned = realloc(device->owned, room * sizeof *owned);
        if (!owned)
            return octgemm_complain("no memory for a list");
        device->owned = owned;
        device->room = room;
    }
    if (octgemm_alloc(device->ctx, (size_t)bytes, out) != OCTGEMM_OK)
        return octgemm_complain_library("memory of the device");
    device->owned[device->count++] = *out;
    return 0;
}

void octgemm_device_free(struct device *device, void *memory)
{
    for (size_t i = 0; memory && i < device->count; i++)
        if (device->owned[i] == memory) {
            octgemm_free(device->ctx, memory);
            device->owned[i] = device->owned[--device->count];
            return;
        }
}

int octgemm_device_upload(struct device *device, const void *host, int64_t bytes, void **out)
{
    int status = octgemm_device_alloc(device, bytes, out);
    if (status == 0 && octgemm_upload(device->ctx, *out, host, (size_t)bytes, NULL) != OCTGEMM_OK)
        status = octgemm_complain_library("copying to the device");
    return status;
}

int octgemm_device_download(const struct device *device, void *host, const void *from,
                            int64_t bytes)
{
    if (octgemm_download(device->ctx, host, from, (size_t)bytes, NULL) != OCTGEMM_OK ||
        octgemm_sync(device->ctx, NULL) != OCTGEMM_OK)
        return octgemm_complain_library("copying from the device");
    return 0;
}

int octgemm_device_workspace(struct device *device, octgemm_args *args)
{
    if (octgemm_workspace(device->ctx, args, &args->workspace_size) != OCTGEMM_OK)
        return octgemm_complain_library("the size of the workspace");
    if (args->workspace_size == 0)
        return 0;
    return octgemm_device_alloc(device, (int64_t)args->workspace_size, &args->workspace);
}
