/* The table of CPU kernels: kernels_<machine>.c, chosen by the Makefile, best first. A new kernel
 * is one file, one declaration here and one row there. */
#ifndef OCTGEMM_CPU_KERNELS_H
#define OCTGEMM_CPU_KERNELS_H

#include "gemm.h"
#include "host.h"

extern const struct cpu_gemm octgemm_cpu_generic_i16;
extern const struct cpu_gemm octgemm_cpu_sse41_i16;
extern const struct cpu_gemm octgemm_cpu_avx2_acc16, octgemm_cpu_avx2_winograd;
extern const struct cpu_gemm octgemm_cpu_neon_mlal;
extern const struct cpu_gemm octgemm_cpu_dotprod_s8;
extern const struct cpu_gemm octgemm_cpu_i8mm_s8;
extern const struct cpu_gemm octgemm_cpu_avxvnni;
extern const struct cpu_gemm octgemm_cpu_avx512vnni;
extern const struct cpu_gemm octgemm_cpu_amx;

cpu_dot octgemm_cpu_dotprod_dot, octgemm_cpu_avx512vnni_dot; /* of several kernels */

/* cpu.c, plan.c and gemm.c: what every row of the table has in common. */
const char *octgemm_cpu_usable(const octgemm_ctx *ctx, const struct kernel *self);
const char *octgemm_cpu_fits(const octgemm_ctx *ctx, const struct kernel *self,
                             const octgemm_args *args);
size_t octgemm_cpu_workspace(const octgemm_ctx *ctx, const struct kernel *self,
                             const octgemm_args *args);
octgemm_status octgemm_cpu_run(const octgemm_ctx *ctx, const struct kernel *self,
                               const octgemm_args *args);

#define CPU_KERNEL(name_, arch_, gemm_)                                                            \
    {                                                                                              \
        .name = name_, .arch = arch_, .impl = gemm_, .usable = octgemm_cpu_usable,                 \
        .fits = octgemm_cpu_fits, .workspace = octgemm_cpu_workspace, .run = octgemm_cpu_run       \
    }

/* cpu.c: what the backend is but for its table. */
octgemm_status octgemm_cpu_probe(const struct backend *self, int device, octgemm_info *out);
octgemm_status octgemm_cpu_open(const struct backend *self, int device, octgemm_ctx **out);
void octgemm_cpu_close(octgemm_ctx *ctx);
octgemm_status octgemm_cpu_quantize(const octgemm_ctx *ctx, const octgemm_quantize_args *args);
octgemm_status octgemm_cpu_packed_size(const char *function, const octgemm_ctx *ctx, int64_t n,
                                       int64_t k, size_t *bytes);
octgemm_status octgemm_cpu_pack(const octgemm_ctx *ctx, int64_t n, int64_t k, const int8_t *b,
                                int64_t ldb, void *packed, void *stream);
octgemm_status octgemm_cpu_check_packed(const octgemm_ctx *ctx, const octgemm_args *args);

#define CPU_BACKEND(kernels_)                                                                      \
    {                                                                                              \
        .name = "cpu", .devices = octgemm_host_devices, .probe = octgemm_cpu_probe,                \
        .open = octgemm_cpu_open, .close = octgemm_cpu_close, .kernels = kernels_,                 \
        .kernel_count = sizeof kernels_ / sizeof *kernels_, .quantize = octgemm_cpu_quantize,      \
        .packed_size = octgemm_cpu_packed_size, .pack = octgemm_cpu_pack,                          \
        .check_packed = octgemm_cpu_check_packed, .alloc = octgemm_host_alloc,                     \
        .free = octgemm_host_free, .upload = octgemm_host_copy_in,                                 \
        .download = octgemm_host_copy_out, .sync = octgemm_host_sync                               \
    }

#endif
