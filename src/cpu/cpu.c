/* The CPU backend's context, packed weights and quantiser: what its entry in the table of backends
 * (kernels_<machine>.c) points to.
 *
 * The format of packed weights belongs to the context: it is that of the forced kernel, else of the
 * first kernel of the table that this machine (and OCTGEMM_CPU) can run. */
#include "cpu.h"
#include "args.h"
#include "environment.h"
#include "error.h"
#include "float_environment.h"
#include "host.h"
#include "kernels.h"
#include "packed.h"
#include "vector.h"

#include <stdio.h>
#include <stdlib.h>

static const char above_cap[] = "OCTGEMM_CPU caps the instruction set below it";
static const char elsewhere[] = "it is for another kind of machine";

static int includes(const struct cpu_features *have, const struct cpu_features *needs)
{
    enum { words = sizeof have->word / sizeof *have->word };
    uint32_t lacking = 0;
    for (int i = 0; i < words; i++)
        lacking |= needs->word[i] & ~have->word[i];
    return lacking == 0;
}

/* Why an instruction set cannot be used on this machine, or NULL. */
static const char *obstacle_to(const struct cpu_isa_row *row, const struct cpu_features *have,
                               const char *const obstacle[])
{
    if (row->below != row->isa && obstacle[row->below])
        return obstacle[row->below];
    if (!includes(have, &row->needs))
        return row->missing;
    return row->needs.saved & ~have->saved ? row->unsaved : NULL;
}

/* Which instruction sets can be used. 0 when OCTGEMM_CPU has a name that no row has: then it counts
 * as unset. */
static int find_isas(struct cpu_ctx *cpu, const char *cap)
{
    const struct cpu_features have = octgemm_cpu_features();
    int capped = 0;
    for (int i = 0; i < CPU_ISA_COUNT; i++)
        cpu->obstacle[i] = elsewhere;
    for (size_t i = 0; i < octgemm_cpu_isa_count; i++) {
        const struct cpu_isa_row *row = &octgemm_cpu_isas[i];
        cpu->obstacle[row->isa] = capped ? above_cap : obstacle_to(row, &have, cpu->obstacle);
        if (cap && strcmp(cap, row->name) == 0)
            capped = 1;
    }
    return !cap || capped;
}

static const char *best_isa(const struct cpu_ctx *cpu)
{
    size_t best = octgemm_cpu_isa_count - 1;
    while (cpu->obstacle[octgemm_cpu_isas[best].isa]) /* the first is plain C */
        best--;
    return octgemm_cpu_isas[best].name;
}

/* Asks for what a process has on request only. */
static void request_isas(struct cpu_ctx *cpu)
{
    for (size_t i = 0; i < octgemm_cpu_isa_count; i++) {
        const struct cpu_isa_row *row = &octgemm_cpu_isas[i];
        if (!cpu->obstacle[row->isa] && row->request)
            cpu->obstacle[row->isa] = row->request();
    }
}

static octgemm_status unknown_isa(const char *name)
{
    char names[256] = "";
    size_t length = 0;
    for (size_t i = 0; i < octgemm_cpu_isa_count; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "",
                                   octgemm_cpu_isas[i].name);
    return octgemm_fail(OCTGEMM_ERR_ARG,
                        "OCTGEMM_CPU=%s: this machine's instruction sets are called %s", name,
                        names);
}

const char *octgemm_cpu_usable(const octgemm_ctx *ctx, const struct kernel *self)
{
    const struct cpu_gemm *gemm = self->impl;
    return octgemm_cpu_ctx(ctx)->obstacle[gemm->isa];
}

/* The kernel that decides the format of packed weights. */
static const struct kernel *best_kernel(const octgemm_ctx *ctx)
{
    if (ctx->forced)
        return ctx->forced;
    const struct kernel *kernel = ctx->backend->kernels;
    while (octgemm_cpu_usable(ctx, kernel)) /* the last row is plain C: usable everywhere */
        kernel++;
    return kernel;
}

static const struct cpu_format *packed_format(const octgemm_ctx *ctx)
{
    const struct cpu_gemm *gemm = best_kernel(ctx)->impl;
    return gemm->format;
}

const char *octgemm_cpu_fits(const octgemm_ctx *ctx, const struct kernel *self,
                             const octgemm_args *args)
{
    const struct cpu_gemm *gemm = self->impl;
    if (args->b_layout == OCTGEMM_B_PACKED && gemm->format != packed_format(ctx))
        return "the context packs weights in another format";
    return NULL;
}

octgemm_status octgemm_cpu_probe(const struct backend *self, int device, octgemm_info *out)
{
    octgemm_status status = octgemm_host_probe(self, device, out);
    if (status != OCTGEMM_OK)
        return status;
    struct cpu_ctx cpu = {.base = {.backend = self}};
    int known = find_isas(&cpu, octgemm_environment("OCTGEMM_CPU"));
    out->arch = best_isa(&cpu);
    if (!known) { /* open() will say more, and fails: no other backend is tried instead */
        out->kernel = "";
        out->reason = "OCTGEMM_CPU is no instruction set of this machine's kind";
        return OCTGEMM_OK;
    }
    out->kernel = best_kernel(&cpu.base)->name;
    out->reason = "the host's own processor";
    return OCTGEMM_OK;
}

