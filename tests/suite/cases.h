/* The table of cases of the matrix product. */
#ifndef OCTGEMM_SUITE_CASES_H
#define OCTGEMM_SUITE_CASES_H

#include "patterns.h"
#include "suite.h"

/* The arrays of one product. */
enum suite_array {
    AT_D,
    AT_A,
    AT_B,
    AT_SA,
    AT_SB,
    AT_ZA,
    AT_BIAS,
    AT_PACKED,
    AT_WORKSPACE,
    ARRAYS
};

enum suite_mode { ABSENT, PER_ROW, PER_TENSOR };
enum suite_bias { NO_BIAS, BIAS_F32, BIAS_F16, BIAS_BF16 };

/* Ways to run one product; each must give the same bits. */
enum suite_variant {
    V_ROWS,      /* one call, B as rows */
    V_PACKED,    /* one call, B packed */
    V_BY_ROW,    /* a call for each row: row i does not depend on its batch */
    V_BY_COLUMN, /* a call for each few columns */
    V_TWICE,     /* again, over a workspace and an output full of something else */
    V_ONE_THREAD,
    V_SEVEN_THREADS,
    V_FLOAT_STATE, /* the caller rounds to zero and flushes denormals */
    V_PERMUTED,    /* rows of A and of B in reverse order */
    VARIANTS
};
#define VARIANT(v) (1u << (v))

enum { suite_name_size = 64 };

struct suite_case {
    char name[suite_name_size];
    enum suite_tier tier;
    uint64_t seed; /* of this case's values: from its name and the suite's seed */
    int64_t m, n, k;
    int64_t pad_a, pad_b, pad_d; /* ld minus the row length */
    unsigned char shift[ARRAYS]; /* address modulo 64 */
    enum suite_mode sa, sb, za;
    enum suite_bias bias;
    octgemm_type d_type;
    enum matrix_pattern a_values, b_values;
    enum float_pattern sa_values, sb_values, bias_values;
    enum zero_pattern za_values;
    int64_t
        period; /* rows of A and of B repeat after so many, which keeps the oracle cheap; 0: no */
    unsigned variants; /* a set of VARIANT() */
};

/* All cases of a tier and below, in *out for the caller to free. Returns their number, -1 without
 * memory. */
long suite_make_cases(enum suite_tier tier, uint64_t seed, struct suite_case **out);

/* The name of case `index` of the quantiser, which are the same in every tier; 0 past the last. */
int suite_quantizer_name(long index, char name[suite_name_size]);

extern const char *const suite_variant_names[VARIANTS];

#endif
