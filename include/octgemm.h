/* octgemm - exact W8A8 int8 matrix multiplication on CPUs, NVIDIA GPUs and AMD GPUs.
 *
 *     D[i,j] = round_to_d_type( ((float)S[i,j] * sa[i]) * sb[j] + bias[j] )
 *     S[i,j] = sum over p of (A[i,p] - za[i]) * B[j,p]          (an exact integer)
 *
 *   A   m x k  int8, row-major: activations, one row per token
 *   B   n x k  int8, row-major: weights, one row per output channel ("NT" layout, as checkpoints
 *              store it)
 *   D   m x n  row-major
 *
 * Every rounding step above is fixed (octgemm-numerics(7)), so every backend, kernel, thread count
 * and tuning choice returns the same bits.
 *
 * Threading: every function may be called from any thread. A context is immutable once it is open,
 * so many threads may use one context at the same time, each with a workspace of its own. After
 * fork(), the cpu backend works in the child: on one thread if the parent had others when it
 * forked, the caller's or OpenMP's, since none of them exists there (where the system does not
 * count them in /proc/self/task: if threads had worked for octgemm). A fork from before the library
 * was loaded is not seen. A GPU that the parent used is ERR_DEVICE. Where the system refuses to
 * start a thread, the OpenMP runtime ends the process: set OMP_NUM_THREADS=1 there. The cpu backend
 * works on the OpenMP team of the calling thread: octgemm(3), THREADS.
 *
 * Errors: a function that can fail returns a status; octgemm_last_error() then holds one line that
 * says what was wrong, for the calling thread. A call that fails its argument checks writes nothing
 * (octgemm_open() and octgemm_alloc(): NULL in *out). octgemm(3) lists which function returns which
 * status.
 */
#ifndef OCTGEMM_H
#define OCTGEMM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library is built with -fvisibility=hidden; only what carries this mark is exported. */
#ifndef OCTGEMM_API
#if defined(__GNUC__)
#define OCTGEMM_API __attribute__((visibility("default")))
#else
#define OCTGEMM_API
#endif
#endif

#define OCTGEMM_VERSION_MAJOR 0
#define OCTGEMM_VERSION_MINOR 1
#define OCTGEMM_VERSION_PATCH 0

#define OCTGEMM_K_MAX 131071     /* k * 128 * 128 fits int32 */
#define OCTGEMM_K_MAX_ZERO 65793 /* the same with zero points in [-128, 127]: k * 255 * 128 */

typedef enum octgemm_status { /* values are pinned */
                              OCTGEMM_OK = 0,
                              OCTGEMM_ERR_ARG =
                                  1, /* NULL pointer, ld too small, k too large, unknown enum ... */
                              OCTGEMM_ERR_UNSUPPORTED =
                                  2, /* valid, but the kernel that is forced does not take it */
                              OCTGEMM_ERR_NO_BACKEND =
                                  3, /* not built, no driver, no device: last_error says which */
                              OCTGEMM_ERR_NOMEM = 4,
                              OCTGEMM_ERR_WORKSPACE =
                                  5, /* workspace NULL or smaller than octgemm_workspace() said */
                              OCTGEMM_ERR_DEVICE =
                                  6 /* a driver call failed: last_error has the driver's words */
} octgemm_status;

typedef enum octgemm_type {
    OCTGEMM_F32 = 0,
    OCTGEMM_F16 = 1,
    OCTGEMM_BF16 = 2,
    OCTGEMM_I32 = 3 /* as d_type: S itself; scales and bias are ignored */
} octgemm_type;

typedef enum octgemm_scale {
    OCTGEMM_SCALE_ROW = 0,   /* one value per row of A (or of B) */
    OCTGEMM_SCALE_TENSOR = 1 /* one value for the whole matrix */
} octgemm_scale;

typedef enum octgemm_layout {
    OCTGEMM_B_ROWS = 0,  /* n x k as above */
    OCTGEMM_B_PACKED = 1 /* what octgemm_pack() wrote */
} octgemm_layout;

/* A backend opened on a device. */
typedef struct octgemm_ctx octgemm_ctx;

/* One matrix product. Zero-initialise, set size, then only what differs from zero.
 *
 * Pointers are device pointers of the context's backend (host pointers on the cpu and ref
 * backends); octgemm only reads and writes them during the operation and keeps none. Strides count
 * elements. No pointer needs an alignment, not even that of its element type; naturally aligned
 * buffers are faster, and on a GPU operands whose strides lda and ldb are multiples of 128. D must
 * not overlap an input; the gaps between its rows (ldd > n) are left untouched.
 *
 * lda >= k, ldb >= k (not looked at when packed) and ldd >= n always; a pointer may be NULL only
 * where nothing is read or written through it (a and b when m, n or k is 0, but packed weights
 * also when k is; d when m or n is 0). */
