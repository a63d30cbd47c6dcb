/* All of octgemm on one screen: quantise, pack, multiply.
 *     cc simple.c $(pkg-config --cflags --libs octgemm) -o simple && ./simple */
#include <octgemm.h>

#include <stdio.h>
#include <stdlib.h>

enum { M = 3, N = 4, K = 5 }; /* any sizes: nothing has to be a multiple of anything */

static void must(octgemm_status status)
{
    if (status == OCTGEMM_OK)
        return;
    fprintf(stderr, "simple: %s: %s\n", octgemm_strerror(status), octgemm_last_error());
    exit(1);
}

int main(void)
{
    float x[M * K], w[N * K], sx[M], sw[N], d[M * N];
    int8_t a[M * K], b[N * K];
    for (int i = 0; i < M * K; i++)
        x[i] = (float)(i % 7) - 3;
    for (int i = 0; i < N * K; i++)
        w[i] = (float)(i % 5) / 4 - 0.5f;

    octgemm_ctx *ctx; /* "cuda" or "hip" work too, with memory from octgemm_alloc() */
    must(octgemm_open(&ctx, "cpu", 0));

    octgemm_quantize_args rows = {.size = sizeof rows, .rows = M, .k = K, .x = x, .ldx = K};
    rows.q = a, rows.ldq = K, rows.scale = sx; /* activations: a scale per token */
    must(octgemm_quantize(ctx, &rows));
    rows.rows = N, rows.x = w, rows.q = b, rows.scale = sw; /* weights: one per channel */
    must(octgemm_quantize(ctx, &rows));

    size_t bytes;
    must(octgemm_packed_size(ctx, N, K, &bytes));
    void *packed = malloc(bytes); /* once per weight matrix */
    must(octgemm_pack(ctx, N, K, b, K, packed, NULL));

    octgemm_args args = {.size = sizeof args, .m = M, .n = N, .k = K, .lda = K, .ldd = N};
    args.a = a, args.b = packed, args.b_layout = OCTGEMM_B_PACKED;
    args.sa = sx, args.sb = sw, args.d = d;
    must(octgemm_workspace(ctx, &args, &args.workspace_size)); /* for this m; ask for each */
    args.workspace = malloc(args.workspace_size);
    must(octgemm_run(ctx, &args));

    for (int i = 0; i < M * N; i++)
        printf("%8.4f%c", d[i], i % N == N - 1 ? '\n' : ' ');
    free(args.workspace);
    free(packed);
    octgemm_close(&ctx);
    return 0;
}
