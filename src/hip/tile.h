/* The kernel for large and middle m: a block computes a tile_m x tile_n tile of D.
 *
 * All threads copy a step of 64 bytes of k of the tile's rows of A and B into LDS; while the waves
 * multiply it, the next step is on its way from memory to registers, and goes to the other of two
 * LDS buffers: one barrier per step. The waves stand waves_m x 2 over the tile, each computes a
 * tm x tn grid of matrix operations. Weights packed in blocks (blocks.h) skip LDS: each wave loads
 * its own part of B a step ahead. Half of LDS' traffic and a third or half of its space go with it.
 *
 * LDS has 128 bytes of banks, two 64-byte rows; reading one chunk of eight consecutive rows would
 * hit only half of them. Chunk c of row r is therefore kept in place c ^ (r / 2) % 4: the eight
 * chunks then lie in eight different places, without padding.
 *
 * Which column of D a row of B's tile stands for is free. Row j * cols + c of a wave's part is
 * column c * tn + j of it, so that a lane, which holds one column of each of its tn operations,
 * holds tn consecutive columns of D: wide stores, and a wave writes whole cache lines. Registers
 * and LDS: doc/AMD.md.
 */
#ifndef OCTGEMM_HIP_TILE_H
#define OCTGEMM_HIP_TILE_H

#include "blocks.h"
#include "finish.h"
#include "unit.h"

enum { step = 64, step_chunks = step / chunk_bytes };

/* Of row `row + more`. Places repeat after eight rows: with a constant `more` one address in a
 * register serves all of a lane's rows, and the rest is in the instructions' offsets. */
OCTGEMM_FN int lds_place(int row, int more, int part)
{
    enum { period = 2 * step_chunks };
    row += more % period;
    return ((row * step_chunks + row / 2 % step_chunks) ^ part) * chunk_bytes +
           more / period * period * step;
}

/* The rows of A, or of B, of a tile: what one thread copies of them. Row r of the tile in LDS is
 * row r of it in memory when run is 1, else the permutation above. */
template <int tile_rows, int cols, int run>
struct panel {
    enum {
        count = tile_rows * step_chunks / block_threads,
        rows_apart = block_threads / step_chunks,
        part_rows = cols * run
    };
    const int8_t *source[count]; /* rows, at this thread's chunk of the step */
    chunk held[count];

    static __device__ __forceinline__ int permute(int r)
    {
        return r / part_rows * part_rows + r % cols * run + r / cols % run;
    }

    /* Rows past the last one repeat it: their products are never written. */
    __device__ __forceinline__ void aim(const int8_t *base, int64_t ld, int64_t first, int64_t rows)
    {
        int thread = thread_index();
        for (int i = 0; i < count; i++) {
            int r = permute(thread / step_chunks + i * rows_apart);
            source[i] = base + clamp_index(first + r, rows) * ld;
        }
    }

    __device__ __forceinline__ void fetch(int32_t k)
    {
        int32_t at = k + thread_index() % step_chunks * chunk_bytes;
        for (int i = 0; i < count; i++)
            held[i] = load_chunk(source[i] + at);
    }

    /* What is left of k behind whole steps. */
    __device__ __forceinline__ void fetch_last(int32_t k, int32_t end)
    {
        int32_t at = k + thread_index() % step_chunks * chunk_bytes;
        for (int i = 0; i < count; i++)
            held[i] = load_chunk_ending(source[i], at, end);
    }

    /* The same for a row of any length. */
    __device__ __forceinline__ void fetch_before(int32_t k, int32_t end)
    {
        int32_t at = k + thread_index() % step_chunks * chunk_bytes;
        for (int i = 0; i < count; i++)
            held[i] = load_chunk_before(source[i], at, end);
    }

    __device__ __forceinline__ void stash(int8_t *lds) const
    {
        int thread = thread_index();
        for (int i = 0; i < count; i++) {
            int place = lds_place(thread / step_chunks, i * rows_apart, thread % step_chunks);
            *(chunk *)(lds + place) = held[i];
        }
    }
};

/* B by rows, through LDS. */
template <class op, int tile_n, int tn>
struct staged_b {
    enum { lds_bytes = tile_n * step };
    panel<tile_n, op::cols, tn> rows;
    int lane, wave_n;

    __device__ __forceinline__ staged_b(int own_lane, int own_wave_n)
        : lane(own_lane), wave_n(own_wave_n)
    {
    }

