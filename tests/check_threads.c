/* Threads: a context used by many at once, calls from inside a caller's OpenMP regions, thread
 * counts that change between the question for a workspace and its use, processes that fork or are
 * bound to one core. Results must be those of the reference every time, and there are never more
 * threads than the caller allows. */
#define _GNU_SOURCE /* sched_setaffinity */
#include "run_tests.h"
#include "suite/patterns.h"

#include "octgemm.h"

#include <check.h>
#include <dirent.h>
#include <fenv.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* A product on its own memory, and what it must give. */
struct product {
    octgemm_args args;
    int8_t *a, *b;
    float *d, *expected;
    float sa, sb[97];
    void *packed, *workspace;
};

static octgemm_ctx *reference, *shared;

static void make(struct product *product, int64_t m, int64_t n, int64_t k, uint64_t seed)
{
    product->a = malloc((size_t)(m * k));
    product->b = malloc((size_t)(n * k));
    product->d = calloc((size_t)(m * n), sizeof *product->d);
    product->expected = calloc((size_t)(m * n), sizeof *product->expected);
    for (int64_t i = 0; i < m; i++)
        suite_fill_matrix_row(M_RANDOM, product->a + i * k, k, i, seed);
    for (int64_t j = 0; j < n; j++)
        suite_fill_matrix_row(M_RANDOM, product->b + j * k, k, j, seed + 1);
    for (int64_t j = 0; j < n; j++)
        product->sb[j] = suite_float(F_ORDINARY, j, seed + 2);
    product->sa = 0.0123f;
    product->args = (octgemm_args){.size = sizeof product->args,
                                   .m = m,
                                   .n = n,
                                   .k = k,
                                   .a = product->a,
                                   .lda = k,
                                   .b = product->b,
                                   .ldb = k,
                                   .sa = &product->sa,
                                   .sa_mode = OCTGEMM_SCALE_TENSOR,
                                   .sb = product->sb,
                                   .d = product->expected,
                                   .ldd = n};
    ck_assert_int_eq(octgemm_run(reference, &product->args), OCTGEMM_OK);
    product->args.d = product->d;
}

static void drop(struct product *product)
{
    free(product->a);
    free(product->b);
    free(product->d);
    free(product->expected);
    free(product->packed);
    free(product->workspace);
}

/* The following return the number of things that went wrong: Check's assertions are for the main
 * thread only. */
static int provide_workspace(struct product *product, const octgemm_ctx *ctx)
{
    size_t bytes;
    if (octgemm_workspace(ctx, &product->args, &bytes) != OCTGEMM_OK)
        return 1;
    free(product->workspace);
    product->workspace = malloc(bytes + 1);
    product->args.workspace = product->workspace;
    product->args.workspace_size = bytes;
    return 0;
}

static int run(struct product *product, const octgemm_ctx *ctx)
{
    size_t bytes = (size_t)(product->args.m * product->args.n) * sizeof *product->d;
    memset(product->d, 0xa5, bytes);
    return octgemm_run(ctx, &product->args) != OCTGEMM_OK ||
           memcmp(product->d, product->expected, bytes) != 0;
}

static int run_packed(struct product *product, const octgemm_ctx *ctx)
{
    size_t bytes;
    int64_t n = product->args.n, k = product->args.k;
    if (octgemm_packed_size(ctx, n, k, &bytes) != OCTGEMM_OK ||
        !(product->packed = realloc(product->packed, bytes)) ||
        octgemm_pack(ctx, n, k, product->b, k, product->packed, NULL) != OCTGEMM_OK)
        return 1;
    product->args.b = product->packed;
    product->args.b_layout = OCTGEMM_B_PACKED;
    int wrong = provide_workspace(product, ctx) || run(product, ctx);
    product->args.b = product->b;
    product->args.b_layout = OCTGEMM_B_ROWS;
    return wrong;
}

/* Rows of random floats quantised on ctx and on the reference: many are work for several threads.
 */
