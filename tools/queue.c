/* Streams and graphs of a GPU driver: see queue.h. */
#include "queue.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* The calls that both drivers have with the same binary interface (cuda.h, hip_runtime_api.h). */
static struct {
    int (*stream_create)(void **stream, unsigned flags);
    int (*stream_destroy)(void *stream);
    int (*begin)(void *stream, int mode);
    int (*end)(void *stream, void **graph);
    int (*instantiate)(void **executable, void *graph, unsigned long long flags);
    int (*graph_destroy)(void *graph);
    int (*launch)(void *executable, void *stream);
    int (*executable_destroy)(void *executable);
    int (*event_create)(void **event, unsigned flags);
    int (*event_destroy)(void *event);
    int (*event_record)(void *event, void *stream);
    int (*event_wait)(void *event);
    int (*event_elapsed)(float *milliseconds, void *begin, void *end);
    /* CUDA: the context of a device */
    int (*device_get)(int *handle, int ordinal);
    int (*retain)(void **context, int handle);
    int (*release)(int handle);
    int (*push)(void *context);
    int (*pop)(void **context);
    /* HIP */
    int (*set_device)(int device);
} calls;

enum {
    nonblocking = 1, /* CU_STREAM_NON_BLOCKING, hipStreamNonBlocking */
    relaxed = 2,     /* CU_STREAM_CAPTURE_MODE_RELAXED, hipStreamCaptureModeRelaxed */
};

struct symbol {
    const char *name;
    void *slot;
};

struct queue_driver {
    const char *backend;
    const char *const *libraries;
    const struct symbol *symbols; /* name NULL ends them */
    int (*enter)(struct queue *queue);
    void (*leave)(struct queue *queue);
};

static int enter_cuda(struct queue *queue)
{
    int handle;
    return calls.device_get(&handle, queue->device) == 0 &&
           calls.retain(&queue->context, handle) == 0 && calls.push(queue->context) == 0;
}

static void leave_cuda(struct queue *queue)
{
    int handle;
    void *context;
    calls.pop(&context);
    if (calls.device_get(&handle, queue->device) == 0)
        calls.release(handle);
}

static int enter_hip(struct queue *queue)
{
    return calls.set_device(queue->device) == 0;
}

static void leave_hip(struct queue *queue)
{
    (void)queue;
}

static const char *const cuda_libraries[] = {"libcuda.so.1", NULL};
static const struct symbol cuda_symbols[] = {
    {"cuStreamCreate", &calls.stream_create},
    {"cuStreamDestroy_v2", &calls.stream_destroy},
    {"cuStreamBeginCapture_v2", &calls.begin},
    {"cuStreamEndCapture", &calls.end},
    {"cuGraphInstantiateWithFlags", &calls.instantiate},
    {"cuGraphDestroy", &calls.graph_destroy},
    {"cuGraphLaunch", &calls.launch},
    {"cuGraphExecDestroy", &calls.executable_destroy},
    {"cuEventCreate", &calls.event_create},
    {"cuEventDestroy_v2", &calls.event_destroy},
    {"cuEventRecord", &calls.event_record},
    {"cuEventSynchronize", &calls.event_wait},
    {"cuEventElapsedTime", &calls.event_elapsed},
    {"cuDeviceGet", &calls.device_get},
    {"cuDevicePrimaryCtxRetain", &calls.retain},
    {"cuDevicePrimaryCtxRelease_v2", &calls.release},
    {"cuCtxPushCurrent_v2", &calls.push},
    {"cuCtxPopCurrent_v2", &calls.pop},
    {NULL, NULL},
};

static const char *const hip_libraries[] = {"libamdhip64.so.7", "libamdhip64.so.6",
                                            "libamdhip64.so.5", NULL};
