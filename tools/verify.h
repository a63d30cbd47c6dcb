/* Compares a product on a device with the reference backend, bit by bit. */
#ifndef OCTGEMM_VERIFY_H
#define OCTGEMM_VERIFY_H

#include "device.h"

/* The product as args have it on the device, and its inputs in host memory. */
struct product {
    const struct device *device;
    const octgemm_args *args;
    const int8_t *a, *b;
    const float *sa, *sb; /* NULL as in args */
    const int32_t *za;
    const void *bias;
};

struct verdict {
    int64_t compared; /* elements: all of D, or the crossings of drawn rows and columns */
    int64_t bad;      /* how many differ; the first of them is in the next members */
    int64_t row, column;
    uint32_t wanted, got; /* bits */
};

/* Returns 0 or EXIT_INPUT when it could not compare; the verdict has the outcome. */
int octgemm_verify(const struct product *product, uint64_t seed, struct verdict *out);

/* Complains of the first bad element, and returns EXIT_CHECK. */
int octgemm_complain_of_verdict(const struct verdict *verdict, const octgemm_info *info,
                                const octgemm_args *args);

/* Bytes of an element of D. */
size_t octgemm_type_size(octgemm_type type);

#endif
