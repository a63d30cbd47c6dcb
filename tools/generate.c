/* Made-up data: see generate.h. */
#include "generate.h"

#include <math.h>
#include <string.h>

uint64_t octgemm_random(uint64_t seed, uint64_t index)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + (index + 1) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The sum of the four 16-bit parts, centred: near enough to normal for the weights of a
 * demonstration, and without a libm whose last bit differs from machine to machine. */
static float normal(uint64_t bits)
{
    int32_t sum = (int32_t)(bits & 0xffff) + (int32_t)(bits >> 16 & 0xffff) +
                  (int32_t)(bits >> 32 & 0xffff) + (int32_t)(bits >> 48);
    return (float)(sum - 131070) * (1 / 37837.2f); /* standard deviation of the sum */
}

void octgemm_generate_normal(float *out, int64_t rows, int64_t columns, float sigma,
                             int64_t outlier_every, float outlier, uint64_t seed)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < rows; i++)
        for (int64_t p = 0; p < columns; p++) {
            float value =
                sigma * normal(octgemm_random(seed, (uint64_t)i * (uint64_t)columns + (uint64_t)p));
            int is_outlier = outlier_every > 0 &&
                             octgemm_random(~seed, (uint64_t)p) % (uint64_t)outlier_every == 0;
            out[i * columns + p] = is_outlier ? value * outlier : value;
        }
}

void octgemm_generate_int8(int8_t *out, int64_t count, uint64_t seed)
{
    int64_t words = count / 8;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < words; i++) {
        uint64_t bits = octgemm_random(seed, (uint64_t)i);
        memcpy(out + i * 8, &bits, 8);
    }
    for (int64_t i = words * 8; i < count; i++)
        out[i] = (int8_t)(octgemm_random(seed, (uint64_t)i) >> 56);
}

const char *const octgemm_weight_names[] = {"uniform", "normal", "heavy", NULL};

/* The sum of three, for tails as long as a row of some thousands of Gaussian values shows. */
static float weight_normal(uint64_t seed, uint64_t index)
{
    float sum = 0;
    for (uint64_t i = 0; i < 3; i++)
        sum += normal(octgemm_random(seed, 3 * index + i));
    return sum * 0.57735027f; /* 1 / sqrt(3) */
}

/* A normal value over the root of the mean square of five others. */
static float weight_heavy(uint64_t seed, uint64_t index)
{
    enum { degrees = 5 };
    float squares = 0;
    for (uint64_t i = 1; i <= degrees; i++) {
        float other = weight_normal(seed, index * (degrees + 1) + i);
        squares += other * other;
    }
    return weight_normal(seed, index * (degrees + 1)) / sqrtf(squares * (1.0f / degrees));
}

/* Each value is drawn twice, for the maximum and to be scaled: rows have no memory of their own. */
static void weight_row(int8_t *out, int64_t columns, float (*draw)(uint64_t seed, uint64_t index),
                       uint64_t seed, uint64_t first)
{
    float most = 0;
    for (int64_t p = 0; p < columns; p++)
        most = fmaxf(most, fabsf(draw(seed, first + (uint64_t)p)));
    float scale = most > 0 ? 127 / most : 0;
    for (int64_t p = 0; p < columns; p++)
        out[p] = (int8_t)rintf(draw(seed, first + (uint64_t)p) * scale);
}

void octgemm_generate_weights(int8_t *out, int64_t rows, int64_t columns, enum weight_values values,
                              uint64_t seed)
{
    if (values == WEIGHTS_UNIFORM) {
        octgemm_generate_int8(out, rows * columns, seed);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < rows; i++)
        weight_row(out + i * columns, columns,
                   values == WEIGHTS_HEAVY ? weight_heavy : weight_normal, seed,
                   (uint64_t)i * (uint64_t)columns);
}

void octgemm_generate_scales(float *out, int64_t count, uint64_t seed)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = 0.005f + (float)(octgemm_random(seed, (uint64_t)i) >> 40) * (0.01f / 0x1p24f);
}
