"""Contexts: what they say, how they end, threads, errors, and where the library is looked for."""

import copy
import ctypes.util
import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref

import model
import numpy as np
import pytest

import octgemm


def test_what_it_says(ctx):
    rows = octgemm.backends()
    assert {"cpu", "ref"} <= {row.backend for row in rows}
    assert all(row.reason for row in rows)
    names = [row.kernel for row in ctx.kernels()]
    assert ctx.query().kernel in names and ctx.info.backend in ("cpu", "ref")
    chosen = ctx.query((3, 64, 64), "bf16").kernel
    assert [row.reason for row in ctx.kernels((3, 64, 64)) if row.kernel == chosen] == [""]
    assert octgemm.library_version().startswith("0.1.")


def test_close():
    ctx = octgemm.Context("ref")
    array = ctx.upload(np.ones(3, np.int8))
    ctx.close()
    ctx.close()
    with pytest.raises(ValueError, match="closed"):
        ctx.run(np.ones((1, 1), np.int8), np.ones((1, 1), np.int8))
    with pytest.raises(ValueError, match="closed"):
        array.numpy()
    del array  # its memory went with the context


@pytest.mark.parametrize(
    "error,call,status",
    [
        (octgemm.ArgumentError, lambda: octgemm.Context("abacus"), octgemm.Status.ARG),
        (octgemm.NoBackendError, lambda: octgemm.Context("cpu", 7), octgemm.Status.NO_BACKEND),
    ],
)
def test_errors(error, call, status):
    with pytest.raises(error) as caught:
        call()
    assert isinstance(caught.value, octgemm.OctgemmError) and caught.value.status == status
    assert str(caught.value)


@pytest.mark.parametrize(
    "error,arguments",
    [
        (TypeError, (3,)),
        (TypeError, (b"cpu",)),
        (ValueError, ("cpu\0abacus",)),
        (ValueError, ("cpu", 2**32)),
        (ValueError, ("cpu", -1)),
        (TypeError, ("cpu", "0")),
    ],
)
def test_arguments(error, arguments):
    with pytest.raises(error) as caught:
        octgemm.Context(*arguments)
    assert not isinstance(caught.value, octgemm.OctgemmError)


def test_errors_travel(ctx):
    """Between processes: multiprocessing pickles what a worker raises."""
    with pytest.raises(octgemm.ArgumentError) as caught:
        ctx.query((1, 1, 131072))
    for other in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert type(other) is octgemm.ArgumentError and str(other) == str(caught.value)
        assert other.status is octgemm.Status.ARG


def test_kernels_of_what_is_wrong(ctx):
    for shape in ((1, 1, 131072), (2**63 - 1, 2**63 - 1, 1)):
        with pytest.raises(octgemm.ArgumentError):
            ctx.kernels(shape)
    for shape in ((2**64 + 1, 1, 1), (-1, 1, 1), (1, 1)):
        with pytest.raises(ValueError):
            ctx.query(shape)
    with pytest.raises(ValueError):
        ctx.packed_size(2**64 + 1, 1)
    for look in (ctx.query, ctx.kernels):
        with pytest.raises(TypeError, match="D cannot be int8"):
            look((1, 1, 1), "i8")


def test_a_dropped_context_closes():
    gc.disable()
    try:
        ctx = octgemm.Context("cpu")
        a = np.ones((3, 70), np.int8)
        array, packed = ctx.upload(a), ctx.pack(a)
        ctx.run(array, packed, dtype="i32")  # with a workspace
        ctx.run(a, np.ones((50, 70), np.int8))
        alive = weakref.ref(ctx)
        del ctx
        assert alive() is not None and array.numpy().all()  # arrays keep it
        shared = np.from_dlpack(array)
        del array, packed
        assert alive() is not None and shared.all()  # and so do their consumers
        del shared
        assert alive() is None
    finally:
        gc.enable()


def test_a_context_is_one(ctx):
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="open another"):
            way(ctx)


def test_packed_after_close():
    ctx = octgemm.Context("cpu")
    packed = ctx.pack(np.ones((5, 4), np.int8))
    ctx.close()
    assert "5 x 4" in repr(packed)


def test_error_of_run(ctx):
    a = np.zeros((1, 131072), np.int8)
    with pytest.raises(ValueError, match="131071"):  # ArgumentError is a ValueError
        ctx.run(a, a)


def test_library_is_named(tmp_path):
    """$OCTGEMM_LIBRARY that cannot be loaded is an error that names it."""
    environment = dict(os.environ, OCTGEMM_LIBRARY=str(tmp_path / "liboctgemm.so.0"))
    program = "import octgemm; octgemm.backends()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode != 0 and str(tmp_path) in done.stderr


@pytest.mark.skipif(not ctypes.util.find_library("c"), reason="no other library is known")
def test_library_is_another():
    environment = dict(os.environ, OCTGEMM_LIBRARY=ctypes.util.find_library("c"))
    program = "import octgemm\ntry: octgemm.backends()\nexcept OSError as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert done.returncode == 0 and "libc" in done.stdout and "no octgemm" in done.stdout


def test_threads(ctx):
    """One context, threads with different sizes, each with workspaces of its own."""
    random = np.random.default_rng(1)
    jobs = []
    for size in (16, 33, 64, 90):
        a = random.integers(-128, 128, (size, 3 * size), np.int8)
        b = random.integers(-128, 128, (size, 3 * size), np.int8)
        jobs.append((a, b, model.product(a, b, za=3)))
    failures = []

    def work(first):
        for turn in range(8):
            a, b, expected = jobs[(first + turn) % len(jobs)]
            if not np.array_equal(ctx.run(a, b, za=3), expected):
                failures.append((first, turn))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_workspace_of_the_caller(ctx):
    """run() asks for what it needs and no more often."""
    asked = []

    def workspace(size):
        asked.append(size)
        return np.empty(size, np.int8)

    a = np.random.default_rng(2).integers(-128, 128, (50, 300), np.int8)
    model.assert_same(ctx.run(a, a, workspace=workspace), model.product(a, a))
    assert len(asked) <= 1 and all(asked)
