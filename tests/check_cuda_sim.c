/* The accuracy suite over the CUDA backend without a GPU: the mock driver's launches run the plain
 * kernels in the simulator. So the whole host side, packed weights and column sums are checked bit
 * by bit in make check; OCTGEMM_TIER=big takes every case instead of a choice of them. */
#include "mock_cuda.h"
#include "run_tests.h"
#include "suite/suite.h"

#include <check.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { skipped = 77 }; /* exit status of a test program that could not be run (automake) */

/* tests/sim/cuda_kernels.cc */
int sim_cuda_launch(void *user, const struct mock_launch *launch);
void sim_store_run(uint16_t *row, int begin, int end, const uint32_t *results, int words);

static void print_line(void *user, const char *text)
{
    (void)user;
    puts(text);
    fflush(stdout);
}

static void check_cases(const char *pattern)
{
    const struct suite_options options = {.backend = "cuda",
                                          .kernel = "generic_64x64",
                                          .require = "cuda",
                                          .seed = 1,
                                          .filter = pattern,
                                          .line = print_line};
    struct suite_result result;
    ck_assert_int_eq(suite_run(&options, &result), 0);
    ck_assert_int_gt(result.passed, 0);
}

/* Patterns of products only: the quantiser is made of instructions. */
static const char *const few[] = {"everything", "odd-*",        "empty/*",
                                  "edges/*",    "zero-points*", "special-*"};
static const char *const all[] = {"[!q]*"};

START_TEST(products_equal_the_reference)
{
    void *library = dlopen(MOCK_CUDA "/libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    struct mock_cuda *mock = dlsym(library, "mock_cuda");
    ck_assert_ptr_nonnull(mock);
    mock->launch = sim_cuda_launch;

    int every = getenv("OCTGEMM_TIER") != NULL;
    const char *const *patterns = every ? all : few;
    size_t count = every ? sizeof all / sizeof *all : sizeof few / sizeof *few;
    for (size_t i = 0; i < count; i++)
        check_cases(patterns[i]);
}
END_TEST

/* Of a row that starts at either half of a word, lanes write each result once and nothing else. */
START_TEST(runs_are_written_whole)
{
    enum { most = 64, guard = 0x7777, gap = 4 };
    static const int widths[] = {16, 32};
    int words = widths[_i];
    uint32_t results[most / 2];
    for (int i = 0; i < words; i++)
        results[i] = (uint32_t)(2 * i + 1) << 16 | (uint32_t)(2 * i);
    for (int odd = 0; odd < 2; odd++)
        for (int begin = 0; begin <= (odd ? 0 : words * 2); begin += 8)
            for (int end = -1; end <= words * 2; end++) {
                _Alignas(16) uint16_t d[most + 2 * gap];
                for (int i = 0; i < most + 2 * gap; i++)
                    d[i] = guard;
                uint16_t *row = d + gap + odd;
                sim_store_run(row, begin, end, results, words);
                for (int i = 0; i < most + 2 * gap; i++) {
                    int at = i - gap - odd;
                    int written = at >= begin && at < end;
                    ck_assert_msg(d[i] == (written ? at : guard),
                                  "%d words, odd %d, %d to %d: %d at %d", words, odd, begin, end,
                                  d[i], at);
                }
            }
}
END_TEST

int main(void)
{
    /* Without shared libraries there is no mock. */
    if (access(MOCK_CUDA "/libcuda.so.1", R_OK) != 0)
        return skipped;
    TCase *tests = tcase_create("cuda");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, products_equal_the_reference);
    tcase_add_loop_test(tests, runs_are_written_whole, 0, 2);
    return run_tests("cuda in a simulator", tests, CK_NOFORK);
}
