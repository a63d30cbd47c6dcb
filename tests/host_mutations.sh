#!/bin/sh
# Can the suite fail? Defects in the library's C code, each of which a test must find (mutations.sh).
#   host_mutations.sh SOURCE [PATTERN]      (`make check-mutations`), with CC
# A test is a program of tests/ without its "check_", or a kernel, or an instruction set as in
# OCTGEMM_CPU: the accuracy suite (`octgemm check`) on that kernel, or capped.
source=$(cd "$1" && pwd) only=$2
copy=$PWD/mutant

. "$source/tests/copy_tree.sh"
copy_tree "$source" "$copy"
(cd "$copy" && ./configure CC="$CC" CFLAGS=-O1 --disable-shared --without-cuda --without-hip) >"$copy/log" 2>&1 ||
    { tail "$copy/log"; exit 1; }

attempt() (
    cd "$copy" || exit 2
    program=octgemm cap= old=
    case $1 in
    ref) set -- ./octgemm check --backend ref --kernel ref ;;
    cpu=*) cap=${1#cpu=} && set -- ./octgemm check --backend cpu --kernel auto ;;
    *_*) set -- ./octgemm check --backend cpu --kernel "$1" ;;
    convert) old='-o liboctgemm.la -o libsuite.la' ;; # it needs the header alone
    esac
    [ $# -gt 1 ] || { program=tests/check_$1 && set -- "$program"; }
    make -s -j2 $old "$program" >log 2>&1 || exit 2
    export OMP_NUM_THREADS=4 # so that k is split on any machine
    OCTGEMM_CPU=$cap timeout 120 "$@" >log 2>&1
    case $? in
    0) exit 0 ;;
    77) exit 3 ;;
    124) exit 2 ;;
    2) grep -q '^SKIP' log && exit 3 ;;
    esac
    [ -n "$cap" ] && grep -q "OCTGEMM_CPU=$cap: this machine's instruction sets" log && exit 3
    exit 1
)

. "$source/tests/mutations.sh"

# ---- the rounding contract --------------------------------------------------------------------
file=src/epilogue.h
defect ref $file 'scales swapped' 's/f = f \* sa;/f = f * sb;/;t;s/f = f \* sb;/f = f * sa;/'
defect ref $file 'scales multiplied first' 's/f = f \* sa;/f = f * (sa * sb);/;t;s/f = f \* sb;//'
defect ref $file 'fused multiply-add' 's/return f + bias;/return __builtin_fmaf(f, 1.0000001f, bias);/'
defect convert $file 'f16: half away from zero' 's/rest + 0xfffu + (rest >> 13 & 1u)/rest + 0x1000u/'
defect convert $file 'f16: cut off' 's/rest + 0xfffu + (rest >> 13 & 1u)/rest/'
defect convert $file 'f16: infinity too early' 's/0x477ff000u/0x477fe000u/'
defect convert $file 'f16: subnormal halves up' 's,(1u << shift) / 2u - 1u + even,(1u << shift) / 2u,'
defect convert $file 'f16: smallest subnormal lost' 's/exponent > 101u/exponent > 102u/'
defect convert $file 'f16: NaN to infinity' 's/result = rest > 0x7f800000u ? 0x7e00u : result;//'
defect convert $file 'bf16: half away from zero' 's/(bits + 0x7fffu + (bits >> 16 \& 1u))/(bits + 0x8000u)/'
defect convert $file 'bf16: NaN to infinity' 's/(bits >> 16 | 0x40u)/(bits >> 16)/'
defect convert $file 'bf16: NaN rounded' 's/if ((bits & 0x7fffffffu) > 0x7f800000u)/if (0)/'
defect convert $file 'from f16: sign of subnormals' 's/return octgemm_bits_float(sign | octgemm_float_bits(value));/return value;/'
defect convert $file 'from f16: exponent' 's/(112u << 23)));/(113u << 23)));/'

file=src/float_environment.h
defect ref $file 'the state of the caller is used' 's/_mm_setcsr(0x1f80);/(void)0;/'
defect ref $file 'the state of the caller is lost' 's/_mm_setcsr(state);/(void)state;/'

