/* No kernel touches a byte outside its arrays, not even to read it: every array ends (or begins) at
 * a page that cannot be accessed, so that one byte too many is a signal. The accuracy suite's guard
 * bytes see writes; this sees reads, which on a GPU is the task of compute-sanitizer. And packed
 * weights have no byte that was not written: saved, they hold nothing else of the memory. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "octgemm.h"
#include "run_tests.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { A, B, SA, SB, ZA, BIAS, D, PACKED, WORKSPACE, ARRAYS };
enum { field_size = 8 << 20 };

/* Memory between two pages that cannot be accessed. */
struct field {
    char *start;
    size_t size;
};
static struct field fields[ARRAYS];
static int
    at_start; /* arrays begin at the first byte of their field, instead of ending at its last */

/* What is running, for the report when it ends in a signal. */
static char running[256];

static void report_signal(int number)
{
    (void)!write(STDOUT_FILENO, running, strlen(running));
    signal(number, SIG_DFL);
    raise(number);
}

static void setup(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < ARRAYS; i++) {
        char *map =
            mmap(NULL, field_size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert(map != MAP_FAILED);
        ck_assert_int_eq(mprotect(map + page, field_size, PROT_READ | PROT_WRITE), 0);
        fields[i] = (struct field){.start = map + page, .size = field_size};
        memset(fields[i].start, 0x11 * (i + 1), field_size);
    }
    static const int signals[] = {SIGSEGV, SIGBUS};
    for (int i = 0; i < 2; i++)
        signal(signals[i], report_signal);
}

static void *place(int array, int64_t bytes)
{
    ck_assert_int_le(bytes, field_size);
    return fields[array].start + (at_start ? 0 : fields[array].size - (size_t)bytes);
}

static int64_t span(int64_t rows, int64_t columns, int64_t ld)
{
    return rows > 0 && columns > 0 ? (rows - 1) * ld + columns : 0;
}

/* Each shape with other types, so that all are seen. */
static octgemm_args make_args(int64_t m, int64_t n, int64_t k, int number)
{
    static const int64_t pads[] = {0, 0, 3, 29};
    int64_t pad = pads[number % 4];
    octgemm_args args = {.size = sizeof args,
                         .m = m,
                         .n = n,
                         .k = k,
                         .lda = k + pad,
                         .ldb = k + pad,
                         .ldd = n + pad,
                         .bias_type = (octgemm_type)(number % 3),
                         .d_type = (octgemm_type)(number % 4)};
    int64_t bias_width = args.bias_type == OCTGEMM_F32 ? 4 : 2;
    int64_t d_width = args.d_type == OCTGEMM_F16 || args.d_type == OCTGEMM_BF16 ? 2 : 4;
    args.a = place(A, span(m, k, args.lda));
    args.b = place(B, span(n, k, args.ldb));
    args.sa = place(SA, m * 4);
    args.sb = place(SB, n * 4);
    if (number % 5 == 0)
        args.za = place(ZA, m * 4);
    args.bias = place(BIAS, n * bias_width);
    args.d = place(D, span(m, n, args.ldd) * d_width);
    return args;
}

static void run(const octgemm_ctx *ctx, octgemm_args *args)
{
    size_t bytes;
    ck_assert_msg(octgemm_workspace(ctx, args, &bytes) == OCTGEMM_OK, "%s", octgemm_last_error());
    args->workspace = place(WORKSPACE, (int64_t)bytes);
    args->workspace_size = bytes;
    ck_assert_msg(octgemm_run(ctx, args) == OCTGEMM_OK, "%s", octgemm_last_error());
}

static void pack_over(int fill, const octgemm_ctx *ctx, const octgemm_args *args, void *packed,
                      size_t bytes)
{
    memset(packed, fill, bytes);
    ck_assert_int_eq(octgemm_pack(ctx, args->n, args->k, args->b, args->ldb, packed, NULL),
                     OCTGEMM_OK);
}

static void run_packed(const octgemm_ctx *ctx, octgemm_args *args)
{
    size_t bytes;
    ck_assert_int_eq(octgemm_packed_size(ctx, args->n, args->k, &bytes), OCTGEMM_OK);
    void *packed = place(PACKED, (int64_t)bytes), *other = place(WORKSPACE, (int64_t)bytes);
    pack_over(0xa5, ctx, args, other, bytes);
    pack_over(0x5a, ctx, args, packed, bytes);
    ck_assert_msg(memcmp(packed, other, bytes) == 0, "packed weights with bytes not written: %s",
                  strchr(running, ':') + 2);
    args->b = packed;
    args->b_layout = OCTGEMM_B_PACKED;
    run(ctx, args);
}

