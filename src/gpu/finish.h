/* From an exact sum to an element of D, at any address: the floor that every kernel's epilogue must
 * agree with. One text for CUDA and HIP. */
#ifndef OCTGEMM_GPU_FINISH_H
#define OCTGEMM_GPU_FINISH_H

#include "elements.h"
#include "gpu/params.h"

OCTGEMM_FN void octgemm_finish(const struct octgemm_gemm_params *p, int64_t i, int64_t j,
                               int32_t sum)
{
    int64_t index = i * p->ldd + j;
    if (p->za) {
        uint32_t za = (uint32_t)octgemm_load_i32(p->za, i * p->za_step);
        sum = (int32_t)((uint32_t)sum - za * (uint32_t)octgemm_load_i32(p->column, j));
    }
    if (p->d_type == OCTGEMM_I32) {
        memcpy((char *)p->d + index * (int64_t)sizeof sum, &sum, sizeof sum);
        return;
    }
    float sa = p->sa ? octgemm_load_f32(p->sa, i * p->sa_step) : 1.0f;
    float sb = p->sb ? octgemm_load_f32(p->sb, j * p->sb_step) : 1.0f;
    float f = octgemm_scale_sum(sum, sa, sb);
    if (p->bias)
        f = octgemm_add_bias(f, octgemm_load_float(p->bias, (octgemm_type)p->bias_type, j));
    octgemm_store_float(p->d, (octgemm_type)p->d_type, index, f);
}

#endif