# ---- the reference, against the second opinion of the suite -----------------------------------
file=src/ref/ref.c
defect ref $file 'no zero-point term' 's/if (args->za) {/if (0) {/'
defect ref $file 'zero points added' 's/(uint32_t)sum - (uint32_t)za/(uint32_t)sum + (uint32_t)za/'
defect ref $file 'the last column of A' 's/p < args->k; p++) {\r*$/p < args->k - 1; p++) {/'
defect ref $file 'wrong ldb' 's/j \* args->ldb;/j * args->k;/'
defect ref $file 'wrong ldd' 's/i \* args->ldd + j, f/i * args->n + j, f/'
defect ref $file 'scales of the other side' 's/octgemm_load_f32(args->sb, /octgemm_load_f32(args->sa ? args->sa : args->sb, /'
defect ref $file 'scale per row for the tensor' 's/octgemm_scale_index(args->sb_mode, j)/octgemm_scale_index(args->sa_mode, j)/'
defect ref $file 'bias before the scales' 's/float f = octgemm_scale_sum(sum, sa, sb);/float f = octgemm_scale_sum(sum, 1, 1);/;s/^    octgemm_store_float/    f = f * sa * sb;\n&/'
defect ref $file 'fused multiply-add' 's/f = octgemm_add_bias(f, \(.*\));$/f = fmaf((float)sum * sa, sb, \1);/'
defect ref $file 'quantiser: half away from zero' 's/q = rintf(q)/q = roundf(q)/'
defect ref $file 'quantiser: no upper clamp' 's/(float)rule.lowest, 127)/(float)rule.lowest, 1e6f)/'
defect ref $file 'quantiser: no lower clamp' 's/clamp(q, (float)rule.lowest,/clamp(q, -1e6f,/'
defect ref $file 'quantiser: infinities' 's/if (!isfinite(x))/if (isnan(x))/'
defect ref $file 'quantiser: NaN' 's/if (!isfinite(x))/if (isinf(x))/'
defect ref $file 'quantiser: tiny rows' 's/range < smallest_range/range <= 0/'
defect ref $file 'quantiser: steps' 's/args->zero ? 255 : 127/args->zero ? 255 : 128/'
defect ref $file 'quantiser: zero point' 's/rintf(-128 - low/rintf(-127 - low/'
defect ref $file 'quantiser: wrong ldq' 's/args->q\[row \* args->ldq + p\]/args->q[row * args->k + p]/'

# ---- arguments --------------------------------------------------------------------------------
file=src/args.c
defect api $file 'smaller ld' 's/if (ld < columns)/if (ld < 0)/'
defect api $file 'k one too large' 's/if (k <= most)/if (k <= most + 1)/'
defect api $file 'k too large for zero points' 's/check_k(function, args->k, args->za != NULL)/check_k(function, args->k, 0)/'
defect api $file 'matrices beyond the address space' 's/|| (rows > 1 && ld > (limit - columns) \/ (rows - 1))//'
defect api $file 'rows beyond the address space' 's/if (columns > limit || (/if ((/'
defect api $file 'width of halves' 's/octgemm_width(args->d_type)/2/;s/octgemm_width(out->x_type)/2/'
defect api $file 'an enum value too many' 's/value < count)/value <= count)/'
defect api $file 'negative enum values' 's/if (value >= 0 && value < count)/if (value < count)/'
defect api $file 'negative counts' 's/^    if (value >= 0)$/    if (value >= -1)/'
defect api $file 'D may be NULL' 's/if ((status = check_pointer(function, "d", args->d)))/if (0)/'
defect api $file 'A may be NULL' 's/if (args->k > 0 && (status = check_pointer(function, "a", args->a)))/if (0)/'
defect api $file 'packed weights may be NULL' 's/ || args->b_layout == OCTGEMM_B_PACKED)/)/'
defect api $file 'a struct that is too small' 's/if (size < oldest || size > 4096)/if (size > 4096)/'
defect api $file 'a struct that is too large' 's/if (size < oldest || size > 4096)/if (size < oldest)/'
defect api $file 'sums beyond the address space' 's/if (n <= most)/if (1)/'
defect cpu=generic $file 'scales of integers' 's/^        drop_ignored(out);/        (void)drop_ignored;/'
defect api $file 'fields of later versions' 's/if (bytes\[i\] != 0)/if (0)/'
defect api $file 'static scale with zero points' 's/if (out->static_scale && out->zero)/if (0)/'
defect api $file 'quantiser: wrong ldq' 's/"ldq", out->rows, out->k, out->ldq, 1/"ldq", out->rows, 0, out->ldq, 1/'