    /* The first of the lane's tn columns of D, which are consecutive. */
    __device__ __forceinline__ int64_t column(const unit &u) const
    {
        return (int64_t)u.tile_n * tile_n + (wave_n * op::cols + op::col(lane)) * tn;
    }

    __device__ __forceinline__ void aim(const octgemm_gemm_params &p, const unit &u)
    {
        rows.aim(p.b, p.ldb, (int64_t)u.tile_n * tile_n, p.n);
    }
    __device__ __forceinline__ void fetch(int32_t k)
    {
        rows.fetch(k);
    }
    __device__ __forceinline__ void fetch_last(int32_t k, int32_t end)
    {
        rows.fetch_last(k, end);
    }
    __device__ __forceinline__ void fetch_before(int32_t k, int32_t end)
    {
        rows.fetch_before(k, end);
    }
    __device__ __forceinline__ void stash(int8_t *lds)
    {
        rows.stash(lds);
    }
    __device__ __forceinline__ chunk operand(const int8_t *lds, int j, int part) const
    {
        int first = wave_n * tn * op::cols + op::col(lane);
        return *(const chunk *)(lds + lds_place(first, j * op::cols, part));
    }
};

/* B in blocks, from memory to registers. */
template <class op, int tile_n, int tn>
struct direct_b {
    static_assert((int)op::depth == (int)step && group_blocks % tn == 0,
                  "a wave's columns are of one group");
    enum { lds_bytes = 0 };
    block_reader<op, tn> blocks;
    chunk now[tn], next[tn];
    int lane, wave_n;

    __device__ __forceinline__ direct_b(int own_lane, int own_wave_n)
        : lane(own_lane), wave_n(own_wave_n)
    {
    }

    __device__ __forceinline__ int64_t block(const unit &u) const
    {
        return (int64_t)u.tile_n * (tile_n / block_rows) + wave_n * tn;
    }
    __device__ __forceinline__ int64_t column(const unit &u) const
    {
        return block_column(block(u), op::col(lane));
    }

    __device__ __forceinline__ void aim(const octgemm_gemm_params &p, const unit &u)
    {
        blocks.aim(p, block(u), lane);
    }
    __device__ __forceinline__ void fetch(int32_t k)
    {
        for (int j = 0; j < tn; j++)
            next[j] = blocks.load(j, k);
    }
    /* Behind the end of k the blocks have zeros. */
    __device__ __forceinline__ void fetch_last(int32_t k, int32_t)
    {
        fetch(k);
    }
    __device__ __forceinline__ void fetch_before(int32_t k, int32_t)
    {
        fetch(k);
    }
    __device__ __forceinline__ void stash(int8_t *)
    {
        for (int j = 0; j < tn; j++)
            now[j] = next[j];
    }
    __device__ __forceinline__ chunk operand(const int8_t *, int j, int) const
    {
        return now[j];
    }
};

/* `way` is staged_b or direct_b. */
template <class op, int tile_m, int tile_n, template <class, int, int> class way>
struct tile_kernel {
    enum {
        waves = block_threads / op::wave,
        waves_n = 2,
        waves_m = waves / waves_n,
        tm = tile_m / waves_m / op::rows,
        tn = tile_n / waves_n / op::cols,
        a_bytes = tile_m * step,
        buffer_bytes = a_bytes + way<op, tile_n, tn>::lds_bytes,
        lds_bytes = 2 * buffer_bytes,
        values = tm * op::values * tn
    };
    typedef typename op::sums sums;

    int lane, wave_m;
    panel<tile_m, 1, 1> a;
    way<op, tile_n, tn> b;
    sums sum[tm][tn];

    __device__ __forceinline__ tile_kernel(int own_lane, int wave)
        : lane(own_lane), wave_m(wave / waves_n), b(own_lane, wave % waves_n)
    {
    }

    /* All sums of the lane, numbered. */
    __device__ __forceinline__ int32_t value(int i) const
    {
        return sum[i / op::values / tn][i / op::values % tn][i % op::values];
    }
    __device__ __forceinline__ void add(int i, int32_t part)
    {
        sum[i / op::values / tn][i / op::values % tn][i % op::values] += part;
    }

    __device__ __forceinline__ void stash(int8_t *buffer)
    {
        a.stash(buffer);
        b.stash(buffer + a_bytes);
    }

    __device__ __forceinline__ chunk a_operand(const int8_t *buffer, int i, int part) const
    {
        int first = wave_m * tm * op::rows + op::row(lane);
        return *(const chunk *)(buffer + lds_place(first, i * op::rows, part));
    }

