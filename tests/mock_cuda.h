/* Control of the mock driver: what tests set and what they can look at afterwards. The mock is a
 * module with the name libcuda.so.1; a test loads it before octgemm looks for the real one, and
 * gets this struct with dlsym(handle, "mock_cuda"). */
#ifndef MOCK_CUDA_H
#define MOCK_CUDA_H

#include "mock_driver.h"

enum { mock_devices_max = 4 };

struct mock_launch {
    const char *function;
    unsigned blocks, threads, shared, cluster, overlap;
    void *stream;
    void **params;
    void *context; /* that was current */
};

struct mock_cuda {
    /* what the driver pretends to be */
    int version; /* as cuDriverGetVersion: 13000 */
    int devices;
    int capability[mock_devices_max]; /* 90 */
    int clusters;                     /* that run at a time, if so many fit: 66 */
    struct mock_figures {
        int multiprocessors, shared_per_block, shared_per_multiprocessor, l2_bytes;
        int clock_khz, memory_clock_khz, memory_bus_bits;
    } figures; /* of every device */

    /* called for each launch; its result is that of cuLaunchKernel */
    int (*launch)(void *user, const struct mock_launch *launch);
    void *user;

    struct mock_driver driver;
};

#endif
