/* What the two host backends (ref, cpu) share: one device, the host, and memory functions that are
 * malloc and memcpy. */
#ifndef OCTGEMM_HOST_H
#define OCTGEMM_HOST_H

#include "backend.h"
#include "elements.h"

octgemm_status octgemm_host_alloc(const octgemm_ctx *ctx, size_t bytes, void **out);
void octgemm_host_free(const octgemm_ctx *ctx, void *memory);
octgemm_status octgemm_host_copy_in(const octgemm_ctx *ctx, void *device, const void *host,
                                    size_t bytes, void *stream);
octgemm_status octgemm_host_copy_out(const octgemm_ctx *ctx, void *host, const void *device,
                                     size_t bytes, void *stream);
octgemm_status octgemm_host_sync(const octgemm_ctx *ctx, void *stream);

/* There is one device: the host. */
int octgemm_host_devices(const struct backend *self);

/* As a backend's probe() does, but for arch, kernel and reason of the host. */
octgemm_status octgemm_host_probe(const struct backend *self, int device, octgemm_info *out);

#endif
