/* The cuda backend when configure left it out (--without-cuda, or no compiler for it was found). */
#include "absent.h"

const struct backend octgemm_cuda_backend = {
    .name = "cuda",
    .impl = "not built into this library (configure --with-cuda)",
    .devices = octgemm_absent_devices,
    .probe = octgemm_absent_probe,
};
