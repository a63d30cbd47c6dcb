/* Argument checks: public calls with any values in their structs. A model of what octgemm.h says
 * is valid, written with 128-bit arithmetic, predicts the status of each call; a call that is
 * refused changes nothing, and structs are read as far as their size field says.
 *
 * Pointers are NULL, or blocks as large as the arguments demand. Calls that would need more than
 * there is here are made only where the model says that they are refused first. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 16, CALLS_MOST = 8, HEADER = 64 };
typedef __int128 wide;

static const octgemm_ctx *contexts[2]; /* cpu, ref */

static const int64_t special[] = {-1,
                                  INT64_MIN,
                                  INT64_MAX,
                                  INT64_MAX - 1,
                                  OCTGEMM_K_MAX,
                                  OCTGEMM_K_MAX + 1,
                                  OCTGEMM_K_MAX_ZERO,
                                  OCTGEMM_K_MAX_ZERO + 1,
                                  INT32_MAX,
                                  INT64_C(1) << 31,
                                  INT64_C(1) << 32,
                                  INT64_C(3037000500),
                                  INT64_C(1) << 40,
                                  (INT64_C(1) << 61) - 1,
                                  INT64_C(1) << 61,
                                  INT64_C(1) << 62};
enum { special_count = sizeof special / sizeof *special };

/* Small more often than not. */
static int64_t choose_size(struct fuzz_input *input)
{
    uint8_t byte = fuzz_byte(input);
    if (byte < 192)
        return byte % 40;
    return byte == 255 ? (int64_t)fuzz_word(input) : special[byte % special_count];
}

/* The row length, a little more, or anything. */
static int64_t choose_ld(struct fuzz_input *input, int64_t columns)
{
    uint8_t byte = fuzz_byte(input);
    if (byte < 192 && columns >= 0 && columns < INT64_MAX - 256)
        return columns + byte % 20;
    return choose_size(input);
}

static int choose_enum(struct fuzz_input *input, int count)
{
    uint8_t byte = fuzz_byte(input);
    return byte < 240 ? byte % count : byte < 248 ? count : (int)(uint32_t)fuzz_word(input);
}

/* A context, now and then none. */
static const octgemm_ctx *choose_context(struct fuzz_input *input)
{
    uint8_t byte = fuzz_byte(input);
    return byte < 250 ? contexts[byte % 2] : NULL;
}

/* The size field: right, larger with or without something in the bytes behind, or anything. */
static size_t choose_struct_size(struct fuzz_input *input, size_t right)
{
    uint8_t byte = fuzz_byte(input);
    return byte < 200 ? right : byte < 240 ? right + byte % 70 : (size_t)fuzz_word(input);
}

/* The caller's struct in a block that ends where its size field says. */
static void *make_struct(struct fuzz_input *input, void *value, size_t right, size_t size,
                         struct fuzz_array *block, int *good)
{
    size_t bytes = size < sizeof size ? sizeof size : size > 4096 ? right : size;
    fuzz_array_make(block, bytes, 0);
    memset(block->at, 0, bytes);
    memcpy(block->at, value, bytes < right ? bytes : right);
    memcpy(block->at, &size, sizeof size);
    *good = size >= right && size <= 4096;
    if (size > right && size <= 4096 && (fuzz_byte(input) & 1)) {
        block->at[bytes - 1] = 1;
        *good = 0;
    }
    return block->at;
}

static void expect(const char *call, octgemm_status status, octgemm_status expected)
{
    if (status != expected)
        fuzz_fail("%s: %s (%s), expected %s", call, octgemm_strerror(status), octgemm_last_error(),
                  octgemm_strerror(expected));
    if (status != OCTGEMM_OK &&
        (octgemm_last_error()[0] == '\0' || strchr(octgemm_last_error(), '\n')))
        fuzz_fail("%s: not one line of error", call);
}

/* ---- what octgemm.h says is valid -------------------------------------------------------------
 */

static int is_enum(int value, int count)
{
    return value >= 0 && value < count;
}

