/* octgemm bench --rivals: octgemm beside other libraries, on the same device and the same data.
 *
 * A rival is one file that defines a struct rival and one entry in the table of rivals.c. It is
 * loaded by dlopen when it is there; nothing is linked, and no header of it is needed.
 *
 * Here and in the rivals' files whatever can fail returns 0 when it has done its work, as the
 * libraries' own functions and all of octgemm's commands do. */
#ifndef OCTGEMM_RIVALS_H
#define OCTGEMM_RIVALS_H

#include "cycles.h"
#include "device.h"
#include "generate.h"
#include "queue.h"
#include "shapes.h"

#include <stddef.h>

enum { rival_why_size = 160 };

/* The product for which all contend: A (m x k) times B (n x k) transposed. */
struct contest {
    int64_t m, n, k;
    struct device device;
    struct queue queue;
    const char *backend;
    const int8_t *host_a, *host_b;
    const int8_t *a; /* these are on the device */
    const float *sa, *sb;
    int8_t **b;     /* copies of B: call i reads copy i % copies */
    int64_t copies; /* one when weights are hot */
    int rows;       /* octgemm takes them as they are, not packed */
    void *d;        /* m x n, room for four bytes each; every contender answers here */
};

struct rival {
    const char *name;
    const char *backend;          /* NULL: any */
    const char *const *libraries; /* file names for dlopen, tried in order; NULL: octgemm itself */
    const void *data;             /* its own */
    octgemm_type answer;
    int scaled; /* by the contest's scales; else the answer is the sums */

    /* Makes ready for the product, or says in `why` what is in the way. `library` is NULL for
     * octgemm. close() takes what open() set, also after it failed; NULL does nothing. */
    int (*open)(void **state, const struct rival *self, void *library,
                const struct contest *contest, char why[rival_why_size]);
    /* Multiplies, in the contest's stream, or returns an error code. */
    int (*run)(void *state, int64_t index);
    void (*close)(void *state);
};

/* Formats *why and returns 1: what a function that failed returns. */
int octgemm_rival_refuses(char why[rival_why_size], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A function of the library, into a function pointer at `slot`, or the reason in `why`. */
int octgemm_rival_symbol(void *library, const char *name, void *slot, char why[rival_why_size]);

extern const struct rival octgemm_itself[]; /* one for each octgemm_type */
extern const struct rival octgemm_rival_onednn_matmul;
extern const struct rival octgemm_rival_onednn_s8s8;
extern const struct rival octgemm_rival_onednn_u8s8;
extern const struct rival octgemm_rival_openblas;
extern const struct rival octgemm_rival_cublaslt;
extern const struct rival octgemm_rival_hipblaslt;

/* What came of a contender. */
struct score {
    const struct rival *rival;
    const char *library;      /* the file that was loaded, "" for octgemm */
    char why[rival_why_size]; /* not measured: why; else "" */
    int64_t compared, wrong;  /* elements of its answer */
    double median, best;      /* seconds */
    double rate;              /* best MACs per cycle of one thread; 0: not known */
    double ratio;             /* its median over octgemm's, of the same kind of product */
};

struct round_up {
    const struct shape *shape;
    int64_t m;
    octgemm_info info;       /* of octgemm's kernel for the sums */
    int hot, rows, recorded; /* recorded: timed as graphs of the driver */
    int threads;             /* the most there may be; 0 on a GPU */
    struct roofs roofs;
    const struct score *scores;
    size_t count;
};

struct rivals_options {
    struct device_choice choice;
    int64_t seed;
    enum weight_values weights;
    octgemm_type d_type; /* of octgemm's scaled row; I32: none */
    int hot, rows;
    double seconds; /* for each contender */
    /* Takes the result of one product. */
    void (*report)(void *user, const struct round_up *result);
    void *user;
};

/* Times one product. Returns 0 or the exit status. */
int octgemm_bench_rivals(const struct rivals_options *options, const struct shape *shape,
                         int64_t m);

/* The same with these in place of the table's rivals; ended by NULL. */
int octgemm_bench_these(const struct rivals_options *options, const struct rival *const *rivals,
                        const struct shape *shape, int64_t m);

#endif