# ---- entry points, selection, packed weights --------------------------------------------------
file=src/octgemm.c
defect api $file 'a short workspace' 's/plan.args.workspace_size < plan.workspace)/plan.args.workspace_size + 1 < plan.workspace)/'
defect api $file 'no workspace' 's/(!plan.args.workspace || /(/'
defect api $file 'packed weights unchecked' 's/plan->args.b_layout == OCTGEMM_B_PACKED && reads_b/0/'
defect api $file 'weights to pack: ldb' 's/octgemm_check_matrix("octgemm_pack", "ldb", n, k, ldb, 1)/OCTGEMM_OK/'
defect api $file 'a workspace that depends on weights' 's/looks != at_sizes \&\& //'
defect api $file 'packed weights of nothing are read' 's/ && plan->args.m > 0 && plan->args.n > 0;/;/'
defect api $file 'empty products run' 's/if (plan.args.m == 0 || plan.args.n == 0)/if (0)/'
defect generic_i16_2x4 $file 'the first kernel is named' 's/out->kernel = plan.kernel->name;/out->kernel = ctx->backend->kernels[0].name;/'
defect ref $file 'quantiser: the float state of the caller' '/^octgemm_status octgemm_quantize/,/^}/{s/octgemm_float_enter();/0x1f80;/;s/octgemm_float_leave(state);/(void)state;/;}'
file=src/packed.c
defect api $file 'any bytes are packed weights' 's/if (memcmp(header.magic, magic, sizeof magic) != 0)/if (0)/'
defect api $file 'any version' 's/if (header.version != OCTGEMM_PACKED_VERSION)/if (0)/'
defect api $file 'any format' 's/if (memcmp(header.family, wanted.family, sizeof wanted.family) != 0)/if (0)/'
defect api $file 'anything behind the name of a format' 's/wanted.family, sizeof wanted.family) != 0/wanted.family, strlen(family)) != 0/'
defect api $file 'any n' 's/header.n != args->n || //'
defect api $file 'any k' 's/ || header.k != args->k//'
defect api $file 'any number of bytes' 's/header.bytes != bytes || //'
defect api $file 'anything behind the header' 's/ || header.reserved != 0//'
file=src/select.c
defect select $file 'the last of equals' 's/cost < best_cost/cost <= best_cost/'
defect select $file 'a forced kernel that cannot run' 's/^        if (obstacle) {/        if (!ctx->forced) {/'
defect select $file 'the environment over the argument' 's/if (!name) {/if (octgemm_environment("OCTGEMM_BACKEND")) {/'
defect select $file 'auto takes the reference' 's/ && backends\[i\] != &octgemm_ref_backend//;s/&octgemm_cpu_backend,//;t;s/backend_count = .*/backend_count = 3 };/'
defect select $file 'negative devices' 's/if (device < 0)/if (0)/'
defect api $file 'closed contexts stay' 's/    \*ctx = NULL;//'
file=src/verbose.c
defect select $file 'nothing passed over' 's/if (obstacle)/if (0)/'
defect select $file 'packed unsaid' 's/" packed" : ""/"" : ""/'
file=src/environment.c
defect select $file 'empty is set' 's/value && \*value ? value/value ? value/'
file=src/error.c
defect api $file 'one message for all threads' 's/static _Thread_local char/static char/'

