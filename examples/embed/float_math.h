/* exp and erf made of IEEE additions, multiplications and divisions, so that an embedding has the
 * same bits on every machine: those of libm differ between C libraries. Without branches, so that
 * compilers make vectors of loops around them; gcc does so with -fno-trapping-math, which changes
 * no result. -ffp-contract=off, as for all of octgemm, keeps the roundings where they are. */
#ifndef EMBED_FLOAT_MATH_H
#define EMBED_FLOAT_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* e^x for x <= 0, to 2 units in the last place; below -87, where float32 ends, e^-87. */
static inline float exp_negative(float x)
{
    /* Adding 1.5 * 2^23 leaves the nearest whole number in the last bits. */
    const float shift = 12582912;
    uint32_t bits;
    float power;
    x = x < -87 ? -87 : x;
    float shifted = x * 1.44269504f + shift;
    float n = shifted - shift;
    /* ln 2 in two parts; the product with the first is exact */
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float sum = 1.f / 5040;
    sum = sum * r + 1.f / 720;
    sum = sum * r + 1.f / 120;
    sum = sum * r + 1.f / 24;
    sum = sum * r + 1.f / 6;
    sum = sum * r + 0.5f;
    sum = sum * r + 1;
    sum = sum * r + 1;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + (127u << 23);
    memcpy(&power, &bits, sizeof power); /* 2^n */
    return sum * power;
}

/* erf(x) to 3e-7: Abramowitz and Stegun 7.1.26. */
static inline float erf_float(float x)
{
    float a = fabsf(x);
    float t = 1 / (1 + 0.3275911f * a);
    float sum = 1.061405429f;
    sum = sum * t - 1.453152027f;
    sum = sum * t + 1.421413741f;
    sum = sum * t - 0.284496736f;
    sum = sum * t + 0.254829592f;
    float result = 1 - sum * t * exp_negative(-a * a);
    return x < 0 ? -result : result;
}

/* Sums of products in 16 parts, added up in a fixed order: wide enough for any vector unit. */
static inline float dot(const float *a, const float *b, int64_t size)
{
    enum { lanes = 16 };
    float parts[lanes] = {0};
    int64_t i = 0;
    for (; i + lanes <= size; i += lanes)
        for (int j = 0; j < lanes; j++)
            parts[j] += a[i + j] * b[i + j];
    for (int j = 0; i + j < size; j++)
        parts[j] += a[i + j] * b[i + j];
    for (int half = lanes / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            parts[j] += parts[j + half];
    return parts[0];
}

#endif
