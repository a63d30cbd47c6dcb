/* The hip backend when configure left it out (--without-hip, or no compiler for it was found). */
#include "absent.h"

const struct backend octgemm_hip_backend = {
    .name = "hip",
    .impl = "not built into this library (configure --with-hip)",
    .devices = octgemm_absent_devices,
    .probe = octgemm_absent_probe,
};