# ---- the CPU backend --------------------------------------------------------------------------
file=src/cpu/cpu.c
defect select $file 'a cap without meaning' 's/        out->kernel = "";/        out->kernel = best_kernel(\&cpu.base)->name;/'
defect select $file 'no cap' 's/capped ? above_cap : //'
defect select $file 'any format fits' 's/gemm->format != packed_format(ctx)/0/'
defect api $file 'packed size beyond the address space' 's/if (panels > (/if (0 \&\& panels > (/'
defect api $file 'packed size that no pointer reaches' 's/(size_t)PTRDIFF_MAX -/SIZE_MAX -/'
defect memory $file 'packed weights without k: bytes left as they were' 's/bytes - sizeof(struct packed_header));/0);/'
defect memory $file 'packed size without the header' 's/\*bytes = sizeof(struct packed_header) + /*bytes = /'
defect cpu=generic $file 'quantiser: rows behind the last' 's/last < job->args->rows ? last : job->args->rows/last/'
defect threads $file 'quantiser: the float state of the caller' 's/octgemm_float_state state = octgemm_float_enter();/octgemm_float_state state = 0x1f80;/;s/octgemm_float_leave(state);/(void)state;/'
defect memory $file 'packing: columns behind the last' 's/job->n - j < nr ? job->n - j : nr/nr/'
file=src/cpu/plan.c
defect generic_i16_2x4 $file 'workspace without room to align' 's/return 63 + /return /'
defect avx2_acc16_2x32 $file 'workspace for one thread too few' 's/(size_t)plan->threads;/(size_t)(plan->threads - 1);/'
defect generic_i16_2x4 $file 'workspace for one thread where all work' 's/bytes > shared_bytes ? bytes : shared_bytes/bytes/'
defect avx2_acc16_2x32 $file 'workspace without scratch' 's/ + plan->scratch_bytes + / + /'
file=src/cpu/gemm.c
defect generic_i16_2x4 $file 'counters of the call before' 's/    memset(job.share, 0, .*//'
defect generic_i16_2x4 $file 'a range of k lost' 's/for (int64_t split = 1; split/for (int64_t split = 2; split/'
defect generic_i16_2x4 $file 'ranges of k not waited for' 's/if (before + 1 < plan->splits)/if (before < plan->splits - 2)/'
defect generic_i16_2x4 $file 'A of another range of k' 's/ \&\& worker->prepared_k == task->k0//'
defect generic_i16_2x4 $file 'A of another block of rows' 's/worker->prepared_rows == task->row_block \&\& //'
defect generic_i16_2x4 $file 'weights of another group' 's/if (worker->packed_group != task->group)/if (worker->packed_group < 0)/'
defect generic_i16_2x4 $file 'rows behind the last' 's/task.rows = at_most(plan->row_block, job->args->m - task.i0);/task.rows = plan->row_block;/'
defect generic_i16_2x4 $file 'scales of the first columns' 's/(const char \*)args->sb + task->j0 \* (int64_t)sizeof(float)/args->sb/'
defect generic_i16_2x4 $file 'bias of the first columns' 's/args->bias_type, task->j0 + j)/args->bias_type, j)/'
defect generic_i16_2x4 $file 'plus zero for no bias' 's/worker.zeros\[j\] = -0.0f;/worker.zeros[j] = 0;/'
defect generic_i16_2x4 $file 'zero point per row for the tensor' 's/octgemm_scale_index(args->za_mode, row)/row/'
defect generic_i16_2x4 $file 'sums of the first panel' 's/memcpy(worker->sums + j, panels + (size_t)(j \/ format->nr) \* stride,/memcpy(worker->sums + j, panels,/'
defect generic_i16_2x4 $file 'sums of a product without k' 's/        memset(c, 0, (size_t)(task->rows \* plan->ldc) \* sizeof \*c);//'
defect generic_i16_2x4 $file 'wrong ldd' 's/(row \* args->ldd + task->j0)/(row * args->n + task->j0)/'
defect generic_i16_2x4 $file 'wrong ldd of sums made in place' 's/, d, job->args->ldd)/, d, job->args->n)/'
defect threads $file 'the float state of the caller' 's/octgemm_float_state state = octgemm_float_enter();/octgemm_float_state state = 0x1f80;/;s/octgemm_float_leave(state);/(void)state;/'
file=src/cpu/integers.h
defect integers $file 'shares by one product' 's/return count .*/(void)larger;\n    return count * index \/ parts;/'
defect integers $file 'the rest by one product' 's/parts <= INT32_MAX ? /1 ? /'
file=src/cpu/threads.c
defect threads $file 'more threads than planned' 's/    if (omp_get_thread_num() < threads)$//'
defect threads $file 'a team that shrinks' 's/^#pragma omp parallel$/& num_threads(threads)/'
defect threads $file 'a child waits for its parent'"'"'s threads' 's/^        is_child = 1;/        ;/'
defect threads $file 'threads of the caller are forgotten' 's/counted ? .* : had_threads/counted \&\& had_threads/'
defect threads $file 'forks before the first open are not seen' 's/^    watch_forks(); .*//'
defect threads $file 'as many threads as anyone asks for' 's/at_most(omp_get_max_threads(), most)/omp_get_max_threads()/'

