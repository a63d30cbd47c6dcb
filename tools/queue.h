/* Where the calls that are timed go: a stream of the GPU's driver, and batches of calls recorded as
 * a graph of it, which then cost the host nothing. On a host backend, or where the driver has no
 * graphs, a batch is the calls themselves.
 *
 * The driver is found by dlopen, as the library finds it, and the device is made current to this
 * thread for the life of the queue, which is what other libraries' calls go by. */
#ifndef OCTGEMM_QUEUE_H
#define OCTGEMM_QUEUE_H

#include <stdint.h>

struct queue_driver;

struct queue {
    const struct queue_driver *driver; /* NULL: no graphs */
    void *stream;                      /* NULL: the default one */
    void *begin, *end;                 /* events around what is timed */
    void *context;                     /* CUDA's, while it is current */
    int device;
};

/* A batch of calls. */
struct batch {
    int (*call)(void *user, int64_t index); /* 0, or not */
    void *user;
    int64_t first, count;
    void *graph; /* NULL: not recorded */
};

void octgemm_queue_open(struct queue *queue, const char *backend, int device);
void octgemm_queue_close(struct queue *queue);

/* Records the batch, where that can be done. Nothing of it runs. */
void octgemm_queue_record(const struct queue *queue, struct batch *batch);

/* Puts the batch into the stream; 0, or what a call returned. */
int octgemm_queue_run(const struct queue *queue, struct batch *batch);

/* Runs the batch in queue->stream, which must not be NULL, and waits for it. Seconds by the
 * device's own clock, from before the first call to behind the last, so that what the host takes to
 * start them and to notice their end does not count; or a negative number. */
double octgemm_queue_time(const struct queue *queue, struct batch *batch);
void octgemm_queue_release(struct batch *batch);

#endif
