/* Choices that a context has made before, so that a call costs the host no more than a launch.
 *
 * Comparing every kernel takes some microseconds, as long as a product of few tokens; a model asks
 * for the same few dozen products over and over. A question is everything that a choice may look
 * at: sizes, strides, types, the last four bits of each address, and whether there are zero points.
 * The answer follows from it, so it does not matter whether it was remembered.
 *
 * Threads share a context, and nothing is allocated after open. Sets of a few entries, each set
 * with a mark that one thread holds for some nanoseconds; who finds it taken does not wait, but
 * goes without the memory.
 */
#include "gpu/gpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { set_count = 64, ways = 4 };

struct question {
    uint64_t word[7];
};

struct entry {
    struct question question;
    struct gpu_choice choice; /* no kernel: an unused entry */
};

struct set {
    atomic_flag taken;
    unsigned oldest;
    struct entry entry[ways];
};

struct gpu_memo {
    struct set set[set_count];
};

struct gpu_memo *octgemm_gpu_new_memo(void)
{
    struct gpu_memo *memo = calloc(1, sizeof *memo);
    for (int i = 0; memo && i < set_count; i++)
        atomic_flag_clear(&memo->set[i].taken);
    return memo;
}

static struct question ask(const octgemm_args *args)
{
    const void *const addresses[] = {args->a,  args->b,    args->sa, args->sb,
                                     args->za, args->bias, args->d};
    const unsigned choices[] = {args->b_layout, args->sa_mode,   args->sb_mode,
                                args->za_mode,  args->bias_type, args->d_type};
    uint64_t bits = args->za != NULL;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        bits = bits << 4 | ((uintptr_t)addresses[i] & 15);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        bits = bits << 2 | choices[i]; /* no enum has more than four values */
    return (struct question){{(uint64_t)args->m, (uint64_t)args->n, (uint64_t)args->k,
                              (uint64_t)args->lda, (uint64_t)args->ldb, (uint64_t)args->ldd, bits}};
}

/* The set of a question, or NULL while another thread is at it. */
static struct set *take(const struct gpu_ctx *ctx, const struct question *question)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof question->word / sizeof *question->word; i++) {
        hash = (hash ^ question->word[i]) * 0x9e3779b97f4a7c15u; /* 2^64 by the golden ratio */
        hash ^= hash >> 32;
    }
    struct set *set = &ctx->memo->set[hash % set_count];
    return atomic_flag_test_and_set_explicit(&set->taken, memory_order_acquire) ? NULL : set;
}

static void give(struct set *set)
{
    atomic_flag_clear_explicit(&set->taken, memory_order_release);
}

static struct entry *find(struct set *set, const struct question *question)
{
    for (int i = 0; i < ways; i++)
        if (set->entry[i].choice.kernel &&
            memcmp(&set->entry[i].question, question, sizeof *question) == 0)
            return &set->entry[i];
    return NULL;
}

int octgemm_gpu_recall(const struct gpu_ctx *ctx, const octgemm_args *args,
                       struct gpu_choice *choice)
{
    const struct question question = ask(args);
    struct set *set = take(ctx, &question);
    if (!set)
        return 0;
    const struct entry *entry = find(set, &question);
    if (entry)
        *choice = entry->choice;
    give(set);
    return entry != NULL;
}

void octgemm_gpu_remember(const struct gpu_ctx *ctx, const octgemm_args *args,
                          const struct gpu_choice *choice)
{
    const struct question question = ask(args);
    struct set *set = take(ctx, &question);
    if (!set)
        return;
    struct entry *entry = find(set, &question);
    if (!entry)
        entry = &set->entry[set->oldest++ % ways];
    entry->question = question;
    entry->choice = *choice;
    give(set);
}