/* Bytes of a matrix, -1 where a size is negative; more than any address counts is as good as the
 * most. */
static wide span(int64_t rows, int64_t columns, int64_t ld, int64_t width)
{
    if (rows < 0 || columns < 0 || ld < 0)
        return -1;
    wide elements = (rows > 1 ? (wide)(rows - 1) * ld : 0) + columns;
    return elements > INT64_MAX ? (wide)INT64_MAX + 1 : elements * width;
}

static int is_matrix(int64_t rows, int64_t columns, int64_t ld, int64_t width)
{
    return rows >= 0 && columns >= 0 && ld >= columns &&
           span(rows, columns, ld, width) <= INT64_MAX;
}

static int is_valid(const octgemm_args *a)
{
    int64_t k_most = a->za ? OCTGEMM_K_MAX_ZERO : OCTGEMM_K_MAX;
    return is_enum((int)a->b_layout, 2) && is_enum((int)a->sa_mode, 2) &&
           is_enum((int)a->sb_mode, 2) && is_enum((int)a->za_mode, 2) &&
           is_enum((int)a->bias_type, 3) && is_enum((int)a->d_type, 4) && a->n >= 0 &&
           (!a->za || a->n <= INT64_MAX / 8) && a->k <= k_most &&
           is_matrix(a->m, a->k, a->lda, 1) &&
           (a->b_layout == OCTGEMM_B_PACKED || is_matrix(a->n, a->k, a->ldb, 1)) &&
           is_matrix(a->m, a->n, a->ldd, (int64_t)fuzz_width(a->d_type));
}

static int has_pointers(const octgemm_args *a)
{
    return a->m == 0 || a->n == 0 ||
           (a->d && (a->a || a->k == 0) && (a->b || (a->k == 0 && a->b_layout == OCTGEMM_B_ROWS)));
}

/* ---- octgemm_args -----------------------------------------------------------------------------
 */

enum { A, B, SA, SB, ZA, BIAS, D, WORKSPACE, STRUCT, ARRAYS };

/* A block for an array of so many bytes; NULL by choice, or when there are too many: *enough then
 * is 0, as the call cannot be made. */
static void *make_array(struct fuzz_array *array, wide bytes, struct fuzz_input *input, int *enough)
{
    if (fuzz_byte(input) >= 200)
        return NULL;
    if (bytes < 0 || bytes > MOST) {
        *enough = 0;
        bytes = 0;
    }
    fuzz_array_make(array, (size_t)bytes, 0);
    return array->at;
}

static octgemm_args choose_args(struct fuzz_input *input, struct fuzz_array *arrays, int *enough)
{
    octgemm_args a = {.size = choose_struct_size(input, sizeof a)};
    a.m = choose_size(input);
    a.n = choose_size(input);
    a.k = choose_size(input);
    a.lda = choose_ld(input, a.k);
    a.ldb = choose_ld(input, a.k);
    a.ldd = choose_ld(input, a.n);
    a.b_layout = (octgemm_layout)choose_enum(input, 2);
    a.sa_mode = (octgemm_scale)choose_enum(input, 2);
    a.sb_mode = (octgemm_scale)choose_enum(input, 2);
    a.za_mode = (octgemm_scale)choose_enum(input, 2);
    a.bias_type = (octgemm_type)choose_enum(input, 3);
    a.d_type = (octgemm_type)choose_enum(input, 4);
    int64_t width = a.d_type == OCTGEMM_F16 || a.d_type == OCTGEMM_BF16 ? 2 : 4;
    a.a = make_array(&arrays[A], span(a.m, a.k, a.lda, 1), input, enough);
    /* Packed weights: bytes that octgemm_pack() did not write. */
    a.b = make_array(&arrays[B], a.b_layout == OCTGEMM_B_PACKED ? HEADER : span(a.n, a.k, a.ldb, 1),
                     input, enough);
    a.sa = make_array(&arrays[SA], (wide)a.m * 4, input, enough);
    a.sb = make_array(&arrays[SB], (wide)a.n * 4, input, enough);
    a.za = make_array(&arrays[ZA], (wide)a.m * 4, input, enough);
    a.bias = make_array(&arrays[BIAS], (wide)a.n * 4, input, enough);
    a.d = make_array(&arrays[D], span(a.m, a.n, a.ldd, width), input, enough);
    return a;
}

