/* Selection: which backend and kernel a context gets, from arguments and environment. */
#include "octgemm.h"
#include "run_tests.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static octgemm_ctx *ctx;

static void setup(void)
{
    static const char *const variables[] = {"OCTGEMM_BACKEND", "OCTGEMM_KERNEL", "OCTGEMM_CPU",
                                            "OCTGEMM_VERBOSE"};
    for (int i = 0; i < 4; i++)
        unsetenv(variables[i]);
}

static void teardown(void)
{
    octgemm_close(&ctx);
}

static void expect_error(octgemm_status status, octgemm_status wanted, const char *words)
{
    ck_assert_msg(status == wanted, "status %d, not %d (%s)", status, wanted, octgemm_last_error());
    ck_assert_msg(strstr(octgemm_last_error(), words) != NULL, "\"%s\" does not say \"%s\"",
                  octgemm_last_error(), words);
    ck_assert_ptr_null(ctx);
}

static octgemm_info query(void)
{
    octgemm_info info;
    ck_assert_msg(octgemm_query(ctx, NULL, &info) == OCTGEMM_OK, "%s", octgemm_last_error());
    return info;
}

static octgemm_info open_and_query(const char *backend, int device)
{
    ck_assert_msg(octgemm_open(&ctx, backend, device) == OCTGEMM_OK, "%s", octgemm_last_error());
    return query();
}

/* The first row of the list that can be used, which is what auto opens; ref is never that. */
static octgemm_info first_usable(void)
{
    octgemm_info info;
    size_t row = 0;
    while (octgemm_backend(row, &info) == OCTGEMM_OK && !info.kernel[0])
        row++;
    ck_assert_str_ne(info.backend, "ref");
    return info;
}

START_TEST(the_list_of_backends)
{
    static const char *const order[] = {"hip", "cuda", "cpu", "ref"};
    octgemm_info info;
    int place = -1;
    size_t row = 0;
    for (; octgemm_backend(row, &info) == OCTGEMM_OK; row++) {
        ck_assert_ptr_nonnull(info.backend);
        ck_assert_ptr_nonnull(info.device);
        ck_assert_ptr_nonnull(info.arch);
        ck_assert_ptr_nonnull(info.kernel);
        ck_assert_ptr_nonnull(info.reason);
        ck_assert_uint_gt(strlen(info.reason), 0);
        if (place < 0 || strcmp(info.backend, order[place]) != 0)
            place++;
        ck_assert_str_eq(info.backend, order[place]);
        if (!info.kernel[0]) { /* what the list calls unusable cannot be opened, with that reason */
            expect_error(octgemm_open(&ctx, info.backend, 0), OCTGEMM_ERR_NO_BACKEND, info.reason);
        }
    }
    ck_assert_int_eq(place, 3);
    ck_assert_ptr_nonnull(strstr(octgemm_last_error(), "past the end of the list"));
    ck_assert_int_eq(octgemm_backend(row + 1000, &info), OCTGEMM_ERR_ARG);
}
END_TEST

START_TEST(auto_takes_the_first_usable)
{
    static const char *const ways[] = {NULL, "auto"};
    octgemm_info first = first_usable(), opened;
    opened = open_and_query(ways[_i], 0);
    ck_assert_str_eq(opened.backend, first.backend);
    ck_assert_str_eq(opened.device, first.device);
    ck_assert_uint_gt(strlen(opened.reason), 0);
}
END_TEST

START_TEST(the_environment_names_a_backend)
{
    setenv("OCTGEMM_BACKEND", "ref", 1);
    ck_assert_str_eq(open_and_query(NULL, 0).backend, "ref");
    octgemm_close(&ctx);
    ck_assert_str_eq(open_and_query("cpu", 0).backend, "cpu"); /* an argument is stronger */
    octgemm_close(&ctx);
    setenv("OCTGEMM_BACKEND", "", 1); /* empty is unset */
    ck_assert_str_eq(open_and_query(NULL, 0).backend, first_usable().backend);
    octgemm_close(&ctx);
    setenv("OCTGEMM_BACKEND", "auto", 1);
    ck_assert_str_eq(open_and_query(NULL, 0).backend, first_usable().backend);
    octgemm_close(&ctx);
    setenv("OCTGEMM_BACKEND", "tpu", 1);
    expect_error(octgemm_open(&ctx, NULL, 0), OCTGEMM_ERR_ARG,
                 "OCTGEMM_BACKEND: no backend is called \"tpu\"");
    ck_assert_str_eq(open_and_query("ref", 0).backend, "ref");
}
END_TEST

