/* octgemm bench --rivals: other libraries on the same CPU and the same data. */
#ifndef OCTGEMM_RIVALS_H
#define OCTGEMM_RIVALS_H

#include "device.h"
#include "shapes.h"

struct rivals_options {
    const struct device_choice *choice;
    int64_t seed;
    double seconds; /* for each library and shape */
};

/* Times one product; prints a head before the first. Returns 0 or the exit status. */
int octgemm_bench_rivals(const struct rivals_options *options, const struct shape *shape,
                         int64_t m);

#endif