# ---- kernels ----------------------------------------------------------------------------------
file=src/cpu/groups.h
defect sse41_i16_2x4 $file 'the last group of k not packed' 's/if (whole < k)/if (0)/'
defect sse41_i16_2x4 $file 'the last block of k' 's/p < tile->k1; p += kc/p + (p > tile->k0 ? kc : 0) <= tile->k1; p += kc/'
defect sse41_i16_2x4 $file 'blocks of k not added' 's/\.first = p == tile->k0/.first = 1/'
defect sse41_i16_2x4 $file 'column sums' 's/sums\[j\] += row\[p\];/sums[j] = row[p];/'
file=src/cpu/generic_i16.c
defect generic_i16_2x4 $file 'the last pair of rows' 's/i + mr <= tile->rows/i + mr < tile->rows/'
defect generic_i16_2x4 $file 'sums in 16 bits' 's/        s0 += a\[p\] \* b\[p\];/        s0 = (int16_t)(s0 + a[p] * b[p]);/'
defect generic_i16_2x4 $file 'the second column twice' 's/s1 += a\[p\] \* b1\[p\];/s1 += a[p] * b[p];/'
file=src/cpu/sse41_i16.c
defect sse41_i16_2x4 $file 'the end of k' 's/    if (p < depth) {/    if (0) {/'
defect sse41_i16_2x4 $file 'half of each group' 's/half < dots4_kr; half += 8/half < 8; half += 8/'
defect sse41_i16_2x4 $file 'lda of the second row' 's/row\[i\] = a + i \* lda + p + half;/row[i] = a + i * depth + p + half;/'
file=src/cpu/avx2_pack.c
defect avx2_acc16_2x32 $file 'sums that saturate' 's/lane_limit = 128/lane_limit = 129/'
defect avx2_acc16_2x32 $file 'negative sums that saturate' 's/_mm256_set1_epi16(-lane_limit), negative)/_mm256_set1_epi16(-lane_limit - 1), negative)/'
defect avx2_acc16_2x32 $file 'lists that are longer than their room' 's/if (entries <= at.list_limit && cost < least)/if (cost < least)/'
defect avx2_acc16_2x32 $file 'differences added twice' 's/lane\[largest \/ 2 \* AVX2_QUAD_BYTES + largest % 2\] -= (int8_t)(sign \* excess);/;/'
defect avx2_acc16_2x32 $file 'entries that are not full' 's/if (to.filled\[j\])/if (0)/'
defect avx2_winograd_4x16 $file 'sums of pairs' 's/pairs = _mm256_add_epi32(pairs, _mm256_madd_epi16(even, odd));/pairs = _mm256_madd_epi16(even, odd);/'
defect avx2_winograd_4x16 $file 'weights behind the end' 's/if (left >= 32)/if (left >= 0)/'
file=src/cpu/avx2_multiply.c
defect avx2_winograd_4x16 $file 'terms of the columns in every range of k' 's/of->tile->k0 > 0 ? no_terms/0 ? no_terms/'
defect avx2_acc16_2x32 $file 'the list of the first panel' 's/sums_of(of, j) + i/sums_of(of, pass.first) + i/'
defect avx2_acc16_2x32 $file 'the last strip as wide as the others' 's/octgemm_avx2_strip_rows(t->rows - i)/octgemm_avx2_strip_rows(t->rows)/'
defect avx2_acc16_2x32 $file 'the list of one row in the first panel' 's/bytes, t->c + j \* AVX2_COLUMNS/bytes, t->c/'
file=src/cpu/avx2_list.c
defect avx2_acc16_2x32 $file 'rows behind the last' 's/if (row < rows) {/{/'
defect avx2_acc16_2x32 $file 'rows in another order' 's/lane \/ 4 \* (width \/ 2)/lane \/ 4 * 4/'
defect avx2_acc16_2x32 $file 'halves of 16 rows' 's/_mm_unpackhi_epi8(even, odd), _mm_unpacklo_epi8(even, odd)/_mm_unpacklo_epi8(even, odd), _mm_unpackhi_epi8(even, odd)/'
file=src/cpu/avx2_acc16.c
defect avx2_acc16_2x32 $file 'the offset of A' 's/_mm256_slli_epi32(sums, 7)/_mm256_slli_epi32(sums, 6)/'
defect avx2_acc16_2x32 $file 'the last row of an odd number' 's/: tiles\[chosen\].one_row;/: tiles[chosen].two_rows;/'
defect avx2_acc16_2x32 $file 'a group too few' 's/k < depth; k += 4 \* group/k + 4 * group < depth; k += 4 * group/'
file=src/cpu/avx2_winograd.c
defect avx2_winograd_4x16 $file 'terms of the rows' 's/_mm256_set1_epi32(start.rows\[i\])/_mm256_setzero_si256()/'
defect avx2_winograd_4x16 $file 'the second half of a panel' 's/ldc, next);$/&/;s/weights + half \* AVX2_QUAD_BYTES \/ 2, depth/weights, depth/'
defect avx2_winograd_4x16 $file 'weights of the other columns' 's/\[even_1\] "x"(even_1)/[even_1] "x"(even_0)/'
defect avx2_winograd_4x16 $file 'odd and even weights' 's/w1\[v\] = odd(quads);/w1[v] = even(quads);/'
file=src/cpu/avx2_signs.c
defect avx2_winograd_4x16 $file 'an a of -128' 's/_mm256_max_epi8(_mm256_xor_si256(bytes, offset), least)/_mm256_xor_si256(bytes, offset)/'
defect avx2_winograd_4x16 $file 'the second a of -128 in 16' 's/least \&= least - 1/least = 0/'
defect avx2_winograd_4x16 $file 'weights of another place' 's/24 - 8 \* (int)(place % 4)/24 - 8 * (int)(p % 4)/'
defect avx2_winograd_4x16 $file 'blocks of k not added' 's/begins ? _mm256_setzero_si256()/1 ? _mm256_setzero_si256()/'
file=src/cpu/avx2_prepare.c
defect avx2_acc16_2x32 $file 'the strip of 16 rows' 's/rows, to + p \* width, width);/rows, to + p * width, AVX2_STRIP);/'
defect avx2_acc16_2x32 $file 'forms made once for all' 's/if (made\[form\])/if (made[form] \&\& form != AVX2_WORDS ? 1 : made[0])/'
file=src/cpu/amx.c
defect amx $file 'sums of the blocks of k before' 's/begun ? _mm512_load_si512(c + j) : start/start/'
file=src/cpu/amx_dot.c
defect amx $file 'parts of a sum' 's/part < C_TILES; part/part < 0; part/'
defect amx $file 'the last of k' 's/step_2(s, i, s->last, TILE_K);/(void)0;/'
defect amx $file 'rows of A of the first block' 's/i \/ TILE_ROWS \* s.a_distance + VNNI16/VNNI16/'
defect amx src/cpu/gemm.c 'the row of ones over rows of A' 's/worker->block + job->plan->dot_bytes;/worker->block;/'
file=src/cpu/vnni.h
defect avx512vnni_6x64 $file 'the tail of k' 's/if (s->tail > 0)/if (0)/'
defect avx512vnni_6x64 $file 'the third byte of a tail' 's/if (bytes > 2)/if (0)/'
defect avx512vnni_6x64 $file 'the offset of the weights' 's/vec_set(-128 \* s->row_sums\[i\])/vec_set(-127 * s->row_sums[i])/'
defect avx512vnni_6x64 $file 'row sums: the end of k' 's/if (k < k1)$/if (0)/'
defect avx512vnni_6x64 $file 'the offset once per block' 's/s.row_sums = k == t->k0 ? row_sums + row : NULL;/s.row_sums = row_sums + row;/'
defect avx512vnni_6x64 $file 'rows shared out unevenly' 's/part_start(i + 1, t->rows, row_tiles) - row;/part_start(i + 1, t->rows, row_tiles) - row - (rows_lost(t));/;s/^static void multiply(/static int rows_lost(const struct cpu_tile *t) { return t->rows == 13; }\n&/'
defect avx512vnni_6x64 $file 'the last of five panels' 's/panels = part_start(j + 1, t->panel_count, columns) - p;/panels = part_start(j + 1, t->panel_count, columns) - p - (t->panel_count == 5 \&\& j > 0);/'
defect avx512vnni_6x64 $file 'rows of B: the offset' 's/-128u \* (uint32_t)/-127u * (uint32_t)/'
file=src/cpu/dot.h
defect avx512vnni_6x64 $file 'dot products: the end of k' 's/if (p < k)$/if (0)/'
defect avx512vnni_6x64 $file 'dot products: the last quarter of columns' 's/at_most(i \* steps, columns - steps)/at_most(i * steps, columns - steps) - (i == 3 \&\& columns == 7)/'
defect cpu=avx2 $file 'dot products: the rows of a second tile' 's/dots\[height - 1\](c + i \* ldc, ldc, a + i \* lda,/dots[height - 1](c + i * ldc, ldc, a,/'
defect cpu=avx2 $file 'dot products: columns that wait' 's/at = streams_after(at, most, ldb);/at = streams_after(at, most - (most > 1), ldb);/'
file=src/cpu/avx512vnni.c
defect avx512vnni_6x64 $file 'eight rows by a tile for seven' 's/(3), tile_7x3, tile_8x3/(3), tile_7x3, tile_7x3/'
defect avx512vnni_6x64 $file 'signs swapped' 's/(sum, u8, s8);/(sum, s8, u8);/'
file=src/cpu/vnni16.c
defect avx512vnni_6x64 $file 'the last quad of k' 's/ceiling(k - p, 4)/(k - p) \/ 4/'
defect avx512vnni_6x64 $file 'column sums in 16 bits' 's/_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))/_mm256_maddubs_epi16(_mm256_set1_epi8(1), step[q])/'

