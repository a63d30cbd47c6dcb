/* A backend that is not built into this library: a row in every list, with a reason. */
#include "absent.h"

int octgemm_absent_devices(const struct backend *self)
{
    (void)self;
    return 0;
}

octgemm_status octgemm_absent_probe(const struct backend *self, int device, octgemm_info *out)
{
    (void)device;
    *out = (octgemm_info){
        .backend = self->name, .device = "", .arch = "", .kernel = "", .reason = self->impl};
    return OCTGEMM_ERR_NO_BACKEND;
}
