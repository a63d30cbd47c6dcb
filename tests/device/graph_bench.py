"""Times the CUDA backend by the method of the tables in bench/NOTES.md: verified first, then four
rotating weights, 16 calls in one CUDA graph, the median of nine replays.

    python3 graph_bench.py path/to/liboctgemm.so [products|kernels|odd|columns|quantiser ...] [M,M,...]

products: the layers of Llama-3.1-8B. kernels: every kernel forced in turn, and how far the chosen
one is from the best. odd: strides off the L2's lines and off every alignment, and zero points.
columns: n whose results do not start on 16 bytes. quantiser: against a copy,
rows of whole 16-byte pieces and others.
"""

import math
import os
import sys

import torch

import binding
from torch_tests import floats, int8, same

LAYERS = [(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336)]
WEIGHTS, CALLS = 4, 16


def median_us(call):
    """`call(i)` queues the i-th call."""
    for i in range(WEIGHTS):
        call(i)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(CALLS):
            call(i)
    graph.replay()
    torch.cuda.synchronize()
    times = []
    for _ in range(9):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) * 1e3 / CALLS)
    return sorted(times)[4]


def time_product(context, m, n, k, pad=0, zero_points=False):
    a = int8(m, k, 1, ld=k + pad)
    weights = [int8(n, k, 2 + i, ld=k + pad) for i in range(WEIGHTS)]
    sa, sb = floats(m, 8), floats(n, 9)
    za = int8(m, 1, 7)[:, 0].int() if zero_points else None
    d = torch.full((m, n), 77, dtype=torch.bfloat16, device="cuda")
    products = [context.product(a, b, d, sa, sb, za) for b in weights]
    context.run(products[0])
    rows = min(m, 128)
    exact = a[:rows].double() @ weights[0].double().T
    if zero_points:
        exact -= za[:rows, None].double() * weights[0].double().sum(1)[None, :]
    same(d[:rows], (exact.float() * sa[:rows, None] * sb[None, :]).bfloat16(), f"{m}x{n}x{k}")
    return median_us(lambda i: context.run(products[i % WEIGHTS]))


def show(m, n, k, us, note=""):
    print(f"{m:6} {n:6} {k:6} {us:9.1f} us {2 * m * n * k / us / 1e6:7.0f} TOPS  {note}", flush=True)


def products(library, rows):
    context = library.open()
    for n, k in LAYERS:
        for m in rows:
            show(m, n, k, time_product(context, m, n, k))


def kernel_names(library):
    os.environ.pop("OCTGEMM_KERNEL", None)
    context = library.open()
    info = (binding.c.c_char_p * 5)()
    names, row = [], 0
    while library.c.octgemm_kernel(context.handle, None, binding.c.c_size_t(row), info) == 0:
        names.append(info[3].decode())
        row += 1
    return names


def kernels(library, rows):
    names = kernel_names(library)
    losses = []
    for n, k in LAYERS:
        for m in rows:
            chosen = time_product(library.open(), m, n, k)
            best, winner = chosen, "the chosen one"
            for name in names[:-1]:
                os.environ["OCTGEMM_KERNEL"] = name
                context = library.open()
                try:
                    us = time_product(context, m, n, k)
                except RuntimeError:  # does not take this
                    continue
                finally:
                    os.environ.pop("OCTGEMM_KERNEL")
                if us < best:
                    best, winner = us, name
            losses.append(chosen / best)
            show(m, n, k, chosen, f"best {best:.1f} {winner} {chosen / best:.3f}")
    mean = math.exp(sum(map(math.log, losses)) / len(losses))
    print(f"choice against the best kernel: geometric mean {mean:.3f}, worst {max(losses):.3f}")


def odd(library, rows):
    context = library.open()
    for n, k in LAYERS[:2]:
        for m in rows:
            even = time_product(context, m, n, k)
            for pad in (128, 64, 32, 16, 8, 4, 1):
                us = time_product(context, m, n, k, pad)
                show(m, n, k, us, f"ld k + {pad}: x{us / even:.2f}")
            us = time_product(context, m, n, k, zero_points=True)
            show(m, n, k, us, f"zero points, plain weights: x{us / even:.2f}")


def columns(library, rows):
    context = library.open()
    for n, k in ((4096, 4096), (50256, 1024)):
        for m in rows:
            even = time_product(context, m, n, k)
            for more in (8, 4, 2, 1):
                us = time_product(context, m, n + more, k)
                show(m, n + more, k, us, f"n + {more}: x{us / even:.2f}")


def quantiser(library, rows):
    context = library.open()
    # A kernel that copies: the copy node that copy_() would make of a graph moves a third less.
    source = torch.zeros(1 << 28, dtype=torch.int32, device="cuda")
    target = torch.empty_like(source)
    us = median_us(lambda i: torch.neg(source, out=target))
    copy = 2 * source.numel() * source.element_size() / us / 1e3
    print(f"copy of 1 GiB: {copy:.0f} GB/s")
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        for count, k in ((65536, 4096), (65536, 4097), (16384, 14336), (16384, 14330),
                         (8, 4096), (8, 4097)):
            x = torch.randn(count, k, device="cuda").to(dtype)
            q = torch.empty(count, k, dtype=torch.int8, device="cuda")
            scale = torch.empty(count, device="cuda")
            zero = torch.empty(count, dtype=torch.int32, device="cuda")
            for what, z in (("symmetric", None), ("asymmetric", zero), ("static", None)):
                scale[0] = 0.03  # what "static" takes
                us = median_us(lambda i: context.quantize(x, q, scale, z, what == "static"))
                rate = count * k * (x.element_size() + 1) / us / 1e3
                print(f"{count:6} x {k:6} {str(dtype):15} {what:10} {us:8.1f} us {rate:6.0f} GB/s "
                      f"{100 * rate / copy:4.0f} % of copy")


def main(path, *words):
    library = binding.Library(path)
    rows = [1, 16, 64, 128, 256, 1024, 4096, 8192]
    wanted = []
    for word in words:
        if word[0].isdigit():
            rows = [int(m) for m in word.split(",")]
        else:
            wanted.append({"products": products, "kernels": kernels, "odd": odd, "columns": columns,
                           "quantiser": quantiser}[word])
    for run in wanted or [products]:
        run(library, rows)


main(*sys.argv[1:])
