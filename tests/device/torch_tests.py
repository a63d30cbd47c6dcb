"""Tests that need a GPU and PyTorch: one process, one CUDA context, torch's streams and graphs.

    python3 torch_tests.py path/to/liboctgemm.so [--octgemm-first] [name ...]

Expected values come from torch alone: the exact sum by a float64 product, then the steps of
octgemm-numerics(7), each a float32 operation of its own. They are compared bit by bit.
"""

import os
import sys
import threading

import torch

import binding

LIBRARY = None
FIRST = None  # a context that was opened before torch made its own, with --octgemm-first


class Skip(Exception):
    pass


def int8(rows, columns, seed, device="cuda", ld=None):
    """rows x columns random int8 with a row stride of ld."""
    generator = torch.Generator(device=device).manual_seed(seed)
    full = torch.randint(-128, 128, (rows, ld or columns), dtype=torch.int8, device=device,
                         generator=generator)
    return full[:, :columns]


def floats(count, seed, device="cuda"):
    generator = torch.Generator(device=device).manual_seed(seed)
    return torch.rand(count, device=device, generator=generator) * 0.01 + 1e-4


def expected(a, b, dtype, sa=None, sb=None, za=None, bias=None):
    exact = a.double() @ b.double().T
    if za is not None:
        exact -= za.double()[:, None] * b.double().sum(1)[None, :]
    f = exact.float()
    if dtype == torch.int32:
        return exact.to(torch.int32)
    if sa is not None:
        f = f * sa[:, None]
    if sb is not None:
        f = f * sb[None, :]
    if bias is not None:
        f = f + bias.float()[None, :]
    return f.to(dtype)


def same(found, wanted, what):
    wrong = (found != wanted).nonzero()
    if len(wrong):
        i, j = wrong[0].tolist()
        raise AssertionError(f"{what}: {len(wrong)} of {found.numel()} elements differ, first ({i}, {j}): "
                             f"{found[i, j].item()!r}, not {wanted[i, j].item()!r}")


def layer(m, n, k, seed, device="cuda", dtype=torch.bfloat16, zero_points=False):
    """Tensors of a product with every argument, and an output full of something else."""
    za = None
    if zero_points:
        za = int8(m, 1, seed + 5, device)[:, 0].int()
    return dict(a=int8(m, k, seed, device), b=int8(n, k, seed + 1, device),
                d=torch.full((m, n), 77, dtype=dtype, device=device), sa=floats(m, seed + 2, device),
                sb=floats(n, seed + 3, device), bias=floats(n, seed + 4, device), za=za)


def want(tensors):
    t = tensors
    return expected(t["a"], t["b"], t["d"].dtype, t["sa"], t["sb"], t["za"], t["bias"])


SHAPES = [(1, 4096, 4096), (16, 6144, 4096), (77, 1000, 1111), (512, 4096, 4096)]


def shares_the_context():
    """Tensors, stream and current context of torch, on both sides of a run."""
    driver = binding.c.CDLL("libcuda.so.1")
    before, after = binding.c.c_void_p(), binding.c.c_void_p()
    context = FIRST or LIBRARY.open()
    for m, n, k in SHAPES:
        for zero_points in (False, True):
            tensors = layer(m, n, k, m, zero_points=zero_points)
            product = context.product(**tensors)
            driver.cuCtxGetCurrent(binding.c.byref(before))
            context.run(product)
            driver.cuCtxGetCurrent(binding.c.byref(after))
            assert before.value == after.value, "run changed the current context"
            same(tensors["d"], want(tensors), f"{m}x{n}x{k}")
    if not FIRST:
        context.close()
    assert torch.ones(8, device="cuda").sum().item() == 8, "torch does not work after a close"


def thread_without_a_context():
    """A thread that never used CUDA gets results and is left without a context."""
    driver = binding.c.CDLL("libcuda.so.1")
    context = LIBRARY.open()
    tensors = layer(32, 512, 256, 3)
    product = context.product(**tensors)
    torch.cuda.synchronize()
    left = []

    def work():
        status = context.status_of_run(product)
        current = binding.c.c_void_p()
        driver.cuCtxGetCurrent(binding.c.byref(current))
        left.append((status, current.value))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    torch.cuda.synchronize()
    assert left == [(0, None)], f"status and current context: {left}"
    same(tensors["d"], want(tensors), "on a new thread")
    context.close()


def graph_replay():
    """Quantise and multiply, the first run of a context being the captured one; replay on new data."""
    for m, n, k in SHAPES:
        for zero_points in (False, True):
            context = LIBRARY.open()
            tensors = layer(m, n, k, m, zero_points=zero_points)
            x = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
            product = context.product(**tensors)
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                context.quantize(x, tensors["a"], tensors["sa"], tensors["za"])
                context.run(product)
            for seed in range(3):
                x.copy_(torch.randn(m, k, device="cuda") * (seed + 1))
                tensors["d"].fill_(77)
                graph.replay()
                torch.cuda.synchronize()
                error = (tensors["a"].float() - (tensors["za"].float()[:, None] if zero_points else 0)
                         ) * tensors["sa"][:, None] - x.float()
                assert (error.abs() <= 0.51 * tensors["sa"][:, None]).all(), "quantised values are off"
                same(tensors["d"], want(tensors), f"{m}x{n}x{k}, replay {seed}")
            context.close()