START_TEST(names_and_devices_that_are_not_there)
{
    expect_error(octgemm_open(&ctx, "CPU", 0), OCTGEMM_ERR_ARG, "no backend is called \"CPU\"");
    expect_error(octgemm_open(&ctx, "", 0), OCTGEMM_ERR_ARG, "no backend is called \"\"");
    expect_error(octgemm_open(&ctx, "ref", -1), OCTGEMM_ERR_ARG, "device is -1, negative");
    expect_error(octgemm_open(&ctx, "ref", 1), OCTGEMM_ERR_NO_BACKEND, "there is one host");
    expect_error(octgemm_open(&ctx, "cpu", 1), OCTGEMM_ERR_NO_BACKEND, "there is one host");
    expect_error(octgemm_open(&ctx, NULL, 4096), OCTGEMM_ERR_NO_BACKEND, "no backend has a device");
    static const char *const gpus[] = {"hip", "cuda"};
    for (int i = 0; i < 2; i++)
        expect_error(octgemm_open(&ctx, gpus[i], 4096), OCTGEMM_ERR_NO_BACKEND, gpus[i]);
}
END_TEST

/* Every usable kernel of every usable backend can be forced, and is then what runs. */
START_TEST(a_kernel_can_be_forced)
{
    octgemm_info backend, kernel;
    for (size_t row = 0; octgemm_backend(row, &backend) == OCTGEMM_OK; row++) {
        octgemm_ctx *list = NULL;
        if (!backend.kernel[0] || octgemm_open(&list, backend.backend, 0) != OCTGEMM_OK)
            continue;
        int usable = 0;
        for (size_t i = 0; octgemm_kernel(list, NULL, i, &kernel) == OCTGEMM_OK; i++) {
            setenv("OCTGEMM_KERNEL", kernel.kernel, 1);
            if (kernel.reason[0]) {
                expect_error(octgemm_open(&ctx, backend.backend, 0), OCTGEMM_ERR_ARG,
                             kernel.reason);
            } else {
                usable++;
                octgemm_args args = {.size = sizeof args, .m = 64, .n = 64, .k = 64};
                args.lda = args.ldb = args.ldd = 64;
                octgemm_info info;
                ck_assert_msg(octgemm_open(&ctx, backend.backend, 0) == OCTGEMM_OK, "%s",
                              octgemm_last_error());
                octgemm_status status = octgemm_query(ctx, &args, &info);
                ck_assert_int_eq(octgemm_kernel(ctx, &args, i, &kernel), OCTGEMM_OK);
                if (kernel.reason[0]) {
                    ck_assert_int_eq(status, OCTGEMM_ERR_UNSUPPORTED);
                    ck_assert_ptr_nonnull(strstr(octgemm_last_error(), kernel.reason));
                } else {
                    ck_assert_int_eq(status, OCTGEMM_OK);
                    ck_assert_str_eq(info.kernel, kernel.kernel);
                    ck_assert_str_eq(info.reason, "forced by OCTGEMM_KERNEL");
                }
                octgemm_close(&ctx);
            }
        }
        ck_assert_int_gt(usable, 0);
        setenv("OCTGEMM_KERNEL", "no-such-kernel", 1);
        expect_error(octgemm_open(&ctx, backend.backend, 0), OCTGEMM_ERR_ARG,
                     "OCTGEMM_KERNEL=no-such-kernel");
        unsetenv("OCTGEMM_KERNEL");
        octgemm_close(&list);
    }
}
END_TEST

