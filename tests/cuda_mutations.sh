#!/bin/sh
# Can tests/check_cuda_sim fail? Defects in the kernels of src/cuda/, most of them something that is
# not waited for, each of which its short list must find (mutations.sh). The tests' names are those
# of kernels.
#   cuda_mutations.sh SOURCE [PATTERN], in the build folder (`make check-cuda-mutations`), with
#   SIM_CXX, SIM_LINK, SIM_LIBS: what compiles and links the simulator
#   SIM_SHARED: the sed command that gives a header the simulator's shared memory
source=$1 only=$2
copy=tests/sim/cuda_mutant.$$

trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/src/cuda" "$copy/made/cuda"
cp "$source"/src/cuda/*.cuh "$source"/src/cuda/*.cu "$copy/src/cuda/"

attempt() {
    case $1 in
    wgmma_*) unit=hopper ;;
    *) unit=cuda_kernels ;;
    esac
    for header in decode gemm hopper; do
        sed "$SIM_SHARED" "$copy/src/cuda/$header.cuh" >"$copy/made/cuda/$header.cuh"
    done
    $SIM_CXX -I"$copy/made" -I"$copy/src" -Itests/sim/made -I"$source/tests/sim" -I"$source/tests" \
        -I"$source/include" -I"$source/src" -c -o "$copy/$unit.o" "$source/tests/sim/$unit.cc" \
        >"$copy/log" 2>&1 || return 2
    $SIM_LINK -o "$copy/check" "$copy/$unit.o" tests/check_cuda_sim-*.o \
        $(all_but "tests/sim/check_cuda_sim-$unit.o" tests/sim/check_cuda_sim-*.o) $SIM_LIBS >>"$copy/log" 2>&1 || return 2
    OCTGEMM_SIM_KERNEL=$1 timeout 200 "$copy/check" >"$copy/log" 2>&1
    verdict $?
}

. "$source/tests/mutations.sh"

defect mma_64x128x128 src/cuda/gemm.cuh 'one stage fewer waited for' 's/copy_async_wait<T::stages - 2>/copy_async_wait<T::stages - 1>/'
defect mma_64x128x128 src/cuda/gemm.cuh 'no barrier behind a wait for copies' '/copy_async_wait<T::stages - 2>();/{n;s/__syncthreads();//;}'
defect mma_64x64x256 src/cuda/gemm.cuh 'no barrier behind a wait for copies, tiles that load no fragments ahead' '/copy_async_wait<T::stages - 2>();/{n;s/__syncthreads();//;}'
defect mma_64x64x256 src/cuda/gemm.cuh 'results over stages that are still read' 's,__syncthreads(); *\(/\* every warp is done\),\1,'
defect mma_128x128x128 src/cuda/gemm.cuh 'halves of a token swapped' 's/a\[buffer\]\[j\]\[0\], a\[buffer\]\[j\]\[1\]/a[buffer][j][1], a[buffer][j][0]/'
defect mma_64x64x256 src/cuda/gemm.cuh 'a swizzle for reading alone' 's/b_at = pool + swizzled<T::tile_k>(\(.*\), my.lane >> 4);/b_at = pool + (\1) * T::tile_k + (my.lane >> 4) * 16;/'
defect mma_128x192x128 src/cuda/store.cuh 'columns behind the last one written' 's/if (token < tokens && f \* 8 < weights)/if (token < tokens)/'
defect mma_128x128x128 src/cuda/store.cuh 'one place for the results of two tokens' 's/slab + h \* 8 \* ld + f \* 16/slab + f * 16/'
defect mma_32x64x256 src/cuda/store.cuh 'sums of a warp that has not written them' '0,/        join();/s///'
defect mma_64x64x256 src/cuda/join.cu 'one part of k forgotten' 's/part < p.splits/part < p.splits - 1/'
defect decode_16x32 src/cuda/decode.cuh 'sums of a warp that has not written them' '0,/__syncthreads();/s///'
defect decode_24x32 src/cuda/decode.cuh 'zero points counted by a token that exists' 's/(last_m + 1) \* T::slab_ld + threadIdx.x/last_m * T::slab_ld + threadIdx.x/'
defect decode_8x32 src/cuda/decode.cuh 'bytes behind the end of k multiplied' 's/const int bytes = k - first - t \* 16;/const int bytes = 16;/'
defect decode_8x32 src/cuda/decode.cuh 'weights that the launch ahead may write read early' 's/if (p.early) {/if (true) {/'
defect decode_8x32_w16 src/cuda/decode.cuh 'tokens read ahead of the launch that writes them' 's/decode_load<T, align, true, true, false>/decode_load<T, align, true>/;s/decode_load<T, align, true, false, true>/if (false) decode_load<T, align, true>/'
defect quantize src/cuda/quantize.cu 'a range of warps that have not found theirs' '/parts\[warp\] = mine;/{n;s/__syncthreads();//;}'
defect quantize src/cuda/quantize.cu 'a scale of zero' 's/by == 0 ? copysignf(least, by) : by \* factor/by * factor/'
defect quantize src/cuda/quantize.cu 'a tiny scale' 's/large \* large : 1/1 : 1/'
defect quantize src/cuda/quantize.cu 'a row staged and not waited for' '/if (!whole) {/{n;s/__syncthreads();//;}'
defect wgmma_128x128x128 src/cuda/hopper.cuh 'a stage that has not come' 's/barrier_wait(ring.full(at.stage), at.parity);//'
defect wgmma_128x128x128 src/cuda/hopper.cuh 'products that are not done' 's/wgmma_wait<1>();/wgmma_wait<2>();/'
defect wgmma_128x128x128 src/cuda/hopper.cuh 'a stage given back a step early' 's/        if (i > 0)$/        if (i >= 0)/'
defect wgmma_16x64x128 src/cuda/hopper.cuh 'weights that the launch ahead may write read early' 's/work.early ? min(work.count, T::stages) : 0/min(work.count, T::stages)/'
defect wgmma_16x64x128 src/cuda/hopper.cuh 'tokens read ahead of the launch that writes them' '0,/    grid_wait();/s///'
defect wgmma_64x64x128_deep src/cuda/hopper_join.cuh 'sums of other blocks that have not come' 's/barrier_wait(ring.joined(), 0);//'
defect wgmma_64x64x128 src/cuda/hopper_join.cuh 'sums sent to a block that still multiplies' 's/cluster_wait();//'
defect wgmma_160x128x128_turns src/cuda/hopper.cuh 'scales of the next tile over those of this one' 's,warpgroup_sync(own); \(/\* Nobody reads\),\1,'
defect wgmma_96x128x128_turns src/cuda/hopper_finish.cuh 'a buffer of D filled while it is read' 's/constexpr bool every = .*/constexpr bool every = false;/'

finish
