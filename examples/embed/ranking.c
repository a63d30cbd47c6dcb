/* Agreement of two sets of embeddings: per text, and in what a user asks them for, which texts are
 * the most similar ones. */
#include "embed.h"

#include <math.h>
#include <stdlib.h>

double cosine(const float *a, const float *b, int64_t size)
{
    double product = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < size; i++) {
        product += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return product / sqrt(aa * bb);
}

struct neighbour {
    int64_t text;
    double how;
};

static int by_similarity(const void *left, const void *right)
{
    const struct neighbour *a = left, *b = right;
    if (a->how != b->how)
        return a->how > b->how ? -1 : 1;
    return (a->text > b->text) - (a->text < b->text);
}

/* The count - 1 other texts, the most similar one first. */
static void rank(const float *embeddings, int64_t count, int64_t size, int64_t i,
                 struct neighbour *out)
{
    for (int64_t j = 0, at = 0; j < count; j++)
        if (j != i)
            out[at++] =
                (struct neighbour){j, cosine(embeddings + i * size, embeddings + j * size, size)};
    qsort(out, (size_t)count - 1, sizeof *out, by_similarity);
}

int64_t nearest_text(const float *embeddings, int64_t count, int64_t size, int64_t i, double *how)
{
    int64_t best = -1;
    for (int64_t j = 0; j < count; j++) {
        double similarity = cosine(embeddings + i * size, embeddings + j * size, size);
        if (j != i && (best < 0 || similarity > *how)) {
            best = j;
            *how = similarity;
        }
    }
    return best;
}

/* Spearman's rank correlation: 1 - 6 sum d^2 / (n (n^2 - 1)), d the differences in rank. */
static double spearman(const struct neighbour *a, const struct neighbour *b, int64_t n,
                       int64_t *rank_in_b)
{
    double sum = 0, size = (double)n;
    for (int64_t i = 0; i < n; i++)
        rank_in_b[b[i].text] = i;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)(rank_in_b[a[i].text] - i);
        sum += d * d;
    }
    return n > 1 ? 1 - 6 * sum / (size * (size * size - 1)) : 1;
}

static int64_t shared(const struct neighbour *a, const struct neighbour *b, int64_t n)
{
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            found += a[i].text == b[j].text;
    return found;
}

void rankings_compare(const float *a, const float *b, int64_t count, int64_t size,
                      struct agreement *out)
{
    int64_t others = count - 1, near = others < near_count ? others : near_count;
    struct neighbour *left = allocate(count, sizeof *left), *right = allocate(count, sizeof *right);
    int64_t *ranks = allocate(count, sizeof *ranks);
    *out = (struct agreement){.cosine_least = 1, .spearman_least = 1, .near_most = near * count};
    for (int64_t i = 0; i < count; i++) {
        rank(a, count, size, i, left);
        rank(b, count, size, i, right);
        double same = cosine(a + i * size, b + i * size, size);
        double order = spearman(left, right, others, ranks);
        out->cosine_mean += same / (double)count;
        out->cosine_least = fmin(out->cosine_least, same);
        out->spearman_mean += order / (double)count;
        out->spearman_least = fmin(out->spearman_least, order);
        out->nearest += left[0].text == right[0].text;
        out->near += shared(left, right, near);
    }
    free(left);
    free(right);
    free(ranks);
}
