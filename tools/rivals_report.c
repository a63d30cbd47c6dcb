/* The report of bench --rivals: see rivals_report.h. */
#include "rivals_report.h"
#include "options.h"
#include "report.h"

#include <stdio.h>

double octgemm_tops(const struct shape *shape, int64_t m, double seconds)
{
    return 2.0 * (double)m * (double)shape->n * (double)shape->k / seconds * 1e-12;
}

double octgemm_weight_rate(const struct shape *shape, double seconds)
{
    return (double)shape->n * (double)shape->k / seconds * 1e-9;
}

static const char *layout_name(const struct round_up *result)
{
    return result->rows ? "rows" : "packed";
}

static void print_head(const struct rivals_report *report, const struct round_up *result)
{
    const octgemm_info *info = &result->info;
    if (report->csv) {
        printf("m,n,k,backend,device,arch,kernel,cache,layout,timing,library,file,answer,"
               "median_seconds,best_seconds,tops,weight_gb_per_second,macs_per_cycle,ratio,threads,"
               "ceiling_macs_per_cycle,ceiling_tops,read_gb_per_second,compared,wrong,reason,"
               "weights,seed,version\n");
        return;
    }
    printf("%s, %s; weights %s, octgemm's %s%s\n", info->backend, info->device,
           octgemm_cache_name(result->hot), layout_name(result),
           result->recorded ? "; calls in graphs" : "");
    printf("ratio: time over that of octgemm's sums; ceiling: share of what the kernel's "
           "instructions reach in registers\n\n");
    printf("%6s %6s %6s  %-16s %10s %9s %8s %9s %8s %6s\n", "M", "N", "K", "library", "median",
           "TOPS", "GB/s", "MACs/cyc", "ceiling", "ratio");
}

/* What the kernel's instructions reach in registers is compared with the best of one thread by
 * cycles, which neighbours leave alone, and of several by the clock on the wall. 0: not known. */
static double share_of_ceiling(const struct round_up *result, const struct score *score)
{
    if (score->why[0] || result->roofs.tops <= 0)
        return 0;
    if (score->rate > 0 && result->roofs.rate > 0)
        return score->rate / result->roofs.rate;
    return octgemm_tops(result->shape, result->m, score->best) / result->roofs.tops;
}

static void print_score(const struct round_up *result, const struct score *score)
{
    const struct shape *shape = result->shape;
    char median[32], bandwidth[32] = "-", rate[32] = "-", share[32] = "-";
    printf("%6lld %6lld %6lld  %-16s ", (long long)result->m, (long long)shape->n,
           (long long)shape->k, score->rival->name);
    if (score->why[0]) {
        printf("%s\n", score->why);
        return;
    }
    if (result->m <= 16)
        snprintf(bandwidth, sizeof bandwidth, "%.1f", octgemm_weight_rate(shape, score->median));
    if (score->rate > 0)
        snprintf(rate, sizeof rate, "%.1f", score->rate);
    if (share_of_ceiling(result, score) > 0)
        snprintf(share, sizeof share, "%.0f %%", 100 * share_of_ceiling(result, score));
    printf("%10s %9.4g %8s %9s %8s %6.2f  ",
           octgemm_format_seconds(median, sizeof median, score->median),
           octgemm_tops(shape, result->m, score->median), bandwidth, rate, share, score->ratio);
    if (score->wrong)
        printf("WRONG: %lld of %lld\n", (long long)score->wrong, (long long)score->compared);
    else
        printf("exact\n");
}

static void print_table(const struct round_up *result)
{
    const struct roofs *roofs = &result->roofs;
    for (size_t i = 0; i < result->count; i++)
        print_score(result, &result->scores[i]);
    printf("%22s  %s", "", result->info.kernel);
    if (roofs->tops > 0)
        printf("; in registers %.4g TOPS (one thread %.1f MACs/cycle)", roofs->tops, roofs->rate);
    if (roofs->bandwidth > 0)
        printf("; reading the weights %.1f GB/s", roofs->bandwidth);
    if (result->threads > 0)
        printf("; threads: %d", result->threads);
    printf("\n\n");
}

static const char *answer_name(const struct score *score)
{
    return octgemm_type_names[score->rival->answer];
}

/* What was not measured is an empty field. */
static void print_field(double value)
{
    if (value > 0)
        printf("%.9g", value);
    printf(",");
}

