/* The public functions' argument checks: every way to call them wrongly, the status and the words
 * it gets, and that a call that fails writes nothing. On the two host backends; what is checked
 * here happens before any backend is asked. */
#define _GNU_SOURCE /* feenableexcept */
#include "octgemm.h"
#include "run_tests.h"

#include <check.h>
#include <fenv.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const backends[] = {"ref", "cpu"};
static octgemm_ctx *ctx;

static void open_context(const char *backend)
{
    ck_assert_msg(octgemm_open(&ctx, backend, 0) == OCTGEMM_OK, "%s", octgemm_last_error());
}

static void setup(void)
{
    unsetenv("OCTGEMM_KERNEL");
    unsetenv("OCTGEMM_CPU");
}

static void teardown(void)
{
    octgemm_close(&ctx);
    ck_assert_ptr_null(ctx);
}

static void expect_error(octgemm_status status, octgemm_status wanted, const char *words)
{
    ck_assert_msg(status == wanted, "status %d (%s), not %d (%s)", status, octgemm_last_error(),
                  wanted, words);
    ck_assert_msg(strstr(octgemm_last_error(), words) != NULL, "\"%s\" does not say \"%s\"",
                  octgemm_last_error(), words);
}

/* ---- a valid product and ways to spoil it ------------------------------------------------------
 */

enum { M = 3, N = 4, K = 5, LD = 16 };
static int8_t a[M * LD], b[N * LD];
static float scales[LD], bias[LD], d[M * LD];
static int32_t zeros[LD];

static octgemm_args valid(void)
{
    return (octgemm_args){.size = sizeof(octgemm_args),
                          .m = M,
                          .n = N,
                          .k = K,
                          .a = a,
                          .lda = LD,
                          .b = b,
                          .ldb = LD,
                          .sa = scales,
                          .sb = scales,
                          .za = zeros,
                          .bias = bias,
                          .d = d,
                          .ldd = LD};
}

/* One field set to a value; a row of a table has a few. */
enum { most_changes = 4 };
struct change {
    size_t offset, width; /* width 0: none */
    int64_t value;
};
#define SET(field, value)                                                                          \
    {                                                                                              \
        offsetof(octgemm_args, field), sizeof(((octgemm_args *)NULL)->field), value                \
    }
#define FAR (INT64_MAX / 2)

static void apply(void *args, const struct change *change)
{
    int32_t narrow = (int32_t)change->value;
    void *field = (char *)args + change->offset;
    if (change->width == sizeof narrow)
        memcpy(field, &narrow, sizeof narrow);
    else
        memcpy(field, &change->value, change->width);
}

