/* The HIP backend's machine code, run by whatever can run it: `make check-amd-isa
 * AMD_KERNEL_RUNNER=<command>`. For each code object this program writes inputs to files, calls
 *
 *   <command> CODE KERNEL GX,1,1 256,1,1 0 ARG... [-- CODE KERNEL ...]
 *
 * and compares the output files bit by bit with the ref backend. ARGs are the members of the
 * kernel's parameter struct in their order: i32:V, i64:V, null, in:FILE (a pointer to its
 * contents), inout:FILE (the same, written back).
 *
 *   check_amd_isa FOLDER CODE.hsaco...
 */
#include "gpu/params.h"
#include "octgemm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A product. Shapes have tails in m, n and k. Every access of a kernel falls on a multiple of 4
 * bytes, because the emulators at hand take no other: the simulator does (check_sim.c). */
struct product {
    const char *kernel;
    int64_t tile_m, tile_n;
    int64_t m, n, k;
    octgemm_type d_type;
    int zero_points;
    int bias; /* 0, or 1 + its type */
    int splits, k_split;
};
static const struct product products[] = {
    {"tile_256x128", 256, 128, 133, 70, 268, OCTGEMM_BF16, 1, 1 + OCTGEMM_F16, 1, 320},
    {"tile_128x128", 128, 128, 131, 129, 148, OCTGEMM_F16, 0, 1 + OCTGEMM_BF16, 1, 192},
    {"tile_64x64", 64, 64, 37, 43, 200, OCTGEMM_F32, 1, 1 + OCTGEMM_F32, 2, 128},
    {"tile_64x64", 64, 64, 64, 64, 128, OCTGEMM_I32, 0, 0, 1, 128},
    {"stream_64", 64, 16, 50, 19, 332, OCTGEMM_BF16, 0, 0, 1, 384},
    {"stream_32", 32, 16, 33, 16, 1100, OCTGEMM_I32, 1, 0, 1, 1152},
    {"stream_16", 16, 16, 3, 35, 2100, OCTGEMM_F16, 1, 1 + OCTGEMM_F32, 2, 1088},
    {"stream_16", 16, 16, 1, 5, 8, OCTGEMM_F32, 0, 0, 1, 64},
};

/* The same with packed weights, for targets that have them in blocks. */
static const struct product packed_products[] = {
    {"tile_256x128_packed", 256, 128, 133, 70, 268, OCTGEMM_BF16, 1, 1 + OCTGEMM_F16, 1, 320},
    {"tile_128x128_packed", 128, 128, 131, 129, 148, OCTGEMM_F16, 0, 1 + OCTGEMM_BF16, 1, 192},
    {"tile_64x64_packed", 64, 64, 37, 43, 200, OCTGEMM_F32, 1, 1 + OCTGEMM_F32, 2, 128},
    {"stream_64_packed", 64, 16, 50, 19, 332, OCTGEMM_BF16, 0, 0, 1, 384},
    {"stream_32_packed", 32, 16, 33, 16, 1100, OCTGEMM_I32, 1, 0, 1, 1152},
    {"stream_16_packed", 16, 16, 3, 35, 2100, OCTGEMM_F16, 1, 1 + OCTGEMM_F32, 2, 1088},
};

struct rows {
    int64_t rows, k;
    octgemm_type type;
    int asymmetric, fixed;
};
static const struct rows row_cases[] = {
    {3, 301, OCTGEMM_F32, 0, 0},
    {2, 2075, OCTGEMM_F16, 1, 0},
    {3, 77, OCTGEMM_BF16, 0, 1},
};

/* -- files and commands ---------------------------------------------------------------------- */

static const char *folder;
static char command[1 << 16];
static size_t command_length;
static int file_number;

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    command_length +=
        (size_t)vsnprintf(command + command_length, sizeof command - command_length, format, list);
    va_end(list);
    if (command_length >= sizeof command)
        abort();
}

static void need(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "check_amd_isa: %s\n", what);
    exit(EXIT_FAILURE);
}

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes > 0 ? bytes : 1);
    need(memory != NULL, "no memory");
    return memory;
}

/* An argument that points at `bytes` bytes. Returns the number of its file. */
static int add_file(const char *kind, const void *data, size_t bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%d.bin", folder, ++file_number);
    FILE *file = fopen(path, "wb");
    need(file && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0, "cannot write");
    add(" %s:%s", kind, path);
    return file_number;
}