static void run(struct fuzz_input *input, const octgemm_ctx *ctx, octgemm_args *a,
                struct fuzz_array *arrays, size_t wanted, int enough)
{
    octgemm_status expected = OCTGEMM_OK;
    int offered = fuzz_below(input, 4) != 0 && wanted <= 16 * MOST;
    if (!has_pointers(a))
        expected = OCTGEMM_ERR_ARG;
    else if (a->m > 0 && a->n > 0 && wanted > 0 && !offered)
        expected = OCTGEMM_ERR_WORKSPACE;
    else if (a->m > 0 && a->n > 0 && (!enough || (wide)a->m * a->n * a->k > 1 << 24))
        return;
    if (offered)
        fuzz_array_make(&arrays[WORKSPACE], wanted, 0);
    a->workspace = arrays[WORKSPACE].block;
    a->workspace_size = offered ? wanted : 0;
    for (int array = A; array <= D; array++)
        if (arrays[array].block)
            fuzz_array_keep(&arrays[array]);
    expect("octgemm_run", octgemm_run(ctx, a), expected);
    for (int array = A; array <= D; array++)
        if (arrays[array].block && (array != D || expected != OCTGEMM_OK) &&
            fuzz_array_changed(&arrays[array]))
            fuzz_fail("octgemm_run: array %d was changed", array);
}

static void call_gemm(struct fuzz_input *input)
{
    struct fuzz_array arrays[ARRAYS];
    int enough = 1, good;
    memset(arrays, 0, sizeof arrays);
    const octgemm_ctx *ctx = choose_context(input);
    octgemm_args args = choose_args(input, arrays, &enough);
    octgemm_args *given = make_struct(input, &args, sizeof args, args.size, &arrays[STRUCT], &good);
    int reads_b = args.b && args.m > 0 && args.n > 0;
    int sized = good && ctx && is_valid(&args); /* whatever b is */
    good = sized && !(args.b_layout == OCTGEMM_B_PACKED && reads_b);
    octgemm_status expected = good ? OCTGEMM_OK : OCTGEMM_ERR_ARG;
    octgemm_info info = {.kernel = NULL};
    size_t wanted = 12345;
    expect("octgemm_query", octgemm_query(ctx, given, &info), expected);
    if (good ? !info.kernel || info.kernel[0] == '\0' : info.kernel != NULL)
        fuzz_fail("octgemm_query: %s", info.kernel ? info.kernel : "no kernel");
    expect("octgemm_workspace", octgemm_workspace(ctx, given, &wanted),
           sized ? OCTGEMM_OK : OCTGEMM_ERR_ARG);
    expect("octgemm_query", octgemm_query(ctx, given, NULL), OCTGEMM_ERR_ARG);
    expect("octgemm_workspace", octgemm_workspace(ctx, given, NULL), OCTGEMM_ERR_ARG);
    if (!sized && wanted != 12345)
        fuzz_fail("octgemm_workspace: refused, and wrote %zu", wanted);
    /* Only its argument's struct matters to octgemm_kernel(), not what the weights are. */
    octgemm_kernel(ctx, given, (size_t)fuzz_below(input, 20), &info);
    if (!good)
        expect("octgemm_run", octgemm_run(ctx, given), expected);
    else if (args.size == sizeof args)
        run(input, ctx, given, arrays, wanted, enough);
    for (int array = 0; array < ARRAYS; array++)
        fuzz_array_free(&arrays[array]);
}

/* ---- the other calls --------------------------------------------------------------------------
 */