static const struct wrong {
    struct change changes[most_changes];
    int in_shape; /* also seen by query, workspace and kernel, which do not look at pointers */
    const char *words;
} wrongs[] = {
    {{SET(size, 0)}, 1, "args->size is 0, set it to sizeof *args"},
    {{SET(size, sizeof(octgemm_args) - 1)}, 1, "set it to sizeof *args"},
    {{SET(size, 4097)}, 1, "args->size is 4097"},
    {{SET(size, -1)}, 1, "set it to sizeof *args"},
    {{SET(m, -1)}, 1, "m is -1, negative"},
    {{SET(n, -7)}, 1, "n is -7, negative"},
    {{SET(k, INT64_MIN)}, 1, "k is -9223372036854775808, negative"},
    {{SET(b_layout, 2)}, 1, "b_layout is 2, not one of"},
    {{SET(b_layout, -1)}, 1, "b_layout is -1"},
    {{SET(sa_mode, 2)}, 1, "sa_mode is 2"},
    {{SET(sa_mode, INT32_MIN)}, 1, "sa_mode is -2147483648"},
    {{SET(sb_mode, 2)}, 1, "sb_mode is 2"},
    {{SET(za_mode, 2)}, 1, "za_mode is 2"},
    {{SET(bias_type, OCTGEMM_I32)}, 1, "bias_type is OCTGEMM_I32"},
    {{SET(bias_type, -1)}, 1, "bias_type is -1"},
    {{SET(d_type, 4)}, 1, "d_type is 4"},
    {{SET(d_type, -1)}, 1, "d_type is -1"},
    {{SET(k, OCTGEMM_K_MAX + 1), SET(za, 0)}, 1, "k is 131072, more than 131071"},
    {{SET(k, OCTGEMM_K_MAX_ZERO + 1)}, 1, "k is 65794, more than 65793"},
    {{SET(k, INT64_MAX)}, 1, "more than"},
    {{SET(lda, K - 1)}, 1, "lda is 4, smaller than the row length 5"},
    {{SET(lda, -1)}, 1, "lda is -1, smaller"},
    {{SET(lda, 0), SET(m, 0)}, 1, "lda is 0, smaller"},
    {{SET(ldb, K - 1)}, 1, "ldb is 4, smaller"},
    {{SET(ldd, N - 1)}, 1, "ldd is 3, smaller than the row length 4"},
    {{SET(lda, INT64_MAX)}, 1, "3 rows with lda 9223372036854775807 need more bytes"},
    {{SET(ldb, INT64_MAX / 3)}, 1, "need more bytes than an address can count"},
    {{SET(ldd, INT64_MAX / 8)}, 1, "rows with ldd"},
    {{SET(m, FAR), SET(lda, 6)}, 1, "rows with lda 6 need more bytes"},
    {{SET(m, FAR), SET(lda, 5), SET(k, 0)}, 1, "need more bytes"},
    {{SET(n, FAR), SET(ldd, FAR)}, 1, "need more bytes"},
    {{SET(n, INT64_MAX), SET(ldb, 5), SET(ldd, INT64_MAX)}, 1, "need more bytes"},
    {{SET(m, 1), SET(n, FAR), SET(ldd, FAR), SET(b_layout, OCTGEMM_B_PACKED)},
     1,
     "1 rows with ldd"},
    {{SET(m, 1), SET(n, FAR / 2), SET(ldd, FAR / 2), SET(b_layout, OCTGEMM_B_PACKED)},
     1,
     "n is 2305843009213693951 with za"},
    {{SET(a, 0)}, 0, "a is NULL"},
    {{SET(b, 0)}, 0, "b is NULL"},
    {{SET(d, 0)}, 0, "d is NULL"},
    {{SET(d, 0), SET(k, 0)}, 0, "d is NULL"},
    {{SET(b, 0), SET(k, 0), SET(b_layout, OCTGEMM_B_PACKED)}, 0, "b is NULL"},
};
enum { wrong_count = sizeof wrongs / sizeof *wrongs };

static void expect_untouched(const float *before)
{
    ck_assert_mem_eq(d, before, sizeof d);
}

START_TEST(wrong_arguments_have_words_and_write_nothing)
{
    const struct wrong *wrong = &wrongs[_i];
    for (int which = 0; which < 2; which++) {
        float before[M * LD];
        octgemm_info info;
        size_t bytes = 77;
        open_context(backends[which]);
        octgemm_args args = valid();
        memset(d, 0x5a, sizeof d);
        memcpy(before, d, sizeof d);
        for (int i = 0; i < most_changes; i++)
            apply(&args, &wrong->changes[i]);
        expect_error(octgemm_run(ctx, &args), OCTGEMM_ERR_ARG, wrong->words);
        expect_untouched(before);
        if (wrong->in_shape) {
            expect_error(octgemm_workspace(ctx, &args, &bytes), OCTGEMM_ERR_ARG, wrong->words);
            ck_assert_uint_eq(bytes, 77);
            expect_error(octgemm_query(ctx, &args, &info), OCTGEMM_ERR_ARG, wrong->words);
            expect_error(octgemm_kernel(ctx, &args, 0, &info), OCTGEMM_ERR_ARG, wrong->words);
        } else {
            ck_assert_int_eq(octgemm_query(ctx, &args, &info), OCTGEMM_OK);
            ck_assert_int_eq(octgemm_workspace(ctx, &args, &bytes), OCTGEMM_OK);
        }
        octgemm_close(&ctx);
    }
}
END_TEST

