/* Argument checks. One text for every backend: what reaches a kernel is complete and valid.
 *
 * After these checks every byte offset within a matrix fits int64_t and ptrdiff_t, so kernels
 * compute offsets in 64 bits without further thought. */
#include "args.h"
#include "elements.h"
#include "error.h"

#include <inttypes.h>
#include <string.h>

/* The size of each struct in version 0.1, by its last field then: what the oldest caller passes. */
#define END_OF(type, field) (offsetof(type, field) + sizeof(((type *)NULL)->field))
enum {
    args_size_0_1 = END_OF(octgemm_args, stream),
    quantize_args_size_0_1 = END_OF(octgemm_quantize_args, stream),
};

/* Copies a caller's struct of `size` bytes over a zeroed one of `own` bytes. A newer caller's extra
 * bytes must be zero: anything else asks for something this library does not know. */
static octgemm_status copy_struct(const char *function, void *out, size_t own, size_t oldest,
                                  const void *in, size_t size)
{
    if (size < oldest || size > 4096)
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "%s: args->size is %zu, set it to sizeof *args (%zu in this library)",
                            function, size, own);
    const unsigned char *bytes = in;
    for (size_t i = own; i < size; i++)
        if (bytes[i] != 0)
            return octgemm_fail(OCTGEMM_ERR_ARG,
                                "%s: args has a field (at byte %zu) that this library, version "
                                "%d.%d.%d, does not know",
                                function, i, OCTGEMM_VERSION_MAJOR, OCTGEMM_VERSION_MINOR,
                                OCTGEMM_VERSION_PATCH);
    memset(out, 0, own);
    memcpy(out, in, size < own ? size : own);
    return OCTGEMM_OK;
}

static octgemm_status check_enum(const char *function, const char *name, int value, int count)
{
    if (value >= 0 && value < count)
        return OCTGEMM_OK;
    return octgemm_fail(OCTGEMM_ERR_ARG, "%s: %s is %d, not one of its enum's values", function,
                        name, value);
}

static octgemm_status check_float_type(const char *function, const char *name, octgemm_type type)
{
    if (type == OCTGEMM_I32)
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "%s: %s is OCTGEMM_I32; it can be OCTGEMM_F32, _F16 or _BF16", function,
                            name);
    return check_enum(function, name, (int)type, 4);
}

static octgemm_status check_flag(const char *function, const char *name, int value)
{
    if (value == 0 || value == 1)
        return OCTGEMM_OK;
    return octgemm_fail(OCTGEMM_ERR_ARG, "%s: %s is %d, neither 0 nor 1", function, name, value);
}

static octgemm_status check_count(const char *function, const char *name, int64_t value)
{
    if (value >= 0)
        return OCTGEMM_OK;
    return octgemm_fail(OCTGEMM_ERR_ARG, "%s: %s is %" PRId64 ", negative", function, name, value);
}

static octgemm_status check_k(const char *function, int64_t k, int with_zero_points)
{
    int64_t most = with_zero_points ? OCTGEMM_K_MAX_ZERO : OCTGEMM_K_MAX;
    if (k <= most)
        return OCTGEMM_OK;
    return octgemm_fail(
        OCTGEMM_ERR_ARG,
        "%s: k is %" PRId64 ", more than %" PRId64 " (%s): the sums would not fit int32", function,
        k, most, with_zero_points ? "OCTGEMM_K_MAX_ZERO, with zero points" : "OCTGEMM_K_MAX");
}

octgemm_status octgemm_check_matrix(const char *function, const char *ld_name, int64_t rows,
                                    int64_t columns, int64_t ld, int64_t width)
{
    if (ld < columns)
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "%s: %s is %" PRId64 ", smaller than the row length %" PRId64, function,
                            ld_name, ld, columns);
    int64_t limit = (PTRDIFF_MAX < INT64_MAX ? PTRDIFF_MAX : INT64_MAX) / width;
    if (columns > limit || (rows > 1 && ld > (limit - columns) / (rows - 1)))
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "%s: %" PRId64 " rows with %s %" PRId64
                            " need more bytes than an address can count",
                            function, rows, ld_name, ld);
    return OCTGEMM_OK;
}

/* With zero points there are sums of B's rows, which a workspace may have to hold. */
static octgemm_status check_sums(const char *function, int64_t n)
{
    int64_t most = PTRDIFF_MAX / (int64_t)sizeof(int32_t) / 2; /* beside other things */
    if (n <= most)
        return OCTGEMM_OK;
    return octgemm_fail(OCTGEMM_ERR_ARG,
                        "%s: n is %" PRId64 " with za: the sums of so many rows of B need more "
                        "bytes than an address can count",
                        function, n);
}

static octgemm_status check_pointer(const char *function, const char *name, const void *pointer)
{
    return pointer ? OCTGEMM_OK : octgemm_null_argument(function, name);
}

