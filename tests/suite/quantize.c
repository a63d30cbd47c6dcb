/* The quantiser: every type and mode over rows of every pattern, compared with the reference and
 * with what the result means. */
#include "float_state.h"
#include "session.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Q, SCALE, ZERO, X, ARRAYS_OF_QUANTIZER };
enum quantizer_mode { SYMMETRIC, ASYMMETRIC, STATIC, MODES };

static const char *const mode_names[MODES] = {"symmetric", "asymmetric", "static"};
static const char *const type_names[3] = {"f32", "f16", "bf16"};

/* Lengths, how rows and addresses lie, and whether the caller has changed its float state. */
static const struct layout {
    int64_t rows, k, pad_x, pad_q;
    unsigned char shift[ARRAYS_OF_QUANTIZER];
    int float_state;
} layouts[] = {
    {3 * ROW_PATTERNS, 0, 3, 5, {0}, 0},
    {3 * ROW_PATTERNS, 1, 0, 0, {0}, 0},
    {3 * ROW_PATTERNS, 2, 1, 1, {1, 1, 2, 1}, 0},
    {3 * ROW_PATTERNS, 3, 0, 2, {0}, 1},
    {3 * ROW_PATTERNS, 15, 1, 1, {3, 3, 1, 3}, 0},
    {3 * ROW_PATTERNS, 16, 0, 0, {0}, 1},
    {3 * ROW_PATTERNS, 17, 0, 0, {0}, 0},
    {2 * ROW_PATTERNS, 31, 1, 1, {1, 0, 0, 2}, 0},
    {2 * ROW_PATTERNS, 32, 16, 32, {0}, 0},
    {2 * ROW_PATTERNS, 33, 7, 0, {0, 2, 3, 0}, 1},
    {2 * ROW_PATTERNS, 64, 0, 64, {0, 0, 0, 1}, 0},
    {2 * ROW_PATTERNS, 65, 3, 3, {1, 0, 0, 0}, 0},
    {2 * ROW_PATTERNS, 127, 0, 0, {0}, 1},
    {2 * ROW_PATTERNS, 1000, 0, 24, {0}, 0},
    {ROW_PATTERNS, 4096, 0, 0, {0}, 1},
    {ROW_PATTERNS, 4099, 5, 1, {63, 61, 62, 59}, 0},
    {ROW_PATTERNS, 9000, 0, 8, {0}, 0},
    {1, 1023, 0, 0, {0}, 0},
    {2 * ROW_PATTERNS, 65, 3, 2, {4, 1, 0, 0}, 0},
    {ROW_PATTERNS, 1028, 0, 0, {8, 0, 0, 0}, 0},
    {ROW_PATTERNS, 2050, 3, 5, {12, 3, 0, 0}, 0},
    {4, 7163, 0, 2, {4, 2, 0, 0}, 1},
    {4, 14332, 1, 0, {12, 3, 0, 0}, 0},
};

/* The scales of static quantisation, one for each case. */
static const float static_scales[] = {0.037109375f, 1, -0.5f,    0x1p-140f,
                                      0x1p100f,     0, INFINITY, NAN};
enum { static_count = sizeof static_scales / sizeof *static_scales };

struct quantizer_case {
    char name[suite_name_size];
    const struct layout *layout;
    octgemm_type type;
    enum quantizer_mode mode;
    float scale;
    uint64_t seed;
};

/* Host copies of input and expected output. */
struct rows {
    unsigned char *x;
    size_t x_bytes, q_bytes;
    int8_t *q; /* without padding */
    float *scale;
    int32_t *zero;
    int64_t ldx, ldq;
};

static void free_rows(struct rows *rows)
{
    free(rows->x);
    free(rows->q);
    free(rows->scale);
    free(rows->zero);
}

static octgemm_quantize_args quantizer_args(const struct quantizer_case *c)
{
    const struct layout *layout = c->layout;
    return (octgemm_quantize_args){.size = sizeof(octgemm_quantize_args),
                                   .rows = layout->rows,
                                   .k = layout->k,
                                   .x_type = c->type,
                                   .ldx = layout->k + layout->pad_x,
                                   .ldq = layout->k + layout->pad_q,
                                   .static_scale = c->mode == STATIC};
}

