/* A context and the memory taken on its device, released together. */
#ifndef OCTGEMM_DEVICE_H
#define OCTGEMM_DEVICE_H

#include "octgemm.h"

struct device {
    octgemm_ctx *ctx;   /* never says anything on stderr */
    octgemm_ctx *aloud; /* the same under $OCTGEMM_VERBOSE; NULL where that is not set */
    void **owned;
    size_t count, room;
};

/* Which backend, device and kernel: options that several commands have. NULL = the library's choice
 * (and its environment variables); a kernel of "" or "auto" = its choice without $OCTGEMM_KERNEL.
 */
struct device_choice {
    const char *backend, *kernel;
    int64_t index;
};

/* Rows for an option table; the command's struct has a member `choice`. */
#define DEVICE_OPTIONS(type)                                                                       \
    {"backend",                                                                                    \
     'b',                                                                                          \
     "NAME",                                                                                       \
     "auto (default), hip, cuda, cpu or ref",                                                      \
     .kind = OPTION_TEXT,                                                                          \
     .offset = offsetof(type, choice.backend)},                                                    \
    {                                                                                              \
        "device", 0, "I", "which device of the backend, from 0",                                   \
            .kind = OPTION_INTEGER, .offset = offsetof(type, choice.index), .low = 0, .high = 1024 \
    }

/* Each returns 0, or the exit status after a complaint. */
int octgemm_open_device(struct device *device, const struct device_choice *choice);
void octgemm_close_device(struct device *device);
int octgemm_device_alloc(struct device *device, int64_t bytes, void **out);
int octgemm_device_upload(struct device *device, const void *host, int64_t bytes, void **out);
int octgemm_device_download(const struct device *device, void *host, const void *from,
                            int64_t bytes);
void octgemm_device_free(struct device *device, void *memory);

/* octgemm_run(), told of if the user wants to know. */
octgemm_status octgemm_run_aloud(const struct device *device, const octgemm_args *args);

/* Asks for the workspace that args want and puts it into them. */
int octgemm_device_workspace(struct device *device, octgemm_args *args);

#endif