    __device__ __forceinline__ void multiply(const int8_t *buffer)
    {
#pragma unroll
        for (int s = 0; s < step / op::depth; s++) {
            int part = s * (op::depth / chunk_bytes) + op::part(lane);
            chunk b_chunks[tn];
            for (int j = 0; j < tn; j++)
                b_chunks[j] = b.operand(buffer + a_bytes, j, part);
            chunk next = a_operand(buffer, 0, part);
#pragma unroll
            for (int i = 0; i < tm; i++) {
                chunk a_chunk = next; /* the next one is read while this one is multiplied */
                if (i + 1 < tm)
                    next = a_operand(buffer, i + 1, part);
                keep_order();
                for (int j = 0; j < tn; j++)
                    op::multiply(a_chunk, b_chunks[j], sum[i][j]);
            }
            keep_order(); /* one depth's chunks in registers at a time */
        }
    }

    __device__ __forceinline__ void accumulate(const octgemm_gemm_params &p, const unit &u,
                                               int8_t *lds)
    {
        int32_t k = u.k_begin, end = u.k_end;
        a.aim(p.a, p.lda, (int64_t)u.tile_m * tile_m, p.m);
        b.aim(p, u);
        a.fetch_before(k, end);
        b.fetch_before(k, end);
        stash(lds);
        block_barrier();

        int buffer = 0;
        for (; end - k > step; k += step) {
            if (end - k >= 2 * step) {
                a.fetch(k + step);
                b.fetch(k + step);
            } else {
                a.fetch_last(k + step, end);
                b.fetch_last(k + step, end);
            }
            multiply(lds + buffer);
            buffer = buffer_bytes - buffer;
            stash(lds + buffer);
            block_barrier();
        }
        multiply(lds + buffer);
        block_barrier(); /* LDS is free */
    }

    /* The rows' values go through LDS: each is loaded once, not once for each column of waves. */
    static __device__ __forceinline__ void share_rows(const octgemm_gemm_params &p, const unit &u,
                                                      row_values *rows)
    {
        int row = thread_index();
        if (row < tile_m)
            rows[row] = load_row_values(p, (int64_t)u.tile_m * tile_m + row);
        block_barrier();
    }

    template <class to>
    __device__ __forceinline__ void finish(const octgemm_gemm_params &p, const unit &u,
                                           const row_values *rows) const
    {
        int64_t first = (int64_t)u.tile_m * tile_m;
        int64_t col = b.column(u);
        if (col >= p.n)
            return;
        finisher<to, tn> out(p, col);
#pragma unroll
        for (int i = 0; i < tm; i++) {
#pragma unroll
            for (int v = 0; v < op::values; v++) {
                int row = (wave_m * tm + i) * op::rows + op::d_row(lane, v);
                int32_t sums_of_row[tn];
                for (int j = 0; j < tn; j++)
                    sums_of_row[j] = sum[i][j][v];
                out.write(first + row, rows[row], sums_of_row);
            }
            __builtin_amdgcn_sched_barrier(
                0); /* or all rows' values would take registers at once */
        }
    }

    __device__ __forceinline__ void compute(const octgemm_gemm_params &p, const unit &u,
                                            int8_t *lds)
    {
#pragma unroll
        for (int i = 0; i < tm; i++)
            for (int j = 0; j < tn; j++)
                sum[i][j] = sums{};
        if (u.k_begin < u.k_end)
            accumulate(p, u, lds);

        if (!add_splits(p, u, *this, (uint32_t *)lds))
            return;
        row_values *rows = (row_values *)(lds + chunk_bytes); /* behind the ticket */
        share_rows(p, u, rows);
        if (p.d_type == OCTGEMM_F32)
            finish<to_f32>(p, u, rows);
        else if (p.d_type == OCTGEMM_F16)
            finish<to_f16>(p, u, rows);
        else if (p.d_type == OCTGEMM_BF16)
            finish<to_bf16>(p, u, rows);
        else
            finish<to_i32>(p, u, rows);
    }

    static __device__ __forceinline__ void run(const octgemm_gemm_params &p, int8_t *lds)
    {
        for (uint32_t index = block_index(); index < unit_count(p); index += block_count()) {
            int thread = thread_index();
            tile_kernel kernel(thread % op::wave,
                               __builtin_amdgcn_readfirstlane(thread / op::wave));
            kernel.compute(p, find_unit(p, index), lds);
            block_barrier(); /* before the next unit overwrites LDS */
        }
    }
};

#endif
