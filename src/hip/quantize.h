/* Rows of floats to int8: a block takes a row, looks at it, then writes it. The rule is
 * src/gpu/rule.h. */
#ifndef OCTGEMM_HIP_QUANTIZE_H
#define OCTGEMM_HIP_QUANTIZE_H

#include "reduce.h"

#include "gpu/rule.h"

struct from_f32 {
    typedef float element;
    static __device__ __forceinline__ float value(element x)
    {
        return x;
    }
};
struct from_f16 {
    typedef uint16_t element;
    static __device__ __forceinline__ float value(element x)
    {
        return octgemm_f16_to_f32(x);
    }
};
struct from_bf16 {
    typedef uint16_t element;
    static __device__ __forceinline__ float value(element x)
    {
        return octgemm_bf16_to_f32(x);
    }
};

template <class from>
struct quantize_kernel {
    enum { run = 8 }; /* elements a thread takes at a time */
    typedef typename from::element element;

    /* Elements [at, at + run) of row x, zeros from k on; how many there are is returned. */
    static __device__ __forceinline__ int load_run(const char *x, int64_t at, int64_t k,
                                                   float *value)
    {
        element raw[run] = {};
        const char *first = x + at * (int64_t)sizeof(element);
        int count = k - at < run ? (int)(k - at) : run;
        if (count == run)
            memcpy(raw, first, sizeof raw);
        else
            for (int i = 0; i < run; i++)
                if (i < count)
                    memcpy(&raw[i], first + i * sizeof(element), sizeof(element));
        for (int i = 0; i < run; i++)
            value[i] = from::value(raw[i]);
        return count;
    }

    static __device__ __forceinline__ octgemm_range find_range(const char *x, int64_t k,
                                                               octgemm_range *shared)
    {
        octgemm_range range = octgemm_range_of(0.0f);
        for (int64_t at = thread_index() * run; at < k; at += block_threads * run) {
            float value[run];
            load_run(x, at, k, value);
            for (int i = 0; i < run; i++)
                range = octgemm_join(range, octgemm_range_of(value[i]));
        }
        return block_reduce(range, shared,
                            [](octgemm_range a, octgemm_range b) { return octgemm_join(a, b); });
    }

    static __device__ __forceinline__ int8_t quantize(const octgemm_rule &rule, bool divide,
                                                      float x)
    {
        if (rule.all_zero)
            return 0;
        return octgemm_round_value(divide ? x / rule.scale : x * rule.inv, rule.zero, rule.lowest);
    }

    static __device__ __forceinline__ void write_row(const octgemm_rule &rule, bool divide,
                                                     const char *x, int8_t *q, int64_t k)
    {
        for (int64_t at = thread_index() * run; at < k; at += block_threads * run) {
            float value[run];
            int8_t out[run];
            int count = load_run(x, at, k, value);
            for (int i = 0; i < run; i++)
                out[i] = quantize(rule, divide, value[i]);
            if (count == run)
                memcpy(q + at, out, sizeof out);
            else
                for (int i = 0; i < run; i++)
                    if (i < count)
                        q[at + i] = out[i];
        }
    }

    static __device__ __forceinline__ void run_rows(const octgemm_quantize_params &p,
                                                    octgemm_range *shared)
    {
        for (int64_t row = block_index(); row < p.rows; row += block_count()) {
            int64_t first = p.k > 0 ? row * p.ldx : 0; /* x and q may be NULL when k is 0 */
            const char *x = (const char *)p.x + first * (int64_t)sizeof(element);
            octgemm_rule rule = {0.0f, 0.0f, 0.0f, -128.0f, 0};
            if (p.static_scale)
                rule.scale = octgemm_load_f32(p.scale, 0);
            else
                rule = octgemm_find_rule(find_range(x, p.k, shared), p.zero != nullptr);
            if (p.k > 0)
                write_row(rule, p.static_scale, x, p.q + row * p.ldq, p.k);
            if (thread_index() != 0)
                continue;
            int32_t zero = (int32_t)rule.zero;
            if (!p.static_scale)
                memcpy((char *)p.scale + row * (int64_t)sizeof rule.scale, &rule.scale,
                       sizeof rule.scale);
            if (p.zero)
                memcpy((char *)p.zero + row * (int64_t)sizeof zero, &zero, sizeof zero);
        }
    }
};

#endif
