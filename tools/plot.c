/* Pictures by gnuplot: see plot.h. */
#include "plot.h"
#include "report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int octgemm_plot_add(struct plot *plot, const struct plot_point *point)
{
    struct plot_point *points = realloc(plot->points, (plot->count + 1) * sizeof *points);
    if (!points)
        return octgemm_complain("no memory for the picture");
    plot->points = points;
    points[plot->count++] = *point;
    return 0;
}

void octgemm_plot_release(struct plot *plot)
{
    if (plot->opened)
        octgemm_discard_output(&plot->file);
    free(plot->points);
    *plot = (struct plot){.points = NULL};
}

static int same_shape(const struct plot_point *a, const struct plot_point *b)
{
    return a->n == b->n && a->k == b->k;
}

/* Series and shapes in the order in which they come first. */
struct order {
    const struct plot_point *series[plot_series_max], *shapes[plot_series_max];
    size_t series_count, shape_count;
};

static struct order find_order(const struct plot *plot)
{
    struct order order = {.series_count = 0};
    for (size_t i = 0; i < plot->count; i++) {
        const struct plot_point *point = &plot->points[i];
        size_t s = 0, f = 0;
        while (s < order.series_count && strcmp(order.series[s]->series, point->series) != 0)
            s++;
        while (f < order.shape_count && !same_shape(order.shapes[f], point))
            f++;
        if (s == order.series_count && s < plot_series_max)
            order.series[order.series_count++] = point;
        if (f == order.shape_count && f < plot_series_max)
            order.shapes[order.shape_count++] = point;
    }
    return order;
}

static const char style[] =
    "set terminal svg size 1100,1150 dynamic noenhanced font 'Helvetica,14' background '#ffffff'\n"
    "set encoding utf8\n"
    "array colour[8] = ['#0b6e99','#5aa9c9','#d1495b','#edae49','#66a182','#8d6a9f','#5c5c5c',"
    "'#b5651d']\n"
    "array mark[8] = [7, 6, 5, 9, 11, 13, 4, 8]\n"
    "set border 3 lc '#555555'\nset tics nomirror\nset grid lc '#dddddd' lw 0.7\n"
    "set key outside right top vertical Left reverse samplen 1.5\n";

/* Operations for each byte that has to move at least: both operands once, and int32 results. */
static double intensity(const struct plot_point *p)
{
    double m = (double)p->m, n = (double)p->n, k = (double)p->k;
    return 2 * m * n * k / (m * k + n * k + 4 * m * n);
}

static double tops(const struct plot_point *p)
{
    return 2.0 * (double)p->m * (double)p->n * (double)p->k / p->seconds * 1e-12;
}

/* A block of data for each series and shape: M, seconds in us, operations per byte, TOPS, label. */
static void write_data(FILE *out, const struct plot *plot, const struct order *order)
{
    for (size_t s = 0; s < order->series_count; s++)
        for (size_t f = 0; f < order->shape_count; f++) {
            fprintf(out, "$d%zu_%zu << EOD\n", s, f);
            for (size_t i = 0; i < plot->count; i++) {
                const struct plot_point *p = &plot->points[i];
                if (strcmp(p->series, order->series[s]->series) == 0 &&
                    same_shape(p, order->shapes[f]))
                    fprintf(out, "%lld %.9g %.9g %.9g\n", (long long)p->m, p->seconds * 1e6,
                            intensity(p), tops(p));
            }
            fprintf(out, "EOD\n");
        }
}

/* One line for each series and shape of columns x and y; the legend has each series once. */
static void write_lines(FILE *out, const struct order *order, const char *columns, const char *with,
                        const char *before)
{
    fprintf(out, "plot %s", before);
    for (size_t s = 0; s < order->series_count; s++)
        for (size_t f = 0; f < order->shape_count; f++)
            fprintf(out,
                    "%s$d%zu_%zu using %s with %s lw 1.6 dt %zu lc rgb colour[%zu] pt mark[%zu] ps "
                    "0.7 %s%s%s",
                    s + f ? ", " : "", s, f, columns, with, f % 5 + 1, s % 8 + 1, s % 8 + 1,
                    f ? "notitle" : "title '", f ? "" : order->series[s]->series, f ? "" : "'");
    fprintf(out, "\n");
}

static void write_roofline(FILE *out, const struct plot *plot, const struct order *order)
{
    char roofs[512] = "";
    fprintf(out, "set title 'Roofline'\nset logscale xy\nset xlabel 'operations per byte moved'\n"
                 "set ylabel 'TOPS (1e12 operations a second)'\n");
    if (plot->tops > 0 && plot->bandwidth > 0)
        snprintf(roofs, sizeof roofs,
                 "(x*%g < %g ? x*%g : %g) with lines lw 2 lc rgb '#333333' title "
                 "'measured: %.3g TOPS, %.3g GB/s', ",
                 plot->bandwidth * 1e-3, plot->tops, plot->bandwidth * 1e-3, plot->tops, plot->tops,
                 plot->bandwidth);
    write_lines(out, order, "3:4", "points", roofs);
}

