#!/bin/sh
# The architectures to compile for the NVIDIA GPUs in this machine, one a line: for each GPU the newest
# of the arguments that is no newer than it. Nothing where there is no GPU of 7.5 or newer, which the
# kernels need. For configure (--with-cuda-arch=native).
#
#   native.sh ARCH...     as nvcc knows them: 75 80 86 ...
nvidia-smi --query-gpu=compute_cap --format=csv,noheader |
    sed -n 's/^\([0-9]*\)\.\([0-9]\)$/\1\2/p' | while read -r gpu; do
    for arch; do
        [ "$arch" -lt 75 ] || [ "$arch" -gt "$gpu" ] || echo "$arch"
    done | sort -n | tail -n 1
done | sort -nu
