/* The accuracy suite over the CUDA backend without a GPU: the mock driver's launches run every
 * kernel in the simulator, those of mma.sync and wgmma, the quantiser and the plain ones. So the
 * whole backend is checked bit by bit in make check; OCTGEMM_TIER=big takes every case instead of a
 * choice of them, OCTGEMM_SIM_KERNEL one kernel, or `quantize` (cuda_mutations.sh). */
#include "gpu/params.h"
#include "mock_cuda.h"
#include "octgemm.h"
#include "run_tests.h"
#include "suite/suite.h"

#include <check.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { skipped = 77 }; /* exit status of a test program that could not be run (automake) */

/* tests/sim/cuda_kernels.cc */
int sim_cuda_launch(void *user, const struct mock_launch *launch);
void sim_store_run(uint16_t *row, int begin, int end, const uint32_t *results, int words);
void sim_load_some(uint32_t words[4], const uint32_t piece[4], int size, int from, int to);
void sim_store_staged(int8_t *row, int k, const int8_t *bytes, int at, uint32_t *staged,
                      int threads);

static void print_line(void *user, const char *text)
{
    (void)user;
    puts(text);
    fflush(stdout);
}

/* How many products were right; none may be wrong. */
static int check_cases(const char *kernel, const char *pattern)
{
    const struct suite_options options = {.backend = "cuda",
                                          .kernel = kernel,
                                          .require = "cuda",
                                          .seed = 1,
                                          .filter = pattern,
                                          .line = print_line};
    struct suite_result result;
    ck_assert_int_ne(suite_run(&options, &result), 1);
    ck_assert_int_eq(result.failed, 0);
    return (int)result.passed;
}

static const char *const few[] = {"everything", "odd-*",        "empty/*",
                                  "edges/*",    "zero-points*", "special-*"};
static const char *const all[] = {"[!q]*"};

static int wanted(const char *kernel)
{
    const char *only = getenv("OCTGEMM_SIM_KERNEL");
    return !only || strcmp(only, kernel) == 0;
}

static int every_case(void)
{
    return getenv("OCTGEMM_TIER") != NULL;
}

static struct mock_cuda *simulate(void)
{
    void *library = dlopen(MOCK_CUDA "/libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    struct mock_cuda *mock = dlsym(library, "mock_cuda");
    ck_assert_ptr_nonnull(mock);
    mock->launch = sim_cuda_launch;
    return mock;
}

START_TEST(products_equal_the_reference)
{
    const char *const *patterns = every_case() ? all : few;
    size_t count = every_case() ? sizeof all / sizeof *all : sizeof few / sizeof *few;
    if (!wanted("generic_64x64"))
        return;
    simulate();
    for (size_t i = 0; i < count; i++)
        ck_assert_int_gt(check_cases("generic_64x64", patterns[i]), 0);
}
END_TEST

/* A GPU that there is code for; the kernels of mma.sync and the quantiser run on any. */
static octgemm_ctx *open_any(struct mock_cuda *mock)
{
    static const int capabilities[] = {90, 89, 86, 80, 120, 100, 75};
    octgemm_ctx *ctx = NULL;
    for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities && !ctx; i++) {
        mock->capability[0] = capabilities[i];
        (void)octgemm_open(&ctx, "cuda", 0);
    }
    ck_assert_ptr_nonnull(ctx);
    return ctx;
}

/* Every tile of tensor.cu and decode.cu, where k is split and where it is not. */
START_TEST(tensor_products_equal_the_reference)
{
    static const char *const kinds[] = {"mma_", "decode_"};
    static const char *const some[] = {"everything", "odd-*", "empty/*", "edges/*x33x129/*",
                                       "deep/*"};
    const char *const *patterns = every_case() ? all : some;
    size_t count = every_case() ? 1 : sizeof some / sizeof *some;
    octgemm_ctx *ctx = open_any(simulate());
    octgemm_info info;
    int kernels = 0;
    for (size_t i = 0; octgemm_kernel(ctx, NULL, i, &info) == OCTGEMM_OK; i++) {
        int passed = 0;
        if (strncmp(info.kernel, kinds[_i], strlen(kinds[_i])) != 0)
            continue;
        kernels++;
        if (!wanted(info.kernel))
            continue;
        ck_assert_str_eq(info.reason, "");
        for (size_t p = 0; p < count; p++)
            passed += check_cases(info.kernel, patterns[p]);
        ck_assert_int_gt(passed, 0);
    }
    ck_assert_int_gt(kernels, 0);
    octgemm_close(&ctx);
}
END_TEST