static void write_times(FILE *out, const struct order *order)
{
    fprintf(out, "set title 'Time against M (");
    for (size_t f = 0; f < order->shape_count; f++)
        fprintf(out, "%s%s: N x K = %lld x %lld", f ? ", " : "",
                (const char *[]){"solid", "dashed", "dotted", "dash-dot", "dash-dot-dot"}[f % 5],
                (long long)order->shapes[f]->n, (long long)order->shapes[f]->k);
    fprintf(out, ")'\nset logscale x 2\nset logscale y 10\nset xlabel 'M (tokens)'\n"
                 "set ylabel 'microseconds'\n");
    write_lines(out, order, "1:2", "linespoints", "");
}

/* Of a series in the product that begins with `first`; NaN leaves the bar out. */
static void write_ratio(FILE *out, const struct plot *plot, const struct plot_point *first,
                        const char *series)
{
    const struct plot_point *p = first, *end = plot->points + plot->count;
    while (p < end && p->m == first->m && same_shape(p, first) && strcmp(p->series, series) != 0)
        p++;
    if (p < end && p->m == first->m && same_shape(p, first))
        fprintf(out, " %.9g", p->ratio);
    else
        fprintf(out, " NaN");
}

static void write_ratios(FILE *out, const struct plot *plot, const struct order *order)
{
    fprintf(out, "$r << EOD\n\"shape\"");
    for (size_t s = 0; s < order->series_count; s++)
        fprintf(out, " \"%s\"", order->series[s]->series);
    for (size_t i = 0; i < plot->count; i++) {
        const struct plot_point *p = &plot->points[i];
        if (i > 0 && p->m == p[-1].m && same_shape(p, p - 1))
            continue;
        fprintf(out, "\n\"%lldx%lldx%lld\"", (long long)p->m, (long long)p->n, (long long)p->k);
        for (size_t s = 0; s < order->series_count; s++)
            write_ratio(out, plot, p, order->series[s]->series);
    }
    fprintf(
        out,
        "\nEOD\nunset logscale\nset logscale y\nset title \"Time over that of octgemm's sums "
        "(above 1: octgemm is faster)\"\nset xlabel ''\nset ylabel 'ratio'\nset style data "
        "histograms\nset style histogram clustered gap 1.5\nset style fill solid 0.9 border -1\n"
        "set boxwidth 0.95\nset xtics rotate by -35 font ',11'\nset yrange [*:*]\n"
        "plot for [i=2:%zu] $r using i:xtic(1) lc rgb colour[(i-2)%%8+1] title "
        "columnheader(i)\n",
        order->series_count + 1);
}

static void write_script(FILE *out, const struct plot *plot)
{
    struct order order = find_order(plot);
    int ratios = plot->count > 0 && plot->points[0].ratio > 0;
    fputs(style, out);
    write_data(out, plot, &order);
    fprintf(out, "set multiplot layout %d,1 title '", ratios ? 3 : 2);
    for (const char *c = plot->title; *c; c++) /* a device's name: nothing that ends the string */
        fputc(*c == '\'' || (unsigned char)*c < ' ' ? ' ' : *c, out);
    fprintf(out, "' font ',18'\n");
    write_roofline(out, plot, &order);
    write_times(out, &order);
    if (ratios)
        write_ratios(out, plot, &order);
    fprintf(out, "unset multiplot\n");
}

/* The shell opens the file: what gnuplot draws cannot come out anywhere else. */
static int draw(const struct plot *plot, const char *path)
{
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    FILE *gnuplot = setenv("OCTGEMM_PLOT", path, 1) == 0
                        ? popen("exec gnuplot 2>/dev/null >\"$OCTGEMM_PLOT\"", "w")
                        : NULL;
    int status = -1;
    if (gnuplot) {
        write_script(gnuplot, plot);
        status = pclose(gnuplot);
    }
    signal(SIGPIPE, before);
    return status;
}

static int no_gnuplot(const char *path)
{
    return octgemm_complain("--plot %s: gnuplot is not there or fails (Debian: gnuplot-nox)", path);
}

int octgemm_plot_open(struct plot *plot, const char *path)
{
    if (system("gnuplot --version >/dev/null 2>&1") != 0)
        return no_gnuplot(path);
    int status = octgemm_open_output(&plot->file, path);
    plot->opened = status == 0;
    return status;
}

int octgemm_plot_write(struct plot *plot)
{
    struct output_file *file = &plot->file;
    if (draw(plot, file->temporary[0] ? file->temporary : file->path) != 0)
        return no_gnuplot(file->path); /* octgemm_plot_release() removes it */
    plot->opened = 0;
    return octgemm_close_output(file);
}