typedef struct octgemm_args {
    size_t size;     /* sizeof(octgemm_args): lets the struct grow */
    int64_t m, n, k; /* >= 0, k <= OCTGEMM_K_MAX (OCTGEMM_K_MAX_ZERO with zero points) */
    const int8_t *a; /* m x k */
    int64_t lda;
    const void *b; /* n x k int8, or packed weights */
    int64_t ldb;
    octgemm_layout b_layout;
    const float *sa; /* scale of A: m values or one; NULL = 1.0. Any float: 0, < 0, inf, NaN. */
    octgemm_scale sa_mode;
    const float *sb; /* scale of B: n values or one; NULL = 1.0 */
    octgemm_scale sb_mode;
    const int32_t *za; /* zero points of A: m values or one; NULL = symmetric. Any int32; outside
                          [-128, 127] S may wrap modulo 2^32. */
    octgemm_scale za_mode;
    const void *bias; /* n values; NULL = none */
    octgemm_type bias_type;
    void *d; /* m x n */
    int64_t ldd;
    octgemm_type d_type;
    void *workspace; /* at least octgemm_workspace() bytes, owned by the caller, used by one */
    size_t workspace_size; /* operation at a time, aligned or not; nothing in it is kept */
    void *stream;          /* CUstream / hipStream_t; NULL = default; CPU: ignored */
} octgemm_args;

/* Per-row quantisation of x (rows x k, F32, F16 or BF16) to int8. Rules: octgemm-numerics(7).
 * Ownership, alignment and strides as above. */
typedef struct octgemm_quantize_args {
    size_t size; /* sizeof(octgemm_quantize_args) */
    int64_t rows, k;
    const void *x;
    int64_t ldx;
    octgemm_type x_type;
    int8_t *q;
    int64_t ldq;
    float *scale;     /* out, one per row; in, one value, when static_scale */
    int32_t *zero;    /* out, one per row; NULL = symmetric. Not with static_scale. */
    int static_scale; /* 0: scale (and zero) are found per row; 1: scale is given; else ERR_ARG */
    void *stream;
} octgemm_quantize_args;

/* What octgemm can say of itself. The strings live as long as the library and are never NULL. */
typedef struct octgemm_info {
    const char *backend; /* "cpu", "cuda", "hip", "ref" */
    const char *device;  /* "NVIDIA H200", "AMD EPYC ...", "" */
    const char *arch;    /* "sm_90a", "gfx942", "avx2" ... */
    const char *kernel;  /* what would run, "" when nothing can */
    const char *reason;  /* why it is (not) usable, in one line */
} octgemm_info;

/* -- library ------------------------------------------------------------------------------- */

/* The version of the loaded library, 0x00MMmmpp. */
OCTGEMM_API unsigned octgemm_version(void);

/* The name of a status in words; never NULL. */
OCTGEMM_API const char *octgemm_strerror(octgemm_status status);

/* What the last failing call on this thread said, one line; "" before any. Valid until the next
 * call that fails on this thread. */
OCTGEMM_API const char *octgemm_last_error(void);

/* Row `index` of the list of every backend and device this library knows, usable or not, in the
 * order in which "auto" tries them. A row that cannot be used has kernel "". ERR_ARG past the end
 * (or when out is NULL), which is how the list is walked: from 0 until it is not OK. */
OCTGEMM_API octgemm_status octgemm_backend(size_t index, octgemm_info *out);

/* -- context ------------------------------------------------------------------------------- */

/* Opens a backend on a device and stores a context in *out (NULL on failure). The environment
 * has a say: OCTGEMM_BACKEND, OCTGEMM_KERNEL, OCTGEMM_CPU, OCTGEMM_VERBOSE, and OMP_WAIT_POLICY for
 * what waking a thread costs. Read only here and, for OCTGEMM_CPU, in octgemm_backend().
 *
 * backend NULL: $OCTGEMM_BACKEND, else "auto" = hip, cuda, cpu: the first that can run here.
 * A backend that is named (by argument or environment) and cannot run is ERR_NO_BACKEND; a name
 * that no backend has is ERR_ARG. device counts from 0 within the backend; "auto" takes the first
 * backend that has that device.
 *
 * Where there is AMX the cpu backend asks Linux for its tiles, for the whole process: sigaltstack()
 * then refuses stacks too small for them (octgemm(3)). */
OCTGEMM_API octgemm_status octgemm_open(octgemm_ctx **out, const char *backend, int device);

/* Closes *ctx and sets it to NULL. NULL and a pointer to NULL are allowed. No operation may be
 * running on the context. */
OCTGEMM_API void octgemm_close(octgemm_ctx **ctx);

