/* What the CUDA and HIP backends share: a driver reached by dlopen, its devices, a context on one
 * of them, and kernels that are rows of data. src/cuda/ and src/hip/ each give a struct gpu_driver
 * and a table of kernels; everything that acts on them is in this folder:
 *
 *   driver.c   loads the driver once, lists its devices      (probing)
 *   context.c  opens a device, memory, copies                (life of a context)
 *   run.c      arguments to kernel parameters to a launch    (the operations)
 *   choose.c   tiles, splits and predicted time of a kernel  (the cost model)
 *   memo.c     what was chosen before                        (so that a call is cheap)
 */
#ifndef OCTGEMM_GPU_H
#define OCTGEMM_GPU_H

#include "backend.h"
#include "gpu/params.h"

/* -- a driver and its devices ---------------------------------------------------------------- */

struct gpu_device {
    char name[96];    /* "NVIDIA H200" */
    char arch[32];    /* "sm_90", "gfx942" */
    char reason[192]; /* why it can or cannot be used */
    int usable;
    int handle;          /* the driver's own number for it */
    int generation;      /* orders architectures: 90 for sm_90, 0x942 for gfx942 */
    int multiprocessors; /* compute units */
    int shared_per_block;
    int shared_per_multiprocessor;
    int l2_bytes;
    int clock_khz;
    int memory_clock_khz;
    int memory_bus_bits;
    int multiply_adds; /* int8, that a multiprocessor does per clock at most; 0: not a limit */
    int l2_width;      /* bytes per clock from L2 into a multiprocessor; 0: as on an H200 */
    int clusters;      /* blocks can be launched in clusters, and overlap with the kernel before */
    int maps;          /* tensor maps can be made, and there are clusters */
    int packed_rows;   /* packed weights are in groups of so many rows, for the kernels' `packed`
                          functions; 1: row after row, for the others */
};

/* The calls that CUDA's driver API and HIP have with the same binary interface (a CUdeviceptr is an
 * integer as wide as a pointer). Each returns 0 or an error code. */
struct gpu_calls {
    int (*init)(unsigned flags);
    int (*driver_version)(int *version);
    int (*device_count)(int *count);
    int (*device_get)(int *handle, int ordinal);
    int (*device_name)(char *name, int size, int handle);
    int (*device_attribute)(int *value, int attribute, int handle);
    int (*memory_alloc)(void **memory, size_t bytes);
    int (*memory_free)(void *memory);
    int (*upload)(void *device, const void *host, size_t bytes, void *stream);
    int (*download)(void *host, const void *device, size_t bytes, void *stream);
    int (*fill)(void *device, unsigned value, size_t count, void *stream); /* of 32-bit words;
                                                          NULL where no kernel wants counters */
    int (*stream_sync)(void *stream);
    int (*module_load)(void **module, const void *image);
    int (*module_unload)(void *module);
    int (*module_function)(void **function, void *module, const char *name);
    int (*function_set)(void *function, int attribute, int value); /* NULL: not needed */
    int (*launch)(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                  unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                  void *stream, void **params, void **extra);
};

/* A call's name in the driver's library and the function pointer that it goes into. */
struct gpu_symbol {
    const char *name;
    void *slot;
    int optional; /* left NULL where an older driver lacks it */
};

/* A figure of a device: the driver's number for it, where it goes, and what to take it for where
 * the driver says 0: an APU or a virtual device may, and the cost model divides by these. */
struct gpu_attribute {
    int number;
    int *value;
    int otherwise;
};

/* What driver.c found out, once. */
struct gpu_state {
    int loaded;
    char reason[192]; /* why there is no device */
    int device_count;
    struct gpu_device *devices;
};

struct gpu_ctx;
struct gpu_launch;
struct gpu_matrix;

struct gpu_driver {
    const char *const *libraries; /* file names for dlopen, tried in order, NULL last */
    const struct gpu_symbol *symbols;
    size_t symbol_count;
    const struct gpu_calls *calls; /* what the symbols fill in */
    struct gpu_state *state;
    int64_t most_blocks; /* that a launch may have */
    int64_t most_tiles;  /* that a persistent kernel without tensor maps counts to */

