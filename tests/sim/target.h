/* A simulated target: the kernels of src/hip/ compiled for the host with that target's macros. */
#ifndef OCTGEMM_SIM_TARGET_H
#define OCTGEMM_SIM_TARGET_H

#ifdef __cplusplus
extern "C" {
#endif

struct sim_function {
    const char *name;
    void (*call)(const void *params); /* `params` points at the kernel's only parameter */
};

struct sim_target {
    const char *name;
    int wave;
    const struct sim_function *functions; /* ends with a NULL name */
};

/* runtime.c */
extern const struct sim_target *const sim_targets[];

#ifdef __cplusplus
}
#endif
#endif
