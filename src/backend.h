/* What a backend and a kernel are: the one internal interface of the library.
 *
 * A backend (ref, cpu, cuda, hip) is one folder and one entry in the table in select.c. A kernel is
 * one row in its backend's table, best first, the last row one that takes anything. octgemm.c
 * checks arguments, asks choose_kernel() for a row and calls it; no backend validates again.
 */
#ifndef OCTGEMM_BACKEND_H
#define OCTGEMM_BACKEND_H

#include "octgemm.h"

struct kernel {
    const char *name; /* unique within the backend; the grammar is in HACKING.md */
    const char *arch; /* what it needs, as shown to users: "any", "avx2", "sm_80" */
    const void *impl; /* the backend's own description: micro-kernel, tile sizes ... */

    /* Can it run on this device at all? NULL = yes, else the reason (a static string). */
    const char *(*usable)(const octgemm_ctx *ctx, const struct kernel *self);

    /* Does it take these arguments? NULL = yes, else the reason (a static string). NULL member:
     * it takes everything. */
    const char *(*fits)(const octgemm_ctx *ctx, const struct kernel *self,
                        const octgemm_args *args);

    /* Predicted time in microseconds; the smallest of a table runs, the earlier row on a tie. NULL
     * member: 0, so a table without a cost model is simply "the first that is usable and fits". */
    double (*cost)(const octgemm_ctx *ctx, const struct kernel *self, const octgemm_args *args);

    /* Bytes of workspace. NULL member: none. */
    size_t (*workspace)(const octgemm_ctx *ctx, const struct kernel *self,
                        const octgemm_args *args);

    /* Runs. args are complete and valid, m > 0 and n > 0, the workspace is large enough. No
     * allocation, no environment, no synchronisation of a stream. */
    octgemm_status (*run)(const octgemm_ctx *ctx, const struct kernel *self,
                          const octgemm_args *args);
};

struct backend {
    const char *name;
    const void *impl; /* the backend's own description: the driver of a GPU backend, or NULL */

    /* How many devices there are. A backend without any still has row 0, which says why. */
    int (*devices)(const struct backend *self);

    /* Fills *out for a device (strings live as long as the library). OK when it can be opened, and,
     * with out->kernel "", where only open() can say what is wrong; otherwise NO_BACKEND with
     * out->kernel "" and the reason in out->reason. Never crashes, and costs little where there is
     * no driver. Does not touch last_error, nor anything of the process. */
    octgemm_status (*probe)(const struct backend *self, int device, octgemm_info *out);

    /* Opens a device that probe() found usable. Sets *out to a context whose first member is a
     * struct octgemm_ctx with `backend` set; select.c fills in the rest of that base. */
    octgemm_status (*open)(const struct backend *self, int device, octgemm_ctx **out);
    void (*close)(octgemm_ctx *ctx);

    const struct kernel *kernels; /* best first */
    size_t kernel_count;

    /* The kernel for args, NULL when none takes them: what octgemm_compare_kernels() says, from
     * memory if need be. NULL member: just that. */
    const struct kernel *(*choose)(const octgemm_ctx *ctx, const octgemm_args *args);

    octgemm_status (*quantize)(const octgemm_ctx *ctx, const octgemm_quantize_args *args);

    /* Packed weights. packed_size names `function` where it refuses. check_packed says whether
     * args->b was packed for this context and for args->n x args->k (OK, or ERR_ARG with a
     * message); NULL where that cannot be read. */
    octgemm_status (*packed_size)(const char *function, const octgemm_ctx *ctx, int64_t n,
                                  int64_t k, size_t *bytes);
    octgemm_status (*pack)(const octgemm_ctx *ctx, int64_t n, int64_t k, const int8_t *b,
                           int64_t ldb, void *packed, void *stream);
    octgemm_status (*check_packed)(const octgemm_ctx *ctx, const octgemm_args *args);

    octgemm_status (*alloc)(const octgemm_ctx *ctx, size_t bytes, void **out);
    void (*free)(const octgemm_ctx *ctx, void *memory);
    octgemm_status (*upload)(const octgemm_ctx *ctx, void *device, const void *host, size_t bytes,
                             void *stream);
    octgemm_status (*download)(const octgemm_ctx *ctx, void *host, const void *device, size_t bytes,
                               void *stream);
    octgemm_status (*sync)(const octgemm_ctx *ctx, void *stream);
};

/* The base of every context. */
struct octgemm_ctx {
    const struct backend *backend;
    const struct kernel *forced; /* OCTGEMM_KERNEL, or NULL */
    int verbose;                 /* OCTGEMM_VERBOSE */
    octgemm_info info;           /* what probe() said; open() may set arch to what it found */
};

extern const struct backend octgemm_hip_backend;
extern const struct backend octgemm_cuda_backend;
extern const struct backend octgemm_cpu_backend;
extern const struct backend octgemm_ref_backend;

/* select.c: the kernel that runs for args (complete and valid), and in *why the reason in words.
 * NULL with last_error set when OCTGEMM_KERNEL forces one that does not fit. */
const struct kernel *octgemm_choose_kernel(const octgemm_ctx *ctx, const octgemm_args *args,
                                           const char **why);

/* select.c: of the kernels that take args, the one with the smallest cost; NULL: none does. */
const struct kernel *octgemm_compare_kernels(const octgemm_ctx *ctx, const octgemm_args *args);

/* select.c: what is asked for where a kernel is named without a product. */
extern const octgemm_args octgemm_large_product;

/* select.c: why a kernel cannot be used on this context, or for args when not NULL; NULL = it can.
 */
const char *octgemm_kernel_obstacle(const octgemm_ctx *ctx, const struct kernel *kernel,
                                    const octgemm_args *args);

#endif
