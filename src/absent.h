/* A backend that is not built into this library: a row in every list, with a reason. */
#ifndef OCTGEMM_ABSENT_H
#define OCTGEMM_ABSENT_H

#include "backend.h"

/* The two functions such a backend needs; its `impl` is the reason, a string. */
int octgemm_absent_devices(const struct backend *self);
octgemm_status octgemm_absent_probe(const struct backend *self, int device, octgemm_info *out);

#endif