static const struct symbol hip_symbols[] = {
    {"hipStreamCreateWithFlags", &calls.stream_create},
    {"hipStreamDestroy", &calls.stream_destroy},
    {"hipStreamBeginCapture", &calls.begin},
    {"hipStreamEndCapture", &calls.end},
    {"hipGraphInstantiateWithFlags", &calls.instantiate},
    {"hipGraphDestroy", &calls.graph_destroy},
    {"hipGraphLaunch", &calls.launch},
    {"hipGraphExecDestroy", &calls.executable_destroy},
    {"hipEventCreateWithFlags", &calls.event_create},
    {"hipEventDestroy", &calls.event_destroy},
    {"hipEventRecord", &calls.event_record},
    {"hipEventSynchronize", &calls.event_wait},
    {"hipEventElapsedTime", &calls.event_elapsed},
    {"hipSetDevice", &calls.set_device},
    {NULL, NULL},
};

static const struct queue_driver drivers[] = {
    {"cuda", cuda_libraries, cuda_symbols, enter_cuda, leave_cuda},
    {"hip", hip_libraries, hip_symbols, enter_hip, leave_hip},
};

/* Whether the driver is there with all of its calls. */
static int load(const struct queue_driver *driver)
{
    void *library = NULL;
    for (size_t i = 0; driver->libraries[i] && !library; i++)
        library = dlopen(driver->libraries[i], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return 0;
    for (const struct symbol *symbol = driver->symbols; symbol->name; symbol++) {
        void *address = dlsym(library, symbol->name);
        if (!address)
            return 0;
        memcpy(symbol->slot, &address, sizeof address);
    }
    return 1;
}

void octgemm_queue_open(struct queue *queue, const char *backend, int device)
{
    *queue = (struct queue){.device = device};
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        const struct queue_driver *driver = &drivers[i];
        if (strcmp(driver->backend, backend) != 0 || !load(driver) || !driver->enter(queue))
            continue;
        queue->driver = driver;
        if (calls.stream_create(&queue->stream, nonblocking) != 0 ||
            calls.event_create(&queue->begin, 0) != 0 || calls.event_create(&queue->end, 0) != 0)
            octgemm_queue_close(queue);
    }
}

void octgemm_queue_close(struct queue *queue)
{
    if (queue->begin)
        calls.event_destroy(queue->begin);
    if (queue->end)
        calls.event_destroy(queue->end);
    if (queue->stream)
        calls.stream_destroy(queue->stream);
    if (queue->driver)
        queue->driver->leave(queue);
    *queue = (struct queue){.driver = NULL};
}

static int run_calls(const struct batch *batch)
{
    int status = 0;
    for (int64_t i = 0; i < batch->count && status == 0; i++)
        status = batch->call(batch->user, batch->first + i);
    return status;
}

void octgemm_queue_record(const struct queue *queue, struct batch *batch)
{
    void *graph = NULL;
    if (!queue->stream || calls.begin(queue->stream, relaxed) != 0)
        return;
    int failed = run_calls(batch);
    failed |= calls.end(queue->stream, &graph);
    if (graph && !failed && calls.instantiate(&batch->graph, graph, 0) != 0)
        batch->graph = NULL;
    if (graph)
        calls.graph_destroy(graph);
}

int octgemm_queue_run(const struct queue *queue, struct batch *batch)
{
    if (batch->graph)
        return calls.launch(batch->graph, queue->stream);
    int status = run_calls(batch);
    batch->first += batch->count;
    return status;
}

double octgemm_queue_time(const struct queue *queue, struct batch *batch)
{
    float milliseconds = 0;
    int failed = calls.event_record(queue->begin, queue->stream) != 0 ||
                 octgemm_queue_run(queue, batch) != 0 ||
                 calls.event_record(queue->end, queue->stream) != 0 ||
                 calls.event_wait(queue->end) != 0 ||
                 calls.event_elapsed(&milliseconds, queue->begin, queue->end) != 0;
    return failed ? -1 : (double)milliseconds * 1e-3;
}

void octgemm_queue_release(struct batch *batch)
{
    if (batch->graph)
        calls.executable_destroy(batch->graph);
    batch->graph = NULL;
}
