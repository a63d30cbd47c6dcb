/* Loading a GPU driver and listing its devices.
 *
 * Nothing of the driver is linked: its library is opened by name at the first use, so one
 * liboctgemm starts on machines with and without it. A copy that the process has already loaded is
 * preferred (RTLD_NOLOAD): two copies of a driver in one process do not share contexts. The
 * outcome, good or bad, is kept for the life of the process, as the strings in octgemm_info are.
 */
#include "gpu/gpu.h"
#include "error.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "cuInit: CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)" */
static void word_error(char *text, size_t size, const struct gpu_driver *driver, const void *slot,
                       int code, const char *what)
{
    const char *call = "driver call";
    for (size_t i = 0; i < driver->symbol_count; i++)
        if (driver->symbols[i].slot == slot)
            call = driver->symbols[i].name;
    const char *name = NULL;
    const char *words = NULL;
    driver->words(code, &name, &words);
    int named = *what != '\0';
    snprintf(text, size, "%s%s%s%s: %s (%s, code %d)", call, named ? "(" : "", what,
             named ? ")" : "", name ? name : "unknown error", words ? words : "no description",
             code);
}

octgemm_status octgemm_gpu_fail(const struct gpu_driver *driver, const void *slot, int code,
                                const char *what)
{
    enum { out_of_memory = 2 }; /* CUDA_ERROR_OUT_OF_MEMORY, hipErrorOutOfMemory */
    char text[320];
    word_error(text, sizeof text, driver, slot, code, what);
    return octgemm_fail(code == out_of_memory ? OCTGEMM_ERR_NOMEM : OCTGEMM_ERR_DEVICE, "%s", text);
}

static void *open_library(const struct gpu_driver *driver)
{
    static const int modes[] = {RTLD_NOLOAD | RTLD_NOW | RTLD_LOCAL, RTLD_NOW | RTLD_LOCAL};
    for (size_t mode = 0; mode < sizeof modes / sizeof *modes; mode++)
        for (const char *const *name = driver->libraries; *name; name++) {
            void *library = dlopen(*name, modes[mode]);
            if (library)
                return library;
        }
    return NULL;
}

/* The first call that the library lacks and that is not optional; NULL: all are there. */
static const char *find_symbols(const struct gpu_driver *driver, void *library)
{
    for (size_t i = 0; i < driver->symbol_count; i++) {
        const struct gpu_symbol *symbol = &driver->symbols[i];
        void *address = dlsym(library, symbol->name);
        if (!address && !symbol->optional)
            return symbol->name;
        memcpy(symbol->slot, &address, sizeof address);
    }
    return NULL;
}

/* Loads and starts the driver. Returns the number of devices, or 0 with a reason. */
static int start(const struct gpu_driver *driver)
{
    const struct gpu_calls *calls = driver->calls;
    struct gpu_state *state = driver->state;
    char *reason = state->reason;
    size_t size = sizeof state->reason;

    void *library =
        open_library(driver); /* never closed: its code may run until the process ends */
    if (!library) {
        snprintf(reason, size, "%s not found", driver->libraries[0]);
        return 0;
    }
    const char *missing = find_symbols(driver, library);
    if (missing) {
        snprintf(reason, size, "the driver is too old: %s has no %s", driver->libraries[0],
                 missing);
        return 0;
    }
    int version = 0;
    int count = 0;
    int code;
    const void *slot;
    if ((slot = &calls->init, code = calls->init(0)) ||
        (slot = &calls->driver_version, code = calls->driver_version(&version)) ||
        (slot = &calls->device_count, code = calls->device_count(&count))) {
        word_error(reason, size, driver, slot, code, "");
        return 0;
    }
    if (!driver->accept(version, reason, size))
        return 0;
    snprintf(reason, size, "the driver lists %d devices", count);
    return count;
}

