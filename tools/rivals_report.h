/* The report of bench --rivals: a table, CSV or JSON. */
#ifndef OCTGEMM_RIVALS_REPORT_H
#define OCTGEMM_RIVALS_REPORT_H

#include "plot.h"
#include "rivals.h"

#include <jansson.h>

struct rivals_report {
    int csv;
    const char *weights; /* the kind of their values, and the seed of all */
    int64_t seed;
    json_t *results;   /* an array: JSON; NULL: none */
    struct plot *plot; /* NULL: none */
    int begun;
    int status; /* of the first thing that could not be kept */
};

/* For struct rivals_options: `user` is a struct rivals_report. */
void octgemm_report_rivals(void *user, const struct round_up *result);

/* Of one product: 2 m n k operations, and the bytes of its weights, in 1e12 and 1e9 a second. */
double octgemm_tops(const struct shape *shape, int64_t m, double seconds);
double octgemm_weight_rate(const struct shape *shape, double seconds);

#endif