enum { few_rows = 40, many_rows = 1000 };
static int run_quantizer(const octgemm_ctx *ctx, int rows, uint64_t seed)
{
    enum { k = 500 };
    size_t elements = (size_t)rows * k;
    float *x = malloc(elements * sizeof *x), scale[2][many_rows];
    int8_t *q[2] = {malloc(elements), malloc(elements)};
    int wrong = 0;
    for (int i = 0; i < rows; i++)
        suite_fill_row(x + i * k, OCTGEMM_F32, k, i, seed);
    for (int which = 0; which < 2; which++) {
        octgemm_quantize_args args = {.size = sizeof args,
                                      .rows = rows,
                                      .k = k,
                                      .x = x,
                                      .ldx = k,
                                      .q = q[which],
                                      .ldq = k,
                                      .scale = scale[which]};
        wrong += octgemm_quantize(which ? ctx : reference, &args) != OCTGEMM_OK;
    }
    wrong += memcmp(q[0], q[1], elements) != 0;
    for (int i = 0; i < rows; i++)
        wrong += scale[0][i] != scale[1][i] && !(scale[0][i] != scale[0][i]);
    free(x);
    free(q[0]);
    free(q[1]);
    return wrong;
}

static void setup(void)
{
    unsetenv("OCTGEMM_KERNEL");
    ck_assert_int_eq(octgemm_open(&reference, "ref", 0), OCTGEMM_OK);
    ck_assert_int_eq(octgemm_open(&shared, "cpu", 0), OCTGEMM_OK);
}

static void teardown(void)
{
    octgemm_close(&shared);
    octgemm_close(&reference);
}

/* ---- POSIX threads -----------------------------------------------------------------------------
 */

enum { thread_count = 8, rounds = 12 };

struct user {
    struct product product;
    pthread_t thread;
    int wrong;
};

static void *use_shared_context(void *argument)
{
    struct user *user = argument;
    for (int round = 0; round < rounds; round++) {
        user->wrong += provide_workspace(&user->product, shared);
        user->wrong += run(&user->product, shared);
        user->wrong += run_packed(&user->product, shared);
        user->wrong += run_quantizer(shared, few_rows, (uint64_t)round);
    }
    return NULL;
}

/* Lists, opens and closes while others do the same. */
static void *use_own_context(void *argument)
{
    struct user *user = argument;
    for (int round = 0; round < rounds; round++) {
        octgemm_ctx *own;
        octgemm_info info;
        for (size_t row = 0; octgemm_backend(row, &info) == OCTGEMM_OK; row++)
            user->wrong += info.reason[0] == '\0';
        if (octgemm_open(&own, "cpu", 0) != OCTGEMM_OK) {
            user->wrong++;
            continue;
        }
        user->wrong += provide_workspace(&user->product, own) || run(&user->product, own);
        octgemm_close(&own);
    }
    return NULL;
}

static void *(*const thread_bodies[])(void *) = {use_shared_context, use_own_context};

START_TEST(many_threads)
{
    static struct user users[thread_count];
    memset(users, 0, sizeof users);
    for (int t = 0; t < thread_count; t++)
        make(&users[t].product, 1 + t * 5, 33 + t * 9, 40 + t * 31, (uint64_t)t * 10);
    for (int t = 0; t < thread_count; t++)
        ck_assert_int_eq(pthread_create(&users[t].thread, NULL, thread_bodies[_i], &users[t]), 0);
    for (int t = 0; t < thread_count; t++)
        pthread_join(users[t].thread, NULL);
    for (int t = 0; t < thread_count; t++) {
        ck_assert_int_eq(users[t].wrong, 0);
        drop(&users[t].product);
    }
}
END_TEST

/* ---- OpenMP ------------------------------------------------------------------------------------
 */

#ifdef _OPENMP
/* A workspace sized under one thread count serves under any other. */
START_TEST(the_thread_count_may_change_after_workspace)
{
    static const int counts[][2] = {{1, 1}, {1, 2}, {2, 1}, {1, 16}, {16, 1}, {3, 5}, {0, 64}};
    static const int64_t shapes[][3] = {
        {1, 97, 4000}, {8, 97, 3000}, {130, 90, 200}, {300, 64, 129}, {5, 5, 5}};
    int processors = omp_get_max_threads();
    for (int s = 0; s < 5; s++) {
        struct product product = {.packed = NULL};
        size_t bytes[2];
        make(&product, shapes[s][0], shapes[s][1], shapes[s][2], (uint64_t)s);
        omp_set_num_threads(counts[_i][0] ? counts[_i][0] : processors);
        ck_assert_int_eq(octgemm_workspace(shared, &product.args, &bytes[0]), OCTGEMM_OK);
        ck_assert_int_eq(provide_workspace(&product, shared), 0);
        omp_set_num_threads(counts[_i][1]);
        ck_assert_int_eq(octgemm_workspace(shared, &product.args, &bytes[1]), OCTGEMM_OK);
        ck_assert_uint_eq(bytes[0], bytes[1]);
        ck_assert_int_eq(run(&product, shared), 0);
        ck_assert_int_eq(run_packed(&product, shared), 0);
        ck_assert_int_eq(omp_get_max_threads(), counts[_i][1]); /* the caller's setting is kept */
        drop(&product);
    }
    omp_set_num_threads(processors);
}
END_TEST

