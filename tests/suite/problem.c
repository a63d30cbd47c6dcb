/* One case made concrete: arrays on the host, and what D must be. */
#include "problem.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a matrix from its first to its last element: the last row has no padding. */
static size_t span(int64_t rows, int64_t columns, int64_t ld, int64_t width)
{
    return rows > 0 && columns > 0 ? (size_t)(((rows - 1) * ld + columns) * width) : 0;
}

static int64_t length(enum suite_mode mode, int64_t rows)
{
    return mode == PER_ROW ? rows : mode == PER_TENSOR ? 1 : 0;
}

static octgemm_type bias_type(enum suite_bias bias)
{
    return bias == BIAS_F16 ? OCTGEMM_F16 : bias == BIAS_BF16 ? OCTGEMM_BF16 : OCTGEMM_F32;
}

static int64_t repeated(const struct suite_case *c, int64_t index)
{
    return c->period > 0 ? index % c->period : index;
}

static int64_t distinct(const struct suite_case *c, int64_t rows)
{
    return c->period > 0 && c->period < rows ? c->period : rows;
}

/* Sets leading dimensions and sizes. */
static void measure(struct suite_problem *problem, const struct suite_case *c)
{
    *problem = (struct suite_problem){.c = c};
    problem->lda = c->k + c->pad_a;
    problem->ldb = c->k + c->pad_b;
    problem->ldd = c->n + c->pad_d;
    problem->expected_rows = distinct(c, c->m);
    size_t *bytes = problem->bytes;
    bytes[AT_A] = span(c->m, c->k, problem->lda, 1);
    bytes[AT_B] = span(c->n, c->k, problem->ldb, 1);
    bytes[AT_D] = span(c->m, c->n, problem->ldd, suite_width(c->d_type));
    bytes[AT_SA] = (size_t)length(c->sa, c->m) * sizeof(float);
    bytes[AT_SB] = (size_t)length(c->sb, c->n) * sizeof(float);
    bytes[AT_ZA] = (size_t)length(c->za, c->m) * sizeof(int32_t);
    if (c->bias != NO_BIAS)
        bytes[AT_BIAS] = (size_t)(c->n * suite_width(bias_type(c->bias)));
}

static int allocate(struct suite_problem *problem)
{
    for (int array = 0; array < ARRAYS; array++)
        if (array != AT_D && problem->bytes[array] > 0 &&
            !(problem->host[array] = malloc(problem->bytes[array])))
            return 0;
    size_t row = (size_t)(problem->c->n * suite_width(problem->c->d_type));
    problem->expected = malloc((size_t)problem->expected_rows * row + 1);
    return problem->expected != NULL;
}

/* Rows of values with gaps of other values, so that reading a gap shows. */
static void fill_matrix(const struct suite_case *c, unsigned char *out, int64_t rows, int64_t ld,
                        enum matrix_pattern pattern, uint64_t seed)
{
    for (int64_t i = 0; i < rows && c->k > 0; i++) {
        int8_t *row = (int8_t *)out + i * ld;
        if (repeated(c, i) < i)
            memcpy(row, out + repeated(c, i) * ld, (size_t)c->k);
        else
            suite_fill_matrix_row(pattern, row, c->k, i, seed);
        if (i + 1 < rows)
            memset(row + c->k, 93, (size_t)(ld - c->k));
    }
}

static void fill_floats(const struct suite_case *c, void *out, octgemm_type type, int64_t count,
                        enum float_pattern pattern, uint64_t seed)
{
    for (int64_t i = 0; i < count; i++) {
        float value = suite_float(pattern, repeated(c, i), seed);
        if (pattern != F_BITS || type == OCTGEMM_F32)
            suite_store(out, type, i, value);
        else /* the bits themselves, NaNs and all */
            memcpy((char *)out + i * suite_width(type), &value, (size_t)suite_width(type));
    }
}

static void fill(struct suite_problem *problem)
{
    const struct suite_case *c = problem->c;
    uint64_t seed = c->seed;
    unsigned char **host = problem->host;
    fill_matrix(c, host[AT_A], c->m, problem->lda, c->a_values, suite_hash(seed, AT_A));
    fill_matrix(c, host[AT_B], c->n, problem->ldb, c->b_values, suite_hash(seed, AT_B));
    fill_floats(c, host[AT_SA], OCTGEMM_F32, length(c->sa, c->m), c->sa_values,
                suite_hash(seed, AT_SA));
    fill_floats(c, host[AT_SB], OCTGEMM_F32, length(c->sb, c->n), c->sb_values,
                suite_hash(seed, AT_SB));
    for (int64_t i = 0; i < length(c->za, c->m); i++) {
        int32_t zero = suite_zero_point(c->za_values, repeated(c, i), suite_hash(seed, AT_ZA));
        memcpy(host[AT_ZA] + i * (int64_t)sizeof zero, &zero, sizeof zero);
    }
    if (c->bias != NO_BIAS)
        fill_floats(c, host[AT_BIAS], bias_type(c->bias), c->n, c->bias_values,
                    suite_hash(seed, AT_BIAS));
}

