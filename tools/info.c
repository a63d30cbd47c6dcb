/* octgemm info: every backend and device, and every kernel of those that can be used. */
#include "command.h"
#include "octgemm.h"
#include "options.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

struct info_options {
    int json;
};

static const struct option_row option_rows[] = {
    {"json", 0, NULL, "print JSON", .kind = OPTION_FLAG,
     .offset = offsetof(struct info_options, json)},
};
const struct syntax octgemm_info_syntax = {
    .command = "info",
    .operands = "",
    .summary =
        "Lists every backend and device, in the order in which \"auto\" tries them, and the\n"
        "kernels of those that can be used, best first.",
    .rows = option_rows,
    .row_count = sizeof option_rows / sizeof *option_rows,
    .others = octgemm_syntaxes,
};

/* A row of octgemm_backend(), opened if it can be. */
struct row {
    octgemm_info info;
    int index;        /* of the device within its backend */
    octgemm_ctx *ctx; /* NULL: not usable */
    char why[512];    /* why octgemm_open() failed where the probe had promised otherwise */
};

/* The next row after *row (whose backend "" starts the list); 0 at the end. */
static int next_row(size_t number, struct row *row)
{
    char before[32];
    snprintf(before, sizeof before, "%s", row->info.backend);
    if (octgemm_backend(number, &row->info) != OCTGEMM_OK)
        return 0;
    row->index = strcmp(before, row->info.backend) == 0 ? row->index + 1 : 0;
    row->ctx = NULL;
    row->why[0] = '\0';
    if (*row->info.kernel && octgemm_open(&row->ctx, row->info.backend, row->index) != OCTGEMM_OK)
        snprintf(row->why, sizeof row->why, "%s", octgemm_last_error());
    return 1;
}

static const char *reason(const struct row *row)
{
    return row->why[0] ? row->why : row->info.reason;
}

static void print_row(const struct row *row)
{
    octgemm_info kernel;
    char clean[512];
    printf("\n%s", row->info.backend);
    if (*row->info.device)
        printf(", device %d: %s, %s", row->index, row->info.device, row->info.arch);
    printf("\n    %s: %s\n", row->ctx ? "usable" : "not usable",
           octgemm_clean(clean, sizeof clean, reason(row)));
    for (size_t i = 0; row->ctx && octgemm_kernel(row->ctx, NULL, i, &kernel) == OCTGEMM_OK; i++)
        printf("    %-24s %-16s %s\n", kernel.kernel, kernel.arch,
               *kernel.reason ? kernel.reason : "usable");
}

static json_t *row_json(const struct row *row)
{
    octgemm_info kernel;
    json_t *kernels = json_array();
    for (size_t i = 0; row->ctx && octgemm_kernel(row->ctx, NULL, i, &kernel) == OCTGEMM_OK; i++)
        json_array_append_new(kernels, json_pack("{s:s, s:s, s:b, s:s}", "kernel", kernel.kernel,
                                                 "arch", kernel.arch, "usable", !*kernel.reason,
                                                 "reason", kernel.reason));
    return json_pack("{s:s, s:i, s:s, s:s, s:b, s:s, s:o, s:o}", "backend", row->info.backend,
                     "index", row->index, "device", row->info.device, "arch", row->info.arch,
                     "usable", row->ctx != NULL, "kernel", row->info.kernel, "reason",
                     octgemm_json_text(reason(row)), "kernels", kernels);
}

/* What octgemm_open(NULL) takes here: the environment may have named it. */
struct defaults {
    octgemm_info info; /* backend "none": nothing opens */
    char why[512];     /* then this says why not; else "" */
};

static void find_defaults(struct defaults *defaults)
{
    octgemm_ctx *ctx = NULL;
    *defaults = (struct defaults){.why = ""};
    if (octgemm_open(&ctx, NULL, 0) != OCTGEMM_OK ||
        octgemm_query(ctx, NULL, &defaults->info) != OCTGEMM_OK) {
        defaults->info = (octgemm_info){.backend = "none", .kernel = ""};
        snprintf(defaults->why, sizeof defaults->why, "%s", octgemm_last_error());
    }
    octgemm_close(&ctx);
}

static void print_defaults(const struct defaults *defaults, const char *version)
{
    char clean[512];
    printf("octgemm %s; default: %s", version, defaults->info.backend);
    if (*defaults->info.kernel)
        printf(", kernel %s", defaults->info.kernel);
    if (*defaults->why)
        printf(" (%s)", octgemm_clean(clean, sizeof clean, defaults->why));
    printf("\n");
}

int octgemm_info_command(int argc, char **argv)
{
    struct info_options options = {0};
    int operand;
    int status = octgemm_parse_options(&octgemm_info_syntax, argc, argv, &options, &operand);
    if (status >= 0)
        return status;

    struct defaults defaults;
    char version[32];
    find_defaults(&defaults);
    octgemm_format_version(version, sizeof version);
    json_t *backends = options.json ? json_array() : NULL;
    if (!options.json)
        print_defaults(&defaults, version);
    struct row row = {.info.backend = ""};
    for (size_t i = 0; next_row(i, &row); i++) {
        if (options.json)
            json_array_append_new(backends, row_json(&row));
        else
            print_row(&row);
        octgemm_close(&row.ctx);
    }
    if (!options.json)
        return octgemm_flush_output();
    return octgemm_print_json(json_pack("{s:s, s:s, s:s, s:o, s:o}", "version", version, "default",
                                        defaults.info.backend, "kernel", defaults.info.kernel,
                                        "default_reason", octgemm_json_text(defaults.why),
                                        "backends", backends));
}
