/* The kernel for small m (decode): a block computes 16 columns of D for up to tile_m rows.
 *
 * The weights are the work here, and each is used once: they stream from memory straight into the
 * registers of the matrix instruction, no LDS between. The waves of the block share k, each takes
 * every waves-th slice, and their sums meet in LDS. Registers and LDS: doc/AMD.md.
 */
#ifndef OCTGEMM_HIP_STREAM_H
#define OCTGEMM_HIP_STREAM_H

#include "blocks.h"
#include "finish.h"
#include "unit.h"

/* B by rows. Column c of the block's 16 is column first + c of D. */
template <class op>
struct stream_rows {
    enum { tn = 16 / op::cols };
    const int8_t *rows[tn];
    int offset; /* of the lane's chunk */

    static __device__ __forceinline__ int64_t column(const unit &u, int c)
    {
        return (int64_t)u.tile_n * 16 + c;
    }
    __device__ __forceinline__ void aim(const octgemm_gemm_params &p, const unit &u, int lane)
    {
        offset = op::part(lane) * chunk_bytes;
        for (int j = 0; j < tn; j++)
            rows[j] = p.b + clamp_index(column(u, j * op::cols + op::col(lane)), p.n) * p.ldb;
    }
    __device__ __forceinline__ chunk load(int j, int32_t k) const
    {
        return load_chunk(rows[j] + k + offset);
    }
    __device__ __forceinline__ chunk load_before(int j, int32_t k, int32_t end) const
    {
        return load_chunk_before(rows[j], k + offset, end);
    }
};

/* B in blocks (blocks.h), one of them. */
template <class op>
struct stream_blocks {
    block_reader<op, 1> block;

    static __device__ __forceinline__ int64_t column(const unit &u, int c)
    {
        return block_column(u.tile_n, c);
    }
    __device__ __forceinline__ void aim(const octgemm_gemm_params &p, const unit &u, int lane)
    {
        block.aim(p, u.tile_n, lane);
    }
    __device__ __forceinline__ chunk load(int j, int32_t k) const
    {
        return block.load(j, k);
    }
    /* Zeros from the end of k to the next multiple of 128; a slice that has any of k may go on
     * behind that. */
    __device__ __forceinline__ chunk load_before(int j, int32_t k, int32_t end) const
    {
        return k < end ? block.load(j, k) : chunk{0, 0, 0, 0};
    }
};

/* `way` is stream_rows or stream_blocks. */
template <class op, int tile_m, template <class> class way>
struct stream_kernel {
    enum {
        tile_n = 16,
        waves = block_threads / op::wave,
        tm = tile_m / op::rows,
        tn = tile_n / op::cols,
        /* loads in flight for each row: a cache line of it, or twice that */
        unroll = op::depth >= 64 ? 4 : 128 / op::depth,
        slice = unroll * op::depth,
        sums_bytes = waves * tile_m * tile_n * 4,
        lds_bytes = sums_bytes + 16,
        values = tile_m * tile_n / block_threads
    };
    typedef typename op::sums sums;

    int lane, wave;
    const int8_t *a_rows[tm];
    way<op> b;
    sums sum[tm][tn];      /* of this wave */
    int32_t total[values]; /* of the block: elements t, t + 256 ... of the tile for thread t */

    __device__ __forceinline__ int32_t value(int i) const
    {
        return total[i];
    }
    __device__ __forceinline__ void add(int i, int32_t part)
    {
        total[i] += part;
    }

    __device__ __forceinline__ void aim(const octgemm_gemm_params &p, const unit &u)
    {
        for (int i = 0; i < tm; i++) {
            int64_t row = (int64_t)u.tile_m * tile_m + i * op::rows + op::row(lane);
            a_rows[i] = p.a + clamp_index(row, p.m) * p.lda;
        }
        b.aim(p, u, lane);
    }

