/* Placeholder until cpu.c lands. */
#include "absent.h"

const struct backend octgemm_cpu_backend = {
    .name = "cpu",
    .impl = "not built into this library",
    .devices = octgemm_absent_devices,
    .probe = octgemm_absent_probe,
};