    /* Is the installed driver new enough for the code in this library? 0 and a line in
     * `reason` when not. */
    int (*accept)(int version, char *reason, size_t size);

    /* Fills arch, generation, limits, usable and reason of a device whose name and handle are set.
     * Returns an error code of the driver, and which call said so in `slot`. */
    int (*describe)(struct gpu_device *device, const void **slot);

    /* The driver's names for an error code; NULL where it knows none. */
    void (*words)(int code, const char **name, const char **text);

    /* Makes the device usable by this process, and undoes it. What is retained is shared with every
     * other user of the device in the process, the runtime API and PyTorch among them. */
    octgemm_status (*retain)(struct gpu_ctx *ctx);
    void (*release)(struct gpu_ctx *ctx);

    /* Makes the device current on the calling thread, and restores what was before. */
    octgemm_status (*enter)(const struct gpu_ctx *ctx, int *previous);
    void (*leave)(const struct gpu_ctx *ctx, int previous);

    /* The device code of a module for a device; NULL where this library has none. */
    const void *(*image)(const struct gpu_device *device, unsigned module);
    unsigned module_count;

    /* A launch with a cluster or overlap, on devices that have clusters. */
    octgemm_status (*launch_special)(const struct gpu_ctx *ctx, const struct gpu_launch *launch,
                                     void **params);

    /* How many clusters of launch->cluster blocks the device can run at a time; 0: such a launch
     * would fail. On devices that have clusters. */
    int (*active_clusters)(const struct gpu_launch *launch);

    /* Fills a 128-byte tensor map for a kernel that asks for them (struct gpu_kernel, maps). On
     * devices that have maps. */
    octgemm_status (*tensor_map)(const struct gpu_ctx *ctx, void *map,
                                 const struct gpu_matrix *matrix);

    const struct gpu_quantizer *quantizers; /* best first, the last takes anything */
    size_t quantizer_count;
    const struct gpu_helper *weights; /* struct octgemm_weights_params */
    const struct gpu_helper *join;    /* struct octgemm_join_params, for kernels that ask for it;
                                         NULL: none does */
};

struct gpu_launch {
    void *function;
    const char *name;
    unsigned blocks, threads, shared;
    int cluster; /* this many neighbouring blocks make a cluster; 1: no clusters */
    int overlap; /* may start before the kernel ahead in the stream is done, where that can be */
    void *stream;
};

/* Row-major, and the box of it that one load or store moves. */
struct gpu_matrix {
    const void *base;
    int bytes; /* of an element: 1, 2 or 4 */
    int64_t rows, columns, ld;
    int box_rows, box_columns;
};

/* -- kernels --------------------------------------------------------------------------------- */

enum { OCTGEMM_GPU_CLUSTER = 8 }; /* the most blocks of a cluster that every device can have */