/* Each thread of a caller's region makes a call; with one and with two active levels. */
START_TEST(inside_a_parallel_region)
{
    enum { callers = 4 };
    static struct product products[callers];
    int wrong = 0, levels = omp_get_max_active_levels();
    omp_set_max_active_levels(_i + 1);
    memset(products, 0, sizeof products);
    for (int t = 0; t < callers; t++)
        make(&products[t], 7 + t * 40, 90, 100 + t * 57, (uint64_t)t);
#pragma omp parallel for num_threads(callers) reduction(+ : wrong)
    for (int t = 0; t < callers; t++) {
        for (int round = 0; round < rounds; round++) {
            wrong += provide_workspace(&products[t], shared) || run(&products[t], shared);
            wrong += run_packed(&products[t], shared);
            wrong += run_quantizer(shared, few_rows, (uint64_t)t);
        }
    }
    ck_assert_int_eq(wrong, 0);
    for (int t = 0; t < callers; t++)
        drop(&products[t]);
    omp_set_max_active_levels(levels);
}
END_TEST

/* One thread of a region calls while the others wait: from single, and from a task. */
START_TEST(from_one_thread_of_a_region)
{
    struct product product = {.packed = NULL};
    int wrong = 0;
    make(&product, 100, 90, 300, 5);
#pragma omp parallel num_threads(3)
    {
#pragma omp single
        {
            wrong += provide_workspace(&product, shared) || run(&product, shared);
#pragma omp task default(shared)
            wrong += run_packed(&product, shared);
        }
    }
    ck_assert_int_eq(wrong, 0);
    drop(&product);
}
END_TEST
#endif

/* ---- processes ---------------------------------------------------------------------------------
 *
 * Each in a child of a process that has not started an OpenMP thread yet. */

#ifdef _OPENMP
/* Enough work for several threads, in one tile's rows and in many. */
enum { large_shapes = 2 };
static const int64_t large[large_shapes][3] = {{1, 97, 60000}, {200, 97, 1500}};

/* Threads of this process, as the system counts them. */
static int count_threads(void)
{
    char line[128];
    int count = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "Threads: %d", &count) == 1)
            break;
    if (status)
        fclose(status);
    return count;
}

static void *do_nothing(void *argument)
{
    return argument;
}

/* The threads there are before OpenMP has any: with the one that ThreadSanitizer starts for itself
 * beside a process's first. */
static int count_threads_before(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, do_nothing, NULL) == 0)
        pthread_join(thread, NULL);
    return count_threads();
}

/* Both shapes, rows and packed. */
static int run_large(const octgemm_ctx *ctx)
{
    int wrong = 0;
    for (int s = 0; s < large_shapes; s++) {
        struct product product = {.packed = NULL};
        make(&product, large[s][0], large[s][1], large[s][2], (uint64_t)s);
        wrong += provide_workspace(&product, ctx) || run(&product, ctx);
        wrong += run_packed(&product, ctx);
        drop(&product);
    }
    return wrong + run_quantizer(ctx, few_rows, 3);
}

static int with_own_context(void)
{
    octgemm_ctx *own;
    if (octgemm_open(&own, "cpu", 0) != OCTGEMM_OK)
        return 1;
    int wrong = run_large(own);
    octgemm_close(&own);
    return wrong;
}

/* The context was opened by the parent, which forked before it used it. */
static int after_a_fork(void)
{
    return run_large(shared) + with_own_context();
}

/* A process for `body`. An alarm ends what waits for threads that it has not. */
static pid_t start(int (*body)(void))
{
    enum { seconds = 20 };
    pid_t child = fork();
    if (child != 0)
        return child;
    signal(SIGALRM, SIG_DFL); /* Check's own handler would end its parents too */
    alarm(seconds);
    int wrong = body();
    _exit(wrong < 100 ? wrong : 100);
}