octgemm_args suite_problem_args(const struct suite_problem *problem, int64_t rows, int64_t columns)
{
    const struct suite_case *c = problem->c;
    return (octgemm_args){
        .size = sizeof(octgemm_args),
        .m = rows,
        .n = columns,
        .k = c->k,
        .lda = problem->lda,
        .ldb = problem->ldb,
        .ldd = problem->ldd,
        .sa_mode = c->sa == PER_TENSOR ? OCTGEMM_SCALE_TENSOR : OCTGEMM_SCALE_ROW,
        .sb_mode = c->sb == PER_TENSOR ? OCTGEMM_SCALE_TENSOR : OCTGEMM_SCALE_ROW,
        .za_mode = c->za == PER_TENSOR ? OCTGEMM_SCALE_TENSOR : OCTGEMM_SCALE_ROW,
        .bias_type = bias_type(c->bias),
        .d_type = c->d_type,
    };
}

/* The reference computes one row and column of each kind; columns are then repeated. */
static octgemm_status compute_expected(struct suite_problem *problem, const octgemm_ctx *reference)
{
    const struct suite_case *c = problem->c;
    int64_t columns = distinct(c, c->n), width = suite_width(c->d_type);
    octgemm_args args = suite_problem_args(problem, problem->expected_rows, columns);
    args.ldd = c->n;
    args.a = (const int8_t *)problem->host[AT_A];
    args.b = problem->host[AT_B];
    args.sa = (const float *)(const void *)problem->host[AT_SA];
    args.sb = (const float *)(const void *)problem->host[AT_SB];
    args.za = (const int32_t *)(const void *)problem->host[AT_ZA];
    args.bias = problem->host[AT_BIAS];
    args.d = problem->expected;
    octgemm_status status = octgemm_run(reference, &args);
    for (int64_t i = 0; i < problem->expected_rows && columns > 0; i++)
        for (int64_t j = columns; j < c->n; j += columns) {
            unsigned char *row = problem->expected + i * c->n * width;
            int64_t count = j + columns < c->n ? columns : c->n - j;
            memcpy(row + j * width, row, (size_t)(count * width));
        }
    return status;
}

octgemm_status suite_problem_make(struct suite_problem *problem, const struct suite_case *c,
                                  const octgemm_ctx *reference)
{
    measure(problem, c);
    if (!allocate(problem))
        return OCTGEMM_ERR_NOMEM;
    fill(problem);
    return compute_expected(problem, reference);
}

static void reverse(unsigned char *out, const unsigned char *in, int64_t count, int64_t stride,
                    int64_t width)
{
    for (int64_t i = 0; i < count && in; i++)
        memcpy(out + i * stride, in + (count - 1 - i) * stride, (size_t)width);
}

octgemm_status suite_problem_reverse(struct suite_problem *reversed,
                                     const struct suite_problem *problem)
{
    const struct suite_case *c = problem->c;
    measure(reversed, c);
    reversed->expected_rows = c->m;
    if (!allocate(reversed))
        return OCTGEMM_ERR_NOMEM;
    unsigned char **to = reversed->host, *const *from = problem->host;
    for (int array = 0; array < ARRAYS; array++) /* gaps too */
        if (from[array])
            memcpy(to[array], from[array], problem->bytes[array]);
    int64_t width = suite_width(c->d_type), bias = suite_width(bias_type(c->bias));
    reverse(to[AT_A], from[AT_A], c->m, problem->lda, c->k);
    reverse(to[AT_B], from[AT_B], c->n, problem->ldb, c->k);
    reverse(to[AT_SA], from[AT_SA], length(c->sa, c->m), sizeof(float), sizeof(float));
    reverse(to[AT_SB], from[AT_SB], length(c->sb, c->n), sizeof(float), sizeof(float));
    reverse(to[AT_ZA], from[AT_ZA], length(c->za, c->m), sizeof(int32_t), sizeof(int32_t));
    reverse(to[AT_BIAS], from[AT_BIAS], c->n, bias, bias);
    for (int64_t i = 0; i < c->m; i++)
        reverse(reversed->expected + i * c->n * width,
                problem->expected + (c->m - 1 - i) % problem->expected_rows * c->n * width, c->n,
                width, width);
    return OCTGEMM_OK;
}

void suite_problem_free(struct suite_problem *problem)
{
    for (int array = 0; array < ARRAYS; array++)
        free(problem->host[array]);
    free(problem->expected);
    *problem = (struct suite_problem){.c = NULL};
}

