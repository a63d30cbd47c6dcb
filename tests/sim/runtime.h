/* Control of the simulator's runtime: what a test sets and can look at afterwards. It gets this
 * struct with dlsym(library, "sim_runtime"). */
#ifndef OCTGEMM_SIM_RUNTIME_H
#define OCTGEMM_SIM_RUNTIME_H

enum { sim_calls_max = 32 };

struct sim_runtime {
    int devices;
    int current;  /* the calling program's device */
    int bus_bits; /* of memory, as the device says it; 0: it does not know, as some APUs */
    int idle;     /* launches are accepted, and nothing runs */

    /* the call that fails once, with which code, and how many of it succeed before */
    const char *fail;
    int code;
    long after;

    long modules, memory; /* loaded, allocated and not yet given back */
    struct {
        const char *name;
        long count;
    } calls[sim_calls_max];
};

#endif