/* What looks wrong and is not. */
static const struct change rights[][most_changes] = {
    {{0, 0, 0}},
    {SET(m, 0)},
    {SET(n, 0)},
    {SET(m, 0), SET(a, 0), SET(d, 0)},
    {SET(n, 0), SET(b, 0), SET(d, 0)},
    {SET(k, 0), SET(a, 0), SET(b, 0)},
    {SET(k, 0), SET(lda, 0), SET(ldb, 0)},
    {SET(sa, 0), SET(sb, 0), SET(bias, 0)},
    {SET(lda, K), SET(ldb, K), SET(ldd, N)},
    {SET(d_type, OCTGEMM_I32)},
    {SET(m, 1), SET(lda, INT64_MAX - 100), SET(ldd, INT64_MAX / 4)},
    {SET(m, 0), SET(k, OCTGEMM_K_MAX_ZERO), SET(lda, OCTGEMM_K_MAX)},
};
enum { right_count = sizeof rights / sizeof *rights };

START_TEST(unusual_arguments_are_accepted)
{
    for (int which = 0; which < 2; which++) {
        open_context(backends[which]);
        octgemm_args args = valid();
        for (int i = 0; i < most_changes; i++)
            apply(&args, &rights[_i][i]);
        args.ldb = args.k > args.ldb ? args.k : args.ldb;
        size_t bytes;
        ck_assert_int_eq(octgemm_workspace(ctx, &args, &bytes), OCTGEMM_OK);
        void *workspace = malloc(bytes + 1);
        args.workspace = workspace;
        args.workspace_size = bytes;
        ck_assert_msg(octgemm_run(ctx, &args) == OCTGEMM_OK, "%s", octgemm_last_error());
        free(workspace);
        octgemm_close(&ctx);
    }
}
END_TEST

START_TEST(null_arguments)
{
    octgemm_info info;
    octgemm_args args = valid();
    size_t bytes;
    void *memory = &memory;
    octgemm_quantize_args quantize = {.size = sizeof quantize};
    open_context("ref");
    expect_error(octgemm_open(NULL, "ref", 0), OCTGEMM_ERR_ARG, "out is NULL");
    expect_error(octgemm_backend(0, NULL), OCTGEMM_ERR_ARG, "out is NULL");
    expect_error(octgemm_run(NULL, &args), OCTGEMM_ERR_ARG, "ctx is NULL");
    expect_error(octgemm_run(ctx, NULL), OCTGEMM_ERR_ARG, "args is NULL");
    expect_error(octgemm_workspace(NULL, &args, &bytes), OCTGEMM_ERR_ARG, "ctx is NULL");
    expect_error(octgemm_workspace(ctx, NULL, &bytes), OCTGEMM_ERR_ARG, "args is NULL");
    expect_error(octgemm_workspace(ctx, &args, NULL), OCTGEMM_ERR_ARG, "bytes is NULL");
    expect_error(octgemm_query(NULL, &args, &info), OCTGEMM_ERR_ARG, "ctx is NULL");
    expect_error(octgemm_query(ctx, &args, NULL), OCTGEMM_ERR_ARG, "out is NULL");
    expect_error(octgemm_kernel(NULL, &args, 0, &info), OCTGEMM_ERR_ARG, "ctx is NULL");
    expect_error(octgemm_kernel(ctx, NULL, 0, NULL), OCTGEMM_ERR_ARG, "out is NULL");
    expect_error(octgemm_kernel(ctx, NULL, 999, &info), OCTGEMM_ERR_ARG, "past the end");
    expect_error(octgemm_quantize(NULL, &quantize), OCTGEMM_ERR_ARG, "ctx is NULL");
    expect_error(octgemm_quantize(ctx, NULL), OCTGEMM_ERR_ARG, "args is NULL");
    expect_error(octgemm_packed_size(NULL, 1, 1, &bytes), OCTGEMM_ERR_ARG, "ctx is NULL");
    expect_error(octgemm_packed_size(ctx, 1, 1, NULL), OCTGEMM_ERR_ARG, "bytes is NULL");
    expect_error(octgemm_pack(NULL, 1, 1, b, 1, d, NULL), OCTGEMM_ERR_ARG, "ctx is NULL");
    expect_error(octgemm_pack(ctx, 1, 1, NULL, 1, d, NULL), OCTGEMM_ERR_ARG, "b is NULL");
    expect_error(octgemm_pack(ctx, 1, 1, b, 1, NULL, NULL), OCTGEMM_ERR_ARG, "packed is NULL");
    expect_error(octgemm_alloc(NULL, 1, &memory), OCTGEMM_ERR_ARG, "ctx is NULL");
    ck_assert_ptr_null(memory);
    expect_error(octgemm_alloc(ctx, 1, NULL), OCTGEMM_ERR_ARG, "out is NULL");
    expect_error(octgemm_upload(NULL, a, b, 1, NULL), OCTGEMM_ERR_ARG, "ctx is NULL");
    expect_error(octgemm_upload(ctx, NULL, b, 1, NULL), OCTGEMM_ERR_ARG, "device is NULL");
    expect_error(octgemm_upload(ctx, a, NULL, 1, NULL), OCTGEMM_ERR_ARG, "host is NULL");
    expect_error(octgemm_download(NULL, a, b, 1, NULL), OCTGEMM_ERR_ARG, "ctx is NULL");
    expect_error(octgemm_download(ctx, NULL, b, 1, NULL), OCTGEMM_ERR_ARG, "host is NULL");
    expect_error(octgemm_download(ctx, a, NULL, 1, NULL), OCTGEMM_ERR_ARG, "device is NULL");
    expect_error(octgemm_sync(NULL, NULL), OCTGEMM_ERR_ARG, "ctx is NULL");
    ck_assert_int_eq(octgemm_upload(ctx, NULL, NULL, 0, NULL), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_download(ctx, NULL, NULL, 0, NULL), OCTGEMM_OK);
    octgemm_free(NULL, NULL);
    octgemm_free(ctx, NULL);
    octgemm_close(NULL);
    octgemm_close(&ctx);
    octgemm_close(&ctx); /* a second time: nothing happens */
    ck_assert_ptr_null(ctx);
}
END_TEST