octgemm_status octgemm_cpu_open(const struct backend *self, int device, octgemm_ctx **out)
{
    (void)device;
    const char *cap = octgemm_environment("OCTGEMM_CPU");
    octgemm_status status = octgemm_cpu_threads_open();
    if (status != OCTGEMM_OK)
        return status;
    struct cpu_ctx *cpu = calloc(1, sizeof *cpu);
    if (!cpu)
        return octgemm_fail(OCTGEMM_ERR_NOMEM, "octgemm_open: no memory for a context");
    if (!find_isas(cpu, cap)) {
        free(cpu);
        return unknown_isa(cap);
    }
    request_isas(cpu);
    cpu->base.backend = self;
    cpu->base.info.arch = best_isa(cpu);
    cpu->threads = octgemm_cpu_threads_at_most();
    cpu->team = octgemm_cpu_team();
    cpu->caches = octgemm_cpu_caches();
    cpu->stream_ahead = octgemm_cpu_stream_ahead();
    const struct cpu_vector *const *vector = octgemm_cpu_vectors;
    while (cpu->obstacle[(*vector)->isa]) /* the last one is plain C */
        vector++;
    cpu->vector = *vector;
    *out = &cpu->base;
    return OCTGEMM_OK;
}

void octgemm_cpu_close(octgemm_ctx *ctx)
{
    free(ctx);
}

/* Rows of a quantisation, handed out in chunks. */
struct quantize_job {
    const struct cpu_vector *vector;
    const octgemm_quantize_args *args;
    int64_t chunk, next;
};

static void quantize_chunks(void *arg, int thread)
{
    struct quantize_job *job = arg;
    int64_t first;
    (void)thread;
    octgemm_float_state state = octgemm_float_enter();
    while ((first = __atomic_fetch_add(&job->next, job->chunk, __ATOMIC_RELAXED)) <
           job->args->rows) {
        int64_t last = first + job->chunk;
        job->vector->quantize(job->args, first, last < job->args->rows ? last : job->args->rows);
    }
    octgemm_float_leave(state);
}

octgemm_status octgemm_cpu_quantize(const octgemm_ctx *ctx, const octgemm_quantize_args *args)
{
    enum { chunk_elements = 1 << 15, chunks = 4 /* of a thread, at least */ };
    const double cycles = 0.5; /* of an element */
    const struct cpu_ctx *cpu = octgemm_cpu_ctx(ctx);
    struct quantize_job job = {.vector = cpu->vector, .args = args};
    int threads =
        octgemm_cpu_threads_now(&cpu->team, (double)args->rows * (double)args->k * cycles);
    int64_t even = args->rows / threads / chunks + 1;
    int64_t most = args->k > chunk_elements ? 1 : chunk_elements / (args->k + 1) + 1;
    job.chunk = even < most ? even : most;
    octgemm_cpu_parallel(threads, quantize_chunks, &job);
    return OCTGEMM_OK;
}

octgemm_status octgemm_cpu_packed_size(const char *function, const octgemm_ctx *ctx, int64_t n,
                                       int64_t k, size_t *bytes)
{
    const struct cpu_format *format = packed_format(ctx);
    size_t panels = (size_t)n / (size_t)format->nr + ((size_t)n % (size_t)format->nr != 0);
    size_t panel = format->panel_bytes(k);
    if (panels > ((size_t)PTRDIFF_MAX - sizeof(struct packed_header)) / panel)
        return octgemm_refuse_packed(function, n, k);
    *bytes = sizeof(struct packed_header) + panels * panel;
    return OCTGEMM_OK;
}

struct pack_job {
    const struct cpu_format *format;
    char *panels;
    const int8_t *b;
    int64_t ldb, n, k, next;
};

static void pack_panels(void *arg, int thread)
{
    struct pack_job *job = arg;
    int64_t nr = job->format->nr;
    (void)thread;
    for (;;) {
        int64_t panel = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
        int64_t j = panel * nr;
        if (j >= job->n)
            return;
        job->format->pack(job->panels + (size_t)panel * job->format->panel_bytes(job->k),
                          job->b + j * job->ldb, job->ldb, job->n - j < nr ? job->n - j : nr,
                          job->k, 0);
    }
}

octgemm_status octgemm_cpu_pack(const octgemm_ctx *ctx, int64_t n, int64_t k, const int8_t *b,
                                int64_t ldb, void *packed, void *stream)
{
    const double cycles = 1; /* of a byte */
    (void)stream;
    size_t bytes;
    octgemm_status status = octgemm_cpu_packed_size("octgemm_pack", ctx, n, k, &bytes);
    if (status != OCTGEMM_OK)
        return status;
    const struct cpu_format *format = packed_format(ctx);
    octgemm_packed_write(packed, format->name, n, k, bytes);
    if (k == 0) {
        memset((char *)packed + sizeof(struct packed_header), 0,
               bytes - sizeof(struct packed_header));
        return OCTGEMM_OK;
    }
    struct pack_job job = {.format = format,
                           .panels = (char *)packed + sizeof(struct packed_header),
                           .b = b,
                           .ldb = ldb,
                           .n = n,
                           .k = k};
    octgemm_cpu_parallel(
        octgemm_cpu_threads_now(&octgemm_cpu_ctx(ctx)->team, (double)bytes * cycles), pack_panels,
        &job);
    return OCTGEMM_OK;
}

octgemm_status octgemm_cpu_check_packed(const octgemm_ctx *ctx, const octgemm_args *args)
{
    size_t bytes = 0;
    octgemm_status status = octgemm_cpu_packed_size("octgemm_args", ctx, args->n, args->k, &bytes);
    return status == OCTGEMM_OK ? octgemm_packed_check(args, packed_format(ctx)->name, bytes)
                                : status;
}
