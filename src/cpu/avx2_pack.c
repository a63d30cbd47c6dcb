/* Packing weights for the AVX2 kernels, and choosing each panel's method.
 *
 * A larger group of products in 16 bits is faster and breaks its condition more often, each time at
 * the price of list entries. Both are known here: every method's list is counted, and the method
 * whose predicted time is the least is taken. Weights of networks (heavy-tailed) end with groups of
 * 4, Gaussian ones with 2, uniformly random ones with Winograd. */
#include "avx2_panel.h"
#include "avx2_transpose.h"

#include <immintrin.h>

enum { columns_step = 8, lane_limit = 128, line = 64 };

/* What a method costs: cycles per 2^16 MACs, L1-resident (avx2_acc16.c, avx2_winograd.c), on the
 * slower side of the machines measured. To that an entry of the list adds entry_cost per row, and
 * having a list (a transposed A, sums to be transposed back) list_cost: by it k = 128 with
 * heavy-tailed weights is Winograd's (26.6 MACs per cycle beside 24.7), k = 192 acc16's. */
struct method {
    int group; /* 0: Winograd */
    int cost;
};
static const struct method methods[] = {{4, 1480}, {2, 1680}, {1, 2080}, {0, 2240}};
enum { method_count = sizeof methods / sizeof *methods, entry_cost = 20000, list_cost = 3 << 20 };

/* ---- the weights in panel order, and their sums ------------------------------------------------
 */

/* 32 bytes of a row of b that ends after `left`; zeros behind its end, or for no row at all. */
static __m256i load_row(const int8_t *b, int64_t left)
{
    if (left >= 32)
        return _mm256_loadu_si256((const __m256i *)b);
    int8_t bytes[32] = {0};
    if (left > 0)
        memcpy(bytes, b, (size_t)left);
    return _mm256_loadu_si256((const __m256i *)bytes);
}

/* 8 columns of a panel, of which `columns` exist, and their two sums; asks for the eight
 * behind them. */
static void copy_columns(int8_t *weights, const int8_t *b, int64_t ldb, int64_t columns, int64_t k,
                         __m256i *column_sum, __m256i *pair_sum)
{
    const __m256i ones8 = _mm256_set1_epi8(1), ones16 = _mm256_set1_epi16(1);
    int64_t rounded = multiple(k, AVX2_K_ROUND);
    __m256i sum = _mm256_setzero_si256(), pairs = _mm256_setzero_si256();
    for (int64_t p = 0; p < rounded; p += 32) {
        __m256i x[8];
        for (int64_t j = 0; j < columns_step; j++) {
            x[j] = j < columns ? load_row(b + j * ldb + p, k - p) : _mm256_setzero_si256();
            if (p % line == 0)
                octgemm_cpu_ask(b, ldb, columns_step + j, p);
        }
        avx2_transpose(x); /* 8 columns x 32 k: eight vectors of 8 columns x 4 k */
        int64_t quads = rounded - p < 32 ? (rounded - p) / 4 : 8;
        for (int64_t q = 0; q < quads; q++) {
            __m256i odd = _mm256_srai_epi16(x[q], 8);
            __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(x[q], 8), 8);
            pairs = _mm256_add_epi32(pairs, _mm256_madd_epi16(even, odd));
            sum =
                _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(ones8, x[q]), ones16));
            _mm256_storeu_si256((__m256i *)(weights + (p / 4 + q) * AVX2_QUAD_BYTES), x[q]);
        }
    }
    *column_sum = sum;
    *pair_sum = pairs;
}

static void copy_weights(char *panel, const struct avx2_layout *at, const int8_t *b, int64_t ldb,
                         int64_t columns, int64_t k)
{
    for (int64_t j = 0; j < AVX2_COLUMNS; j += columns_step) {
        int64_t here = columns - j;
        __m256i column_sum, pair_sum;
        copy_columns((int8_t *)panel + at->weights + 4 * j, here > 0 ? b + j * ldb : b, ldb, here,
                     k, &column_sum, &pair_sum);
        _mm256_storeu_si256((__m256i *)(void *)(panel + 4 * j), column_sum);
        _mm256_storeu_si256((__m256i *)(void *)(panel + at->pair_sum + 4 * j), pair_sum);
    }
}

