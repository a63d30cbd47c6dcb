"""Context on every GPU backend that can run here, without torch.

LD_LIBRARY_PATH=BUILD/tests/sim puts the simulated AMD GPU of the C tests in the place of one.
"""

import model
import numpy as np
import pytest

import octgemm

BACKENDS = [
    row.backend for row in octgemm.backends() if row.kernel and row.backend not in ("cpu", "ref")
]

pytestmark = pytest.mark.skipif(not BACKENDS, reason="no GPU backend can run here")


@pytest.fixture(params=dict.fromkeys(BACKENDS))
def gpu(request):
    with octgemm.Context(request.param) as context:
        yield context


def numpy(array):
    """The values of a DeviceArray; bfloat16 as bits, whether ml_dtypes is there or not."""
    host = array.numpy()
    return host.view(np.uint16) if array.element == "bfloat16" else host


@pytest.mark.parametrize("element", ["f32", "f16", "bf16", "i32"])
def test_run(gpu, element):
    random = np.random.default_rng(1)
    a = random.integers(-128, 128, (5, 70), np.int8)
    b = random.integers(-128, 128, (9, 70), np.int8)
    sa, sb = random.random(5, np.float32), random.random(9, np.float32)
    za = random.integers(-128, 128, 5, np.int32)
    bias = random.normal(size=9).astype(np.float16)
    expected = model.product(a, b, sa, sb, za, bias, element)
    up = gpu.upload
    weight = up(b)
    for rows in (weight, gpu.pack(weight)):
        d = gpu.run(up(a), rows, up(sa), up(sb), za=up(za), bias=up(bias), dtype=element)
        assert isinstance(d, octgemm.DeviceArray)
        model.assert_same(numpy(d), expected)
    assert weight.__dlpack_device__()[0] in (2, 10)


@pytest.mark.parametrize("symmetric", [True, False])
def test_quantize(gpu, symmetric):
    x = np.random.default_rng(2).normal(size=(4, 100)).astype(np.float32)
    q, scales, zeros = model.quantize(x, symmetric)
    found = gpu.quantize(gpu.upload(x), symmetric=symmetric)
    model.assert_same(found.q.numpy(), q)
    model.assert_same(found.scale.numpy(), scales)
    if not symmetric:
        model.assert_same(found.zero.numpy(), zeros)


def test_host_memory_is_refused(gpu):
    a = np.ones((2, 3), np.int8)
    with pytest.raises(ValueError, match="a is on .'cpu', 0."):
        gpu.run(a, a)
    with pytest.raises(TypeError, match="upload"):
        gpu.run(gpu.upload(a), gpu.upload(a), 0.5)
