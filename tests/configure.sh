#!/bin/sh
# configure refuses switches that it would not understand, before it looks for anything.
set -u
top=$(cd "${srcdir:-.}" && pwd)
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
failed=0
for switch in --with-cuda=/usr/local/cuda --with-cuda= --with-hip=maybe; do
    if "$top/configure" "$switch" >log 2>&1 || ! grep -q -e "error: $switch: want check, yes or no" log; then
        echo "FAILED $switch:"
        tail -n 3 log
        failed=1
    fi
done
exit $failed
