/* The streams and graphs of a CUDA driver, as far as tools/queue.c calls them: while a stream is
 * captured a call that is to be recorded counts itself, and a launch counts those that it stands
 * for. */
#include <stddef.h>

#pragma GCC visibility push(default)
extern struct mock_queue {
    int alive;     /* streams, graphs, contexts that were not given back */
    int capturing; /* while calls are recorded */
    int recorded, launched;
    int refuse; /* graphs cannot be instantiated */
    int lost;   /* the device fails while it is waited for */
} mock_queue;
int cuDeviceGet(int *handle, int ordinal);
int cuDevicePrimaryCtxRetain(void **context, int handle);
int cuDevicePrimaryCtxRelease_v2(int handle);
int cuCtxPushCurrent_v2(void *context);
int cuCtxPopCurrent_v2(void **context);
int cuStreamCreate(void **stream, unsigned flags);
int cuStreamDestroy_v2(void *stream);
int cuStreamBeginCapture_v2(void *stream, int mode);
int cuStreamEndCapture(void *stream, void **graph);
int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags);
int cuGraphDestroy(void *graph);
int cuGraphLaunch(void *executable, void *stream);
int cuGraphExecDestroy(void *executable);
int cuEventCreate(void **event, unsigned flags);
int cuEventDestroy_v2(void *event);
int cuEventRecord(void *event, void *stream);
int cuEventSynchronize(void *event);
int cuEventElapsedTime(float *milliseconds, void *begin, void *end);
#pragma GCC visibility pop

struct mock_queue mock_queue;
static char object;

static int give(void **out)
{
    *out = &object;
    mock_queue.alive++;
    return 0;
}

static int take_back(void)
{
    mock_queue.alive--;
    return 0;
}

int cuDeviceGet(int *handle, int ordinal)
{
    *handle = ordinal;
    return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int handle)
{
    (void)handle;
    return give(context);
}

int cuDevicePrimaryCtxRelease_v2(int handle)
{
    (void)handle;
    return take_back();
}

int cuCtxPushCurrent_v2(void *context)
{
    mock_queue.alive += context != NULL;
    return context ? 0 : 1;
}

int cuCtxPopCurrent_v2(void **context)
{
    *context = &object;
    return take_back();
}

int cuStreamCreate(void **stream, unsigned flags)
{
    return flags == 1 ? give(stream) : 1;
}

int cuStreamDestroy_v2(void *stream)
{
    return stream ? take_back() : 1;
}

int cuStreamBeginCapture_v2(void *stream, int mode)
{
    mock_queue.capturing = 1;
    return stream && mode == 2 ? 0 : 1;
}

int cuStreamEndCapture(void *stream, void **graph)
{
    mock_queue.capturing = 0;
    return stream ? give(graph) : 1;
}

int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags)
{
    return mock_queue.refuse || !graph || flags ? 1 : give(executable);
}

int cuGraphDestroy(void *graph)
{
    return graph ? take_back() : 1;
}

int cuGraphLaunch(void *executable, void *stream)
{
    mock_queue.launched += mock_queue.recorded;
    return executable && stream ? 0 : 1;
}

int cuGraphExecDestroy(void *executable)
{
    return executable ? take_back() : 1;
}

/* An event is the number of calls that were launched when it was recorded, and a call takes two
 * milliseconds. */
static int events[4], events_made;

int cuEventCreate(void **event, unsigned flags)
{
    *event = &events[events_made++ % 4];
    mock_queue.alive++;
    return flags == 0 ? 0 : 1;
}

int cuEventDestroy_v2(void *event)
{
    return event ? take_back() : 1;
}

int cuEventRecord(void *event, void *stream)
{
    *(int *)event = mock_queue.launched;
    return stream ? 0 : 1;
}

int cuEventSynchronize(void *event)
{
    return mock_queue.lost || !event ? 1 : 0;
}

int cuEventElapsedTime(float *milliseconds, void *begin, void *end)
{
    *milliseconds = 2.0f * (float)(*(int *)end - *(int *)begin);
    return 0;
}
