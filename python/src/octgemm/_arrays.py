"""What the library needs to know of an array, whoever made it: pointer, shape, strides, element, device.

NumPy arrays and torch tensors are asked directly, everything else through DLPack. Nothing is copied.
"""

from __future__ import annotations

import ctypes
import operator
import sys
from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np

Device = Tuple[str, int]  # ("cpu", 0), ("cuda", index), ("hip", index)
HOST: Device = ("cpu", 0)
MOST = 2**63 - 1  # of what the library counts in int64_t

ELEMENT_SIZES: Dict[str, int] = {"int8": 1, "int32": 4, "float32": 4, "float16": 2, "bfloat16": 2}
# NumPy has no bfloat16 of its own: without ml_dtypes its bits travel as uint16.
_SAME_BITS = {"uint16": "bfloat16"}

# The structs of dlpack.h, version 0.8, and its codes.
DL_TYPES: Dict[Tuple[int, int], str] = {
    (0, 8): "int8",
    (0, 32): "int32",
    (1, 16): "uint16",
    (2, 16): "float16",
    (2, 32): "float32",
    (4, 16): "bfloat16",
}
DL_DEVICES = {1: "cpu", 2: "cuda", 3: "cpu", 10: "hip", 11: "cpu", 13: "cuda"}


class DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class View(NamedTuple):
    """An array as the library sees it. Strides count elements."""

    pointer: int
    shape: Tuple[int, ...]
    strides: Tuple[int, ...]
    element: str
    device: Device
    owner: Any  # keeps the memory alive
    writable: bool = True


def whole(value: Any, name: str, low: int = 0, high: int = 2**31 - 1) -> int:
    """A whole number that C's type holds: ctypes would wrap a larger one around."""
    number = operator.index(value)
    if not low <= number <= high:
        raise ValueError(f"{name} is {number}, not between {low} and {high}")
    return number


def _known(element: str, name: str) -> str:
    element = _SAME_BITS.get(element, element)
    if element not in ELEMENT_SIZES:
        raise TypeError(f"{name} has elements of type {element}, which octgemm does not have")
    return element


def row_major(shape: Tuple[int, ...]) -> Tuple[int, ...]:
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