static int ends_badly(pid_t child)
{
    int status = 1;
    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

/* A child of a child, and its parent at the same time. */
static int forks_again(void)
{
    pid_t child = start(after_a_fork);
    int wrong = after_a_fork();
    return wrong + ends_badly(child);
}

/* One core for the process, with whatever number of threads the runtime takes from that, and with
 * more than the core can run at once. */
static int on_one_core(void)
{
    cpu_set_t all, one;
    int wrong = 0, before = count_threads_before();
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        return 1;
    for (int core = 0; CPU_COUNT(&one) == 0; core++)
        if (CPU_ISSET(core, &all))
            CPU_SET(core, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        return 1;
    omp_set_num_threads(1);
    wrong += run_large(shared) + with_own_context();
    wrong += count_threads() > before; /* one thread is the caller's own */
    omp_set_num_threads(5);
    wrong += run_large(shared) + with_own_context();
    cpu_set_t now;
    return wrong + (sched_getaffinity(0, sizeof now, &now) != 0 || !CPU_EQUAL(&now, &one));
}

/* The runtime may give fewer threads than it was asked for. */
static int with_fewer_threads_than_asked(void)
{
    omp_set_num_threads(16);
    omp_set_dynamic(1);
    return with_own_context() + run_large(shared);
}

/* Counts that change from call to call: never more threads than the largest allowed so far. */
static int with_changing_counts(void)
{
    static const int counts[] = {1, 2, 1, 4, 3, 7, 1, 2};
    int wrong = 0, most = 1, before = count_threads_before();
    omp_set_dynamic(0);
    omp_set_num_threads(7);
    octgemm_ctx *own;
    if (octgemm_open(&own, "cpu", 0) != OCTGEMM_OK)
        return 1;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        omp_set_num_threads(counts[i]);
        most = counts[i] > most ? counts[i] : most;
        wrong += run_large(own) + run_large(shared);
        wrong += count_threads() > before - 1 + most;
        wrong += omp_get_max_threads() != counts[i];
    }
    octgemm_close(&own);
    return wrong;
}

enum { most_threads = 64 };

/* The identities of this process's threads, in the system's order, and how many there are. */
static int list_threads(long threads[most_threads])
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks)) && count < most_threads;)
        if ((threads[count] = atol(task->d_name)) > 0)
            count++;
    if (tasks)
        closedir(tasks);
    return count;
}

/* Products of every size, with work for one thread, for some and for all: none may have the runtime
 * end threads and start others, which takes longer than the product. */
static int keeps_its_team(void)
{
    static const int64_t shapes[][3] = {
        {1, 3, 5},      {1, 97, 60000}, {1, 16, 60000}, {2, 3, 40000}, {3, 40, 4000},
        {70, 20, 1200}, {300, 5, 900},  {16, 97, 300},  {9, 64, 1000}, {200, 97, 1500},
    };
    enum { count = sizeof shapes / sizeof *shapes };
    long first[most_threads], now[most_threads];
    int wrong = 0;
    omp_set_dynamic(0);
    omp_set_num_threads(13);
    octgemm_ctx *own;
    if (octgemm_open(&own, "cpu", 0) != OCTGEMM_OK)
        return 1;
    wrong += run_large(own);
    int threads = list_threads(first);
    wrong += threads < 13;
    for (int i = 0; i < count * count; i++) {
        const int64_t *shape = shapes[i % 2 ? i / count : i % count];
        struct product product = {.packed = NULL};
        make(&product, shape[0], shape[1], shape[2], (uint64_t)i);
        wrong += provide_workspace(&product, own) || run(&product, own);
        wrong += run_packed(&product, own);
        drop(&product);
        wrong +=
            list_threads(now) != threads || memcmp(first, now, (size_t)threads * sizeof *now) != 0;
    }
    octgemm_close(&own);
    return wrong;
}

/* Inside a caller's region each call has the one thread that made it; where the caller lets regions
 * nest, as many as it set. */
static int inside_regions(void)
{
    enum { callers = 3, inner = 2 };
    int wrong = 0, before = count_threads_before();
    omp_set_dynamic(0);
    omp_set_num_threads(inner);
    for (int levels = 1; levels <= 2; levels++) {
        omp_set_max_active_levels(levels);
#pragma omp parallel num_threads(callers) reduction(+ : wrong)
        wrong += run_large(shared);
        wrong += count_threads() > before - 1 + (levels == 1 ? callers : callers * inner);
    }
    return wrong;
}

