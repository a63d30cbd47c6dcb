"""Memory of a context's device: what the library allocates, and arrays in it."""

from __future__ import annotations

import ctypes
import sys
import threading
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple, Union

import numpy as np

from . import _arrays
from ._library import check, library

if TYPE_CHECKING:
    from .context import Context


class Memory:
    """Bytes from octgemm_alloc(), freed with this object or when its context closes."""

    def __init__(self, context: "Context", size: int) -> None:
        out = ctypes.c_void_p()
        check(library().octgemm_alloc(context.handle, size, ctypes.byref(out)))
        self.pointer = out.value or 0
        self.size = size
        self.context = context
        context.allocated.add(self.pointer)

    def __del__(self) -> None:
        if hasattr(self, "context") and not sys.is_finalizing():
            self.context.free(self.pointer)


class Packed:
    """Weights packed for one context by Context.pack(). An n x k matrix to everyone else."""

    def __init__(
        self, context: "Context", n: int, k: int, memory: Union[Memory, _arrays.View]
    ) -> None:
        self.context, self.n, self.k, self.memory = context, n, k, memory

    @property
    def shape(self) -> Tuple[int, int]:
        return self.n, self.k

    @property
    def nbytes(self) -> int:
        return self.context.packed_size(self.n, self.k)

    def __repr__(self) -> str:
        return f"<octgemm.Packed {self.n} x {self.k}, {self.nbytes} bytes>"


_DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_CAPSULE_DESTRUCTOR = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Managed(ctypes.Structure):
    """DLManagedTensor of dlpack.h."""

    _fields_ = [
        ("tensor", _arrays.DLTensor),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", _DELETER),
    ]


# What consumers of our DLPack tensors hold, by the address of its struct.
_exported: Dict[int, Tuple[_Managed, Any, Memory]] = {}


def exported(context: "Context") -> bool:
    """Whether a consumer holds memory of the context."""
    return any(memory.context is context for _managed, _sides, memory in list(_exported.values()))


@_DELETER
def _release(address: int) -> None:
    _exported.pop(address, None)


_name = b"dltensor"
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_IsValid", ctypes.pythonapi)
)
_pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_new_capsule = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, _CAPSULE_DESTRUCTOR
)(("PyCapsule_New", ctypes.pythonapi))


@_CAPSULE_DESTRUCTOR
def _drop_capsule(capsule: int) -> None:
    if _is_valid(capsule, _name):  # nobody consumed it, so nobody else will release it
        _release(_pointer_of(capsule, _name))


class DeviceArray:
    """A row-major array in the memory of a context's device.

    For programs without torch or another array library for their GPU: Context.upload() makes one,
    numpy() reads it back, and any library that speaks DLPack takes it without a copy.
    """

    def __init__(self, context: "Context", shape: Tuple[int, ...], element: str) -> None:
        self.context = context
        self.shape = tuple(int(length) for length in shape)
        self.element = element
        count = int(np.prod(self.shape, dtype=np.int64))
        self.nbytes = count * _arrays.ELEMENT_SIZES[element]
        self.memory = Memory(context, self.nbytes)

    def numpy(self, stream: Optional[int] = None) -> "np.ndarray[Any, Any]":
        """A copy on the host, once what is queued on the stream is done."""
        out = np.empty(self.shape, _arrays.numpy_dtype(self.element))
        handle, lib = self.context.handle, library()
        check(
            lib.octgemm_download(handle, out.ctypes.data, self.memory.pointer, self.nbytes, stream)
        )
        check(lib.octgemm_sync(handle, stream))
        return out

    def __dlpack_device__(self) -> Tuple[int, int]:
        kind, index = self.context.place
        return {"cpu": 1, "cuda": 2, "hip": 10}[kind], index

    def __dlpack__(self, *, stream: Optional[int] = None, **_newer: Any) -> Any:
        """Waits for the default stream: what was queued on others is the caller's to order."""
        check(library().octgemm_sync(self.context.handle, None))
        kind, index = self.__dlpack_device__()
        sides = ctypes.c_int64 * len(self.shape)
        lengths, strides = sides(*self.shape), sides(*_arrays.row_major(self.shape))
        code, bits = {name: code for code, name in _arrays.DL_TYPES.items()}[self.element]
        managed = _Managed(deleter=_release)
        managed.tensor = _arrays.DLTensor(
            data=self.memory.pointer,
            device_type=kind,
            device_id=index,
            ndim=len(self.shape),
            code=code,
            bits=bits,
            lanes=1,
            shape=lengths,
            strides=strides,
        )
        address = ctypes.addressof(managed)
        _exported[address] = (managed, (lengths, strides), self.memory)
        return _new_capsule(address, _name, _drop_capsule)

    def __repr__(self) -> str:
        return f"<octgemm.DeviceArray {self.shape} {self.element} on {self.context.place}>"


class Workspaces:
    """One workspace per thread and stream, kept and grown: operations that share one would clash."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._local = threading.local()

    def get(self, size: int, stream: Optional[int]) -> Memory:
        kept: Dict[Any, Memory] = self._local.__dict__
        memory = kept.get(stream)
        if memory is None or memory.size < size:
            if memory is not None:  # an operation on the stream may still use the old one
                check(library().octgemm_sync(self._context.handle, stream))
            memory = kept[stream] = Memory(self._context, size)
        return memory