/* The numbers of a parameter struct, which are behind its pointers: 64-bit ones from `longs` on,
 * 32-bit ones from `ints` on. */
static void add_numbers(const void *params, size_t longs, size_t ints, size_t size)
{
    int64_t wide;
    int32_t narrow;
    for (size_t at = longs; at < ints; at += sizeof wide) {
        memcpy(&wide, (const char *)params + at, sizeof wide);
        add(" i64:%" PRId64, wide);
    }
    for (size_t at = ints; at < size; at += sizeof narrow) {
        memcpy(&narrow, (const char *)params + at, sizeof narrow);
        add(" i32:%" PRId32, narrow);
    }
}

/* Pointers are written one by one. */
#define POINTERS(type, first_number) (offsetof(struct type, first_number) / sizeof(void *))
_Static_assert(POINTERS(octgemm_gemm_params, m) == 10, "add_product() writes ten");
_Static_assert(POINTERS(octgemm_quantize_params, rows) == 4, "add_rows() writes four");
_Static_assert(POINTERS(octgemm_weights_rows, n) == 3, "add_packing() writes three");

static void read_file(int number, void *data, size_t bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%d.bin", folder, number);
    FILE *file = fopen(path, "rb");
    need(file && fread(data, 1, bytes, file) == bytes && fclose(file) == 0, "cannot read");
}

static void begin_launch(const char *code, const char *kernel, int64_t blocks)
{
    add("%s %s %s %" PRId64 ",1,1 256,1,1 0", command_length ? " --" : "", code, kernel, blocks);
}

