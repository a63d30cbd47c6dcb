/* The accuracy suite over the AMX kernel where there is no AMX: its instructions are carried out in
 * software (tiles.c), everything around them is the processor's. So every `make check` on a machine
 * with AVX512-VNNI sees what only few machines could. */
#include "cpu/cpu.h"
#include "run_tests.h"
#include "suite/suite.h"
#include "tiles.h"

#include <check.h>
#include <cpuid.h>
#include <stdio.h>

enum { skipped = 77 }; /* exit status of a test program that could not be run (automake) */

/* In the place of src/cpu/detect_x86.c's: the program is linked statically for this. */
struct cpu_features octgemm_cpu_features(void)
{
    return (struct cpu_features){.saved = 0};
}

/* None needs anything. */
const struct cpu_isa_row octgemm_cpu_isas[] = {
    {.isa = CPU_GENERIC, .name = "generic"},
    {.isa = CPU_SSE41, .name = "sse41"},
    {.isa = CPU_AVX2, .name = "avx2"},
    {.isa = CPU_AVX512BW, .name = "avx512bw"},
    {.isa = CPU_AVX512VNNI, .name = "avx512vnni"},
    {.isa = CPU_AMX, .name = "amx"},
};
const size_t octgemm_cpu_isa_count = sizeof octgemm_cpu_isas / sizeof *octgemm_cpu_isas;

static int has_amx(void)
{
    enum { bit_amx_tile = 1 << 24 };
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && d & bit_amx_tile;
}

static void print_line(void *user, const char *text)
{
    (void)user;
    puts(text);
    fflush(stdout);
}

START_TEST(the_amx_kernel_equals_the_reference)
{
    const struct suite_options options = {.backend = "cpu",
                                          .kernel = "amx_32x32",
                                          .require = "cpu",
                                          .seed = 1,
                                          .filter = "[!q]*", /* not the quantiser */
                                          .line = print_line};
    struct suite_result result;
    ck_assert_int_eq(suite_run(&options, &result), 0);
    ck_assert_int_gt(result.passed, 0);
    printf("%ld runs passed, %ld AMX instructions\n", result.passed, tiles_executed());
    ck_assert_int_gt(tiles_executed(), 0);
}
END_TEST

int main(void)
{
    if (!__builtin_cpu_supports("avx512vnni") || has_amx()) {
        puts(has_amx() ? "skipped: the CPU has AMX, check_accuracy runs the kernel"
                       : "skipped: the CPU has no AVX512-VNNI");
        return skipped;
    }
    tiles_emulate();
    TCase *tests = tcase_create("amx");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, the_amx_kernel_equals_the_reference);
    return run_tests("amx", tests, CK_NOFORK);
}