/* A caller built against a later header passes a longer struct. */
START_TEST(a_longer_struct)
{
    struct {
        octgemm_args args;
        int64_t later;
    } longer = {.args = valid(), .later = 0};
    struct {
        octgemm_quantize_args args;
        int64_t later;
    } quantize = {.args = {.size = sizeof quantize}, .later = 0};
    longer.args.size = sizeof longer;
    open_context("ref");
    ck_assert_int_eq(octgemm_run(ctx, &longer.args), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_quantize(ctx, &quantize.args), OCTGEMM_OK);
    longer.later = 1;
    quantize.later = INT64_MIN;
    expect_error(octgemm_run(ctx, &longer.args), OCTGEMM_ERR_ARG, "a field (at byte");
    expect_error(octgemm_quantize(ctx, &quantize.args), OCTGEMM_ERR_ARG, "does not know");
}
END_TEST

START_TEST(a_short_workspace_is_refused)
{
    for (int which = 0; which < 2; which++) {
        enum { big = 300 };
        open_context(backends[which]);
        octgemm_args args = {
            .size = sizeof args, .m = big, .n = big, .k = big, .lda = big, .ldb = big, .ldd = big};
        size_t bytes;
        int8_t *matrix = calloc(big, big);
        float *out = calloc(big * big, sizeof *out);
        args.a = matrix;
        args.b = matrix;
        args.d = out;
        ck_assert_int_eq(octgemm_workspace(ctx, &args, &bytes), OCTGEMM_OK);
        memset(out, 0x5a, big * big * sizeof *out);
        if (bytes > 0) {
            expect_error(octgemm_run(ctx, &args), OCTGEMM_ERR_WORKSPACE, "workspace is NULL");
            args.workspace_size = bytes;
            expect_error(octgemm_run(ctx, &args), OCTGEMM_ERR_WORKSPACE, "workspace is NULL");
            args.workspace = malloc(bytes);
            args.workspace_size = bytes - 1;
            expect_error(octgemm_run(ctx, &args), OCTGEMM_ERR_WORKSPACE, "workspace is set with");
            free(args.workspace);
            for (int i = 0; i < big * big; i++)
                ck_assert_mem_eq(&out[i], "\x5a\x5a\x5a\x5a", 4);
        }
        free(matrix);
        free(out);
        octgemm_close(&ctx);
    }
}
END_TEST