static octgemm_status make_rows(struct rows *rows, const struct quantizer_case *c,
                                const octgemm_ctx *reference)
{
    const struct layout *layout = c->layout;
    octgemm_quantize_args args = quantizer_args(c);
    size_t width = (size_t)suite_width(c->type), last = (size_t)(layout->rows - 1);
    size_t k = (size_t)layout->k, count = (size_t)layout->rows;
    *rows = (struct rows){.ldx = args.ldx, .ldq = args.ldq};
    if (k > 0) {
        rows->x_bytes = (last * (size_t)args.ldx + k) * width;
        rows->q_bytes = last * (size_t)args.ldq + k;
    }
    rows->x = malloc(rows->x_bytes + 1);
    rows->q = malloc(count * k + 1);
    rows->scale = malloc(count * sizeof *rows->scale);
    rows->zero = malloc(count * sizeof *rows->zero);
    if (!rows->x || !rows->q || !rows->scale || !rows->zero)
        return OCTGEMM_ERR_NOMEM;
    memset(rows->x, 0x7f, rows->x_bytes); /* gaps hold NaN or a large value */
    for (int64_t i = 0; i < layout->rows && k > 0; i++)
        suite_fill_row(rows->x + i * args.ldx * (int64_t)width, c->type, layout->k, i, c->seed);
    rows->scale[0] = c->scale;
    args.x = rows->x;
    args.q = rows->q;
    args.ldq = layout->k;
    args.scale = rows->scale;
    args.zero = c->mode == ASYMMETRIC ? rows->zero : NULL;
    return octgemm_quantize(reference, &args);
}

/* ---- a second opinion on the reference --------------------------------------------------------
 */

/* numerics(7) once more, with other functions, for one row. Returns the element that is wrong, k
 * for scale or zero point, -1 when all is well. */