static void call_quantize(struct fuzz_input *input)
{
    enum { X, Q, SCALE, ZERO, QUANTIZE_ARRAYS };
    struct fuzz_array arrays[QUANTIZE_ARRAYS], block;
    int enough = 1, good;
    memset(arrays, 0, sizeof arrays);
    const octgemm_ctx *ctx = choose_context(input);
    octgemm_quantize_args a = {.size = choose_struct_size(input, sizeof a)};
    a.rows = choose_size(input);
    a.k = choose_size(input);
    a.ldx = choose_ld(input, a.k);
    a.ldq = choose_ld(input, a.k);
    a.x_type = (octgemm_type)choose_enum(input, 3);
    a.static_scale = choose_enum(input, 2);
    int64_t width = a.x_type == OCTGEMM_F32 ? 4 : a.x_type == OCTGEMM_I32 ? 4 : 2;
    a.x = make_array(&arrays[X], span(a.rows, a.k, a.ldx, width), input, &enough);
    a.q = make_array(&arrays[Q], span(a.rows, a.k, a.ldq, 1), input, &enough);
    a.scale = make_array(&arrays[SCALE], (wide)a.rows * 4, input, &enough);
    a.zero =
        fuzz_byte(input) & 1 ? make_array(&arrays[ZERO], (wide)a.rows * 4, input, &enough) : NULL;
    void *given = make_struct(input, &a, sizeof a, a.size, &block, &good);
    good = good && ctx && is_enum((int)a.x_type, 3) && is_enum(a.static_scale, 2) &&
           is_matrix(a.rows, a.k, a.ldx, width) && is_matrix(a.rows, a.k, a.ldq, 1) &&
           !(a.static_scale && a.zero) &&
           (a.rows == 0 || (a.k == 0 && a.static_scale) || (a.scale && (a.k == 0 || (a.x && a.q))));
    for (int array = 0; array < QUANTIZE_ARRAYS; array++)
        if (arrays[array].block)
            fuzz_array_keep(&arrays[array]);
    if (!good || enough || a.rows == 0)
        expect("octgemm_quantize", octgemm_quantize(ctx, given),
               good ? OCTGEMM_OK : OCTGEMM_ERR_ARG);
    for (int array = 0; array < QUANTIZE_ARRAYS; array++) {
        if (arrays[array].block && (array == X || !good) && fuzz_array_changed(&arrays[array]))
            fuzz_fail("octgemm_quantize: array %d was changed", array);
        fuzz_array_free(&arrays[array]);
    }
    fuzz_array_free(&block);
}

static void call_pack(struct fuzz_input *input)
{
    struct fuzz_array b = {.block = NULL}, packed = {.block = NULL};
    int enough = 1;
    const octgemm_ctx *ctx = choose_context(input);
    int64_t n = choose_size(input), k = choose_size(input), ldb = choose_ld(input, k);
    int sizes_good = ctx && n >= 0 && k <= OCTGEMM_K_MAX && is_matrix(n, k, k, 1);
    size_t bytes = 0;
    octgemm_status status = octgemm_packed_size(ctx, n, k, &bytes);
    /* No more is promised of the format than that it may not fit where the rows do. */
    if (!(sizes_good && status == OCTGEMM_ERR_ARG && (wide)n * (k + 16) > INT64_MAX / 8))
        expect("octgemm_packed_size", status, sizes_good ? OCTGEMM_OK : OCTGEMM_ERR_ARG);
    expect("octgemm_packed_size", octgemm_packed_size(ctx, n, k, NULL), OCTGEMM_ERR_ARG);

    int good = sizes_good && is_matrix(n, k, ldb, 1);
    const int8_t *from = make_array(&b, span(n, k, ldb, 1), input, &enough);
    void *to = fuzz_below(input, 8) > 0 && bytes <= 16 * MOST
                   ? (fuzz_array_make(&packed, bytes, 0), packed.at)
                   : NULL;
    if (!to || (n > 0 && k > 0 && !from))
        good = 0;
    if (!good || (enough && status == OCTGEMM_OK))
        expect("octgemm_pack", octgemm_pack(ctx, n, k, from, ldb, to, NULL),
               good ? OCTGEMM_OK : OCTGEMM_ERR_ARG);
    fuzz_array_free(&b);
    fuzz_array_free(&packed);
}

