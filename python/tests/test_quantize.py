"""Context.quantize() against the model."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import model
import numpy as np
import pytest
from hypothesis import given

import octgemm

FLOATS = ("f32", "f16", "bf16")


@pytest.fixture(scope="module")
def both():
    with octgemm.Context("cpu") as cpu, octgemm.Context("ref") as ref:
        yield {"cpu": cpu, "ref": ref}


def check(ctx, x):
    for symmetric in (True, False):
        q, scales, zeros = model.quantize(x, symmetric)
        found = ctx.quantize(x, symmetric=symmetric)
        model.assert_same(found.q, q)
        model.assert_same(found.scale, scales)
        if symmetric:
            assert found.zero is None
        else:
            model.assert_same(found.zero, zeros)


@pytest.mark.parametrize("element", FLOATS)
def test_random(ctx, element):
    random = np.random.default_rng(1)
    rows = random.normal(size=(7, 333)) * np.exp(random.normal(size=(7, 1)) * 4)
    check(ctx, model.convert(rows.astype(np.float32), element))


@pytest.mark.parametrize("element", FLOATS)
def test_special_rows(ctx, element):
    rows = np.array(
        [[0, 0, 0], [1, np.nan, 2], [np.inf, 1, 1], [1, 2, -np.inf], [2.0**-101, 0, 0],
         [2.0**-99, 0, -0.0], [3e38, -3e38, 1], [5, 6, 7], [-5, -6, -7]], np.float32,
    )  # fmt: skip
    check(ctx, model.convert(rows, element))


@given(
    backend=st.sampled_from(["cpu", "ref"]),
    x=hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 4), st.integers(0, 70)),
        elements=hnp.from_dtype(np.dtype(np.float32)),
    ),
    element=st.sampled_from(FLOATS),
)
def test_any(both, backend, x, element):
    check(both[backend], model.convert(x, element))


@given(
    backend=st.sampled_from(["cpu", "ref"]),
    x=hnp.arrays(np.float32, (2, 37), elements=hnp.from_dtype(np.dtype(np.float32))),
    scale=hnp.from_dtype(np.dtype(np.float32)),
    element=st.sampled_from(FLOATS),
)
def test_static(both, backend, x, scale, element):
    x = model.convert(x, element)
    model.assert_same(both[backend].quantize(x, scale=scale).q, model.quantize_static(x, scale))


def test_strides(ctx):
    x = np.random.default_rng(2).normal(size=(5, 20)).astype(np.float32)
    q = np.full((5, 9), 99, np.int8)
    assert ctx.quantize(x[::2, 3:11], out=q[:3, :8]).q.base is q
    model.assert_same(q[:3, :8], model.quantize(x[::2, 3:11])[0])
    assert np.all(q[3:] == 99) and np.all(q[:, 8] == 99)


def test_then_multiply(ctx):
    """Asymmetric activations through to D, and near the product in floats."""
    random = np.random.default_rng(3)
    x = random.random((4, 256), np.float32) + 0.5
    w = random.normal(size=(6, 256)).astype(np.float32)
    q, sa, za = ctx.quantize(x, symmetric=False)
    weight, sb, _zero = ctx.quantize(w)
    d = ctx.run(q, weight, sa, sb, za=za)
    model.assert_same(d, model.product(q, weight, sa, sb, za))
    np.testing.assert_allclose(d, x @ w.T, atol=0.02 * np.abs(x @ w.T).max())
