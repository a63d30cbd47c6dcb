/* The conversions of epilogue.h against an independent way to do them (suite/patterns.c): every
 * half both ways, every float around a rounding boundary, and many floats by chance. With
 * OCTGEMM_TIER=paranoid every float there is. */
#include "epilogue.h"
#include "run_tests.h"
#include "suite/patterns.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const octgemm_type types[] = {OCTGEMM_F16, OCTGEMM_BF16};

static float widen(uint16_t half, octgemm_type type)
{
    return type == OCTGEMM_F16 ? octgemm_f16_to_f32(half) : octgemm_bf16_to_f32(half);
}

static uint16_t narrow(float value, octgemm_type type)
{
    return type == OCTGEMM_F16 ? octgemm_f32_to_f16(value) : octgemm_f32_to_bf16(value);
}

static int is_nan(uint16_t half, octgemm_type type)
{
    return isnan(suite_half_value(half, type));
}

static void expect_narrow(float value, octgemm_type type)
{
    uint16_t found = narrow(value, type), expected = suite_round_half(value, type);
    int equal = found == expected || (is_nan(found, type) && is_nan(expected, type));
    if (!equal) /* ck_assert for every one of billions would take minutes */
        ck_abort_msg("%s of %a (0x%08x): 0x%04x, expected 0x%04x",
                     type == OCTGEMM_F16 ? "f16" : "bf16", (double)value, octgemm_float_bits(value),
                     found, expected);
}

START_TEST(every_half_is_widened_exactly_and_comes_back)
{
    octgemm_type type = types[_i];
    for (unsigned half = 0; half <= 0xffff; half++) {
        float wide = widen((uint16_t)half, type);
        double expected = suite_half_value((uint16_t)half, type);
        if (isnan(expected)) {
            ck_assert_msg(isnan(wide), "0x%04x", half);
            ck_assert_msg(is_nan(narrow(wide, type), type), "0x%04x", half);
            continue;
        }
        ck_assert_msg((double)wide == expected && !signbit(wide) == !signbit(expected),
                      "0x%04x: %a, expected %a", half, (double)wide, expected);
        ck_assert_msg(narrow(wide, type) == half, "0x%04x", half);
    }
}
END_TEST

START_TEST(floats_around_every_boundary_are_rounded_to_even)
{
    octgemm_type type = types[_i];
    for (int64_t i = 0; i < 4 * 65536; i++) {
        expect_narrow(suite_float(F_HALFWAYS, i, 0), type);
        expect_narrow(suite_float(F_BF_HALFWAYS, i, 0), type);
    }
}
END_TEST

START_TEST(floats_by_chance)
{
    for (int64_t i = 0; i < 1000000; i++)
        expect_narrow(suite_float(F_BITS, i, 3), types[_i]);
    /* most bit patterns are far outside f16: as many within */
    for (int64_t i = 0; i < 1000000; i++)
        expect_narrow(suite_float(F_TINY, i, 4) * 0x1p20f, types[_i]);
}
END_TEST

START_TEST(every_float)
{
    const char *tier = getenv("OCTGEMM_TIER");
    if (!tier || strcmp(tier, "paranoid") != 0)
        return;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits++)
        expect_narrow(octgemm_bits_float((uint32_t)bits), types[_i]);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("convert");
    tcase_set_timeout(tests, 3600);
    tcase_add_loop_test(tests, every_half_is_widened_exactly_and_comes_back, 0, 2);
    tcase_add_loop_test(tests, floats_around_every_boundary_are_rounded_to_even, 0, 2);
    tcase_add_loop_test(tests, floats_by_chance, 0, 2);
    tcase_add_loop_test(tests, every_float, 0, 2);
    return run_tests("convert", tests, CK_FORK_GETENV);
}