/* A GEMM kernel: struct kernel.impl. */
struct gpu_kernel {
    unsigned module;
    const char *function;  /* a, b, lda and ldb are multiples of align, the other arrays aligned
                              for their element type */
    const char *unaligned; /* the same tile for any address and any ld; NULL: takes no odd address,
                              and copies odd rows */
    const char *packed;    /* the same tile for packed weights in groups of rows; no alignment */
    int first, last;       /* generations it was written for, both included */
    int tile_m, tile_n, tile_k;
    int threads;
    int shared;       /* dynamic shared memory, bytes */
    int align;        /* a power of two */
    int resident;     /* blocks that run on a multiprocessor at a time */
    int persistent;   /* no more blocks than the device runs at a time, each with many units,
                         unless k is split */
    int neighbours;   /* so many blocks are a cluster that has neighbouring tiles of n; 0: none */
    int clustered;    /* parts of k, OCTGEMM_GPU_CLUSTER at most, are added by a cluster: part
                         u % splits of tile u / splits, no partial sums in memory */
    int joined;       /* parts of k that are in memory are added by the driver's join; 0: by the
                         last block of a tile to arrive */
    int overlap;      /* waits in the kernel itself for the kernel ahead in the stream */
    int early;        /* gains by reading B before that, where it may */
    int max_splits;   /* 1: k is not split */
    int group;        /* tiles of m that are walked together (params.h), if the L2 keeps what
                         these read of A; 0: 8; fewer than 8: in products of one round, others 8 */
    int64_t max_m;    /* 0: any */
    int64_t from_m;   /* with fewer tokens it is slower than its figures say, and not chosen ... */
    int64_t from_n;   /* ... likewise with fewer weights */
    int counts;       /* adds up B's rows itself where m leaves a token of the tile unused: zero
                         points then need no sums ahead (column is NULL) */
    int maps;         /* takes tensor maps as a second parameter, struct octgemm_tensor_maps, with
                         boxes of tile_k bytes of octgemm_gpu_box_rows() and of
                         octgemm_gpu_box_rows_n() rows */
    int boxes;        /* and a third one of D, whose results leave in boxes */
    double rate;      /* multiply-adds per clock of a multiprocessor that runs all it can */
    double h200_rate; /* the same, measured on an H200, told from an H100 by its more than 4
                         TB/s of memory; 0: no different */
    double alone;     /* and of one that runs a single block */
    int crossing[3];  /* bytes per clock that a multiprocessor gets of rows that start off the L2's
                         lines, their stride an odd multiple of 64, of 32, of 16 bytes; 0: as many
                         as of others */
    double pieces;    /* how many times as long as others its threads take for what they read in
                         pieces; 0: as long */
    double start;     /* microseconds between the end of a block and the next block's first sum */
    double fixed;     /* microseconds that any launch of it takes */
};

/* A quantiser; struct octgemm_quantize_params. */
struct gpu_quantizer {
    unsigned module;
    const char *function;
    int threads;
    int rows_per_block;
    int overlap;
    int align; /* of x and q, their strides and x's rows, in bytes; 0: x's elements have their
                  own, q any; 1: any, scale and zero too */
    int64_t max_bytes; /* of a row of x; 0: any */
};

struct gpu_helper {
    unsigned module;
    const char *function;
    int threads;
    int overlap;                 /* waits in the kernel itself for the kernel ahead in the stream */
    int bytes, pieces_per_block; /* weights: of so many bytes; 0: rows */
};

/* How a kernel would do a product. */
struct gpu_plan {
    int64_t tiles_m, tiles_n;
    int splits, k_split;
    int cluster; /* the parts of a tile are one cluster */
    int group;
    int copied; /* operands whose stride is off the kernel's alignment go to the workspace first */
    int in_order, copies_in_order; /* the launch, and the one ahead of it that copies and adds up
                                      rows, hold back what is behind them (choose.c) */
    int early;                     /* the launch starts reading B while the one ahead of it ends */
    double microseconds;           /* predicted */
};

/* Do the sums of a tile's parts of k go to the workspace? */
static inline int octgemm_gpu_parts_in_memory(const struct gpu_plan *plan)
{
    return plan->splits > 1 && !plan->cluster;
}

/* Which kernel runs, and how. */
struct gpu_choice {
    const struct kernel *kernel;
    struct gpu_plan plan;
};

/* -- a context ------------------------------------------------------------------------------- */

enum { OCTGEMM_GPU_MODULES = 16 };

/* The functions of a kernel on the opened device; NULL: not there. */
struct gpu_functions {
    void *aligned, *unaligned, *packed;
    int at_once[OCTGEMM_GPU_CLUSTER + 1]; /* blocks that run at a time in clusters of so many, where
                                             the kernel adds parts of k in them */
};