/* ---- the list ----------------------------------------------------------------------------------
 */

struct entry {
    uint16_t place[4];
    int8_t difference[4];
};
_Static_assert(sizeof(struct entry) == AVX2_LIST_ENTRY, "as it lies in the panel");

/* Where a list is written; with `list` NULL it is counted and nothing changes. Each column has an
 * entry that is being filled and written when it is full, so that entries of one column do not
 * follow one another: their sums would wait for each other. */
struct list {
    char *list, *columns;
    int64_t used, limit; /* entries */
    struct entry open[AVX2_COLUMNS];
    int filled[AVX2_COLUMNS];
};

static void close_entry(struct list *to, int column)
{
    if (to->list && to->used < to->limit) {
        memcpy(to->list + to->used * AVX2_LIST_ENTRY, &to->open[column], AVX2_LIST_ENTRY);
        to->columns[to->used] = (char)column;
    }
    to->used++;
    to->filled[column] = 0;
    to->open[column] = (struct entry){.difference = {0}};
}

static void append(struct list *to, int64_t place, int column, int difference)
{
    struct entry *entry = &to->open[column];
    int i = to->filled[column]++;
    entry->place[i] = (uint16_t)(8 * place);
    entry->difference[i] = (int8_t)difference;
    if (i == 3)
        close_entry(to, column);
}

/* Makes the weights of one sign in one lane sum to at most lane_limit, by moving what is too much
 * from the largest of them to the list. sign: 1 or -1. lane: the column's first weight of the lane
 * in the block of k; place: its k in the block. */
static void relieve(struct list *to, int8_t *lane, int64_t place, int column, int group, int sign)
{
    int weight[8], total = 0;
    for (int n = 0; n < 2 * group; n++) {
        int w = sign * lane[n / 2 * AVX2_QUAD_BYTES + n % 2];
        weight[n] = w > 0 ? w : 0;
        total += weight[n];
    }
    while (total > lane_limit) {
        int largest = 0;
        for (int n = 1; n < 2 * group; n++)
            if (weight[n] > weight[largest])
                largest = n;
        int excess = total - lane_limit;
        excess = excess < AVX2_LIST_MAX_DIFFERENCE ? excess : AVX2_LIST_MAX_DIFFERENCE;
        excess = excess < weight[largest] ? excess : weight[largest];
        weight[largest] -= excess;
        total -= excess;
        append(to, place + largest / 2 * 4 + largest % 2, column, sign * excess);
        if (to->list)
            lane[largest / 2 * AVX2_QUAD_BYTES + largest % 2] -= (int8_t)(sign * excess);
    }
}

/* Bit n of the result: lane n (two to a column) of these 8 columns breaks the condition. */
static uint32_t broken_lanes(const int8_t *weights, int group)
{
    const __m256i ones = _mm256_set1_epi8(1), zero = _mm256_setzero_si256();
    __m256i positive = zero, negative = zero;
    for (int q = 0; q < group; q++) {
        __m256i w = _mm256_loadu_si256((const __m256i *)(weights + q * AVX2_QUAD_BYTES));
        positive = _mm256_add_epi16(positive, _mm256_maddubs_epi16(ones, _mm256_max_epi8(w, zero)));
        negative = _mm256_add_epi16(negative, _mm256_maddubs_epi16(ones, _mm256_min_epi8(w, zero)));
    }
    __m256i broken = _mm256_or_si256(_mm256_cmpgt_epi16(positive, _mm256_set1_epi16(lane_limit)),
                                     _mm256_cmpgt_epi16(_mm256_set1_epi16(-lane_limit), negative));
    __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(broken), _mm256_extracti128_si256(broken, 1));
    return (uint32_t)_mm_movemask_epi8(bytes);
}