/* ---- packed weights ----------------------------------------------------------------------------
 */

START_TEST(weights_sizes_are_checked)
{
    size_t bytes;
    open_context(backends[_i]);
    expect_error(octgemm_packed_size(ctx, -1, 1, &bytes), OCTGEMM_ERR_ARG, "n is -1");
    expect_error(octgemm_packed_size(ctx, 1, -1, &bytes), OCTGEMM_ERR_ARG, "k is -1");
    expect_error(octgemm_packed_size(ctx, 1, OCTGEMM_K_MAX + 1, &bytes), OCTGEMM_ERR_ARG,
                 "k is 131072");
    expect_error(octgemm_packed_size(ctx, INT64_MAX, OCTGEMM_K_MAX, &bytes), OCTGEMM_ERR_ARG,
                 "more bytes than an address can count");
    /* n * k fits, but what packing adds to it (a header, padding of panels) does not */
    expect_error(octgemm_packed_size(ctx, INT64_MAX, 1, &bytes), OCTGEMM_ERR_ARG,
                 "octgemm_packed_size: packed weights of n 9223372036854775807 and k 1 need more "
                 "bytes than an address can count");
    for (int shift = 40; shift < 63; shift++) /* nor what size_t counts and ptrdiff_t does not */
        if (octgemm_packed_size(ctx, INT64_C(1) << shift, 1, &bytes) == OCTGEMM_OK)
            ck_assert_uint_le(bytes, PTRDIFF_MAX);
    ck_assert_ptr_null(strstr(octgemm_last_error(), "ldb")); /* which it does not have */
    expect_error(octgemm_pack(ctx, 2, 5, b, 4, d, NULL), OCTGEMM_ERR_ARG, "ldb is 4, smaller");
    expect_error(octgemm_pack(ctx, -2, 5, b, 5, d, NULL), OCTGEMM_ERR_ARG, "n is -2");
    for (int64_t n = 0; n < 2; n++)
        for (int64_t k = 0; k < 2; k++) { /* empty weights pack too */
            ck_assert_int_eq(octgemm_packed_size(ctx, n, k, &bytes), OCTGEMM_OK);
            void *packed = malloc(bytes + 1);
            ck_assert_int_eq(octgemm_pack(ctx, n, k, n > 0 && k > 0 ? b : NULL, 1, packed, NULL),
                             OCTGEMM_OK);
            free(packed);
        }
}
END_TEST

/* Bytes of the header (packed.h) and what changing them must say. */
static const struct header_change {
    size_t byte;
    const char *words;
} header_changes[] = {
    {0, "b was not written by octgemm_pack()"},
    {7, "b was not written by octgemm_pack()"},
    {8, "b is packed in format version"},
    {12, "this context wants"},
    {31, "this context wants"}, /* behind the name */
    {32, "b is packed for n = "},
    {40, "b is packed for n = "},
    {48, "b has a damaged header"},
    {56, "b has a damaged header"},
};
enum { header_count = sizeof header_changes / sizeof *header_changes };