int octgemm_gpu_read(const struct gpu_calls *calls, const struct gpu_device *device,
                     const struct gpu_attribute *attributes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int *value = attributes[i].value;
        int code = calls->device_attribute(value, attributes[i].number, device->handle);
        if (code)
            return code;
        if (*value < 1)
            *value = attributes[i].otherwise;
    }
    return 0;
}

static void describe(const struct gpu_driver *driver, struct gpu_device *device, int ordinal)
{
    const struct gpu_calls *calls = driver->calls;
    const void *slot;
    int code;
    device->packed_rows = 1;
    if ((slot = &calls->device_get, code = calls->device_get(&device->handle, ordinal)) ||
        (slot = &calls->device_name,
         code = calls->device_name(device->name, sizeof device->name, device->handle)) ||
        (slot = &calls->device_attribute, code = driver->describe(device, &slot))) {
        device->usable = 0;
        word_error(device->reason, sizeof device->reason, driver, slot, code, "");
    }
}

static void load(const struct gpu_driver *driver)
{
    struct gpu_state *state = driver->state;
    int count = start(driver);
    if (count <= 0)
        return;
    state->devices = calloc((size_t)count, sizeof *state->devices);
    if (!state->devices) {
        snprintf(state->reason, sizeof state->reason, "no memory for the list of devices");
        return;
    }
    for (int i = 0; i < count; i++)
        describe(driver, &state->devices[i], i);
    state->device_count = count;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of every driver's state */
static struct gpu_state *loading;                        /* by the thread that has the lock */

/* The thread that had the lock when another one forked does not exist in the child, and what it had
 * begun nobody ends. */
static void in_the_child(void)
{
    static const char words[] = "the process forked while another thread was loading the driver";
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    if (!loading)
        return;
    memcpy(loading->reason, words, sizeof words);
    loading->device_count = 0;
    loading->loaded = 1;
    loading = NULL;
}

/* Without memory to watch for them, a fork at that moment has a child that waits. */
static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, in_the_child);
}

/* Loads once; threads that come meanwhile wait. */
static const struct gpu_state *loaded_state(const struct gpu_driver *driver)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct gpu_state *state = driver->state;
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
    if (!state->loaded) {
        loading = state;
        load(driver);
        state->loaded = 1;
        loading = NULL;
    }
    pthread_mutex_unlock(&lock);
    return state;
}

const struct gpu_device *octgemm_gpu_device(const struct gpu_driver *driver, int device)
{
    const struct gpu_state *state = loaded_state(driver);
    return device >= 0 && device < state->device_count ? &state->devices[device] : NULL;
}

int octgemm_gpu_devices(const struct backend *self)
{
    const struct gpu_driver *driver = self->impl;
    return loaded_state(driver)->device_count;
}

/* The kernel for a large product, from the table alone: nothing is loaded on the device. */
static const char *likely_kernel(const struct backend *self, const struct gpu_device *device)
{
    const struct gpu_ctx ctx = {.base = {.backend = self}, .driver = self->impl, .device = device};
    const struct kernel *kernel = octgemm_compare_kernels(&ctx.base, &octgemm_large_product);
    return kernel ? kernel->name : "";
}

octgemm_status octgemm_gpu_probe(const struct backend *self, int device, octgemm_info *out)
{
    const struct gpu_driver *driver = self->impl;
    const struct gpu_state *state = loaded_state(driver);
    *out = (octgemm_info){.backend = self->name, .device = "", .arch = "", .kernel = ""};
    if (device < 0 || device >= state->device_count) {
        out->reason = state->reason;
        return OCTGEMM_ERR_NO_BACKEND;
    }
    const struct gpu_device *found = &state->devices[device];
    out->device = found->name;
    out->arch = found->arch;
    out->reason = found->reason;
    if (!found->usable)
        return OCTGEMM_ERR_NO_BACKEND;
    out->kernel = likely_kernel(self, found);
    return OCTGEMM_OK;
}