/* Which kernel octgemm_run() would use for these arguments, and why. With args NULL: for a large
 * aligned product. Workspace and data pointers are not looked at, packed weights are; on a GPU,
 * data off its natural alignment may take another kernel (octgemm_kernel() looks at addresses). */
OCTGEMM_API octgemm_status octgemm_query(const octgemm_ctx *ctx, const octgemm_args *args,
                                         octgemm_info *out);

/* Row `index` of the context's kernel table, best first: its name and architecture in *out, and in
 * `reason` why it cannot be used on this device or, with args, for these arguments; "" when it can.
 * Packed weights are taken to be this context's: octgemm_query() looks. OCTGEMM_KERNEL=<name> at
 * open forces one. ERR_ARG past the end: the table is walked as the list of backends is. */
OCTGEMM_API octgemm_status octgemm_kernel(const octgemm_ctx *ctx, const octgemm_args *args,
                                          size_t index, octgemm_info *out);

/* -- the operation: asynchronous on args->stream, allocates nothing, thread-safe ------------- */

/* How many bytes of workspace octgemm_run() wants for these arguments. Often 0 on a GPU. On the
 * cpu backend it is 0 only if m or n is 0. It depends on the context and on m, n, k, ld, types,
 * layout and whether za is set, not on data, where it lies, or the current thread count.
 *
 * A smaller m may want more: ask for each m that will be run, or give a buffer for several of them
 * the largest of the answers. Asking allocates nothing and is cheap (octgemm(3), Workspace). */
OCTGEMM_API octgemm_status octgemm_workspace(const octgemm_ctx *ctx, const octgemm_args *args,
                                             size_t *bytes);

/* D = A * B^T with scales, zero points and bias. On a GPU the call returns once the work is queued
 * on args->stream; on the CPU it returns when D is written. */
OCTGEMM_API octgemm_status octgemm_run(const octgemm_ctx *ctx, const octgemm_args *args);

/* Quantises rows. On a GPU the call returns once the work is queued on args->stream; on the CPU it
 * returns when q, scale and zero are written. */
OCTGEMM_API octgemm_status octgemm_quantize(const octgemm_ctx *ctx,
                                            const octgemm_quantize_args *args);

/* -- weights repacked once for the context's best kernels ------------------------------------ */

/* Bytes that octgemm_pack() will write for an n x k matrix. The size and the format belong to the
 * context (backend, device, OCTGEMM_CPU, OCTGEMM_KERNEL): on the cpu and ref backends packed
 * weights that another format was made for are ERR_ARG in octgemm_run(). They may be saved, mapped
 * and shared: octgemm(3), Saving and sharing. */
OCTGEMM_API octgemm_status octgemm_packed_size(const octgemm_ctx *ctx, int64_t n, int64_t k,
                                               size_t *bytes);

/* Packs b (n x k, row stride ldb) into `packed`, which the caller owns. On a GPU this is queued on
 * `stream`; b must stay unchanged until that is done. octgemm_run() checks the
 * header of packed weights (on the cpu and ref backends) and trusts the rest to be as packed.
 *
 * CUDA: a product may read packed weights while the kernel ahead of it in the stream still runs.
 * What octgemm_pack() and the driver's copies write is complete by then. A kernel of the caller's
 * that writes them needs something that waits for it in between: octgemm_quantize(), another kernel
 * that does not start early, octgemm_sync(). */
OCTGEMM_API octgemm_status octgemm_pack(const octgemm_ctx *ctx, int64_t n, int64_t k,
                                        const int8_t *b, int64_t ldb, void *packed, void *stream);

/* -- memory, so that callers need no vendor header ------------------------------------------- */

/* Memory of the context's device, aligned to at least 64 bytes. bytes = 0 gives a pointer that may
 * be freed and not used. Freeing NULL does nothing. */
OCTGEMM_API octgemm_status octgemm_alloc(const octgemm_ctx *ctx, size_t bytes, void **out);
OCTGEMM_API void octgemm_free(const octgemm_ctx *ctx, void *memory);

/* Copies between host and device in stream order. On a GPU both wait for the stream, so the host
 * buffer may be reused, or read, on return. */
OCTGEMM_API octgemm_status octgemm_upload(const octgemm_ctx *ctx, void *device, const void *host,
                                          size_t bytes, void *stream);
OCTGEMM_API octgemm_status octgemm_download(const octgemm_ctx *ctx, void *host, const void *device,
                                            size_t bytes, void *stream);

/* Waits until everything queued on the stream is done. */
OCTGEMM_API octgemm_status octgemm_sync(const octgemm_ctx *ctx, void *stream);

#ifdef __cplusplus
}
#endif
#endif /* OCTGEMM_H */
