/* Operands of a benchmark: see operands.h. */
#include "operands.h"
#include "command.h"
#include "matrix.h"

#include <stdlib.h>

int octgemm_make_operands(struct operands *operands, int64_t m, int64_t n, int64_t k,
                          enum weight_values values, int64_t seed)
{
    uint64_t first = (uint64_t)seed * 4;
    operands->a = octgemm_allocate(m, k, 1, "activations");
    operands->b = octgemm_allocate(n, k, 1, "weights");
    operands->sa = octgemm_allocate(m, 1, sizeof(float), "scales");
    operands->sb = octgemm_allocate(n, 1, sizeof(float), "scales");
    if (!operands->a || !operands->b || !operands->sa || !operands->sb)
        return EXIT_INPUT;
    octgemm_generate_int8(operands->a, m * k, first);
    octgemm_generate_weights(operands->b, n, k, values, first + 1);
    octgemm_generate_scales(operands->sa, m, first + 2);
    octgemm_generate_scales(operands->sb, n, first + 3);
    return 0;
}

void octgemm_release_operands(struct operands *operands)
{
    free(operands->a);
    free(operands->b);
    free(operands->sa);
    free(operands->sb);
}

/* Together larger than the caches of any machine known, which is 384 MiB on the largest CPUs. But a
 * library may take a fraction of a millisecond to prepare each, so small weights have fewer. */
int64_t octgemm_cold_copies(int64_t n, int64_t k)
{
    const int64_t enough = (int64_t)512 << 20, most = 4096;
    int64_t copies = (enough + n * k - 1) / (n * k);
    return copies < most ? copies : most;
}