/* What runs is usable and takes the arguments; the last row of a table takes anything. */
START_TEST(the_choice_agrees_with_the_table)
{
    static const int64_t sizes[] = {1, 2, 5, 16, 33, 64, 129, 512, 4096};
    enum { count = sizeof sizes / sizeof *sizes };
    octgemm_info backend, chosen, row;
    for (size_t b = 0; octgemm_backend(b, &backend) == OCTGEMM_OK; b++) {
        if (!backend.kernel[0] || octgemm_open(&ctx, backend.backend, 0) != OCTGEMM_OK)
            continue;
        for (int i = 0; i < count * count * count * 2; i++) {
            octgemm_args args = {.size = sizeof args,
                                 .m = sizes[i % count],
                                 .n = sizes[i / count % count],
                                 .k = sizes[i / count / count % count],
                                 .d_type = i % 2 ? OCTGEMM_BF16 : OCTGEMM_I32};
            int pad = i / count / count / count;
            args.lda = args.ldb = args.k + pad;
            args.ldd = args.n + pad;
            ck_assert_msg(octgemm_query(ctx, &args, &chosen) == OCTGEMM_OK, "%s",
                          octgemm_last_error());
            int seen = 0;
            for (size_t k = 0; octgemm_kernel(ctx, &args, k, &row) == OCTGEMM_OK; k++)
                seen += strcmp(row.kernel, chosen.kernel) == 0 && !row.reason[0];
            ck_assert_int_eq(seen, 1);
            ck_assert_str_eq(row.reason, ""); /* the last one */
        }
        octgemm_close(&ctx);
    }
}
END_TEST

/* The CPU's table has no cost model: its first usable row runs, whatever the product. */
START_TEST(the_first_usable_kernel_of_the_cpu_runs)
{
    octgemm_info chosen = open_and_query("cpu", 0), row;
    size_t i = 0;
    do
        ck_assert_int_eq(octgemm_kernel(ctx, NULL, i++, &row), OCTGEMM_OK);
    while (row.reason[0]);
    ck_assert_str_eq(chosen.kernel, row.kernel);
}
END_TEST

/* Kernels that want weights in another format than the context packs say so. */
START_TEST(packed_weights_fit_kernels_of_their_format)
{
    octgemm_info row, chosen = open_and_query("cpu", 0);
    octgemm_args args = {.size = sizeof args, .m = 64, .n = 64, .k = 64};
    args.lda = args.ldd = 64;
    args.b_layout = OCTGEMM_B_PACKED;
    int usable = 0, others = 0;
    for (size_t i = 0; octgemm_kernel(ctx, NULL, i, &row) == OCTGEMM_OK; i++) {
        if (row.reason[0])
            continue;
        ck_assert_int_eq(octgemm_kernel(ctx, &args, i, &row), OCTGEMM_OK);
        usable++;
        if (strcmp(row.reason, "the context packs weights in another format") == 0)
            others++;
        else
            ck_assert_str_eq(row.reason, "");
        if (strcmp(row.kernel, chosen.kernel) == 0)
            ck_assert_str_eq(row.reason, "");
    }
    if (usable > 3) /* AMX, AVX512-VNNI and AVX-VNNI share one */
        ck_assert_int_gt(others, 0);
}
END_TEST

/* OCTGEMM_CPU caps the instruction set: plain C is always there, and no name means more. */
START_TEST(the_cpu_can_be_capped)
{
    octgemm_info info, row;
    setenv("OCTGEMM_CPU", "generic", 1);
    info = open_and_query("cpu", 0);
    ck_assert_str_eq(info.arch, "generic");
    for (size_t i = 0; octgemm_kernel(ctx, NULL, i, &row) == OCTGEMM_OK; i++)
        ck_assert_msg(!row.reason[0] || strstr(row.reason, "OCTGEMM_CPU") ||
                          strstr(row.reason, "machine"),
                      "%s: %s", row.kernel, row.reason);
    octgemm_close(&ctx);
    setenv("OCTGEMM_CPU", "z80", 1);
    expect_error(octgemm_open(&ctx, "cpu", 0), OCTGEMM_ERR_ARG, "OCTGEMM_CPU=z80");
    size_t index = 0;
    do
        ck_assert_int_eq(octgemm_backend(index++, &row), OCTGEMM_OK);
    while (strcmp(row.backend, "cpu") != 0);
    ck_assert_str_eq(row.kernel, ""); /* cannot be used */
    ck_assert_ptr_nonnull(strstr(row.reason, "OCTGEMM_CPU"));
    ck_assert_str_eq(open_and_query("ref", 0).backend, "ref"); /* it is the cpu backend's alone */
    octgemm_close(&ctx);
    setenv("OCTGEMM_CPU", "", 1);
    open_and_query("cpu", 0);
}
END_TEST

