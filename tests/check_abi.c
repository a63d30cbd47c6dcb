/* The ABI as data: where each field of a public struct lies, how large it is, and which number each
 * enum value has, on 64-bit machines. Compiled programs hold these numbers: a line of these tables
 * may be added, in a struct at its end, but never changed. src/octgemm.map has the functions. */
#include "octgemm.h"
#include "run_tests.h"

#include <check.h>
#include <stddef.h>

struct field {
    const char *name;
    size_t found_at, found_size, at, size;
};
#define FIELD(type, field, at, size)                                                               \
    {                                                                                              \
#type "." #field, offsetof(type, field), sizeof(((type *)NULL)->field), at, size           \
    }

static const struct field fields[] = {
    FIELD(octgemm_args, size, 0, 8),
    FIELD(octgemm_args, m, 8, 8),
    FIELD(octgemm_args, n, 16, 8),
    FIELD(octgemm_args, k, 24, 8),
    FIELD(octgemm_args, a, 32, 8),
    FIELD(octgemm_args, lda, 40, 8),
    FIELD(octgemm_args, b, 48, 8),
    FIELD(octgemm_args, ldb, 56, 8),
    FIELD(octgemm_args, b_layout, 64, 4),
    FIELD(octgemm_args, sa, 72, 8),
    FIELD(octgemm_args, sa_mode, 80, 4),
    FIELD(octgemm_args, sb, 88, 8),
    FIELD(octgemm_args, sb_mode, 96, 4),
    FIELD(octgemm_args, za, 104, 8),
    FIELD(octgemm_args, za_mode, 112, 4),
    FIELD(octgemm_args, bias, 120, 8),
    FIELD(octgemm_args, bias_type, 128, 4),
    FIELD(octgemm_args, d, 136, 8),
    FIELD(octgemm_args, ldd, 144, 8),
    FIELD(octgemm_args, d_type, 152, 4),
    FIELD(octgemm_args, workspace, 160, 8),
    FIELD(octgemm_args, workspace_size, 168, 8),
    FIELD(octgemm_args, stream, 176, 8),

    FIELD(octgemm_quantize_args, size, 0, 8),
    FIELD(octgemm_quantize_args, rows, 8, 8),
    FIELD(octgemm_quantize_args, k, 16, 8),
    FIELD(octgemm_quantize_args, x, 24, 8),
    FIELD(octgemm_quantize_args, ldx, 32, 8),
    FIELD(octgemm_quantize_args, x_type, 40, 4),
    FIELD(octgemm_quantize_args, q, 48, 8),
    FIELD(octgemm_quantize_args, ldq, 56, 8),
    FIELD(octgemm_quantize_args, scale, 64, 8),
    FIELD(octgemm_quantize_args, zero, 72, 8),
    FIELD(octgemm_quantize_args, static_scale, 80, 4),
    FIELD(octgemm_quantize_args, stream, 88, 8),

    FIELD(octgemm_info, backend, 0, 8),
    FIELD(octgemm_info, device, 8, 8),
    FIELD(octgemm_info, arch, 16, 8),
    FIELD(octgemm_info, kernel, 24, 8),
    FIELD(octgemm_info, reason, 32, 8),
};
enum { field_count = sizeof fields / sizeof *fields };

START_TEST(fields_lie_where_they_lay)
{
    const struct field *field = &fields[_i];
    if (sizeof(void *) != 8)
        return; /* the table is of 64-bit machines */
    ck_assert_msg(field->found_at == field->at && field->found_size == field->size,
                  "%s: %zu bytes at %zu, not %zu at %zu", field->name, field->found_size,
                  field->found_at, field->size, field->at);
}
END_TEST

/* The caller gives octgemm_info its memory, so that struct can never grow. The others carry their
 * size; version 0.1's are the smallest that octgemm accepts. */
static const struct {
    size_t found, size;
} sizes[] = {
    {sizeof(octgemm_args), 184},
    {sizeof(octgemm_quantize_args), 96},
    {sizeof(octgemm_info), 40},
};

START_TEST(structs_have_their_sizes)
{
    if (sizeof(void *) == 8)
        ck_assert_uint_eq(sizes[_i].found, sizes[_i].size);
}
END_TEST

static const struct {
    const char *name;
    int found, value;
} values[] = {
    {"OCTGEMM_OK", OCTGEMM_OK, 0},
    {"OCTGEMM_ERR_ARG", OCTGEMM_ERR_ARG, 1},
    {"OCTGEMM_ERR_UNSUPPORTED", OCTGEMM_ERR_UNSUPPORTED, 2},
    {"OCTGEMM_ERR_NO_BACKEND", OCTGEMM_ERR_NO_BACKEND, 3},
    {"OCTGEMM_ERR_NOMEM", OCTGEMM_ERR_NOMEM, 4},
    {"OCTGEMM_ERR_WORKSPACE", OCTGEMM_ERR_WORKSPACE, 5},
    {"OCTGEMM_ERR_DEVICE", OCTGEMM_ERR_DEVICE, 6},
    {"OCTGEMM_F32", OCTGEMM_F32, 0},
    {"OCTGEMM_F16", OCTGEMM_F16, 1},
    {"OCTGEMM_BF16", OCTGEMM_BF16, 2},
    {"OCTGEMM_I32", OCTGEMM_I32, 3},
    {"OCTGEMM_SCALE_ROW", OCTGEMM_SCALE_ROW, 0},
    {"OCTGEMM_SCALE_TENSOR", OCTGEMM_SCALE_TENSOR, 1},
    {"OCTGEMM_B_ROWS", OCTGEMM_B_ROWS, 0},
    {"OCTGEMM_B_PACKED", OCTGEMM_B_PACKED, 1},
    {"OCTGEMM_K_MAX", OCTGEMM_K_MAX, 131071},
    {"OCTGEMM_K_MAX_ZERO", OCTGEMM_K_MAX_ZERO, 65793},
};

START_TEST(values_are_pinned)
{
    ck_assert_msg(values[_i].found == values[_i].value, "%s is %d, not %d", values[_i].name,
                  values[_i].found, values[_i].value);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("abi");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, fields_lie_where_they_lay, 0, field_count);
    tcase_add_loop_test(tests, structs_have_their_sizes, 0, sizeof sizes / sizeof *sizes);
    tcase_add_loop_test(tests, values_are_pinned, 0, sizeof values / sizeof *values);
    return run_tests("abi", tests, CK_FORK_GETENV);
}
