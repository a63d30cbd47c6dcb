"""What is taken as an array, what is refused, and that nothing is copied."""

import fractions
import gc

import model
import numpy as np
import pytest

import octgemm
from octgemm import _arrays

A = np.arange(12, dtype=np.int8).reshape(3, 4)
B = np.arange(20, dtype=np.int8).reshape(5, 4)


class OnlyDLPack:
    """An array of some other library."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **keywords):
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack_in(ctx):
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    wide = np.zeros((3, 7), np.int8)
    wide[:, :4] = A
    d = ctx.run(OnlyDLPack(wide[:, :4]), OnlyDLPack(B), OnlyDLPack(x[:, 0].copy()))
    model.assert_same(d, model.product(A, B, x[:, 0]))
    model.assert_same(ctx.quantize(OnlyDLPack(x)).q, model.quantize(x)[0])
    out = np.zeros((3, 5), np.float32)
    ctx.run(A, B, out=OnlyDLPack(out))
    model.assert_same(out, model.product(A, B))


def test_device_arrays(ctx):
    a, b = ctx.upload(A), ctx.upload(B)
    d = ctx.run(a, b, dtype="f16")
    assert isinstance(d, octgemm.DeviceArray) and d.shape == (3, 5) and d.nbytes == 30
    model.assert_same(d.numpy(), model.product(A, B, element="f16"))
    shared = np.from_dlpack(d)
    ctx.run(a, b, ctx.upload(np.array([2], np.float32)), out=d)
    model.assert_same(shared, model.product(A, B, 2, element="f16"))  # the same memory
    packed = ctx.pack(b)
    assert packed.shape == (5, 4) and packed.nbytes > 0
    model.assert_same(ctx.run(a, packed).numpy(), model.product(A, B))


def test_dlpack_out_outlives_its_array():
    with octgemm.Context("cpu") as ctx:
        shared = np.from_dlpack(ctx.upload(B))
        unused = ctx.upload(B).__dlpack__()
        gc.collect()
        model.assert_same(shared, B)
        with pytest.raises(BufferError):
            ctx.close()
        del shared, unused
        gc.collect()


def test_dlpack_that_the_consumer_refuses():
    """Its own error arrives, and nothing of the array is left."""
    with octgemm.Context("cpu") as ctx:
        array = ctx.empty((2, 2), "bf16")
        with pytest.raises((BufferError, RuntimeError), match="(?i)dtype|type"):
            np.from_dlpack(array)
        gc.collect()  # a traceback may hold the capsule
        assert len(ctx.allocated) == 1
        ctx.close()


def test_dlpack_arguments():
    with octgemm.Context("cpu") as ctx:
        array = ctx.upload(B)
        here = array.__dlpack_device__()
        for stream in (None, -1):
            array.__dlpack__(stream=stream, max_version=(1, 0), dl_device=here, copy=False)
        for refused in ({"copy": True}, {"dl_device": (2, 0)}, {"dl_device": (1, 1)}):
            with pytest.raises(BufferError):
                array.__dlpack__(**refused)
        with pytest.raises(TypeError):
            array.__dlpack__(stream="default")
        for shape in ((), (0, 3), (2, 3, 4)):
            assert np.from_dlpack(ctx.empty(shape, "i8")).shape == shape


def test_dlpack_of_a_device(monkeypatch):
    """What the capsule says of memory that the host cannot read."""
    with octgemm.Context("cpu") as ctx:
        array = ctx.empty((2, 3), "bf16")
        monkeypatch.setattr(ctx, "place", ("hip", 3))
        capsule = array.__dlpack__(dl_device=(10, 3))
        seen = _arrays.tensor_of(capsule)
        assert (seen.device_type, seen.device_id, seen.data) == (10, 3, array.memory.pointer)
        assert (seen.code, seen.bits, seen.lanes, seen.ndim) == (4, 16, 1, 2)
        assert seen.shape[:2] == [2, 3]
        assert not seen.strides or seen.strides[:2] == [3, 1]
        del seen, capsule


def test_upload(ctx):
    with pytest.raises(TypeError, match="byte order"):
        ctx.upload(np.arange(4, dtype=np.int32).astype(np.dtype("i4").newbyteorder()))
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    model.assert_same(ctx.upload(values.T).numpy(), values.T)


def test_empty(ctx):
    assert ctx.empty(np.int64(4)).shape == (4,)
    assert ctx.empty([2, np.int32(3)]).shape == (2, 3)
    for shape in (-1, (2, -3), (2**32, 2**32), (2**63,), 2**64 + 1, (2**31, 2**31, 2**2)):
        with pytest.raises(ValueError, match="not between"):
            ctx.empty(shape, "i8")
    with pytest.raises(TypeError):
        ctx.empty((1.5, 2))


@pytest.mark.parametrize(
    "change,error",
    [
        ({"za": 1.9}, TypeError),
        ({"za": "3"}, TypeError),
        ({"za": np.float32(3)}, TypeError),
        ({"za": 2**31}, ValueError),
        ({"za": np.int64(-(2**31) - 1)}, ValueError),
        ({"sa": 1j}, TypeError),
        ({"sa": np.complex64(2)}, TypeError),
        ({"sa": np.str_("2")}, TypeError),
        ({"sb": "2"}, TypeError),
    ],
)
def test_numbers_refused(ctx, change, error):
    (name,) = change
    with pytest.raises(error, match=f"{name} is|integer"):
        ctx.run(A, B, **change)


def test_numbers(ctx):
    for two in (2, 2.0, np.float64(2), np.int8(2), np.float16(2), fractions.Fraction(2)):
        model.assert_same(ctx.run(A, B, two), model.product(A, B, 2))
    for three in (3, np.int64(3), np.uint8(3)):
        model.assert_same(ctx.run(A, B, za=three), model.product(A, B, za=3))
    model.assert_same(ctx.quantize(A.astype(np.float32), scale=2).q, ctx.quantize(
        A.astype(np.float32), scale=np.full(1, 2, np.float32)).q)  # fmt: skip


def test_bfloat16_number(ctx):
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    model.assert_same(ctx.run(A, B, bfloat16(2)), model.product(A, B, 2))


def test_names_of_the_caller(ctx):
    names = {"a": "x", "b": "weight", "sa": "x_scale"}
    with pytest.raises(ValueError, match="x is 3 x 4 and weight is 5 x 3"):
        ctx.run(A, B[:, :3], names=names)
    with pytest.raises(ValueError, match="x_scale has 2 values"):
        ctx.run(A, B, np.ones(2, np.float32), names=names)


@pytest.mark.parametrize(
    "change,error,words",
    [
        ({"a": A.T[:, :2]}, ValueError, "stride 4 along its last dimension"),
        ({"a": A[:, ::-1]}, ValueError, "stride -1 along its last dimension"),
        ({"a": A[::-1]}, ValueError, "rows -4 elements apart"),
        ({"a": np.broadcast_to(A[0], (3, 4))}, ValueError, "rows 0 elements apart"),
        ({"a": A[0]}, ValueError, "1 dimensions"),
        ({"a": A.astype(np.int32)}, TypeError, "a is int32, not int8"),
        ({"a": A.astype(np.complex64)}, TypeError, "complex64"),
        ({"a": A.tolist()}, TypeError, "a is list"),
        ({"b": B[:, :3]}, ValueError, "a is 3 x 4 and b is 5 x 3"),
        ({"sa": np.ones(2, np.float32)}, ValueError, "sa has 2 values, 3 or one"),
        ({"sa": np.ones(3)}, TypeError, "float64"),
        ({"sa": np.ones(6, np.float32)[::2]}, ValueError, "sa has stride 2"),
        ({"sb": np.ones((5, 5), np.float32)}, ValueError, "sb has shape"),
        ({"sb": np.ones(5, ">f4")}, TypeError, "byte order"),
        ({"za": np.ones(3, np.float32)}, TypeError, "za is float32, not int32"),
        ({"bias": np.ones(1, np.float32)}, ValueError, "bias has 1 values, 5"),
        ({"bias": np.ones(5, np.int32)}, TypeError, "bias is int32"),
        ({"out": np.ones((5, 3), np.float32)}, ValueError, "out is 5 x 3, D is 3 x 5"),
        ({"out": np.ones((3, 5), np.int8)}, TypeError, "D cannot be int8"),
        ({"out": np.ones((3, 5), np.float32), "dtype": "f16"}, TypeError, "out is float32, not"),
        ({"dtype": "f64"}, TypeError, "f64"),
    ],
)
def test_refused(ctx, change, error, words):
    with pytest.raises(error, match=words):
        ctx.run(**{"a": A, "b": B, **change})


def test_read_only(ctx):
    out = np.zeros((3, 5), np.float32)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        ctx.run(A, B, out=out)
    a = A.copy()
    a.flags.writeable = False  # as an input it is welcome
    ctx.run(a, B)


def test_quantize_refused(ctx):
    x = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match="zero points"):
        ctx.quantize(x, symmetric=False, scale=1.0)
    with pytest.raises(ValueError, match="2 values"):
        ctx.quantize(x, scale=np.ones(2, np.float32))
    with pytest.raises(TypeError, match="x is int8"):
        ctx.quantize(A)
    with pytest.raises(ValueError, match="out is 3 x 4, x is 2 x 3"):
        ctx.quantize(x, out=A.copy())


def test_packed_belongs_to_its_context():
    with octgemm.Context("cpu") as one, octgemm.Context("cpu") as other:
        packed = one.pack(B)
        with pytest.raises(ValueError, match="another context"):
            other.run(A, packed)


def test_rows_far_apart_and_single_rows(ctx):
    wide = np.zeros((6, 100), np.int8)
    wide[::2, 50:54] = A
    model.assert_same(ctx.run(wide[::2, 50:54], B), model.product(A, B))
    model.assert_same(ctx.run(A[:1], B[::5]), model.product(A[:1], B[:1]))
    column = A[:, 1:2]  # k = 1: the stride along the last dimension means nothing
    model.assert_same(ctx.run(column, column), model.product(column, column))