def packed_again():
    """Weights packed anew into one buffer ahead of each product, nothing waited for, plain and as a
    graph: a product may load packed weights while the launch ahead of it runs, never these."""
    for m, n, k in [(1, 4096, 4096), (16, 2560, 2560), (64, 4096, 4096), (77, 1000, 1111), (256, 4096, 4096)]:
        context = LIBRARY.open()
        jobs = [layer(m, n, k, 1000 * m + 10 * i, zero_points=i % 2 == 1) for i in range(6)]
        packed = context.pack(jobs[0]["b"])
        products = [context.product(**job, packed=packed) for job in jobs]

        def run():
            for job, product in zip(jobs, products):
                context.pack(job["b"], packed)
                context.run(product)

        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run()
        for how, go in (("plain", run), ("graph", graph.replay)):
            for turn in range(10):
                for job in jobs:
                    job["d"].fill_(77)
                go()
                for i, job in enumerate(jobs):
                    same(job["d"], want(job), f"{m}x{n}x{k}, {how}, turn {turn}, weights {i}")
        context.close()


def two_streams():
    """Products that run at the same time, on two streams and one context, do not mix."""
    context = LIBRARY.open()
    streams = [torch.cuda.Stream() for _ in range(2)]
    jobs = [layer(64 + i, 2048, 4096, 100 + i, zero_points=True) for i in range(8)]
    products = [context.product(**job) for job in jobs]
    torch.cuda.synchronize()
    for _ in range(20):
        for i, product in enumerate(products):
            context.run(product, streams[i % 2])
    torch.cuda.synchronize()
    for i, job in enumerate(jobs):
        same(job["d"], want(job), f"job {i}")
    context.close()


def threads():
    """Eight threads on one context, each with its own stream and workspace."""
    context = LIBRARY.open()
    jobs = [layer(16 * i + 1, 1536, 1024, 200 + i, zero_points=i % 2 == 1) for i in range(8)]
    products = [context.product(**job) for job in jobs]
    streams = [torch.cuda.Stream() for _ in jobs]
    torch.cuda.synchronize()
    errors = []

    def work(i):
        try:
            for _ in range(50):
                context.run(products[i], streams[i])
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    torch.cuda.synchronize()
    assert not errors, errors
    for i, job in enumerate(jobs):
        same(job["d"], want(job), f"thread {i}")
    context.close()


def two_devices():
    """Contexts on two devices, whichever is torch's current one."""
    if torch.cuda.device_count() < 2:
        raise Skip("one device")
    contexts = [LIBRARY.open(i) for i in range(2)]
    for current in range(2):
        with torch.cuda.device(current):
            for i in range(2):
                tensors = layer(65, 1024, 1024, 300 + i, device=f"cuda:{i}", zero_points=True)
                product = contexts[i].product(**tensors)
                torch.cuda.synchronize(i)
                contexts[i].run(product)
                assert torch.cuda.current_device() == current
                torch.cuda.synchronize(i)
                same(tensors["d"], want(tensors), f"device {i}, current {current}")
    for context in contexts:
        context.close()


def beyond_two_to_the_31():
    """A, B and D whose last element has an index past 2^31."""
    free, _ = torch.cuda.mem_get_info()
    if free < 24 << 30:
        raise Skip(f"{free >> 30} GiB free, 24 wanted")
    context = LIBRARY.open()
    big, small, ld = 70000, 96, 32768
    for name, m, n, lda, ldb in (("a", big, small, ld, 64), ("b", small, big, 64, ld)):
        a, b = int8(m, 64, 1, ld=lda), int8(n, 64, 2, ld=ldb)
        d = torch.empty(m, n, dtype=torch.float32, device="cuda")
        context.run(context.product(a, b, d))
        same(d, expected(a, b, torch.float32), name)
    del a, b, d
    m, n = 140000, 16384
    a, b = int8(m, 64, 3), int8(n, 64, 4)
    d = torch.empty(m, n, dtype=torch.bfloat16, device="cuda")
    context.run(context.product(a, b, d))
    for row in range(0, m, 10000):
        same(d[row:row + 10000], expected(a[row:row + 10000], b, torch.bfloat16), f"d, rows from {row}")
    context.close()


def row_invariance():
    """Row i of D is the same for every m from 1 to 300."""
    context = LIBRARY.open()
    for n, k in ((6144, 4096), (1000, 1111)):
        tensors = layer(300, n, k, 400, zero_points=False)
        whole = want(tensors)
        for m in range(1, 301):
            part = {name: t if t is None or name in ("b", "sb", "bias") else t[:m]
                    for name, t in tensors.items()}
            part["d"] = torch.full((m, n), 77, dtype=torch.bfloat16, device="cuda")
            context.run(context.product(**part))
            same(part["d"], whole[:m], f"m = {m}, n = {n}, k = {k}")
    context.close()


def fork():
    """A child of a process that used CUDA gets an error, not a crash; the parent goes on."""
    context = LIBRARY.open()
    tensors = layer(8, 64, 64, 500)
    product = context.product(**tensors)
    torch.cuda.synchronize()
    child = os.fork()
    if child == 0:
        os._exit(0 if context.status_of_run(product) == binding.ERR_DEVICE else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"the child ended with {status}"
    context.run(product)
    same(tensors["d"], want(tensors), "after a fork")
    context.close()


TESTS = [shares_the_context, thread_without_a_context, graph_replay, packed_again, two_streams, threads,
         two_devices, beyond_two_to_the_31, row_invariance, fork]


def main():
    global LIBRARY, FIRST
    path, *rest = sys.argv[1:]
    LIBRARY = binding.Library(path)
    if "--octgemm-first" in rest:
        FIRST = LIBRARY.open()
        rest.remove("--octgemm-first")
    failed = 0
    for test in TESTS:
        if rest and test.__name__ not in rest:
            continue
        try:
            test()
            print(f"ok    {test.__name__}", flush=True)
        except Skip as reason:
            print(f"skip  {test.__name__}: {reason}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL  {test.__name__}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