static uint32_t random_number(void)
{
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static void fill_random(void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((unsigned char *)data)[i] = (unsigned char)random_number();
}

static float random_scale(void)
{
    return (float)((int)(random_number() % 2001) - 1000) * 1.1e-4f;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t round_up(int64_t a, int64_t b)
{
    return divide_up(a, b) * b;
}

/* -- what to expect of a launch -------------------------------------------------------------- */

/* Output files of the launches, to be compared once they ran. */
static struct expectation {
    char name[160];
    int file;
    void *bytes;
    size_t size;
} expectations[64];
static int expectation_count;

static void expect(int file, void *bytes, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void expect(int file, void *bytes, size_t size, const char *format, ...)
{
    struct expectation *e = &expectations[expectation_count++];
    va_list list;
    va_start(list, format);
    vsnprintf(e->name, sizeof e->name, format, list);
    va_end(list);
    e->file = file;
    e->bytes = bytes;
    e->size = size;
}

static octgemm_ctx *reference;

/* Packed rows in blocks, as src/hip/blocks.h says: place of byte p of row j. */
enum { group_rows = 64 };
static int64_t block_place(int64_t j, int64_t p, int64_t ldp)
{
    int64_t block = j / group_rows * 4 + j % 4;
    int64_t row_of_block = j % group_rows / 4;
    return block * 16 * ldp + p / 16 * 256 + row_of_block * 16 + p % 16;
}

/* Writes rows of b in blocks, which have zeros where there are no rows. */
static void pack_blocks(int8_t *packed, int64_t ldp, const int8_t *b, int64_t n, int64_t k,
                        int64_t ldb)
{
    for (int64_t j = 0; j < n; j++)
        for (int64_t p = 0; p < k; p++)
            packed[block_place(j, p, ldp)] = b[j * ldb + p];
}

/* A kernel takes tiles of the n that B's rows are packed as; `packed`: in blocks. */
static void add_product(const char *code, const struct product *c, int packed)
{
    static const char *const types[] = {"f32", "f16", "bf16", "i32"};
    int64_t lda = round_up(c->k, 16) + 16, ldb = round_up(c->k, 16), ldd = round_up(c->n, 4) + 4;
    size_t width = c->d_type == OCTGEMM_F32 || c->d_type == OCTGEMM_I32 ? 4 : 2;
    size_t a_bytes = (size_t)(c->m * lda);
    size_t b_bytes = (size_t)(c->n * ldb);
    size_t d_bytes = (size_t)(c->m * ldd) * width;
    int8_t *a = allocate(a_bytes), *b = allocate(b_bytes);
    float *sa = allocate((size_t)c->m * 4), *sb = allocate((size_t)c->n * 4);
    int32_t *za = allocate((size_t)c->m * 4), *column = allocate((size_t)c->n * 4);
    float *bias = allocate((size_t)c->n * 4); /* enough for any type */
    char *d = allocate(d_bytes), *expected = allocate(d_bytes);
    fill_random(a, a_bytes);
    fill_random(b, b_bytes);
    memset(d, 0xa5, d_bytes);
    memset(expected, 0xa5, d_bytes);
    for (int64_t i = 0; i < c->m; i++) {
        sa[i] = random_scale();
        za[i] = (int32_t)(random_number() % 256) - 128;
    }
    for (int64_t j = 0; j < c->n; j++) {
        sb[j] = random_scale();
        for (int64_t p = 0; p < c->k; p++)
            column[j] += b[j * ldb + p];
    }
    for (int64_t j = 0; j < c->n; j++)
        if (c->bias == 1 + OCTGEMM_F32)
            bias[j] = random_scale();
        else
            ((uint16_t *)(void *)bias)[j] = (uint16_t)(0x3c00u + random_number() % 0x400u);

    octgemm_args args = {.size = sizeof args,
                         .m = c->m,
                         .n = c->n,
                         .k = c->k,
                         .a = a,
                         .lda = lda,
                         .b = b,
                         .ldb = ldb,
                         .sa = sa,
                         .sb = sb,
                         .za = c->zero_points ? za : NULL,
                         .bias = c->bias ? bias : NULL,
                         .bias_type = c->bias ? (octgemm_type)(c->bias - 1) : OCTGEMM_F32,
                         .d = expected,
                         .ldd = ldd,
                         .d_type = c->d_type};
    need(octgemm_run(reference, &args) == OCTGEMM_OK, octgemm_last_error());

    int64_t rows = packed ? round_up(c->n, group_rows) : c->n;
    int64_t tiles_m = divide_up(c->m, c->tile_m), tiles_n = divide_up(rows, c->tile_n);
    size_t tiles = (size_t)(tiles_m * tiles_n);
    size_t partial_bytes = tiles * (size_t)c->splits * (size_t)(c->tile_m * c->tile_n) * 4;
    begin_launch(code, c->kernel, tiles_m * tiles_n * c->splits);
    add_file("in", a, a_bytes);
    if (packed) {
        int64_t ldp = round_up(c->k, 128);
        int8_t *blocks = allocate((size_t)(rows * ldp));
        pack_blocks(blocks, ldp, b, c->n, c->k, ldb);
        add_file("in", blocks, (size_t)(rows * ldp));
        free(blocks);
        ldb = ldp;
    } else
        add_file("in", b, b_bytes);
    int d_file = add_file("inout", d, d_bytes);
    add_file("in", sa, (size_t)c->m * 4);
    add_file("in", sb, (size_t)c->n * 4);
    if (c->zero_points) {
        add_file("in", za, (size_t)c->m * 4);
        add_file("in", column, (size_t)c->n * 4);
    } else
        add(" null null");
    if (c->bias)
        add_file("in", bias, (size_t)c->n * (c->bias == 1 + OCTGEMM_F32 ? 4 : 2));
    else
        add(" null");
    if (c->splits > 1) {
        void *partial = allocate(partial_bytes), *counter = allocate(tiles * 4);
        add_file("inout", partial, partial_bytes);
        add_file("inout", counter, tiles * 4);
        free(partial);
        free(counter);
    } else
        add(" null null");
    const struct octgemm_gemm_params params = {.m = c->m,
                                               .n = c->n,
                                               .lda = lda,
                                               .ldb = ldb,
                                               .ldd = ldd,
                                               .tiles_m = tiles_m,
                                               .tiles_n = tiles_n,
                                               .k = (int32_t)c->k,
                                               .sa_step = 1,
                                               .sb_step = 1,
                                               .za_step = 1,
                                               .d_type = (int32_t)c->d_type,
                                               .bias_type = (int32_t)args.bias_type,
                                               .splits = c->splits,
                                               .k_split = c->k_split,
                                               .group = 4};
    add_numbers(&params, offsetof(struct octgemm_gemm_params, m),
                offsetof(struct octgemm_gemm_params, k), sizeof params);
    expect(d_file, expected, d_bytes, "%s m %d n %d k %d d %s%s%s splits %d", c->kernel, (int)c->m,
           (int)c->n, (int)c->k, types[c->d_type], c->zero_points ? " za" : "",
           c->bias ? " bias" : "", c->splits);
    free(a);
    free(b);
    free(sa);
    free(sb);
    free(za);
    free(column);
    free(bias);
    free(d);
}

/* A value of `type` in an array of it; the halves are ordinary numbers. */
static void put_value(void *base, octgemm_type type, int64_t index)
{
    float value = random_scale() * 100;
    if (type == OCTGEMM_F32)
        memcpy((char *)base + index * 4, &value, 4);
    else {
        uint16_t half =
            (uint16_t)((random_number() & 0x8000u) | (0x3800u + random_number() % 0x800u));
        memcpy((char *)base + index * 2, &half, 2);
    }
}

static void add_rows(const char *code, const struct rows *c)
{
    int64_t ldx = round_up(c->k, 8), ldq = round_up(c->k, 8) + 8;
    size_t width = c->type == OCTGEMM_F32 ? 4 : 2;
    size_t x_bytes = (size_t)(c->rows * ldx) * width;
    size_t q_bytes = (size_t)(c->rows * ldq);
    size_t row_bytes = (size_t)c->rows * 4;
    void *x = allocate(x_bytes);
    char *q = allocate(q_bytes), *expected_q = allocate(q_bytes);
    float *scale = allocate(row_bytes), *expected_scale = allocate(row_bytes);
    int32_t *zero = allocate(row_bytes), *expected_zero = allocate(row_bytes);
    memset(q, 0xa5, q_bytes);
    memset(expected_q, 0xa5, q_bytes);
    for (size_t i = 0; i < x_bytes / width; i++)
        put_value(x, c->type, (int64_t)i);
    for (int64_t i = 0; i < c->rows; i++)
        scale[i] = expected_scale[i] = 0.01f;
    const octgemm_quantize_args args = {.size = sizeof args,
                                        .rows = c->rows,
                                        .k = c->k,
                                        .x = x,
                                        .ldx = ldx,
                                        .x_type = c->type,
                                        .q = (int8_t *)expected_q,
                                        .ldq = ldq,
                                        .scale = expected_scale,
                                        .zero = c->asymmetric ? expected_zero : NULL,
                                        .static_scale = c->fixed};
    need(octgemm_quantize(reference, &args) == OCTGEMM_OK, octgemm_last_error());

    begin_launch(code, "quantize", 2);
    add_file("in", x, x_bytes);
    int q_file = add_file("inout", q, q_bytes);
    int scale_file = add_file("inout", scale, row_bytes);
    int zero_file = 0;
    if (c->asymmetric)
        zero_file = add_file("inout", zero, row_bytes);
    else
        add(" null");
    const struct octgemm_quantize_params params = {.rows = c->rows,
                                                   .ldx = ldx,
                                                   .ldq = ldq,
                                                   .k = c->k,
                                                   .x_type = (int32_t)c->type,
                                                   .static_scale = c->fixed};
    add_numbers(&params, offsetof(struct octgemm_quantize_params, rows),
                offsetof(struct octgemm_quantize_params, x_type), sizeof params);
    expect(q_file, expected_q, q_bytes, "quantize %d x %d: q", (int)c->rows, (int)c->k);
    expect(scale_file, expected_scale, row_bytes, "quantize %d x %d: scale", (int)c->rows,
           (int)c->k);
    if (c->asymmetric)
        expect(zero_file, expected_zero, row_bytes, "quantize %d x %d: zero", (int)c->rows,
               (int)c->k);
    free(x);
    free(q);
    free(scale);
    free(zero);
}

static void add_packing(const char *code, int blocks)
{
    enum { n = 4, k = 148, ldb = 160, ldp = 256 };
    size_t packed_bytes = (size_t)(blocks ? group_rows : n) * ldp;
    int8_t b[n * ldb], packed[group_rows * ldp];
    int8_t *expected = allocate(packed_bytes);
    int32_t column[n] = {0}, *expected_column = allocate(sizeof column);
    fill_random(b, sizeof b);
    memset(packed, 0xa5, sizeof packed);
    for (int j = 0; j < n; j++)
        for (int p = 0; p < k; p++) {
            expected[blocks ? block_place(j, p, ldp) : j * ldp + p] = b[j * ldb + p];
            expected_column[j] += b[j * ldb + p];
        }
    begin_launch(code, "weights", 2);
    add_file("in", b, sizeof b);
    int packed_file = add_file("inout", packed, packed_bytes);
    int column_file = add_file("inout", column, sizeof column);
    struct octgemm_weights_params *params = allocate(sizeof *params);
    struct octgemm_weights_rows *rows = params->part;
    rows[0] = (struct octgemm_weights_rows){.n = n, .ldb = ldb, .ldp = ldp, .sharers = 1};
    params->k = k;
    params->blocks = blocks;
    add_numbers(&rows[0], offsetof(struct octgemm_weights_rows, n), sizeof *rows, sizeof *rows);
    add(" null null null");
    add_numbers(&rows[1], offsetof(struct octgemm_weights_rows, n), sizeof *rows, sizeof *rows);
    size_t numbers = offsetof(struct octgemm_weights_params, k);
    add_numbers(params, numbers, numbers, sizeof *params);
    free(params);
    expect(packed_file, expected, packed_bytes, "weights: %s", blocks ? "blocks" : "rows");
    expect(column_file, expected_column, sizeof column, "weights: sums");
}

/* -- one code object ------------------------------------------------------------------------- */

static int compare(void)
{
    int wrong = 0;
    for (int i = 0; i < expectation_count; i++) {
        struct expectation *e = &expectations[i];
        unsigned char *found = allocate(e->size);
        read_file(e->file, found, e->size);
        const unsigned char *expected = e->bytes;
        size_t differing = 0, first = e->size;
        for (size_t byte = e->size; byte-- > 0;)
            if (found[byte] != expected[byte]) {
                differing++;
                first = byte;
            }
        printf("  %s %s", differing ? "FAIL" : "ok  ", e->name);
        if (differing > 0)
            printf(": %zu of %zu bytes differ, byte %zu is %02x, not %02x", differing, e->size,
                   first, found[first], expected[first]);
        printf("\n");
        wrong += differing > 0;
        free(found);
        free(e->bytes);
    }
    return wrong;
}

/* Does the code object have the kernels for packed weights in blocks? Its names are in its text. */
static int has_blocks(const char *code)
{
    static const char name[] = "tile_64x64_packed";
    FILE *file = fopen(code, "rb");
    size_t matched = 0;
    need(file != NULL, "cannot read a code object");
    for (int c = getc(file); c != EOF && name[matched]; c = getc(file))
        matched = c == name[matched] ? matched + 1 : c == name[0];
    fclose(file);
    return !name[matched];
}

static int run_code(const char *runner, const char *code)
{
    int blocks = has_blocks(code);
    command_length = 0;
    expectation_count = 0;
    file_number = 0;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        add_product(code, &products[i], 0);
    for (size_t i = 0; i < sizeof packed_products / sizeof *packed_products && blocks; i++)
        add_product(code, &packed_products[i], 1);
    for (size_t i = 0; i < sizeof row_cases / sizeof *row_cases; i++)
        add_rows(code, &row_cases[i]);
    add_packing(code, 0);
    if (blocks)
        add_packing(code, 1);

    static char line[sizeof command + 4096];
    snprintf(line, sizeof line, "%s %s", runner, command);
    printf("%s\n", code);
    fflush(stdout);
    int code_of_runner = system(line);
    if (code_of_runner != 0) {
        printf("  FAIL the runner ended with %d\n", code_of_runner);
        return 1;
    }
    return compare();
}

int main(int count, char **arguments)
{
    const char *runner = getenv("AMD_KERNEL_RUNNER");
    int wrong = 0;
    need(runner && *runner, "AMD_KERNEL_RUNNER=<command> is not set (doc/AMD.md)");
    need(count > 2, "usage: check_amd_isa FOLDER CODE.hsaco...");
    need(octgemm_open(&reference, "ref", 0) == OCTGEMM_OK, octgemm_last_error());
    folder = arguments[1];
    for (int i = 2; i < count; i++)
        wrong += run_code(runner, arguments[i]);
    octgemm_close(&reference);
    printf("%d wrong\n", wrong);
    return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
