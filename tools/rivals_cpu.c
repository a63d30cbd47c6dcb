/* octgemm bench --rivals on the CPU: octgemm beside oneDNN and OpenBLAS, loaded when they are
 * there.
 *
 * All compute S = A B^T from the same A (m x k) and B (n x k), both with every int8 value in them,
 * and each answer is compared with the exact sums: a library that saturates is named so, not left
 * out. Rounds are interleaved, for clocks and neighbours change. Printed are the median of the
 * rounds, and the best rate per cycle and thread: by processor time and a clock found around each
 * sample (a chain of dependent additions), beside what a loop of the kernel's instructions alone
 * reached in the same rounds.
 *
 * The rivals multiply B as it lies: oneDNN by its gemm functions, the one interface that is the
 * same in versions 2 and 3; octgemm multiplies packed weights. The weights are hot. */
#include "ceiling.h"
#include "command.h"
#include "generate.h"
#include "matrix.h"
#include "report.h"
#include "rivals.h"
#include "timing.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { rounds_max = 200, rounds_min = 5, checked_rows = 3 };

struct field {
    int64_t m, n, k;
    int8_t *a, *b;
    uint8_t *a_offset; /* a + 128, for u8 x s8 */
    float *a_float, *b_float, *sums_float;
    int32_t *sums; /* of the contender that ran last */
    struct device device;
    octgemm_args args;
};

typedef void any_function(void);

struct contender {
    const char *name;
    const char *const *libraries; /* candidates; NULL: octgemm itself */
    const char *symbol;
    void (*run)(struct field *field, any_function *function);
};

static void run_octgemm(struct field *f, any_function *unused)
{
    (void)unused;
    if (octgemm_run(f->device.ctx, &f->args) != OCTGEMM_OK)
        octgemm_complain("%s", octgemm_last_error());
}

/* dnnl_dim_t is int64_t; the status is not looked at, the answer is. Row-major, B transposed. */
typedef int gemm_s8(char ta, char tb, char offset_c, int64_t m, int64_t n, int64_t k, float alpha,
                    const int8_t *a, int64_t lda, int8_t ao, const int8_t *b, int64_t ldb,
                    int8_t bo, float beta, int32_t *c, int64_t ldc, const int32_t *co);
typedef int gemm_u8(char ta, char tb, char offset_c, int64_t m, int64_t n, int64_t k, float alpha,
                    const uint8_t *a, int64_t lda, uint8_t ao, const int8_t *b, int64_t ldb,
                    int8_t bo, float beta, int32_t *c, int64_t ldc, const int32_t *co);
typedef void gemm_f32(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *c, int ldc);

static const int32_t no_offset = 0;

static void run_s8(struct field *f, any_function *function)
{
    ((gemm_s8 *)function)('N', 'T', 'F', f->m, f->n, f->k, 1, f->a, f->k, 0, f->b, f->k, 0, 0,
                          f->sums, f->n, &no_offset);
}

static void run_u8(struct field *f, any_function *function)
{
    ((gemm_u8 *)function)('N', 'T', 'F', f->m, f->n, f->k, 1, f->a_offset, f->k, 128, f->b, f->k, 0,
                          0, f->sums, f->n, &no_offset);
}

static void run_f32(struct field *f, any_function *function)
{
    enum { row_major = 101, plain = 111, transposed = 112 };
    ((gemm_f32 *)function)(row_major, plain, transposed, (int)f->m, (int)f->n, (int)f->k, 1,
                           f->a_float, (int)f->k, f->b_float, (int)f->k, 0, f->sums_float,
                           (int)f->n);
}

static const char *const onednn[] = {"libdnnl.so.3", "libdnnl.so.2", NULL};
static const char *const openblas[] = {"libopenblas.so.0", NULL};
static const struct contender contenders[] = {
    {"octgemm", NULL, NULL, run_octgemm},
    {"oneDNN s8s8", onednn, "dnnl_gemm_s8s8s32", run_s8},
    {"oneDNN u8s8", onednn, "dnnl_gemm_u8s8s32", run_u8},
    {"OpenBLAS f32", openblas, "cblas_sgemm", run_f32},
};
enum { contender_count = sizeof contenders / sizeof *contenders };

struct result {
    any_function *function;
    int64_t calls; /* in a sample */
    int64_t compared, wrong;
    double seconds[rounds_max];
    double best_rate; /* MACs per cycle */
};

static any_function *find_function(const struct contender *contender)
{
    for (size_t i = 0; contender->libraries[i]; i++) {
        void *library = dlopen(contender->libraries[i], RTLD_NOW | RTLD_LOCAL);
        void *symbol = library ? dlsym(library, contender->symbol) : NULL;
        any_function *function = NULL;
        memcpy(&function, &symbol, sizeof function);
        if (function)
            return function;
    }
    return NULL;
}