static const int64_t ms[] = {1, 2, 3, 5, 6, 7, 9, 17, 33};
static const int64_t ns[] = {1, 3, 7, 15, 16, 17, 33, 63, 65};
static const int64_t ks[] = {0, 1, 2, 3, 5, 12, 15, 16, 17, 31, 33, 63, 65, 127, 130, 509, 1029};
enum {
    m_count = sizeof ms / sizeof *ms,
    n_count = sizeof ns / sizeof *ns,
    k_count = sizeof ks / sizeof *ks
};

static void run_shapes(const octgemm_ctx *ctx, const char *kernel)
{
    for (int number = 0; number < m_count * n_count * k_count; number++) {
        int64_t m = ms[number % m_count], n = ns[number / m_count % n_count],
                k = ks[number / m_count / n_count];
        for (int packed = 0; packed < 2; packed++) {
            snprintf(
                running, sizeof running,
                "out of bounds: %s, m %d n %d k %d, shape %d, %s, arrays at the %s of a page\n",
                kernel, (int)m, (int)n, (int)k, number, packed ? "packed" : "rows",
                at_start ? "start" : "end");
            octgemm_args args = make_args(m, n, k, number);
            (packed ? run_packed : run)(ctx, &args);
        }
    }
}

static const char *const backends[] = {"ref", "cpu"};

START_TEST(products_stay_within_their_arrays)
{
    octgemm_ctx *list, *ctx;
    octgemm_info info;
    at_start = _i / 2;
    unsetenv("OCTGEMM_KERNEL");
    ck_assert_int_eq(octgemm_open(&list, backends[_i % 2], 0), OCTGEMM_OK);
    for (size_t row = 0; octgemm_kernel(list, NULL, row, &info) == OCTGEMM_OK; row++) {
        if (info.reason[0])
            continue;
        setenv("OCTGEMM_KERNEL", info.kernel, 1);
        ck_assert_msg(octgemm_open(&ctx, backends[_i % 2], 0) == OCTGEMM_OK, "%s",
                      octgemm_last_error());
        run_shapes(ctx, info.kernel);
        octgemm_close(&ctx);
    }
    octgemm_close(&list);
}
END_TEST

/* Names of every machine's instruction sets; those of other machines are refused. */
static const char *const caps[] = {"generic",    "sse41", "avx2", "avxvnni", "avx512bw",
                                   "avx512vnni", "amx",   "neon", "dotprod", "i8mm"};
enum { cap_count = sizeof caps / sizeof *caps };

START_TEST(quantised_rows_stay_within_their_arrays)
{
    static const char refused[] = "OCTGEMM_CPU=";
    octgemm_ctx *ctx;
    const char *cap = caps[_i % cap_count];
    at_start = _i / cap_count;
    setenv("OCTGEMM_CPU", cap, 1);
    octgemm_status status = octgemm_open(&ctx, "cpu", 0);
    if (status == OCTGEMM_ERR_ARG && strcmp(cap, "generic") != 0 &&
        strncmp(octgemm_last_error(), refused, sizeof refused - 1) == 0)
        return;
    ck_assert_msg(status == OCTGEMM_OK, "OCTGEMM_CPU=%s: %s", cap, octgemm_last_error());
    for (int number = 0; number < 80 * 3 * 3; number++) {
        int64_t rows = 1 + number % 4, k = number / 9 + (number % 7 == 0 ? 500 : 0);
        int type = number % 3, mode = number / 3 % 3;
        snprintf(running, sizeof running,
                 "out of bounds: quantiser, OCTGEMM_CPU=%s, rows %d k %d, type %d, mode %d\n", cap,
                 (int)rows, (int)k, type, mode);
        octgemm_quantize_args args = {.size = sizeof args,
                                      .rows = rows,
                                      .k = k,
                                      .ldx = k + number % 5,
                                      .ldq = k + number % 2,
                                      .x_type = (octgemm_type)type,
                                      .static_scale = mode == 2};
        args.x = place(A, span(rows, k, args.ldx) * (type == OCTGEMM_F32 ? 4 : 2));
        args.q = place(D, span(rows, k, args.ldq));
        args.scale = place(SA, (mode == 2 ? 1 : rows) * 4);
        if (mode == 1)
            args.zero = place(ZA, rows * 4);
        ck_assert_msg(octgemm_quantize(ctx, &args) == OCTGEMM_OK, "%s", octgemm_last_error());
    }
    octgemm_close(&ctx);
}
END_TEST

/* The fences hold. */
START_TEST(one_byte_behind_is_a_signal)
{
    volatile const char *array = place(A, 10);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    (void)array[10];
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("memory");
    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_loop_test(tests, products_stay_within_their_arrays, 0, 4);
    tcase_add_loop_test(tests, quantised_rows_stay_within_their_arrays, 0, 2 * cap_count);
    tcase_add_test_raise_signal(tests, one_byte_behind_is_a_signal, SIGSEGV);
    return run_tests("memory", tests, CK_FORK_GETENV); /* each test in a process of its own */
}
