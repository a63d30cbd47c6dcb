#!/bin/sh
# The architectures of the AMD GPUs in this machine, one a line, as Linux's kernel driver has them: a
# node for each GPU, and for each CPU one with 0; 90010 is gfx90a. For configure
# (--with-hip-arch=native).
#
#   native.sh [NODES]
sed -n 's/^gfx_target_version //p' "${1-/sys/class/kfd/kfd/topology/nodes}"/*/properties | sort -nu |
    awk '$1 > 0 { printf "gfx%d%x%x\n", int($1 / 10000), int($1 / 100) % 100, $1 % 100 }'