START_TEST(foreign_packed_weights_are_refused)
{
    for (int which = 0; which < 2; which++) {
        open_context(backends[which]);
        size_t bytes;
        float before[M * LD];
        ck_assert_int_eq(octgemm_packed_size(ctx, N, K, &bytes), OCTGEMM_OK);
        char *packed = malloc(bytes);
        ck_assert_int_eq(octgemm_pack(ctx, N, K, b, LD, packed, NULL), OCTGEMM_OK);
        octgemm_args args = valid();
        args.b = packed;
        args.b_layout = OCTGEMM_B_PACKED;
        octgemm_info info;
        ck_assert_int_eq(octgemm_query(ctx, &args, &info), OCTGEMM_OK);
        memset(d, 0x5a, sizeof d);
        memcpy(before, d, sizeof d);
        packed[header_changes[_i].byte] ^= 0x10;
        expect_error(octgemm_run(ctx, &args), OCTGEMM_ERR_ARG, header_changes[_i].words);
        expect_error(octgemm_query(ctx, &args, &info), OCTGEMM_ERR_ARG, header_changes[_i].words);
        ck_assert_int_eq(octgemm_workspace(ctx, &args, &bytes), OCTGEMM_OK); /* does not look */
        args.m = 0;                                                          /* nothing is read */
        ck_assert_int_eq(octgemm_run(ctx, &args), OCTGEMM_OK);
        args.m = M;
        packed[header_changes[_i].byte] ^= 0x10;
        args.k--;
        expect_error(octgemm_run(ctx, &args), OCTGEMM_ERR_ARG, "not for n = 4, k = 4");
        args.k++;
        args.n--;
        expect_error(octgemm_run(ctx, &args), OCTGEMM_ERR_ARG, "not for n = 3, k = 5");
        expect_untouched(before);
        free(packed);
        octgemm_close(&ctx);
    }
}
END_TEST

START_TEST(weights_of_another_backend_are_refused)
{
    octgemm_ctx *other;
    size_t bytes, more;
    open_context("ref");
    ck_assert_int_eq(octgemm_open(&other, "cpu", 0), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_packed_size(ctx, N, K, &bytes), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_packed_size(other, N, K, &more), OCTGEMM_OK);
    void *packed = calloc(1, bytes > more ? bytes : more);
    octgemm_args args = valid();
    args.b = packed;
    args.b_layout = OCTGEMM_B_PACKED;
    ck_assert_int_eq(octgemm_pack(ctx, N, K, b, LD, packed, NULL), OCTGEMM_OK);
    expect_error(octgemm_run(other, &args), OCTGEMM_ERR_ARG, "b is packed as \"rows\"");
    ck_assert_int_eq(octgemm_pack(other, N, K, b, LD, packed, NULL), OCTGEMM_OK);
    expect_error(octgemm_run(ctx, &args), OCTGEMM_ERR_ARG, "this context wants \"rows\"");
    free(packed);
    octgemm_close(&other);
}
END_TEST

/* ---- the quantiser -----------------------------------------------------------------------------
 */

#define SETQ(field, value)                                                                         \
    {                                                                                              \
        offsetof(octgemm_quantize_args, field), sizeof(((octgemm_quantize_args *)NULL)->field),    \
            value                                                                                  \
    }

static const struct {
    struct change changes[most_changes];
    const char *words; /* NULL: accepted */
} quantizer_changes[] = {
    {{{0, 0, 0}}, NULL},
    {{SETQ(size, 8)}, "args->size is 8"},
    {{SETQ(rows, -1)}, "rows is -1, negative"},
    {{SETQ(k, -1)}, "k is -1, negative"},
    {{SETQ(x_type, OCTGEMM_I32)}, "x_type is OCTGEMM_I32"},
    {{SETQ(x_type, -1)}, "x_type is -1"},
    {{SETQ(static_scale, 2)}, "static_scale is 2, neither 0 nor 1"},
    {{SETQ(ldx, K - 1)}, "ldx is 4, smaller"},
    {{SETQ(ldq, K - 1)}, "ldq is 4, smaller"},
    {{SETQ(ldx, INT64_MAX / 4)}, "need more bytes"},
    {{SETQ(ldq, INT64_MAX / 2 + 1)}, "need more bytes"},
    {{SETQ(k, INT64_MAX), SETQ(ldx, INT64_MAX), SETQ(ldq, INT64_MAX)}, "need more bytes"},
    {{SETQ(static_scale, 1)}, "zero is set with static_scale"},
    {{SETQ(static_scale, 1), SETQ(zero, 0)}, NULL},
    /* at once: there is nothing to write in any row */
    {{SETQ(static_scale, 1), SETQ(zero, 0), SETQ(k, 0), SETQ(rows, (int64_t)1 << 52)}, NULL},
    {{SETQ(static_scale, 1), SETQ(zero, 0), SETQ(k, 0), SETQ(scale, 0)}, NULL},
    {{SETQ(scale, 0)}, "scale is NULL"},
    {{SETQ(x, 0)}, "x is NULL"},
    {{SETQ(q, 0)}, "q is NULL"},
    {{SETQ(x, 0), SETQ(q, 0), SETQ(k, 0)}, NULL},
    {{SETQ(x, 0), SETQ(q, 0), SETQ(rows, 0)}, NULL},
    {{SETQ(scale, 0), SETQ(rows, 0)}, NULL},
};
enum { quantizer_count = sizeof quantizer_changes / sizeof *quantizer_changes };

