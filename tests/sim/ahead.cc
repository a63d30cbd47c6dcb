/* Scrambled operands: what ahead.h declares. */
#include "ahead.h"

#include "gpu/params.h"
#include "sim.h"

#include <cstddef>
#include <vector>

namespace
{
struct rows {
    const void *base;
    int64_t count, bytes, stride;
};

std::vector<rows> operands;

/* Twice is as before. */
void turn(const rows &of)
{
    uint8_t *row = (uint8_t *)const_cast<void *>(of.base);
    for (int64_t i = 0; i < of.count; i++, row += of.stride)
        for (int64_t at = 0; at < of.bytes; at++)
            row[at] ^= 0x5a;
}

void add(const void *base, int64_t count, int64_t bytes, int64_t stride)
{
    if (base)
        operands.push_back({base, count, bytes, stride});
}

void add_vector(const void *base, int64_t step, int64_t count, int64_t width)
{
    add(base, 1, (step ? count : 1) * width, 0);
}
} // namespace

void sim_scramble(const mock_launch *launch)
{
    if (!launch->overlap)
        return;
    const octgemm_gemm_params &p = *(const octgemm_gemm_params *)launch->params[0];
    add(p.a, p.m, p.k, p.lda);
    if (!p.early)
        add(p.b, p.n, p.k, p.ldb);
    add_vector(p.sa, p.sa_step, p.m, 4);
    add_vector(p.sb, p.sb_step, p.n, 4);
    add_vector(p.za, p.za_step, p.m, 4);
    add_vector(p.column, 1, p.n, 4);
    add_vector(p.bias, 1, p.n, p.bias_type == OCTGEMM_F32 ? 4 : 2);
    for (const rows &of : operands)
        turn(of);
}

bool sim_scrambled()
{
    return !operands.empty();
}

void grid_wait()
{
    for (const rows &of : operands)
        turn(of);
    operands.clear();
}

void sim_launch_ends()
{
    if (sim_scrambled())
        sim_fail("a launch that starts early never waited");
}