/* The caller and its threads round in another way. (libomp gives threads the caller's, libgomp
 * leaves them theirs.) */
static int rounding_down(void)
{
    int wrong = run_large(shared); /* so that they are there */
#pragma omp parallel reduction(+ : wrong)
    wrong += fesetround(FE_DOWNWARD) != 0;
    wrong += fesetround(FE_DOWNWARD) != 0;
    wrong += run_large(shared) + run_quantizer(shared, many_rows, 2);
    return wrong + (fegetround() != FE_DOWNWARD);
}

/* The parent has had threads, which its child has not. */
static int after_threads(void)
{
    int wrong = run_large(shared);
    pid_t child = start(after_a_fork);
    wrong += run_large(shared);
    return wrong + ends_badly(child);
}

/* Makes threads that octgemm knows nothing of. */
static int use_own_threads(void)
{
    int threads = 0;
    omp_set_dynamic(0);
    omp_set_num_threads(3);
#pragma omp parallel reduction(+ : threads)
    threads++;
    return threads != 3;
}

static int after_own_threads(void)
{
    int wrong = use_own_threads();
    pid_t child = start(after_a_fork);
    wrong += run_large(shared);
    return wrong + ends_badly(child);
}

static int open_and_quantize(void)
{
    octgemm_ctx *own;
    if (octgemm_open(&reference, "ref", 0) != OCTGEMM_OK ||
        octgemm_open(&own, "cpu", 0) != OCTGEMM_OK)
        return 1;
    int wrong = run_quantizer(own, many_rows, 1);
    octgemm_close(&own);
    octgemm_close(&reference);
    return wrong;
}

/* In a process that has not opened a context; outside of Check's tests, so without make(). */
static int before_an_open(void)
{
    int wrong = use_own_threads();
    pid_t child = start(open_and_quantize);
    return wrong + ends_badly(child);
}

/* Allowed far more threads than there can be, of which it then uses a few. */
static int with_too_many_threads(void)
{
    enum { side = 4096, most_workspace = 1 << 30 };
    octgemm_args big = {.size = sizeof big, .m = side, .n = side, .k = side};
    struct product product = {.packed = NULL};
    octgemm_ctx *own;
    size_t bytes;
    big.lda = big.ldb = big.ldd = side;
    omp_set_num_threads(INT_MAX);
    if (octgemm_open(&own, "cpu", 0) != OCTGEMM_OK)
        return 1;
    omp_set_num_threads(2);
    int wrong = octgemm_workspace(own, &big, &bytes) != OCTGEMM_OK || bytes > most_workspace;
    make(&product, 1000, 97, 2000, 1);
    wrong += provide_workspace(&product, own) || run(&product, own);
    wrong += run_packed(&product, own);
    drop(&product);
    octgemm_close(&own);
    return wrong;
}

static int (*const child_bodies[])(void) = {
    after_a_fork,         forks_again,           on_one_core,    with_fewer_threads_than_asked,
    with_changing_counts, keeps_its_team,        inside_regions, after_threads,
    after_own_threads,    with_too_many_threads, rounding_down};
enum { child_count = sizeof child_bodies / sizeof *child_bodies };

START_TEST(in_a_child)
{
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int wrong = child_bodies[_i]();
        _exit(wrong < 100 ? wrong : 100);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                  "child %d ended with status 0x%x (0xNN00: NN results were wrong)", _i, status);
}
END_TEST

static int early; /* how before_an_open() ended */

START_TEST(before_the_first_open)
{
    ck_assert_int_eq(early, 0);
}
END_TEST
#endif

int main(void)
{
#ifdef _OPENMP
    early = ends_badly(start(before_an_open));
#endif
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, setup, teardown);
#ifdef _OPENMP
    tcase_add_test(tests, before_the_first_open);
    tcase_add_loop_test(tests, in_a_child, 0, child_count); /* before this process has threads */
#endif
    tcase_add_loop_test(tests, many_threads, 0, 2);
#ifdef _OPENMP
    tcase_add_loop_test(tests, the_thread_count_may_change_after_workspace, 0, 7);
    tcase_add_loop_test(tests, inside_a_parallel_region, 0, 2);
    tcase_add_test(tests, from_one_thread_of_a_region);
#endif
    return run_tests("threads", tests, CK_NOFORK); /* OpenMP's threads do not survive a fork */
}
