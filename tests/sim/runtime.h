/* Control of the simulator's runtime: what a test sets and can look at afterwards. It gets this
 * struct with dlsym(library, "sim_runtime"). */
#ifndef OCTGEMM_SIM_RUNTIME_H
#define OCTGEMM_SIM_RUNTIME_H

#include "../mock_driver.h"

struct sim_runtime {
    int devices;
    int current;  /* the calling program's device */
    int bus_bits; /* of memory, as the device says it; 0: it does not know, as some APUs */
    int idle;     /* launches are accepted, and nothing runs */
    void *stream; /* of the last launch */

    struct mock_driver driver;
};

#endif