struct gpu_ctx {
    struct octgemm_ctx base;
    const struct gpu_driver *driver;
    const struct gpu_device *device;
    void *primary; /* what driver->retain() got */
    void *modules[OCTGEMM_GPU_MODULES];
    void *weights, *join;
    void **quantizers;               /* one per row of driver->quantizers */
    struct gpu_functions *functions; /* one per row of backend->kernels; NULL: not open */
    struct gpu_memo *memo;           /* the one member that calls change */
};

/* driver.c */
int octgemm_gpu_devices(const struct backend *self);
octgemm_status octgemm_gpu_probe(const struct backend *self, int device, octgemm_info *out);

/* Loads the driver when this is the first use of it. The device, or NULL past the end. */
const struct gpu_device *octgemm_gpu_device(const struct gpu_driver *driver, int device);

/* Reads figures of a device, for describe(); an error code of the driver. */
int octgemm_gpu_read(const struct gpu_calls *calls, const struct gpu_device *device,
                     const struct gpu_attribute *attributes, size_t count);

/* Fails with the driver's words for `code`. `slot` is the address of the call in driver->calls (or
 * of another symbol's slot) and names it; `what` says on what, or is "". */
octgemm_status octgemm_gpu_fail(const struct gpu_driver *driver, const void *slot, int code,
                                const char *what);

/* context.c */
octgemm_status octgemm_gpu_open(const struct backend *self, int device, octgemm_ctx **out);
void octgemm_gpu_close(octgemm_ctx *ctx);
octgemm_status octgemm_gpu_alloc(const octgemm_ctx *ctx, size_t bytes, void **out);
void octgemm_gpu_free(const octgemm_ctx *ctx, void *memory);
octgemm_status octgemm_gpu_upload(const octgemm_ctx *ctx, void *device, const void *host,
                                  size_t bytes, void *stream);
octgemm_status octgemm_gpu_download(const octgemm_ctx *ctx, void *host, const void *device,
                                    size_t bytes, void *stream);
octgemm_status octgemm_gpu_sync(const octgemm_ctx *ctx, void *stream);

/* run.c: why a kernel cannot run on a device; NULL: it can. */
const char *octgemm_gpu_obstacle(const struct gpu_driver *driver, const struct gpu_device *device,
                                 const struct gpu_kernel *kernel);
const struct kernel *octgemm_gpu_choose(const octgemm_ctx *ctx, const octgemm_args *args);
const char *octgemm_gpu_usable(const octgemm_ctx *ctx, const struct kernel *self);
const char *octgemm_gpu_fits(const octgemm_ctx *ctx, const struct kernel *self,
                             const octgemm_args *args);
double octgemm_gpu_cost(const octgemm_ctx *ctx, const struct kernel *self,
                        const octgemm_args *args);
size_t octgemm_gpu_workspace(const octgemm_ctx *ctx, const struct kernel *self,
                             const octgemm_args *args);
octgemm_status octgemm_gpu_run(const octgemm_ctx *ctx, const struct kernel *self,
                               const octgemm_args *args);
octgemm_status octgemm_gpu_quantize(const octgemm_ctx *ctx, const octgemm_quantize_args *args);
octgemm_status octgemm_gpu_packed_size(const char *function, const octgemm_ctx *ctx, int64_t n,
                                       int64_t k, size_t *bytes);
octgemm_status octgemm_gpu_pack(const octgemm_ctx *ctx, int64_t n, int64_t k, const int8_t *b,
                                int64_t ldb, void *packed, void *stream);

/* choose.c: the operands whose stride keeps a kernel from its aligned function. Without k nothing
 * is read. */
struct gpu_odd {
    int a, b;
};
struct gpu_odd octgemm_gpu_odd_strides(const struct gpu_kernel *kernel, const octgemm_args *args);

/* Could those be copied? Not when that would take a good part of a device's memory. */
int octgemm_gpu_may_copy(const struct gpu_odd *odd, const octgemm_args *args);

/* Must the sums of B's rows be in memory before `kernel` starts? */
int octgemm_gpu_needs_sums(const struct gpu_kernel *kernel, const octgemm_args *args);

/* How `kernel` would do args on the device. frugal: without a workspace for partial sums and
 * copies. */
