/* The format of kernels that make dot products of rows: panels of four columns in groups of 16. */
#include "dots4.h"

static size_t panel_bytes(int64_t k)
{
    return octgemm_groups_bytes(k, dots4_nr, dots4_kr);
}

/* -128 * -128 twice is the one sum of two products that overflows int16. */
static int has_wide_pair(const int8_t *groups, int64_t count)
{
    int found = 0;
    for (int64_t g = 0; g < count; g++)
        for (int64_t p = 0; p < 8; p++)
            found |= groups[16 * g + p] == -128 && groups[16 * g + 8 + p] == -128;
    return found;
}

static void pack(void *panel, const int8_t *b, int64_t ldb, int64_t columns, int64_t k, int quick)
{
    (void)quick;
    octgemm_groups_pack(panel, b, ldb, columns, k, dots4_nr, dots4_kr);
    int8_t *groups = (int8_t *)panel + octgemm_groups_offset(dots4_nr);
    int32_t wide = has_wide_pair(groups, ceiling(k, dots4_kr) * dots4_nr);
    memcpy((char *)panel + dots4_wide_offset, &wide, sizeof wide);
}

const struct cpu_format octgemm_cpu_dots4 = {
    .name = "dots4", .nr = dots4_nr, .k_step = dots4_kc, .panel_bytes = panel_bytes, .pack = pack};
