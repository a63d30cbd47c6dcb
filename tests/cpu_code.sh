#!/bin/sh
# What a compiler may leave out of the CPU kernels without a test that sees it: the AMX kernel asks
# for weights ahead, and ran a sixth slower while GCC deleted that.
objdump=${OBJDUMP:-objdump}
library=.libs/liboctgemm.so
[ -e "$library" ] || library=.libs/liboctgemm.a

if ! command -v "$objdump" >/dev/null 2>&1; then
    echo "SKIP: no objdump"
    exit 77
fi
found=$("$objdump" -d --no-show-raw-insn "$library" 2>/dev/null |
    awk '$2 == "tdpbsud" { products = 1 } $2 == "prefetcht1" { fetches = 1 }
        END { print products ":" fetches }')
case $found in
1:1) echo "ok: the AMX kernel has its prefetches" ;;
1:) echo "FAILED $library: AMX without prefetches" && exit 1 ;;
*) echo "SKIP: no AMX in $library that $objdump knows" && exit 77 ;;
esac