START_TEST(quantised_rows_equal_the_reference)
{
    if (!wanted("quantize"))
        return;
    octgemm_ctx *ctx = open_any(simulate());
    ck_assert_int_gt(check_cases("auto", "q*"), 0);
    octgemm_close(&ctx);
}
END_TEST

/* Every tile of hopper.cu, none where configure was told to make no code for it, on a GPU with many
 * multiprocessors, where k is split; and those for many tiles on one with two, where each block has
 * many. */
START_TEST(hopper_products_equal_the_reference)
{
    static const int multiprocessors[] = {132, 2};
    static const char *const kinds[] = {"wgmma_", "turns"};
    static const char *const some[][2] = {{"everything", "deep/*"},
                                          {"everything", "large-result-bf16"}};
    const char *const *patterns = every_case() ? all : some[_i];
    size_t count = every_case() ? sizeof all / sizeof *all : 2;
    octgemm_ctx *ctx;
    octgemm_info info;
    struct mock_cuda *mock = simulate();
    int with_code = 0, without = 0;
    mock->capability[0] = 90;
    mock->figures.multiprocessors = multiprocessors[_i];
    if (octgemm_open(&ctx, "cuda", 0) == OCTGEMM_ERR_NO_BACKEND)
        return; /* configure was told to make no code for it */
    for (size_t i = 0; octgemm_kernel(ctx, NULL, i, &info) == OCTGEMM_OK; i++) {
        int passed = 0;
        if (!strstr(info.kernel, kinds[_i]))
            continue;
        if (info.reason[0]) {
            ck_assert_str_eq(info.reason, "this library has no code of it for this device");
            without++;
            continue;
        }
        with_code++;
        if (!wanted(info.kernel))
            continue;
        for (size_t p = 0; p < count; p++)
            passed += check_cases(info.kernel, patterns[p]);
        ck_assert_int_gt(passed, 0);
    }
    octgemm_close(&ctx);
    ck_assert_int_ne(with_code > 0, without > 0); /* all or none are made */
    if (without > 0)
        puts("skip wgmma: this library has no code for sm_90a");
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
                    if (d[i] != (written ? at : guard))
                        ck_abort_msg("%d words, odd %d, %d to %d: %d at %d", words, odd, begin, end,
                                     d[i], at);
                }
            }
}
END_TEST

/* What is there of a piece of memory, wherever a row starts and ends in it. */
START_TEST(elements_are_read_alone)
{
    static const uint32_t piece[4] = {0x04030201, 0x08070605, 0x0c0b0a09, 0x100f0e0d};
    int size = _i == 0 ? 2 : 4;
    for (int from = -3; from <= 16 / size; from++)
        for (int to = 0; to <= 16 / size + 3; to++) {
            uint32_t words[4];
            unsigned char bytes[16];
            sim_load_some(words, piece, size, from, to);
            memcpy(bytes, words, sizeof bytes);
            for (int i = 0; i < 16; i++)
                ck_assert_int_eq(bytes[i], i / size >= from && i / size < to ? i + 1 : 0);
        }
}
END_TEST

/* Every byte of a row is written, wherever it lies, and nothing beside it. */
START_TEST(staged_bytes_are_written_whole)
{
    enum { most = 200, gap = 16, more = 12, guard = 0x7f };
    int8_t bytes[most + 16];
    for (int i = 0; i < most + 16; i++)
        bytes[i] = (int8_t)(i % 113 - 50);
    for (int place = 0; place < 16; place++)
        for (int at = -7; at <= 0; at++)
            for (int k = 0; k <= most; k++) {
                _Alignas(16) int8_t memory[most + 3 * gap];
                _Alignas(16) uint32_t staged[(most + 16) / 4 + more];
                memset(memory, guard, sizeof memory);
                memset(staged, guard, sizeof staged);
                int8_t *row = memory + gap + place;
                sim_store_staged(row, k, bytes, at, staged, 1 + k % 5);
                for (int i = 0; i < most + 3 * gap; i++) {
                    int byte = i - gap - place;
                    int8_t expected = byte >= 0 && byte < k ? bytes[byte - at] : guard;
                    if (memory[i] != expected)
                        ck_abort_msg("place %d, at %d, %d bytes: %d at %d", place, at, k, memory[i],
                                     byte);
                }
            }
}
END_TEST

