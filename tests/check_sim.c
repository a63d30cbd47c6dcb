/* The shared accuracy suite over the HIP backend's kernels, which run in the simulator: the real
 * host side on a libamdhip64.so of the project's own (tests/sim/runtime.c).
 *
 *   OCTGEMM_SIM_ALL=1        the whole suite for every kernel and target (`make bigcheck-sim`), or
 *   OCTGEMM_CASE=<pattern>   of it the cases of that name
 *   OCTGEMM_SIM_TARGET=...   every kernel of one target only, and
 *   OCTGEMM_SIM_LIBRARY=...  on another runtime (tests/sim_mutations.sh)
 */
#include "run_tests.h"
#include "sim/runtime.h"
#include "suite/suite.h"

#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What runs. A target stands for its matrix operation. What all targets share is tried on one. */
static const struct {
    const char *target;
    const char *kernel; /* NULL: each, and "auto" */
    const char *cases;
} runs[] = {
    {"gfx900", NULL, "everything"},         {"gfx906", NULL, "everything"},
    {"gfx90a", NULL, "everything"},         {"gfx942", NULL, "everything"},
    {"gfx950", NULL, "everything"},         {"gfx1030", NULL, "everything"},
    {"gfx1100", NULL, "everything"},        {"gfx1201", NULL, "everything"},
    {"gfx942", NULL, "odd-addresses*"},     {"gfx1100", NULL, "odd-addresses-f16"},
    {"gfx942", "auto", "special*"},         {"gfx1201", "auto", "integers"},
    {"gfx942", "auto", "zero-points-wrap"}, {"gfx90a", "auto", "one-hot-a"},
    {"gfx950", "auto", "one-hot-b"},        {"gfx942", "auto", "quantize/*"},
    {"gfx90a", "tile_64x64", "split-k"},    {"gfx942", "stream_16", "split-k"},
    {"gfx1100", "stream_32", "split-k"},    {"gfx1201", "tile_128x128", "split-k"},
    {"gfx906", "auto", "split-k"},
};
enum { run_count = sizeof runs / sizeof *runs, smoke_targets = 8 };

static void print_line(void *user, const char *text)
{
    (void)user;
    puts(text);
    fflush(stdout);
}

/* What the simulated device says that it is: the library must have code for it, and packs weights
 * in blocks for one with MFMA. The target itself, or one of its kind where it was not built; NULL
 * where none of them was. */
static const char *device_for(const char *target)
{
    static const char mfma[] = "gfx908 gfx90a gfx940 gfx941 gfx942 gfx950";
    static char archs[sizeof SIM_ARCHS];
    const char *device = NULL;
    int wanted = strstr(mfma, target) != NULL;
    strcpy(archs, SIM_ARCHS);
    for (const char *arch = strtok(archs, " "); arch; arch = strtok(NULL, " ")) {
        if (strcmp(arch, target) == 0)
            return arch;
        if (!device && (strstr(mfma, arch) != NULL) == wanted)
            device = arch;
    }
    return device;
}

START_TEST(kernels_equal_the_reference)
{
    int all = getenv("OCTGEMM_SIM_ALL") != NULL;
    struct suite_options options = {.backend = "hip",
                                    .kernel = all ? NULL : runs[_i].kernel,
                                    .seed = 1,
                                    .filter = all ? getenv("OCTGEMM_CASE") : runs[_i].cases,
                                    .require = "hip",
                                    .line = print_line};
    struct suite_result result;
    const char *library = getenv("OCTGEMM_SIM_LIBRARY"), *device = device_for(runs[_i].target);
    if (!device) {
        printf("%s: skipped: no code for a device that packs weights as it does\n",
               runs[_i].target);
        return;
    }
    void *loaded = dlopen(library ? library : SIM_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(loaded != NULL, "%s", dlerror());
    const struct sim_runtime *runtime = dlsym(loaded, "sim_runtime");
    ck_assert_ptr_nonnull(runtime);
    setenv("OCTGEMM_SIM_CODE", runs[_i].target, 1);
    setenv("OCTGEMM_SIM_ARCH", device, 1);
    int rc = suite_run(&options, &result);
    printf("%s: %ld runs: %ld passed, %ld failed\n", runs[_i].target, result.runs, result.passed,
           result.failed);
    if (strcmp(runs[_i].cases, "split-k") == 0)
        ck_assert_int_ge(mock_calls_of(&runtime->driver, "hipMemsetD32Async"), result.runs);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_gt(result.passed, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("simulator");
    const char *only = getenv("OCTGEMM_SIM_TARGET");
    int first = 0;
    int end = getenv("OCTGEMM_SIM_ALL") ? smoke_targets : run_count;
    if (only) {
        while (first < smoke_targets && strcmp(runs[first].target, only) != 0)
            first++;
        end = first + 1;
        if (end > smoke_targets)
            return EXIT_FAILURE;
    }
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, kernels_equal_the_reference, first, end);
    return run_tests("simulator", tests, CK_FORK_GETENV);
}