# ---- vector functions: epilogue, quantiser, dot products --------------------------------------
file=src/cpu/vector_body.h
defect cpu=avx512bw $file 'the end of a row' 's/finish_lanes(d, in, count - lanes,/finish_lanes(d, in, j - lanes,/'
defect cpu=avx512bw $file 'a row shorter than a vector' 's/copy_some(d, end, count, width);/copy_some(d, end, count - 1, width);/'
defect cpu=avx512bw $file 'scales swapped' 's/mul(mul(to_float(sum), sa), sb)/mul(mul(to_float(sum), sb), sa)/'
defect cpu=avx512bw $file 'no zero-point term' 's/sums ? sub_int(sum, mul_int(za, load_int(sums))) : sum/sum/'
defect cpu=generic $file 'no zero-point term at the end of integers' 's/ - (uint32_t)za \* (uint32_t)octgemm_load_i32(columns->sums, j)//;s/for (; j + lanes <= count; j += lanes)$/for (; 0 \&\& j < count;)/'
defect cpu=avx2 $file 'dot products: the end of k' 's/and_dots(end, keep_last(bytes))/and_dots(end, keep_last(bytes - 1))/'
defect cpu=avx2 $file 'dot products: what was done' 's/return bytes < DOT_BYTES \&\& before + bytes >= DOT_BYTES ?/return 0 ?/'
defect cpu=avx2 src/cpu/few_bytes.h 'dot products: rows of five to seven bytes' 's/8 \* (bytes - 4)/8 * 4/'
defect cpu=avx2 src/cpu/few_bytes.h 'dot products: rows of three bytes' 's/p\[bytes - 1\]/p[0]/'
defect cpu=avx2 $file 'quantiser: half of the maxima' 's/max_int(ranges.magnitude, other.magnitude)/ranges.magnitude/'
defect cpu=avx2 $file 'quantiser: infinities' 's/if (!(range.most <= largest))/if (range.most != range.most)/'
defect cpu=avx2 $file 'quantiser: tiny rows' 's/span < smallest_range/span <= 0/'
defect cpu=avx2 $file 'quantiser: static clamp' 's/set_float(127)), set_float(-128)/set_float(127)), set_float(-127)/'
defect cpu=avx2 $file 'quantiser: static NaN' 's/zero_nan(divide(value, scale))/divide(value, scale)/'
defect cpu=avx2 $file 'quantiser: the inverse' 's/rule->inv = steps \/ span;/rule->inv = 1 \/ rule->scale;/'
defect cpu=avx2 $file 'quantiser: a range without 0' 's/range.low = lows\[i\] < range.low ? lows\[i\] : range.low;/range.low = lows[i];/'
defect cpu=avx2 $file 'quantiser: negative 16-bit numbers in their own order' 's/order = ordered(bits)/order = bits/'
file=src/cpu/vector_generic.c
defect cpu=generic $file 'bias with a fused multiply-add' 's/#include "vector_body.h"/#define add(f, b) __builtin_fmaf((float)(sum) * sa, sb, b)\n&/'
defect cpu=generic $file 'quantiser: cut off' 's/return bits(x + magic) - bits(magic);/(void)magic;\n    return (int32_t)x;/'
defect cpu=generic $file 'quantiser: no saturation' 's/x < -128 ? -128 : x > 127 ? 127 : x/x/'
file=src/cpu/vector_sse41.c
defect cpu=sse41 $file 'bf16: half up' 's/_mm_add_epi32(_mm_set1_epi32(0x7fff), odd)/_mm_set1_epi32(0x8000 + 0 * _mm_cvtsi128_si32(odd))/'
defect cpu=sse41 $file 'bf16: NaN' 's/_mm_blendv_epi8(number, nan, is_nan)/number/;s/__m128i is_nan = .*//;s/__m128i nan = .*//'
file=src/cpu/vector_avx2.c
defect cpu=avx2 $file 'f16: cut off' 's/_MM_FROUND_TO_NEAREST_INT/_MM_FROUND_TO_ZERO/'
defect cpu=avx2 $file 'bf16: NaN' 's/_mm256_blendv_epi8(number, nan, is_nan)/number/'
file=src/cpu/vector_avx512.c
defect cpu=avx512bw $file 'bias with a fused multiply-add' 's/#include "vector_body.h"/#define add(f, b) _mm512_fmadd_ps(mul(to_float(sum), sa), sb, b)\n&/'
defect cpu=avx512bw $file 'bf16: half up' 's/_mm512_add_epi32(_mm512_set1_epi32(0x7fff), odd)/_mm512_set1_epi32(0x8000)/'
defect cpu=avx512bw $file 'quantiser: no saturation' 's/_mm512_cvtsepi32_epi8/_mm512_cvtepi32_epi8/'
defect cpu=avx512bw $file 'quantiser: cut off' 's/_mm512_cvtps_epi32/_mm512_cvttps_epi32/'
defect amx $file 'around the caches: the last line' 's/at < bytes; at += sizeof(__m512i)/at + 64 < bytes; at += 64/'
defect cpu=avx512bw $file 'sums as positive numbers' 's/_mm512_cvtepi32_ps/_mm512_cvtepu32_ps/'

finish