    __device__ __forceinline__ void whole_slice(int32_t k)
    {
        int part = op::part(lane) * chunk_bytes;
        chunk weights[unroll][tn];
        for (int s = 0; s < unroll; s++)
            for (int j = 0; j < tn; j++)
                weights[s][j] = b.load(j, k + s * op::depth);
        for (int s = 0; s < unroll; s++)
            for (int i = 0; i < tm; i++) {
                chunk a = load_chunk(a_rows[i] + k + s * op::depth + part);
                for (int j = 0; j < tn; j++)
                    op::multiply(a, weights[s][j], sum[i][j]);
            }
    }

    __device__ __forceinline__ void last_slice(int32_t k, int32_t end)
    {
        int part = op::part(lane) * chunk_bytes;
#pragma unroll 1
        for (int s = 0; s < unroll; s++) {
            chunk weights[tn];
            for (int j = 0; j < tn; j++)
                weights[j] = b.load_before(j, k + s * op::depth, end);
            for (int i = 0; i < tm; i++) {
                chunk a = load_chunk_before(a_rows[i], k + s * op::depth + part, end);
                for (int j = 0; j < tn; j++)
                    op::multiply(a, weights[j], sum[i][j]);
            }
        }
    }

    __device__ __forceinline__ void accumulate(const octgemm_gemm_params &p, const unit &u)
    {
        aim(p, u);
        int32_t k = u.k_begin + wave * slice;
        for (; u.k_end - k >= slice; k += waves * slice)
            whole_slice(k);
        if (k < u.k_end)
            last_slice(k, u.k_end);
    }

    __device__ __forceinline__ void add_waves(int32_t *lds)
    {
        for (int i = 0; i < tm; i++)
            for (int j = 0; j < tn; j++)
                for (int v = 0; v < op::values; v++) {
                    int row = wave * tile_m + i * op::rows + op::d_row(lane, v);
                    lds[row * tile_n + j * op::cols + op::col(lane)] = sum[i][j][v];
                }
        block_barrier();
        for (int e = 0; e < values; e++) {
            total[e] = 0;
            for (int w = 0; w < waves; w++)
                total[e] += lds[w * tile_m * tile_n + e * block_threads + thread_index()];
        }
    }

    template <class to>
    __device__ __forceinline__ void finish(const octgemm_gemm_params &p, const unit &u) const
    {
        int thread = thread_index();
        int64_t col = way<op>::column(u, thread % tile_n);
        if (col >= p.n)
            return;
        finisher<to, 1> out(p, col);
        for (int e = 0; e < values; e++) {
            int64_t row = (int64_t)u.tile_m * tile_m + (e * block_threads + thread) / tile_n;
            out.write(row, load_row_values(p, row), &total[e]);
        }
    }

    __device__ __forceinline__ void compute(const octgemm_gemm_params &p, const unit &u,
                                            int8_t *lds)
    {
        int thread = thread_index();
        wave = __builtin_amdgcn_readfirstlane(thread / op::wave);
        lane = thread % op::wave;
        for (int i = 0; i < tm; i++)
            for (int j = 0; j < tn; j++)
                sum[i][j] = sums{};
        if (u.k_begin < u.k_end)
            accumulate(p, u);
        add_waves((int32_t *)lds);
        if (!add_splits(p, u, *this, (uint32_t *)(lds + sums_bytes)))
            return;
        if (p.d_type == OCTGEMM_F32)
            finish<to_f32>(p, u);
        else if (p.d_type == OCTGEMM_F16)
            finish<to_f16>(p, u);
        else if (p.d_type == OCTGEMM_BF16)
            finish<to_bf16>(p, u);
        else
            finish<to_i32>(p, u);
    }

    static __device__ __forceinline__ void run(const octgemm_gemm_params &p, int8_t *lds)
    {
        for (uint32_t index = block_index(); index < unit_count(p); index += block_count()) {
            stream_kernel kernel;
            kernel.compute(p, find_unit(p, index), lds);
            block_barrier(); /* before the next unit overwrites LDS */
        }
    }
};

#endif