void octgemm_gpu_plan(struct gpu_plan *plan, const struct gpu_device *device,
                      const struct gpu_functions *functions, const struct gpu_kernel *kernel,
                      const octgemm_args *args, int frugal);

/* How many tiles (or blocks) of `size` cover `count`. */
static inline int64_t octgemm_gpu_tiles(int64_t count, int64_t size)
{
    return count / size + (count % size > 0);
}

/* Tiles along n. A narrow tile of packed weights has rows from all over its group, so a group that
 * has any row takes all the tiles of a whole one. */
static inline int64_t octgemm_gpu_tiles_n(const struct gpu_device *device,
                                          const struct gpu_kernel *kernel, const octgemm_args *args)
{
    int64_t group = args->b_layout == OCTGEMM_B_PACKED ? device->packed_rows : 1;
    return octgemm_gpu_tiles(octgemm_gpu_tiles(args->n, group) * group, kernel->tile_n);
}

/* Tiles along n that there are blocks for: where blocks have neighbours, the last tile of an odd
 * number has one beside it that does the same tile again. */
static inline int64_t octgemm_gpu_launched_n(const struct gpu_kernel *kernel, int64_t tiles_n)
{
    int64_t neighbours = kernel->neighbours > 1 ? kernel->neighbours : 1;
    return octgemm_gpu_tiles(tiles_n, neighbours) * neighbours;
}

/* Rows of A in a box of the copy engine: no more than there are, since rows outside of the matrix
 * take the engine so long that a tile with as many as not could be half as fast (bench/NOTES.md).
 * The blocks of a cluster load a share each, in whole groups of the swizzle. */
static inline int octgemm_gpu_box_rows(const struct gpu_kernel *kernel, int64_t m)
{
    enum { swizzle_rows = 8 };
    int64_t rows = m < kernel->tile_m ? m : kernel->tile_m;
    if (kernel->neighbours <= 1)
        return (int)rows;
    return (int)octgemm_gpu_tiles(octgemm_gpu_tiles(rows, kernel->neighbours), swizzle_rows) *
           swizzle_rows;
}

/* Likewise those of B, of which a block loads its own. */
static inline int octgemm_gpu_box_rows_n(const struct gpu_kernel *kernel, int64_t n)
{
    return n < kernel->tile_n ? (int)n : kernel->tile_n;
}

/* memo.c: what was remembered for arguments like these, 0 when nothing was. A memo is free()d. */
struct gpu_memo *octgemm_gpu_new_memo(void);
int octgemm_gpu_recall(const struct gpu_ctx *ctx, const octgemm_args *args,
                       struct gpu_choice *choice);
void octgemm_gpu_remember(const struct gpu_ctx *ctx, const octgemm_args *args,
                          const struct gpu_choice *choice);

/* A row of a backend's table of kernels. */
#define OCTGEMM_GPU_KERNEL(name_, arch_, ...)                                                      \
    {                                                                                              \
        .name = name_, .arch = arch_, .impl = &(const struct gpu_kernel){__VA_ARGS__},             \
        .usable = octgemm_gpu_usable, .fits = octgemm_gpu_fits, .cost = octgemm_gpu_cost,          \
        .workspace = octgemm_gpu_workspace, .run = octgemm_gpu_run                                 \
    }

/* The members of a struct backend that are the same for both. */
#define OCTGEMM_GPU_BACKEND                                                                        \
    .devices = octgemm_gpu_devices, .probe = octgemm_gpu_probe, .open = octgemm_gpu_open,          \
    .close = octgemm_gpu_close, .choose = octgemm_gpu_choose, .quantize = octgemm_gpu_quantize,    \
    .packed_size = octgemm_gpu_packed_size, .pack = octgemm_gpu_pack, .alloc = octgemm_gpu_alloc,  \
    .free = octgemm_gpu_free, .upload = octgemm_gpu_upload, .download = octgemm_gpu_download,      \
    .sync = octgemm_gpu_sync

#endif
