/* Verification: every element where that is quick, otherwise where drawn rows and columns cross.
 *
 * The reference computes the drawn rows one by one in parallel, from the inputs in host memory: the
 * int8 values, scales and zero points that went into the product. */
#include "verify.h"
#include "command.h"
#include "generate.h"
#include "matrix.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* Multiply-adds that the reference may spend, and rows drawn at most when not all are compared. */
static const int64_t budget = (int64_t)1 << 28;
enum { drawn_rows = 64 };

size_t octgemm_type_size(octgemm_type type)
{
    return type == OCTGEMM_F16 || type == OCTGEMM_BF16 ? 2 : 4;
}

/* Index `i` of `count` drawn from `all`: the first, the last, and one from each stretch between. */
static int64_t draw(int64_t i, int64_t count, int64_t all, uint64_t seed)
{
    if (count == all || i == 0)
        return i;
    if (i == count - 1)
        return all - 1;
    int64_t stretch = all / count;
    int64_t begin = stretch * i + all % count * i / count;
    return begin + (int64_t)(octgemm_random(seed, (uint64_t)i) % (uint64_t)stretch);
}

/* The drawn columns of B with what belongs to them. */
struct columns {
    int64_t count;
    int64_t *index;
    int8_t *b;
    float *sb;
    char *bias;
};

static size_t bias_size(const octgemm_args *args)
{
    return octgemm_type_size(args->bias_type);
}

static int gather_columns(const struct product *product, uint64_t seed, struct columns *columns)
{
    const octgemm_args *args = product->args;
    int64_t count = columns->count, k = args->k;
    columns->index = octgemm_allocate(count, 1, sizeof *columns->index, "verification");
    columns->b = octgemm_allocate(count, k, 1, "verification");
    columns->sb = octgemm_allocate(count, 1, sizeof *columns->sb, "verification");
    columns->bias = octgemm_allocate(count, 1, sizeof(float), "verification");
    if (!columns->index || !columns->b || !columns->sb || !columns->bias)
        return EXIT_INPUT;
    for (int64_t i = 0; i < count; i++) {
        int64_t j = columns->index[i] = draw(i, count, args->n, seed);
        if (k > 0)
            memcpy(columns->b + i * k, product->b + j * k, (size_t)k);
        if (product->sb)
            columns->sb[i] = product->sb[args->sb_mode == OCTGEMM_SCALE_ROW ? j : 0];
        if (product->bias)
            memcpy(columns->bias + (size_t)i * bias_size(args),
                   (const char *)product->bias + (size_t)j * bias_size(args), bias_size(args));
    }
    return 0;
}

static void release_columns(struct columns *columns)
{
    free(columns->index);
    free(columns->b);
    free(columns->sb);
    free(columns->bias);
}

static octgemm_status reference_row(const octgemm_ctx *ref, const struct product *product,
                                    const struct columns *columns, int64_t i, void *d)
{
    const octgemm_args *from = product->args;
    int64_t scale = from->sa_mode == OCTGEMM_SCALE_ROW ? i : 0;
    int64_t zero = from->za_mode == OCTGEMM_SCALE_ROW ? i : 0;
    octgemm_args args = {.size = sizeof args,
                         .m = 1,
                         .n = columns->count,
                         .k = from->k,
                         .a = product->a + i * from->k,
                         .lda = from->k,
                         .b = columns->b,
                         .ldb = from->k,
                         .sa = product->sa ? product->sa + scale : NULL,
                         .sb = product->sb ? columns->sb : NULL,
                         .za = product->za ? product->za + zero : NULL,
                         .bias = product->bias ? columns->bias : NULL,
                         .bias_type = from->bias_type,
                         .d = d,
                         .ldd = columns->count,
                         .d_type = from->d_type};
    return octgemm_run(ref, &args);
}

static uint32_t element_bits(const void *row, int64_t index, size_t size)
{
    uint32_t bits = 0; /* little-endian: configure insists on it */
    memcpy(&bits, (const char *)row + (size_t)index * size, size);
    return bits;
}

