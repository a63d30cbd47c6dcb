/* A value of a block's threads, combined in LDS: 256 to 16 to 1. */
#ifndef OCTGEMM_HIP_REDUCE_H
#define OCTGEMM_HIP_REDUCE_H

#include "device.h"

/* `combine(a, b)` is associative and commutative, and exact: the order does not show. Every thread
 * gets the result. `shared` holds block_threads values and may be used again at once. */
template <class value, class combiner>
static __device__ __forceinline__ value block_reduce(value own, value *shared, combiner combine)
{
    enum { run = 16 };
    int thread = thread_index();
    shared[thread] = own;
    block_barrier();
    value total = shared[thread % run * run];
    for (int i = 1; i < run; i++)
        total = combine(total, shared[thread % run * run + i]);
    block_barrier();
    if (thread < run)
        shared[thread] = total;
    block_barrier();
    total = shared[0];
    for (int i = 1; i < run; i++)
        total = combine(total, shared[i]);
    block_barrier();
    return total;
}

#endif