START_TEST(quantizer_arguments)
{
    for (int which = 0; which < 2; which++) {
        float x[M * LD] = {1, 2, 3}, scale[LD] = {1};
        int8_t q[M * LD] = {0}, untouched[M * LD] = {0};
        int32_t zero[LD];
        open_context(backends[which]);
        octgemm_quantize_args args = {.size = sizeof args,
                                      .rows = M,
                                      .k = K,
                                      .x = x,
                                      .ldx = LD,
                                      .q = q,
                                      .ldq = LD,
                                      .scale = scale,
                                      .zero = zero};
        for (int i = 0; i < most_changes; i++)
            apply(&args, &quantizer_changes[_i].changes[i]);
        octgemm_status status = octgemm_quantize(ctx, &args);
        if (quantizer_changes[_i].words) {
            expect_error(status, OCTGEMM_ERR_ARG, quantizer_changes[_i].words);
            ck_assert_mem_eq(q, untouched, sizeof q);
        } else {
            ck_assert_msg(status == OCTGEMM_OK, "%s", octgemm_last_error());
        }
        octgemm_close(&ctx);
    }
}
END_TEST

/* ---- the rest ----------------------------------------------------------------------------------
 */

START_TEST(memory_functions)
{
    enum { bytes = 1000 };
    unsigned char host[bytes], back[bytes];
    void *memory;
    open_context(backends[_i]);
    for (int i = 0; i < bytes; i++)
        host[i] = (unsigned char)(i * 7);
    ck_assert_int_eq(octgemm_alloc(ctx, bytes, &memory), OCTGEMM_OK);
    ck_assert_uint_eq((uintptr_t)memory % 64, 0);
    ck_assert_int_eq(octgemm_upload(ctx, memory, host, bytes, NULL), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_download(ctx, back, memory, bytes, NULL), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_sync(ctx, NULL), OCTGEMM_OK);
    ck_assert_mem_eq(host, back, bytes);
    octgemm_free(ctx, memory);
    ck_assert_int_eq(octgemm_alloc(ctx, 0, &memory), OCTGEMM_OK);
    ck_assert_ptr_nonnull(memory);
    octgemm_free(ctx, memory);
    expect_error(octgemm_alloc(ctx, SIZE_MAX, &memory), OCTGEMM_ERR_NOMEM, "bytes");
    ck_assert_ptr_null(memory);
    expect_error(octgemm_alloc(ctx, SIZE_MAX / 2, &memory), OCTGEMM_ERR_NOMEM, "bytes");
    ck_assert_ptr_null(memory);
}
END_TEST