static void call_memory(struct fuzz_input *input)
{
    const octgemm_ctx *ctx = choose_context(input);
    uint8_t byte = fuzz_byte(input);
    size_t bytes = byte < 200 ? byte : SIZE_MAX - (size_t)(byte - 200);
    void *memory = &memory;
    octgemm_status expected = !ctx ? OCTGEMM_ERR_ARG : byte < 200 ? OCTGEMM_OK : OCTGEMM_ERR_NOMEM;
    expect("octgemm_alloc", octgemm_alloc(ctx, bytes, &memory), expected);
    expect("octgemm_alloc", octgemm_alloc(ctx, bytes, NULL), OCTGEMM_ERR_ARG);
    if ((memory != NULL) != (expected == OCTGEMM_OK) || (uintptr_t)memory % 64 != 0)
        fuzz_fail("octgemm_alloc: %p", memory);
    char host[256] = "";
    if (memory) {
        expect("octgemm_upload", octgemm_upload(ctx, memory, host, bytes, NULL), OCTGEMM_OK);
        expect("octgemm_download", octgemm_download(ctx, host, memory, bytes, NULL), OCTGEMM_OK);
    }
    expected = ctx && bytes == 0 ? OCTGEMM_OK : OCTGEMM_ERR_ARG;
    expect("octgemm_upload", octgemm_upload(ctx, NULL, host, bytes, NULL), expected);
    expect("octgemm_download", octgemm_download(ctx, host, NULL, bytes, NULL), expected);
    expect("octgemm_sync", octgemm_sync(ctx, host), ctx ? OCTGEMM_OK : OCTGEMM_ERR_ARG);
    octgemm_free(ctx, memory);
}

static void call_open(struct fuzz_input *input)
{
    static const char *const names[] = {NULL, "auto", "cpu", "ref", "", "CPU", "cpu "};
    enum { name_count = sizeof names / sizeof *names };
    uint8_t choice = fuzz_byte(input), device = fuzz_byte(input);
    char other[16] = "";
    for (size_t i = 0; i + 1 < sizeof other; i++)
        other[i] = (char)fuzz_byte(input);
    const char *name = choice < 200 ? names[choice % name_count] : other;
    octgemm_ctx *ctx = (octgemm_ctx *)(uintptr_t)1;
    octgemm_status status = octgemm_open(&ctx, name, device < 128 ? 0 : device - 192);
    if ((status == OCTGEMM_OK) != (ctx != NULL))
        fuzz_fail("octgemm_open: %s with a context of %p", octgemm_strerror(status), (void *)ctx);
    if (status != OCTGEMM_OK)
        expect("octgemm_open", status, status);
    octgemm_close(&ctx);
    octgemm_close(&ctx);
    octgemm_close(NULL);
    expect("octgemm_open", octgemm_open(NULL, name, 0), OCTGEMM_ERR_ARG);
    if (octgemm_strerror((octgemm_status)fuzz_word(input))[0] == '\0')
        fuzz_fail("octgemm_strerror: no word");
    octgemm_info info;
    status = octgemm_backend((size_t)fuzz_word(input), &info);
    if (status != OCTGEMM_OK)
        expect("octgemm_backend", status, OCTGEMM_ERR_ARG);
    expect("octgemm_backend", octgemm_backend(0, NULL), OCTGEMM_ERR_ARG);
}

static void (*const calls[])(struct fuzz_input *input) = {call_gemm, call_quantize, call_pack,
                                                          call_memory, call_open};
enum { call_count = sizeof calls / sizeof *calls };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static octgemm_ctx *cpu;
    struct fuzz_input input = {data, data + size};
    if (!cpu && octgemm_open(&cpu, "cpu", 0) != OCTGEMM_OK)
        fuzz_fail("octgemm_open: %s", octgemm_last_error());
    contexts[0] = cpu;
    contexts[1] = fuzz_reference();
    for (int i = 0; i < CALLS_MOST && input.at < input.end; i++)
        calls[fuzz_below(&input, call_count)](&input);
    return 0;
}
