"""Context.run() and pack() against the model: types, modes, strides, packed weights."""

import itertools
import sys

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import model
import numpy as np
import pytest
from hypothesis import given

import octgemm

ELEMENTS = ("f32", "f16", "bf16", "i32")
BIASES = (None, "f32", "f16", "bf16")


@pytest.fixture(scope="module")
def both():
    """For hypothesis, which draws from within a test."""
    with octgemm.Context("cpu") as cpu, octgemm.Context("ref") as ref:
        yield {"cpu": cpu, "ref": ref}


def bias_array(values, element):
    return None if element is None else model.convert(np.asarray(values, np.float32), element)


def strided(matrix, gap):
    """The same matrix with its rows `gap` elements further apart."""
    wide = np.full((matrix.shape[0], matrix.shape[1] + gap), 77, matrix.dtype)
    wide[:, : matrix.shape[1]] = matrix
    return wide[:, : matrix.shape[1]]


@pytest.mark.parametrize("element,bias", list(itertools.product(ELEMENTS, BIASES)))
def test_types(ctx, element, bias):
    random = np.random.default_rng(1)
    a = random.integers(-128, 128, (9, 70), np.int8)
    b = random.integers(-128, 128, (21, 70), np.int8)
    sa, sb = random.normal(size=9).astype(np.float32), random.normal(size=21).astype(np.float32)
    za = random.integers(-128, 128, 9, np.int32)
    values = bias_array(random.normal(size=21) * 100, bias)
    for zero in (None, za):
        expected = model.product(a, b, sa, sb, zero, values, element)
        model.assert_same(ctx.run(a, b, sa, sb, za=zero, bias=values, dtype=element), expected)


def test_modes(ctx):
    random = np.random.default_rng(2)
    a = random.integers(-128, 128, (6, 40), np.int8)
    b = random.integers(-128, 128, (11, 40), np.int8)
    rows_a, rows_b = random.random((6, 1), np.float32), random.random((1, 11), np.float32)
    zeros = random.integers(-128, 128, (6, 1), np.int32)
    one = np.float32(0.125)
    for sa in (None, rows_a, one, 0.125, np.array([one])):
        for sb in (None, rows_b, one, 3):
            for za in (None, zeros, -5, np.array(-5, np.int32)):
                model.assert_same(ctx.run(a, b, sa, sb, za=za), model.product(a, b, sa, sb, za))


# Any float at all, NaN and infinities among them.
floats = hnp.from_dtype(np.dtype(np.float32), allow_nan=True, allow_infinity=True)


@given(
    data=st.data(),
    backend=st.sampled_from(["cpu", "ref"]),
    m=st.integers(0, 40),
    n=st.integers(0, 40),
    k=st.integers(0, 150),
    element=st.sampled_from(ELEMENTS),
    bias=st.sampled_from(BIASES),
    gaps=st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
    packed=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_any(both, data, backend, m, n, k, element, bias, gaps, packed, seed):
    ctx = both[backend]
    random = np.random.default_rng(seed)
    a = strided(random.integers(-128, 128, (m, k), np.int8), gaps[0])
    b = strided(random.integers(-128, 128, (n, k), np.int8), gaps[1])
    sa = data.draw(st.none() | hnp.arrays(np.float32, st.sampled_from([m, 1]), elements=floats))
    sb = data.draw(st.none() | hnp.arrays(np.float32, st.sampled_from([n, 1]), elements=floats))
    za = data.draw(
        st.none() | hnp.arrays(np.int32, st.sampled_from([m, 1]), elements=st.integers(-128, 127))
    )
    values = bias_array(data.draw(hnp.arrays(np.float32, n, elements=floats)), bias)
    expected = model.product(a, b, sa, sb, za, values, element)
    dtype = {"f32": np.float32, "f16": np.float16, "bf16": np.uint16, "i32": np.int32}[element]
    out = strided(np.zeros((m, n), dtype), gaps[2])
    weight = ctx.pack(b) if packed else b
    assert ctx.run(a, weight, sa, sb, za=za, bias=values, out=out) is out
    model.assert_same(out, expected)
    assert np.all(out.base[:, n:] == 77)  # the gaps are untouched


def test_layer(ctx):
    """A shape with whole tiles, remainders and several blocks of k."""
    if ctx.info.backend == "ref":
        pytest.skip("slow")
    random = np.random.default_rng(3)
    a = random.integers(-128, 128, (130, 4100), np.int8)
    b = random.integers(-128, 128, (515, 4100), np.int8)
    expected = model.product(a, b, 0.01, 0.02, None, None, "bf16")
    model.assert_same(ctx.run(a, b, 0.01, 0.02, dtype="bf16"), expected)
    model.assert_same(ctx.run(a, ctx.pack(b), 0.01, 0.02, dtype="bf16"), expected)


def test_extreme_k(ctx):
    a, b = np.full((1, 131071), -128, np.int8), np.full((2, 131071), -128, np.int8)
    assert ctx.run(a, b, dtype="i32").tolist() == [[131071 * 16384] * 2]


def test_bfloat16_arrays(ctx):
    """With ml_dtypes D is an array of its bfloat16, and the bias may be one."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    a, b = np.ones((2, 3), np.int8), np.ones((4, 3), np.int8)
    bias = np.array([1, 2, 3, 4], ml_dtypes.bfloat16)
    out = ctx.run(a, b, bias=bias, dtype=ml_dtypes.bfloat16)
    assert out.dtype == ml_dtypes.bfloat16
    assert out.astype(np.float32).tolist() == [[4, 5, 6, 7]] * 2


def test_bfloat16_without_ml_dtypes(ctx, monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)  # importing it fails
    out = ctx.run(np.ones((1, 3), np.int8), np.ones((2, 3), np.int8), dtype="bf16")
    assert out.dtype == np.uint16 and out.tolist() == [[0x4040, 0x4040]]