double suite_case_memory(const struct suite_case *c)
{
    double a = (double)c->m * (double)(c->k + c->pad_a);
    double b = (double)c->n * (double)(c->k + c->pad_b);
    double d = (double)c->m * (double)(c->n + c->pad_d) * (double)suite_width(c->d_type);
    double packed = c->variants & VARIANT(V_PACKED) ? 2 * b : 0;
    return 2 * a + 2 * b + packed + d + 64e6;
}

/* ---- doubting the reference -------------------------------------------------------------------
 */

static float float_of(const struct suite_problem *problem, enum suite_array array,
                      enum suite_mode mode, int64_t index)
{
    if (mode == ABSENT)
        return 1;
    return (float)suite_value(problem->host[array], OCTGEMM_F32, mode == PER_ROW ? index : 0);
}

/* S[i,j] without any bound: int64. */
static int64_t wide_sum(const struct suite_problem *problem, int64_t i, int64_t j)
{
    const struct suite_case *c = problem->c;
    int64_t sum = 0, zero = 0;
    if (c->za != ABSENT)
        zero = (int64_t)suite_value(problem->host[AT_ZA], OCTGEMM_I32, c->za == PER_ROW ? i : 0);
    for (int64_t p = 0; p < c->k; p++) {
        int64_t a = (int8_t)problem->host[AT_A][i * problem->lda + p];
        int64_t b = (int8_t)problem->host[AT_B][j * problem->ldb + p];
        sum += (a - zero) * b;
    }
    return sum;
}

/* Half of the distance between neighbouring values of a type at `value`. */
static double half_ulp(double value, octgemm_type type)
{
    int digits = type == OCTGEMM_F32 ? 23 : type == OCTGEMM_F16 ? 10 : 7;
    int lowest = type == OCTGEMM_F16 ? -14 : -126;
    int exponent = value != 0 ? ilogb(value) : lowest;
    return ldexp(0.5, (exponent > lowest ? exponent : lowest) - digits);
}

static int agree(double x, double y)
{
    return (isnan(x) && isnan(y)) || (x == y && signbit(x) == signbit(y));
}

/* Does an element contradict the contract? `second` gets what the second computation says. */
static int doubtful(const struct suite_problem *problem, int64_t i, int64_t j, double found,
                    double *second)
{
    const struct suite_case *c = problem->c;
    int64_t wide = wide_sum(problem, i, j);
    int32_t sum = (int32_t)(uint32_t)(uint64_t)wide; /* modulo 2^32 */
    *second = sum;
    if (c->d_type == OCTGEMM_I32)
        return found != sum;

    float sa = float_of(problem, AT_SA, c->sa, i), sb = float_of(problem, AT_SB, c->sb, j);
    double bias = c->bias ? suite_value(problem->host[AT_BIAS], bias_type(c->bias), j) : 0;
    /* A product of two floats is exact in double, so one conversion rounds it once; a sum of two
     * floats rounds twice, harmlessly: 53 >= 2 * 24 + 2. */
    float f = (float)(double)sum;
    float by_row = (float)((double)f * sa);
    float by_column = (float)((double)by_row * sb);
    float result = c->bias ? (float)((double)by_column + bias) : by_column;
    *second = result;
    if (c->d_type != OCTGEMM_F32)
        *second = suite_half_value(suite_round_half(result, c->d_type), c->d_type);
    if (!agree(found, *second))
        return 1;

    /* The bound speaks of results that neither overflow nor become denormal on the way. */
    double largest = c->d_type == OCTGEMM_F16 ? 65504 : FLT_MAX;
    double smallest = fmin(fabs((double)sum * sa), fabs((double)sum * sa * sb));
    double exact = (double)sum * sa * sb + bias;
    if (!isfinite(found) || !(smallest >= FLT_MIN) || !(fabs(exact) < largest))
        return 0;
    double unit = 0x1p-24, size = fabs((double)sum * sa * sb);
    double bound = unit * 3.001 * size + unit * fabs(bias) + half_ulp(exact, c->d_type) * 1.001;
    *second = exact;
    return fabs(found - exact) > bound;
}

int suite_problem_doubt(const struct suite_problem *problem, int64_t *i, int64_t *j, char *text,
                        size_t size)
{
    const struct suite_case *c = problem->c;
    int64_t rows = problem->expected_rows, columns = distinct(c, c->n);
    /* Of a large product a sample of rows is enough: what makes rows differ is in the data. */
    int64_t step = 1 + rows * columns * c->k / 4000000;
    for (*i = 0; *i < rows; *i += step)
        for (*j = 0; *j < columns; (*j)++) {
            double second, found = suite_value(problem->expected, c->d_type, *i * c->n + *j);
            if (!doubtful(problem, *i, *j, found, &second))
                continue;
            snprintf(text, size, "the reference says %.9g, a second computation %.17g", found,
                     second);
            return 1;
        }
    return 0;
}
