/* Pictures of benchmarks: gnuplot, called as a program, draws what was measured. */
#ifndef OCTGEMM_PLOT_H
#define OCTGEMM_PLOT_H

#include "output_file.h"

#include <stddef.h>
#include <stdint.h>

enum { plot_series_max = 16 };

struct plot_point {
    char series[32]; /* a library or kernel */
    int64_t m, n, k;
    double seconds, ratio; /* ratio 0: none */
};

struct plot {
    char title[256];
    struct plot_point *points; /* in the order in which they were measured */
    size_t count;
    double tops, bandwidth; /* measured roofs: 1e12 operations and 1e9 bytes a second; 0: none */
    struct output_file file;
    int opened;
};

/* Each returns 0, or the exit status after a complaint. Open before the first measurement: what
 * cannot be drawn or written is known then. */
int octgemm_plot_open(struct plot *plot, const char *path);
int octgemm_plot_add(struct plot *plot, const struct plot_point *point);

/* Draws an SVG: roofline, time against m, and where there are rivals the ratio of each product. */
int octgemm_plot_write(struct plot *plot);
void octgemm_plot_release(struct plot *plot);

#endif