static void print_csv(const struct rivals_report *report, const struct round_up *result,
                      const struct score *score)
{
    char version[32];
    const struct shape *shape = result->shape;
    const octgemm_info *info = &result->info;
    int timed = !score->why[0];
    printf("%lld,%lld,%lld,%s,", (long long)result->m, (long long)shape->n, (long long)shape->k,
           info->backend);
    octgemm_print_csv_text(info->device);
    printf(",%s,%s,%s,%s,%s,%s,%s,%s,", info->arch, info->kernel, octgemm_cache_name(result->hot),
           layout_name(result), result->recorded ? "graph" : "calls", score->rival->name,
           score->library, answer_name(score));
    print_field(score->median);
    print_field(score->best);
    print_field(timed ? octgemm_tops(shape, result->m, score->median) : 0);
    print_field(timed ? octgemm_weight_rate(shape, score->median) : 0);
    print_field(score->rate);
    print_field(score->ratio);
    printf("%d,", result->threads);
    print_field(result->roofs.rate);
    print_field(result->roofs.tops);
    print_field(result->roofs.bandwidth);
    printf("%lld,%lld,", (long long)score->compared, (long long)score->wrong);
    octgemm_print_csv_text(score->why);
    printf(",%s,%lld,%s\n", report->weights, (long long)report->seed,
           octgemm_format_version(version, sizeof version));
}

/* A figure that was measured, or null. */
static json_t *figure(double value)
{
    return value > 0 ? json_real(value) : json_null();
}

static json_t *score_json(const struct round_up *result, const struct score *score)
{
    int timed = !score->why[0];
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "library",
        score->rival->name, "file", score->library, "answer", answer_name(score), "median_seconds",
        figure(score->median), "best_seconds", figure(score->best), "tops",
        figure(timed ? octgemm_tops(result->shape, result->m, score->median) : 0),
        "weight_gb_per_second",
        figure(timed ? octgemm_weight_rate(result->shape, score->median) : 0), "macs_per_cycle",
        figure(score->rate), "ratio", figure(score->ratio), "compared", (json_int_t)score->compared,
        "wrong", (json_int_t)score->wrong, "reason", octgemm_json_text(score->why));
}

static json_t *result_json(const struct rivals_report *report, const struct round_up *result)
{
    char version[32];
    const octgemm_info *info = &result->info;
    json_t *scores = json_array();
    for (size_t i = 0; i < result->count; i++)
        json_array_append_new(scores, score_json(result, &result->scores[i]));
    return json_pack("{s:I, s:I, s:I, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:s, "
                     "s:I, s:s, s:o}",
                     "m", (json_int_t)result->m, "n", (json_int_t)result->shape->n, "k",
                     (json_int_t)result->shape->k, "backend", info->backend, "device",
                     octgemm_json_text(info->device), "arch", info->arch, "kernel", info->kernel,
                     "cache", octgemm_cache_name(result->hot), "layout", layout_name(result),
                     "timing", result->recorded ? "graph" : "calls", "threads", result->threads,
                     "ceiling_macs_per_cycle", figure(result->roofs.rate), "ceiling_tops",
                     figure(result->roofs.tops), "read_gb_per_second",
                     figure(result->roofs.bandwidth), "weights", report->weights, "seed",
                     (json_int_t)report->seed, "version",
                     octgemm_format_version(version, sizeof version), "libraries", scores);
}

/* Keeps what was measured for the picture; what was not leaves no point, and no bar. */
static int add_points(struct plot *plot, const struct round_up *result)
{
    const struct shape *shape = result->shape;
    int status = 0;
    snprintf(plot->title, sizeof plot->title, "%s (%s), weights %s, int8", result->info.device,
             result->info.backend, octgemm_cache_name(result->hot));
    plot->tops = result->roofs.tops > plot->tops ? result->roofs.tops : plot->tops;
    if (result->roofs.bandwidth > plot->bandwidth)
        plot->bandwidth = result->roofs.bandwidth;
    for (size_t i = 0; i < result->count && status == 0; i++) {
        const struct score *score = &result->scores[i];
        struct plot_point point = {.m = result->m,
                                   .n = shape->n,
                                   .k = shape->k,
                                   .seconds = score->median,
                                   .ratio = score->ratio};
        snprintf(point.series, sizeof point.series, "%s%s", score->rival->name,
                 score->wrong ? " (wrong)" : "");
        if (!score->why[0])
            status = octgemm_plot_add(plot, &point);
    }
    return status;
}

void octgemm_report_rivals(void *user, const struct round_up *result)
{
    struct rivals_report *report = user;
    if (report->plot && report->status == 0)
        report->status = add_points(report->plot, result);
    if (report->results) {
        if (json_array_append_new(report->results, result_json(report, result)) != 0 &&
            !report->status)
            report->status = octgemm_complain("no memory for the report");
        return;
    }
    if (!report->begun)
        print_head(report, result);
    report->begun = 1;
    if (report->csv)
        for (size_t i = 0; i < result->count; i++)
            print_csv(report, result, &result->scores[i]);
    else
        print_table(result);
    octgemm_show_output();
}