/* What octgemm_run() of a small product writes to stderr, at most size - 1 bytes. */
static void run_and_listen(char *text, size_t size, octgemm_layout layout)
{
    static const int8_t a[6], b[8];
    char packed[4096], workspace[65536];
    int32_t d[12];
    octgemm_args args = {.size = sizeof args, .m = 3, .n = 4, .k = 2, .a = a, .lda = 2};
    args.b = b;
    args.ldb = 2;
    args.d = d;
    args.ldd = 4;
    args.d_type = OCTGEMM_I32;
    args.workspace = workspace;
    args.workspace_size = sizeof workspace;
    if (layout == OCTGEMM_B_PACKED) {
        size_t bytes;
        ck_assert_int_eq(octgemm_packed_size(ctx, 4, 2, &bytes), OCTGEMM_OK);
        ck_assert_uint_le(bytes, sizeof packed);
        ck_assert_int_eq(octgemm_pack(ctx, 4, 2, b, 2, packed, NULL), OCTGEMM_OK);
        args.b = packed;
        args.b_layout = layout;
    }
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    ck_assert(file && before >= 0);
    ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
    octgemm_status status = octgemm_run(ctx, &args);
    ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
    close(before);
    ck_assert_msg(status == OCTGEMM_OK, "%s", octgemm_last_error());
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* OCTGEMM_VERBOSE: one line for each operation, with the choice and what was passed over; else
 * silence. */
START_TEST(the_library_speaks_when_asked)
{
    char text[8192], expected[256];
    setenv("OCTGEMM_CPU", "generic", 1);
    setenv("OCTGEMM_VERBOSE", "0", 1);
    octgemm_info info = open_and_query("cpu", 0), first;
    run_and_listen(text, sizeof text, OCTGEMM_B_ROWS);
    ck_assert_str_eq(text, "");
    octgemm_close(&ctx);
    setenv("OCTGEMM_VERBOSE", "1", 1);
    open_and_query("cpu", 0);
    run_and_listen(text, sizeof text, OCTGEMM_B_ROWS);
    snprintf(expected, sizeof expected, "octgemm: cpu generic 3x4x2: %s (first kernel",
             info.kernel);
    ck_assert_msg(strstr(text, expected) == text, "%s", text);
    ck_assert_int_eq(octgemm_kernel(ctx, NULL, 0, &first), OCTGEMM_OK);
    if (first.reason[0]) {
        snprintf(expected, sizeof expected, "; %s: %s", first.kernel, first.reason);
        ck_assert_msg(strstr(text, expected) != NULL, "%s", text);
    }
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    run_and_listen(text, sizeof text, OCTGEMM_B_PACKED);
    ck_assert_msg(strstr(text, " 3x4x2 packed: ") != NULL, "%s", text);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("select");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_list_of_backends);
    tcase_add_loop_test(tests, auto_takes_the_first_usable, 0, 2);
    tcase_add_test(tests, the_environment_names_a_backend);
    tcase_add_test(tests, names_and_devices_that_are_not_there);
    tcase_add_test(tests, a_kernel_can_be_forced);
    tcase_add_test(tests, the_choice_agrees_with_the_table);
    tcase_add_test(tests, the_first_usable_kernel_of_the_cpu_runs);
    tcase_add_test(tests, packed_weights_fit_kernels_of_their_format);
    tcase_add_test(tests, the_cpu_can_be_capped);
    tcase_add_test(tests, the_library_speaks_when_asked);
    return run_tests("select", tests, CK_NOFORK); /* GPU contexts do not survive a fork */
}