START_TEST(words)
{
    ck_assert_uint_eq(octgemm_version(), OCTGEMM_VERSION_MAJOR << 16 | OCTGEMM_VERSION_MINOR << 8 |
                                             OCTGEMM_VERSION_PATCH);
    for (int i = 0; i <= OCTGEMM_ERR_DEVICE; i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(octgemm_strerror((octgemm_status)i),
                             octgemm_strerror((octgemm_status)j));
    ck_assert_str_eq(octgemm_strerror((octgemm_status)-1), "unknown status");
    ck_assert_str_eq(octgemm_strerror((octgemm_status)7), "unknown status");
}
END_TEST

/* The message belongs to the thread whose call failed. */
static void *fail_elsewhere(void *unused)
{
    (void)unused;
    int fresh = octgemm_last_error()[0] == '\0';
    octgemm_run(NULL, NULL);
    return fresh && strstr(octgemm_last_error(), "octgemm_run") ? "right" : NULL;
}

START_TEST(the_last_error_is_one_line)
{
    octgemm_ctx *none;
    ck_assert_int_eq(octgemm_open(&none, "two\nlines\x1b[2J", 0), OCTGEMM_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(octgemm_last_error(), "\"two?lines?[2J\""));
    char repeated[1024]; /* the message may be what the next one repeats */
    snprintf(repeated, sizeof repeated, "no backend is called \"%s\"", octgemm_last_error());
    repeated[200] = '\0';
    ck_assert_int_eq(octgemm_open(&none, octgemm_last_error(), 0), OCTGEMM_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(octgemm_last_error(), repeated));
}
END_TEST

START_TEST(the_last_error_is_the_threads_own)
{
    pthread_t thread;
    void *verdict;
    octgemm_sync(NULL, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, &verdict);
    ck_assert_ptr_nonnull(verdict);
    expect_error(octgemm_sync(NULL, NULL), OCTGEMM_ERR_ARG, "octgemm_sync");
    open_context("ref");
    octgemm_sync(ctx, NULL); /* success leaves the message alone */
    ck_assert_ptr_nonnull(strstr(octgemm_last_error(), "octgemm_sync: ctx is NULL"));
}
END_TEST

/* A caller who has floating-point exceptions end the process: ours are none of its business. */
START_TEST(exceptions_may_be_trapped)
{
    size_t bytes = 0;
    octgemm_info info;
    char *memory = NULL;
    octgemm_args args = valid();
    const float x[3] = {1, 2, 3}; /* 3 / 127 and 127 / 3 are inexact too */
    float scale;
    int8_t q[3];
    octgemm_quantize_args quantize = {.size = sizeof quantize,
                                      .rows = 1,
                                      .k = 3,
                                      .x = x,
                                      .ldx = 3,
                                      .q = q,
                                      .ldq = 3,
                                      .scale = &scale};
    setenv("OCTGEMM_CPU", "generic", 1); /* whose rate is no power of two: inexact quotients */
    open_context(backends[_i]);
    args.m = 1;
    args.n = args.ldd = 3;
    args.k = 7;
#ifdef __GLIBC__
    feenableexcept(FE_ALL_EXCEPT);
#endif
    octgemm_status query = octgemm_query(ctx, &args, &info);
    octgemm_status ask = octgemm_workspace(ctx, &args, &bytes);
    memory = malloc(bytes + 1);
    args.workspace = memory;
    args.workspace_size = bytes;
    octgemm_status run = octgemm_run(ctx, &args);
    octgemm_status quantized = octgemm_quantize(ctx, &quantize);
#ifdef __GLIBC__
    fedisableexcept(FE_ALL_EXCEPT);
#endif
    free(memory);
    ck_assert_int_eq(query, OCTGEMM_OK);
    ck_assert_int_eq(ask, OCTGEMM_OK);
    ck_assert_int_eq(run, OCTGEMM_OK);
    ck_assert_int_eq(quantized, OCTGEMM_OK);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("api");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, wrong_arguments_have_words_and_write_nothing, 0, wrong_count);
    tcase_add_loop_test(tests, unusual_arguments_are_accepted, 0, right_count);
    tcase_add_test(tests, null_arguments);
    tcase_add_test(tests, a_longer_struct);
    tcase_add_test(tests, a_short_workspace_is_refused);
    tcase_add_loop_test(tests, weights_sizes_are_checked, 0, 2);
    tcase_add_loop_test(tests, foreign_packed_weights_are_refused, 0, header_count);
    tcase_add_test(tests, weights_of_another_backend_are_refused);
    tcase_add_loop_test(tests, quantizer_arguments, 0, quantizer_count);
    tcase_add_loop_test(tests, memory_functions, 0, 2);
    tcase_add_loop_test(tests, exceptions_may_be_trapped, 0, 2);
    tcase_add_test(tests, words);
    tcase_add_test(tests, the_last_error_is_one_line);
    tcase_add_test(tests, the_last_error_is_the_threads_own);
    return run_tests("api", tests, CK_FORK_GETENV);
}
