/* Control of the mock driver: what tests set and what they can look at afterwards. The mock is a
 * module with the name libcuda.so.1; a test loads it before octgemm looks for the real one, and
 * gets this struct with dlsym(handle, "mock_cuda"). */
#ifndef MOCK_CUDA_H
#define MOCK_CUDA_H

#include "mock_driver.h"

#include <stdint.h>

enum { mock_devices_max = 4 };

/* What the mock writes into a CUtensorMap. */
struct mock_tensor_map {
    unsigned char *base;
    uint64_t sizes[2]; /* elements of a row, rows */
    uint64_t stride;   /* bytes */
    uint32_t box[2];
    unsigned width; /* bytes of an element */
};

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
    int capability[mock_devices_max];
    int clusters; /* that run at a time, if so many fit: 66 */
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