/* Numeric contract: NaN equals NaN, everything else is equal bit by bit. */
static int is_nan(uint32_t bits, octgemm_type type)
{
    static const uint32_t infinity[] = {
        [OCTGEMM_F32] = 0x7f800000u, [OCTGEMM_F16] = 0x7c00u, [OCTGEMM_BF16] = 0x7f80u};
    uint32_t magnitude = type == OCTGEMM_F32 ? 0x7fffffffu : 0x7fffu;
    return type != OCTGEMM_I32 && (bits & magnitude) > infinity[type];
}

static void compare_row(const struct columns *columns, const octgemm_args *args, int64_t i,
                        const void *wanted, const void *got, struct verdict *out)
{
    size_t size = octgemm_type_size(args->d_type);
    for (int64_t c = 0; c < columns->count; c++) {
        int64_t j = columns->index[c];
        uint32_t w = element_bits(wanted, c, size), g = element_bits(got, j, size);
        if (w == g || (is_nan(w, args->d_type) && is_nan(g, args->d_type)))
            continue;
        if (out->bad++ == 0) {
            out->row = i;
            out->column = j;
            out->wanted = w;
            out->got = g;
        }
    }
}

/* All drawn rows of the reference, then each beside the device's. */
static int compare(const struct product *product, const octgemm_ctx *ref,
                   const struct columns *columns, int64_t rows, uint64_t seed, struct verdict *out)
{
    const octgemm_args *args = product->args;
    size_t size = octgemm_type_size(args->d_type);
    char *wanted = octgemm_allocate(rows, columns->count, size, "verification");
    char *got = octgemm_allocate(args->n, 1, size, "verification");
    int status = wanted && got ? 0 : EXIT_INPUT;
    int failed = 0;
    if (status == 0) {
#pragma omp parallel for schedule(dynamic) reduction(| : failed)
        for (int64_t r = 0; r < rows; r++)
            failed |= reference_row(ref, product, columns, draw(r, rows, args->m, seed),
                                    wanted + (size_t)(r * columns->count) * size) != OCTGEMM_OK;
        if (failed)
            status = octgemm_complain("verification: the reference cannot multiply this");
    }
    for (int64_t r = 0; r < rows && status == 0; r++) {
        int64_t i = draw(r, rows, args->m, seed);
        status = octgemm_device_download(product->device, got,
                                         (const char *)args->d + (size_t)(i * args->ldd) * size,
                                         args->n * (int64_t)size);
        if (status == 0)
            compare_row(columns, args, i, wanted + (size_t)(r * columns->count) * size, got, out);
    }
    free(wanted);
    free(got);
    return status;
}

int octgemm_verify(const struct product *product, uint64_t seed, struct verdict *out)
{
    const octgemm_args *args = product->args;
    *out = (struct verdict){.compared = 0};
    if (args->m == 0 || args->n == 0)
        return 0;
    int64_t rows = args->m, k = args->k > 0 ? args->k : 1, work;
    struct columns columns = {.count = args->n};
    if (__builtin_mul_overflow(rows, args->n, &work) || __builtin_mul_overflow(work, k, &work) ||
        work > budget) {
        rows = rows < drawn_rows ? rows : drawn_rows;
        int64_t most = budget / rows / k;
        columns.count = args->n < most ? args->n : most;
    }
    out->compared = rows * columns.count;
    struct device ref = {.ctx = NULL};
    int status = gather_columns(product, seed, &columns);
    if (status == 0)
        status = octgemm_open_device(&ref, &(struct device_choice){.backend = "ref", .kernel = ""});
    if (status == 0)
        status = compare(product, ref.ctx, &columns, rows, seed, out);
    octgemm_close_device(&ref);
    release_columns(&columns);
    return status;
}

int octgemm_complain_of_verdict(const struct verdict *verdict, const octgemm_info *info,
                                const octgemm_args *args)
{
    int digits = 2 * (int)octgemm_type_size(args->d_type);
    octgemm_complain("WRONG RESULT: backend %s, device %s, kernel %s, %lld x %lld x %lld, d_type "
                     "%d: D[%lld, %lld] is 0x%0*x, the reference has 0x%0*x (%lld of %lld compared "
                     "elements differ)",
                     info->backend, info->device, info->kernel, (long long)args->m,
                     (long long)args->n, (long long)args->k, (int)args->d_type,
                     (long long)verdict->row, (long long)verdict->column, digits, verdict->got,
                     digits, verdict->wanted, (long long)verdict->bad,
                     (long long)verdict->compared);
    return EXIT_CHECK;
}