/* What 8 columns of one group add to the list. place: the group's first k in its block. */
static void list_group(struct list *to, int8_t *weights, int64_t place, int column, int group)
{
    for (uint32_t lanes = broken_lanes(weights, group); lanes; lanes &= lanes - 1) {
        int n = __builtin_ctz(lanes);
        relieve(to, weights + 2 * n, place + 2 * (n % 2), column + n / 2, group, 1);
        relieve(to, weights + 2 * n, place + 2 * (n % 2), column + n / 2, group, -1);
    }
}

/* The list of a whole panel: its length, and with `write` the list itself. Each block of k has its
 * own entries, the last ones of a column padded with differences of 0. */
static int64_t list_panel(char *panel, const struct avx2_layout *at, int64_t k, int group,
                          int write)
{
    struct list to = {.list = write ? panel + at->list : NULL,
                      .columns = panel + at->list_column,
                      .limit = at->list_limit};
    int8_t *weights = (int8_t *)panel + at->weights;
    int64_t rounded = multiple(k, AVX2_K_ROUND);
    for (int64_t p = 0; p < rounded && to.used <= to.limit; p += AVX2_DEPTH) {
        int64_t depth = at_most(rounded - p, AVX2_DEPTH);
        for (int64_t place = 0; place < depth; place += 4 * group)
            for (int j = 0; j < AVX2_COLUMNS; j += columns_step)
                list_group(&to, weights + (p + place) * AVX2_COLUMNS + 4 * j, place, j, group);
        for (int j = 0; j < AVX2_COLUMNS; j++)
            if (to.filled[j])
                close_entry(&to, j);
        if (write) {
            int64_t number = p / AVX2_DEPTH;
            uint32_t used = (uint32_t)to.used;
            memcpy(panel + at->list_start + (size_t)(number + 1) * sizeof used, &used, sizeof used);
        }
    }
    return to.used;
}

/* ---- the formats -------------------------------------------------------------------------------
 */

static size_t acc16_bytes(int64_t k)
{
    return octgemm_avx2_layout(k).bytes;
}

static size_t winograd_bytes(int64_t k)
{
    return octgemm_avx2_layout(k).list; /* no room for one */
}

static void pack_winograd(void *panel, const int8_t *b, int64_t ldb, int64_t columns, int64_t k,
                          int quick)
{
    (void)quick;
    struct avx2_layout at = octgemm_avx2_layout(k);
    memset(panel, 0, at.weights);
    copy_weights(panel, &at, b, ldb, columns, k);
}

/* Quick packing takes Winograd, whatever the weights: counting lists costs more than it saves. */
static void pack_acc16(void *panel, const int8_t *b, int64_t ldb, int64_t columns, int64_t k,
                       int quick)
{
    struct avx2_layout at = octgemm_avx2_layout(k);
    pack_winograd(panel, b, ldb, columns, k, quick);
    if (quick)
        return;
    memset((char *)panel + at.list, 0, at.bytes - at.list);
    int best = 0;
    int64_t least = INT64_MAX, area = multiple(k, AVX2_K_ROUND) * AVX2_COLUMNS;
    for (int i = 0; i < method_count; i++) {
        int group = methods[i].group;
        int64_t entries = group ? list_panel(panel, &at, k, group, 0) : 0;
        int64_t cost = area * methods[i].cost + entries * entry_cost + (entries ? list_cost : 0);
        if (entries <= at.list_limit && cost < least) {
            least = cost;
            best = group;
        }
    }
    int32_t method = best;
    memcpy((char *)panel + at.method, &method, sizeof method);
    if (method)
        list_panel(panel, &at, k, method, 1);
}

const struct cpu_format octgemm_avx2_acc16_format = {
    .name = "acc16_32",
    .nr = AVX2_COLUMNS,
    .k_step = AVX2_DEPTH,
    .panel_bytes = acc16_bytes,
    .pack = pack_acc16,
};

const struct cpu_format octgemm_avx2_winograd_format = {
    .name = "winograd32",
    .nr = AVX2_COLUMNS,
    .k_step = AVX2_DEPTH,
    .panel_bytes = winograd_bytes,
    .pack = pack_winograd,
};