octgemm_status octgemm_check_weights(const char *function, int64_t n, int64_t k)
{
    octgemm_status status;
    (void)((status = check_count(function, "n", n)) || (status = check_count(function, "k", k)) ||
           (status = check_k(function, k, 0)));
    return status;
}

octgemm_status octgemm_refuse_packed(const char *function, int64_t n, int64_t k)
{
    return octgemm_fail(OCTGEMM_ERR_ARG,
                        "%s: packed weights of n %" PRId64 " and k %" PRId64
                        " need more bytes than an address can count",
                        function, n, k);
}

static octgemm_status check_shape(const octgemm_args *args)
{
    const char *function = "octgemm_args";
    octgemm_status status;
    (void)((status = check_count(function, "m", args->m)) ||
           (status = check_count(function, "n", args->n)) ||
           (status = check_count(function, "k", args->k)) ||
           (status = check_enum(function, "b_layout", (int)args->b_layout, 2)) ||
           (status = check_enum(function, "sa_mode", (int)args->sa_mode, 2)) ||
           (status = check_enum(function, "sb_mode", (int)args->sb_mode, 2)) ||
           (status = check_enum(function, "za_mode", (int)args->za_mode, 2)) ||
           (status = check_float_type(function, "bias_type", args->bias_type)) ||
           (status = check_enum(function, "d_type", (int)args->d_type, 4)) ||
           (status = check_k(function, args->k, args->za != NULL)) ||
           (status = octgemm_check_matrix(function, "lda", args->m, args->k, args->lda, 1)) ||
           (args->b_layout == OCTGEMM_B_ROWS &&
            (status = octgemm_check_matrix(function, "ldb", args->n, args->k, args->ldb, 1))) ||
           (status = octgemm_check_matrix(function, "ldd", args->m, args->n, args->ldd,
                                          octgemm_width(args->d_type))) ||
           (args->za && (status = check_sums(function, args->n))));
    return status;
}

static octgemm_status check_pointers(const octgemm_args *args)
{
    const char *function = "octgemm_args";
    octgemm_status status;
    if (args->m == 0 || args->n == 0)
        return OCTGEMM_OK;
    if ((status = check_pointer(function, "d", args->d)))
        return status;
    if (args->k > 0 && (status = check_pointer(function, "a", args->a)))
        return status;
    if (args->k > 0 || args->b_layout == OCTGEMM_B_PACKED)
        return check_pointer(function, "b", args->b);
    return OCTGEMM_OK;
}

/* S itself has no scales and no bias: what is ignored must not be read, so no kernel sees it. */
static void drop_ignored(octgemm_args *args)
{
    if (args->d_type != OCTGEMM_I32)
        return;
    args->sa = NULL;
    args->sb = NULL;
    args->bias = NULL;
}

octgemm_status octgemm_complete_args(octgemm_args *out, const octgemm_args *in, int with_pointers)
{
    octgemm_status status = check_pointer("octgemm_args", "args", in);
    if (status == OCTGEMM_OK)
        status = copy_struct("octgemm_args", out, sizeof *out, args_size_0_1, in, in->size);
    if (status == OCTGEMM_OK)
        status = check_shape(out);
    if (status == OCTGEMM_OK && with_pointers)
        status = check_pointers(out);
    if (status == OCTGEMM_OK)
        drop_ignored(out);
    return status;
}

int octgemm_quantizes_nothing(const octgemm_quantize_args *args)
{
    return args->rows == 0 || (args->k == 0 && args->static_scale);
}

octgemm_status octgemm_complete_quantize_args(octgemm_quantize_args *out,
                                              const octgemm_quantize_args *in)
{
    const char *function = "octgemm_quantize_args";
    octgemm_status status = check_pointer(function, "args", in);
    if (status == OCTGEMM_OK)
        status = copy_struct(function, out, sizeof *out, quantize_args_size_0_1, in, in->size);
    if (status != OCTGEMM_OK)
        return status;
    if ((status = check_count(function, "rows", out->rows)) ||
        (status = check_count(function, "k", out->k)) ||
        (status = check_float_type(function, "x_type", out->x_type)) ||
        (status = check_flag(function, "static_scale", out->static_scale)) ||
        (status = octgemm_check_matrix(function, "ldx", out->rows, out->k, out->ldx,
                                       octgemm_width(out->x_type))) ||
        (status = octgemm_check_matrix(function, "ldq", out->rows, out->k, out->ldq, 1)))
        return status;
    if (out->static_scale && out->zero)
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "%s: zero is set with static_scale; static quantisation is symmetric",
                            function);
    if (octgemm_quantizes_nothing(out))
        return OCTGEMM_OK;
    if ((status = check_pointer(function, "scale", out->scale)))
        return status;
    if (out->k > 0 && ((status = check_pointer(function, "x", out->x)) ||
                       (status = check_pointer(function, "q", out->q))))
        return status;
    return OCTGEMM_OK;
}