static int64_t doubtful_element(const struct quantizer_case *c, const struct rows *rows, int64_t i)
{
    int64_t k = c->layout->k;
    const unsigned char *x = rows->x + i * rows->ldx * suite_width(c->type);
    double low = 0, high = 0;
    int finite = 1;
    for (int64_t p = 0; p < k; p++) {
        double value = suite_value(x, c->type, p);
        finite = finite && value - value == 0;
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    int asymmetric = c->mode == ASYMMETRIC;
    float range = (float)(asymmetric ? high - low : -low > high ? -low : high);
    float steps = asymmetric ? 255.0f : 127.0f;
    float scale = c->scale, inverse = 0;
    double zero = 0, least = c->mode == SYMMETRIC ? -127 : -128;
    int active = 1;
    if (c->mode != STATIC) {
        active = finite && range >= 0x1p-100f;
        scale = !finite ? NAN : active ? range / steps : 1;
        inverse = active ? steps / range : 0;
        float moved = -128 - (float)(low * inverse);
        if (asymmetric && active)
            zero = fmin(fmax(nearbyint((double)moved), -128), 127);
    }
    if (c->mode != STATIC && !(isnan(scale) ? isnan(rows->scale[i]) : scale == rows->scale[i]))
        return k;
    if (asymmetric && rows->zero[i] != (int32_t)zero)
        return k;
    for (int64_t p = 0; p < k; p++) {
        double value = suite_value(x, c->type, p), q = 0;
        if (active) /* a quotient or product of two floats, rounded once */
            q = nearbyint(
                (double)(c->mode == STATIC ? (float)value / scale : (float)value * inverse));
        q = isnan(q) ? 0 : fmin(fmax(q + zero, least), 127);
        int8_t found = rows->q[i * k + p];
        if (found != (int)q)
            return p;
        /* And what it means: x ~ (q - zero) * scale, to half a step and some rounding. */
        double meant = (found - zero) * (double)scale;
        if (c->mode != STATIC && active && isfinite(scale) && fabs(value - meant) > scale * 1.01)
            return p;
    }
    return -1;
}

static void doubt(const struct suite_session *session, struct suite_target *target,
                  const struct quantizer_case *c, const struct rows *rows)
{
    for (int64_t i = 0; i < c->layout->rows; i++) {
        int64_t element = doubtful_element(c, rows, i);
        if (element >= 0)
            suite_fail(session, target, c->name, "", "the reference itself", NULL,
                       "row %" PRId64 ", element %" PRId64 " of %" PRId64
                       " (scale and zero point past the end): a second computation disagrees",
                       i, element, c->layout->k);
        if (element >= 0)
            return;
    }
}

/* ---- on a target ------------------------------------------------------------------------------
 */

static void expect(struct suite_slot *slot, const void *expected, int64_t rows, int64_t columns,
                   int64_t ld, octgemm_type type, int64_t width)
{
    slot->expected = expected;
    slot->m = slot->period = rows;
    slot->n = columns;
    slot->ldd = ld;
    slot->type = type;
    slot->width = width;
}

static void run_case(const struct suite_session *session, struct suite_target *target,
                     const struct quantizer_case *c, const struct rows *rows)
{
    int64_t count = c->layout->rows, k = c->layout->k;
    struct suite_slot slots[ARRAYS_OF_QUANTIZER] = {
        [Q] = {.name = "q", .bytes = rows->q_bytes},
        [SCALE] = {.name = "scale", .bytes = (size_t)count * sizeof(float)},
        [ZERO] = {.name = "zero", .bytes = (size_t)count * sizeof(int32_t)},
        [X] = {.name = "x", .bytes = rows->x_bytes, .host = rows->x},
    };
    for (int array = 0; array < ARRAYS_OF_QUANTIZER; array++)
        slots[array].shift = c->layout->shift[array];
    expect(&slots[Q], (const unsigned char *)rows->q, count, k, rows->ldq, OCTGEMM_I32, 1);
    expect(&slots[SCALE], (const unsigned char *)rows->scale, count, 1, 1, OCTGEMM_F32, 4);
    expect(&slots[ZERO], (const unsigned char *)rows->zero, count, 1, 1, OCTGEMM_I32, 4);
    if (c->mode != ASYMMETRIC)
        slots[ZERO].bytes = 0;
    if (c->mode == STATIC) {
        slots[SCALE].bytes = sizeof(float);
        slots[SCALE].expected = NULL;
        slots[SCALE].host = &c->scale;
    }
    session->result->runs++;
    target->taken++;
    octgemm_quantize_args args = quantizer_args(c);
    struct suite_outcome outcome = {.kept = 1};
    outcome.status = suite_arena_place(&target->arena, slots, ARRAYS_OF_QUANTIZER, 0xa5);
    args.x = suite_arena_address(&target->arena, &slots[X]);
    args.q = suite_arena_address(&target->arena, &slots[Q]);
    args.scale = suite_arena_address(&target->arena, &slots[SCALE]);
    args.zero = suite_arena_address(&target->arena, &slots[ZERO]);
    if (outcome.status == OCTGEMM_OK) {
        struct suite_float_state state;
        if (c->layout->float_state)
            suite_float_state_change(&state);
        outcome.status = octgemm_quantize(target->ctx, &args);
        if (c->layout->float_state)
            outcome.kept = suite_float_state_restore(&state);
    }
    struct suite_view view = {.kernel = target->kernel, .case_name = c->name, .variant = ""};
    if (outcome.status == OCTGEMM_OK)
        outcome.status =
            suite_arena_verify(&target->arena, slots, ARRAYS_OF_QUANTIZER, 0xa5, &view,
                               session->options, &outcome.differs, &outcome.difference);
    char shape[160];
    snprintf(shape, sizeof shape,
             "rows %" PRId64 " k %" PRId64 ", ld %" PRId64 " %" PRId64
             ", %s %s, addresses x+%d q+%d%s",
             count, k, rows->ldx, rows->ldq, type_names[c->type], mode_names[c->mode],
             c->layout->shift[X], c->layout->shift[Q],
             c->layout->float_state ? ", the caller rounds to zero" : "");
    suite_judge(session, target, c->name, "", shape, &outcome);
}

/* The rows, what is expected of them and the second opinion are made once for all targets. */
static void run_on_targets(const struct suite_session *session, struct suite_target *targets,
                           int count, const struct quantizer_case *c)
{
    struct rows rows;
    octgemm_status status = make_rows(&rows, c, session->reference);
    if (status != OCTGEMM_OK) {
        suite_fail(session, &targets[0], c->name, "", "", NULL, "the reference: %s",
                   octgemm_strerror(status));
    } else {
        doubt(session, &targets[0], c, &rows);
        for (int t = 0; t < count; t++)
            run_case(session, &targets[t], c, &rows);
    }
    free_rows(&rows);
}

/* Case `index` of the quantiser, or 0 past the last. */
static int make_case(long index, uint64_t seed, struct quantizer_case *c)
{
    enum { layout_count = sizeof layouts / sizeof *layouts, types = 3 };
    enum { modes = MODES + static_count - 1 };
    long l = index / modes / types;
    int type = (int)(index / modes % types), mode = (int)(index % modes);
    int which = mode < STATIC ? 0 : mode - STATIC;
    if (l >= layout_count)
        return 0;
    *c = (struct quantizer_case){.layout = &layouts[l],
                                 .type = (octgemm_type)type,
                                 .mode = (enum quantizer_mode)(mode - which),
                                 .scale = static_scales[which],
                                 .seed = suite_hash(seed, (uint64_t)(l * types + type))};
    snprintf(c->name, sizeof c->name, "quantize/%" PRId64 "x%" PRId64 "/%s/%s/%d", layouts[l].rows,
             layouts[l].k, type_names[type], mode_names[c->mode], which);
    return 1;
}

int suite_quantizer_name(long index, char name[suite_name_size])
{
    struct quantizer_case c;
    if (!make_case(index, 0, &c))
        return 0;
    memcpy(name, c.name, sizeof c.name);
    return 1;
}

void suite_run_quantizer(const struct suite_session *session, struct suite_target *targets,
                         int count)
{
    struct quantizer_case c;
    for (long i = 0; make_case(i, session->options->seed, &c); i++)
        if (suite_wanted(session, c.name))
            run_on_targets(session, targets, count, &c);
}