def _of_numpy(array: np.ndarray[Any, Any], name: str) -> View:
    if not array.dtype.isnative:
        raise TypeError(f"{name} has elements in the other byte order")
    size = array.dtype.itemsize
    if any(stride % size for stride in array.strides):
        raise ValueError(f"{name} has a stride that is no multiple of its elements")
    strides = tuple(stride // size for stride in array.strides)
    element = _known(array.dtype.name, name)
    return View(
        array.ctypes.data, array.shape, strides, element, HOST, array, array.flags.writeable
    )


def is_torch(array: object) -> bool:
    """Whether array is a torch tensor; does not import torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def _of_torch(tensor: Any, name: str) -> View:
    if tensor.is_neg():  # its memory has the values without their sign
        raise TypeError(f"{name} is a lazy negative: pass {name}.resolve_neg()")
    kind = tensor.device.type
    if kind == "cuda" and sys.modules["torch"].version.hip:
        kind = "hip"
    element = _known(str(tensor.dtype).rpartition(".")[2], name)
    device = HOST if kind == "cpu" else (kind, tensor.device.index)
    return View(
        tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()), element, device, tensor
    )


_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype, _get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def tensor_of(capsule: Any) -> DLTensor:
    """The struct in a capsule of DLPack, alive as long as the capsule."""
    return DLTensor.from_address(_get_pointer(capsule, b"dltensor"))


def _of_dlpack(array: Any, name: str, stream: Optional[int]) -> View:
    kind, index = array.__dlpack_device__()
    backend = DL_DEVICES.get(int(kind))
    if backend is None:
        raise TypeError(f"{name} is on a device of DLPack's type {int(kind)}, which octgemm has not")
    if backend == "cpu":
        capsule = array.__dlpack__()
    else:  # the exporter makes our stream wait for its own; 1 and 0 are the default streams
        capsule = array.__dlpack__(stream=stream or {"cuda": 1, "hip": 0}[backend])
    # The capsule is not consumed: it frees its tensor when the View goes.
    tensor = tensor_of(capsule)
    shape = tuple(tensor.shape[: tensor.ndim])
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides else row_major(shape)
    element = DL_TYPES.get((tensor.code, tensor.bits), f"{tensor.code}:{tensor.bits}")
    if tensor.lanes != 1:
        raise TypeError(f"{name} has vectors as elements")
    return View(
        (tensor.data or 0) + tensor.byte_offset,
        shape,
        strides,
        _known(element, name),
        HOST if backend == "cpu" else (backend, int(index)),
        (array, capsule),
    )


def view(array: Any, name: str, stream: Optional[int] = None) -> View:
    """The View of a NumPy array, a torch tensor, or anything that speaks DLPack."""
    if isinstance(array, np.ndarray):
        return _of_numpy(array, name)
    if is_torch(array):
        return _of_torch(array, name)
    if hasattr(array, "__dlpack__"):
        return _of_dlpack(array, name, stream)
    raise TypeError(f"{name} is {type(array).__name__}: no NumPy array, no torch tensor, no DLPack")


class Matrix(NamedTuple):
    """A View that is a matrix with its rows in one piece."""

    view: View
    rows: int
    columns: int
    ld: int


def matrix(array: Any, name: str, stream: Optional[int] = None) -> Matrix:
    """Checks that array is a matrix whose rows are contiguous; the rows may lie apart."""
    seen = view(array, name, stream)
    if len(seen.shape) != 2:
        raise ValueError(f"{name} has {len(seen.shape)} dimensions, 2 are needed")
    rows, columns = seen.shape
    if columns > 1 and rows > 0 and seen.strides[1] != 1:
        raise ValueError(
            f"{name} has stride {seen.strides[1]} along its last dimension, 1 is needed: "
            "copy it (numpy.ascontiguousarray, tensor.contiguous()) or pass the transposed array"
        )
    # One row, or none: its stride means nothing, and exporters may say anything.
    ld = seen.strides[0] if rows > 1 and columns > 0 else columns
    if ld < columns:
        raise ValueError(f"{name} has rows {ld} elements apart that are {columns} long")
    return Matrix(seen, rows, columns, ld)


def vector(array: Any, name: str, stream: Optional[int] = None) -> Tuple[View, int]:
    """Checks that array is one contiguous run, such as shape (m,), (m, 1) or (); and its length."""
    seen = view(array, name, stream)
    length = int(np.prod(seen.shape, dtype=np.int64))
    long_sides = [side for side in zip(seen.shape, seen.strides) if side[0] != 1]
    if len(long_sides) > 1:
        raise ValueError(f"{name} has shape {seen.shape}, a vector is needed")
    if length > 1 and long_sides[0][1] != 1:
        raise ValueError(f"{name} has stride {long_sides[0][1]}, a contiguous vector is needed")
    return seen, length


def element_name(dtype: Any) -> str:
    """The element that "bf16", "bfloat16", numpy.float16, torch.bfloat16 ... name."""
    short = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "i32": "int32", "i8": "int8"}
    text = dtype if isinstance(dtype, str) else None
    if text is None and str(dtype).startswith("torch."):
        text = str(dtype)[len("torch.") :]
    text = short.get(text, text) if text is not None else np.dtype(dtype).name
    return _known(text, "dtype")


def numpy_dtype(element: str) -> np.dtype[Any]:
    """The NumPy type of an element: for bfloat16 that of ml_dtypes, else uint16."""
    if element != "bfloat16":
        return np.dtype(element)
    try:
        import ml_dtypes
    except ImportError:
        return np.dtype("uint16")
    found: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return found
