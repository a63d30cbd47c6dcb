"""octgemm-numerics(7) in NumPy, written from the text and sharing nothing with the library.

Every float32 operation is one NumPy call, so each is rounded on its own. bfloat16 is handled as its
bits (uint16): NumPy does not have it.
"""

import numpy as np


def to_bfloat16(f):
    """float32 to bfloat16 bits, to nearest even; a NaN stays one."""
    bits = np.ascontiguousarray(f, np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return np.where(np.isnan(f), 0x7FC0, rounded).astype(np.uint16)


def from_bfloat16(bits):
    return (np.asarray(bits, np.uint32) << 16).view(np.float32)


def convert(f, element):
    if element == "bf16":
        return to_bfloat16(f)
    with np.errstate(over="ignore"):
        return f.astype({"f32": np.float32, "f16": np.float16}[element])


def as_float(values):
    """float32 of what a test may pass as bias or x; uint16 is bfloat16."""
    values = np.asarray(values)
    return from_bfloat16(values) if values.dtype == np.uint16 else values.astype(np.float32)


def product(a, b, sa=None, sb=None, za=None, bias=None, element="f32"):
    with np.errstate(all="ignore"):
        sums = a.astype(np.int64) @ b.astype(np.int64).T
        if za is not None:
            columns = b.astype(np.int64).sum(axis=1)
            sums = sums - np.reshape(za, (-1, 1)).astype(np.int64) * columns
        sums = sums.astype(np.uint64).astype(np.uint32).view(np.int32)  # modulo 2^32
        if element == "i32":
            return sums
        f = sums.astype(np.float32)
        if sa is not None:
            f = f * np.asarray(sa, np.float32).reshape(-1, 1)
        if sb is not None:
            f = f * np.asarray(sb, np.float32).reshape(1, -1)
        if bias is not None:
            f = f + as_float(bias)
        assert f.dtype == np.float32
        return convert(f, element)


def _row(x, symmetric):
    """(scale, zero, q) of one float32 row."""
    one, zeros = np.float32(1), np.zeros(x.shape, np.int8)
    if not np.all(np.isfinite(x)):
        return np.float32("nan"), 0, zeros
    zero = np.float32(0)
    if symmetric:
        low, reach, steps = zero, np.max(np.abs(x), initial=zero), np.float32(127)
    else:
        low, high = np.min(x, initial=zero), np.max(x, initial=zero)
        reach, steps = high - low, np.float32(255)
    if reach < np.float32(2.0**-100):
        return one, 0, zeros
    scale, inverse = reach / steps, steps / reach
    if symmetric:
        return scale, 0, np.clip(np.rint(x * inverse), -127, 127).astype(np.int8)
    z = np.clip(np.rint(np.float32(-128) - low * inverse), -128, 127)
    q = np.clip(np.rint(x * inverse) + z, -128, 127)
    return scale, int(z), q.astype(np.int8)


def quantize(x, symmetric=True):
    with np.errstate(all="ignore"):
        rows = [_row(row, symmetric) for row in as_float(x)]
    scales = np.array([row[0] for row in rows], np.float32)
    zeros = np.array([row[1] for row in rows], np.int32)
    return np.array([row[2] for row in rows], np.int8).reshape(x.shape), scales, zeros


def quantize_static(x, scale):
    with np.errstate(all="ignore"):
        steps = np.rint(as_float(x) / np.float32(scale))
    return np.where(np.isnan(steps), 0, np.clip(steps, -128, 127)).astype(np.int8)


def bits(values):
    """The bits of an array, every NaN made the same one."""
    values = np.ascontiguousarray(values)
    raw = values.view({1: np.uint8, 2: np.uint16, 4: np.uint32}[values.dtype.itemsize])
    if values.dtype.kind == "f":
        nan = np.isnan(values)
    elif values.dtype.kind in "Vu" and values.dtype.itemsize == 2:  # bfloat16, either way
        nan = (raw & 0x7FFF) > 0x7F80
    else:
        return raw
    return np.where(nan, 0xFFFF if values.dtype.itemsize == 2 else 0xFFFFFFFF, raw)


def assert_same(got, expected):
    assert got.shape == expected.shape
    np.testing.assert_array_equal(bits(got), bits(expected))