/* Compares some rows with the exact sums. */
static void check(struct result *result, const struct field *f, int is_float)
{
    result->compared = result->wrong = 0;
    for (int64_t r = 0; r < checked_rows && r < f->m; r++) {
        int64_t i = r * (f->m - 1) / (checked_rows - 1);
        for (int64_t j = 0; j < f->n; j++) {
            int32_t sum = 0;
            for (int64_t p = 0; p < f->k; p++)
                sum += f->a[i * f->k + p] * f->b[j * f->k + p];
            int64_t at = i * f->n + j;
            result->compared++;
            result->wrong += is_float ? f->sums_float[at] != (float)sum : f->sums[at] != sum;
        }
    }
}

/* Seconds of processor time of all threads: what neighbours take does not count. */
static double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Cycles per second now, the best of three tries, for one may be interrupted; 0 where that is not
 * known. */
static double clock_rate(void)
{
    enum { count = 1000 };
    double best = 0;
    for (int i = 0; i < 3 && octgemm_ceilings[0].arch; i++) {
        double start = octgemm_now();
        octgemm_spin(count);
        double rate = 16 * count / (octgemm_now() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

/* Work per cycle since; by the faster of the clock's two rates around it, so never too much. */
static double per_cycle(double work, double start, double before)
{
    double seconds = processor_seconds() - start;
    double after = clock_rate();
    return work / (seconds * (after > before ? after : before));
}

static double sample(const struct contender *contender, struct result *result, struct field *f)
{
    double work = (double)result->calls * (double)f->m * (double)f->n * (double)f->k;
    double before = clock_rate();
    double processor = processor_seconds();
    double start = octgemm_now();
    for (int64_t i = 0; i < result->calls; i++)
        contender->run(f, result->function);
    double seconds = (octgemm_now() - start) / (double)result->calls;
    double rate = per_cycle(work, processor, before);
    if (before > 0 && rate > result->best_rate)
        result->best_rate = rate;
    return seconds;
}

static double sample_ceiling(const struct ceiling *ceiling)
{
    enum { count = 5000 };
    double before = clock_rate();
    double processor = processor_seconds();
    ceiling->loop(count);
    return per_cycle((double)ceiling->macs * count, processor, before);
}

/* The ceiling for the kernel that octgemm takes, or NULL. */
static const struct ceiling *find_ceiling(const struct field *f, const char *kernel)
{
    octgemm_info info;
    const struct ceiling *ceiling = octgemm_ceilings;
    for (size_t i = 0; octgemm_kernel(f->device.ctx, &f->args, i, &info) == OCTGEMM_OK; i++)
        if (strcmp(info.kernel, kernel) == 0)
            break;
    while (ceiling->arch && strcmp(ceiling->arch, info.arch) != 0)
        ceiling++;
    return ceiling->arch ? ceiling : NULL;
}

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_result(const struct contender *contender, struct result *result,
                         const struct field *f, int rounds, double ceiling)
{
    char median[32], bandwidth[32] = "-", share[32] = "-";
    qsort(result->seconds, (size_t)rounds, sizeof *result->seconds, compare_seconds);
    double seconds = result->seconds[rounds / 2];
    double weights = (double)f->n * (double)f->k;
    if (f->m <= 16)
        snprintf(bandwidth, sizeof bandwidth, "%.1f", weights / seconds * 1e-9);
    if (ceiling > 0)
        snprintf(share, sizeof share, "%.0f %%", 100 * result->best_rate / ceiling);
    printf("%6lld %6lld %6lld  %-13s %10s %9.4g %8s %9.1f %9s  ", (long long)f->m, (long long)f->n,
           (long long)f->k, contender->name, octgemm_format_seconds(median, sizeof median, seconds),
           2 * (double)f->m * weights / seconds * 1e-12, bandwidth, result->best_rate, share);
    if (result->wrong)
        printf("WRONG: %lld of %lld sums\n", (long long)result->wrong, (long long)result->compared);
    else
        printf("exact\n");
}

static int time_all(struct field *f, const struct rivals_options *options)
{
    static struct result results[contender_count];
    octgemm_info info;
    if (octgemm_query(f->device.ctx, &f->args, &info) != OCTGEMM_OK)
        return octgemm_complain("%s", octgemm_last_error());
    const struct ceiling *ceiling = find_ceiling(f, info.kernel);
    double best_ceiling = 0;
    int rounds = 0;
    memset(results, 0, sizeof results);
    for (int i = 0; i < contender_count; i++) {
        const struct contender *contender = &contenders[i];
        struct result *result = &results[i];
        result->function = contender->libraries ? find_function(contender) : NULL;
        if (contender->libraries && !result->function)
            continue;
        contender->run(f, result->function);
        check(result, f, contender->run == run_f32);
        result->calls = 1;
        result->calls = (int64_t)(5e-3 / sample(contender, result, f)) + 1;
    }
    double end = octgemm_now() + options->seconds * contender_count;
    while (rounds < rounds_min || (rounds < rounds_max && octgemm_now() < end)) {
        for (int i = 0; i < contender_count; i++)
            if (results[i].calls)
                results[i].seconds[rounds] = sample(&contenders[i], &results[i], f);
        double now = ceiling ? sample_ceiling(ceiling) : 0;
        best_ceiling = now > best_ceiling ? now : best_ceiling;
        rounds++;
    }
    for (int i = 0; i < contender_count; i++)
        if (results[i].calls)
            print_result(&contenders[i], &results[i], f, rounds, best_ceiling);
        else
            printf("%6lld %6lld %6lld  %-13s %s not found\n", (long long)f->m, (long long)f->n,
                   (long long)f->k, contenders[i].name, contenders[i].libraries[0]);
    if (ceiling)
        printf("%22s  %s, registers only: %.1f MACs/cycle\n\n", "", info.kernel, best_ceiling);
    fflush(stdout);
    if (results[0].wrong == 0)
        return 0;
    octgemm_complain("octgemm's own answer is wrong");
    return EXIT_CHECK;
}

static int make_field(struct field *f, uint64_t seed)
{
    int64_t m = f->m, n = f->n, k = f->k;
    f->a = octgemm_allocate(m, k, 1, "activations");
    f->a_offset = octgemm_allocate(m, k, 1, "activations");
    f->a_float = octgemm_allocate(m, k, sizeof(float), "activations");
    f->b = octgemm_allocate(n, k, 1, "weights");
    f->b_float = octgemm_allocate(n, k, sizeof(float), "weights");
    f->sums = octgemm_allocate(m, n, sizeof(int32_t), "results");
    f->sums_float = octgemm_allocate(m, n, sizeof(float), "results");
    if (!f->a || !f->a_offset || !f->a_float || !f->b || !f->b_float || !f->sums || !f->sums_float)
        return EXIT_INPUT;
    octgemm_generate_int8(f->a, m * k, seed * 2);
    octgemm_generate_int8(f->b, n * k, seed * 2 + 1);
    for (int64_t i = 0; i < m * k; i++) {
        f->a_offset[i] = (uint8_t)(f->a[i] + 128);
        f->a_float[i] = f->a[i];
    }
    for (int64_t i = 0; i < n * k; i++)
        f->b_float[i] = f->b[i];
    return 0;
}

static int pack(struct field *f)
{
    size_t bytes;
    void *packed;
    if (octgemm_packed_size(f->device.ctx, f->n, f->k, &bytes) != OCTGEMM_OK)
        return octgemm_complain("%s", octgemm_last_error());
    int status = octgemm_device_alloc(&f->device, (int64_t)bytes, &packed);
    if (status)
        return status;
    if (octgemm_pack(f->device.ctx, f->n, f->k, f->b, f->k, packed, NULL) != OCTGEMM_OK)
        return octgemm_complain("%s", octgemm_last_error());
    f->args = (octgemm_args){.size = sizeof f->args,
                             .m = f->m,
                             .n = f->n,
                             .k = f->k,
                             .a = f->a,
                             .lda = f->k,
                             .b = packed,
                             .b_layout = OCTGEMM_B_PACKED,
                             .d = f->sums,
                             .ldd = f->n,
                             .d_type = OCTGEMM_I32};
    return octgemm_device_workspace(&f->device, &f->args);
}

int octgemm_bench_rivals(const struct rivals_options *options, const struct shape *shape, int64_t m)
{
    static int head_printed;
    struct field field = {.m = m, .n = shape->n, .k = shape->k};
    struct device_choice choice = *options->choice;
    choice.backend = "cpu";
    if (!head_printed++)
        printf("%6s %6s %6s  %-13s %10s %9s %8s %9s %9s\n", "M", "N", "K", "library", "median",
               "TOPS", "GB/s", "MACs/cyc", "ceiling");
    int status = octgemm_open_device(&field.device, &choice);
    if (status == 0)
        status = make_field(&field, (uint64_t)options->seed);
    if (status == 0)
        status = pack(&field);
    if (status == 0)
        status = time_all(&field, options);
    octgemm_close_device(&field.device);
    void *memory[] = {field.a,       field.a_offset, field.a_float,   field.b,
                      field.b_float, field.sums,     field.sums_float};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        free(memory[i]);
    return status;
}