/* One matrix of a launch of octgemm_weights, with room around what is written. */
struct rows {
    _Alignas(16) int8_t b[20 * 2500], packed[20 * 2560 + 16];
    int32_t column[20 + 2];
    int n;
};

static void make_rows(struct rows *rows, struct octgemm_weights_rows *part, int k, int packs,
                      int sums, int shift)
{
    int ldb = k + shift;
    for (size_t i = 0; i < sizeof rows->b; i++)
        rows->b[i] = (int8_t)(i * 37 + i / 251 * 11 + (size_t)k);
    memset(rows->packed, 0x5a, sizeof rows->packed);
    memset(rows->column, 0x5a, sizeof rows->column);
    *part = (struct octgemm_weights_rows){.b = rows->b + shift,
                                          .packed = packs ? rows->packed + 4 + shift % 2 : NULL,
                                          .column = sums ? rows->column + 1 : NULL,
                                          .n = rows->n,
                                          .ldb = ldb,
                                          .ldp = (k + 127) / 128 * 128,
                                          .sharers = sums ? 1 + (shift + k / 16) % 2 * 3
                                                          : (k + 1023) / 1024};
}

static void check_rows(const struct rows *rows, const struct octgemm_weights_rows *part, int k)
{
    ptrdiff_t start = part->packed ? part->packed - rows->packed : 0, width = part->ldp;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)sizeof rows->packed; i++) {
        ptrdiff_t at = i - start, row = at / width, p = at % width;
        int inside = part->packed && at >= 0 && row < part->n;
        int8_t expected = inside ? (int8_t)(p < k ? part->b[row * part->ldb + p] : 0) : 0x5a;
        if (rows->packed[i] != expected)
            ck_abort_msg("%d x %d: %d at %td", (int)part->n, k, rows->packed[i], at);
    }
    for (int i = 0; i < 22; i++) {
        int32_t expected = part->column && i > 0 && i <= part->n ? 0 : 0x5a5a5a5a;
        if (expected == 0)
            for (int p = 0; p < k; p++)
                expected += part->b[(i - 1) * part->ldb + p];
        ck_assert_int_eq(rows->column[i], expected);
    }
}

/* Rows of two matrices are copied at once, with their sums or without, by any number of blocks. */
START_TEST(rows_are_copied_whole)
{
    static const int depths[] = {1,    3,    4,    5,    127,  128,  129,     144,
                                 1023, 1024, 1025, 1030, 2049, 2064, 2500 - 9};
    static struct rows first, second;
    int k = depths[_i];
    for (int shift = 0; shift < 8; shift++)
        for (int kind = 0; kind < 4; kind++) {
            struct octgemm_weights_params params = {.k = k};
            int sums = kind > 1, packs = kind != 3;
            first.n = kind == 0 ? 0 : 3 + shift;
            second.n = 1 + 2 * shift;
            make_rows(&first, &params.part[0], k, 1, 0, shift);
            make_rows(&second, &params.part[1], k, packs, sums, 7 - shift);
            void *list[] = {&params};
            const struct mock_launch launch = {.function = "octgemm_weights",
                                               .blocks = 1 + (unsigned)(shift * 3 + kind) % 7,
                                               .threads = 128,
                                               .params = list};
            ck_assert_int_eq(sim_cuda_launch(NULL, &launch), 0);
            if (first.n > 0)
                check_rows(&first, &params.part[0], k);
            check_rows(&second, &params.part[1], k);
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
    tcase_add_loop_test(tests, tensor_products_equal_the_reference, 0, 2);
    tcase_add_test(tests, quantised_rows_equal_the_reference);
    tcase_add_loop_test(tests, hopper_products_equal_the_reference, 0, 2);
    tcase_add_loop_test(tests, runs_are_written_whole, 0, 2);
    tcase_add_loop_test(tests, elements_are_read_alone, 0, 2);
    tcase_add_test(tests, staged_bytes_are_written_whole);
    tcase_add_loop_test(tests, rows_are_copied_whole, 0, 15);
    return run_tests("cuda in a simulator", tests, CK_FORK);
}
