"""Memory of a context's device: what the library allocates, and arrays in it."""

from __future__ import annotations

import ctypes
import math
import operator
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple, Union

import numpy as np

from . import _arrays
from ._library import check, library

if TYPE_CHECKING:
    from .context import Context


class Memory:
    """Bytes from octgemm_alloc(), freed with this object or when its context closes.

    It does not keep the context: one that keeps memory of its own would never be dropped. Arrays do.
    """

    def __init__(self, context: "Context", size: int) -> None:
        out = ctypes.c_void_p()
        check(library().octgemm_alloc(context.handle, size, ctypes.byref(out)))
        self.pointer = out.value or 0
        self.size = size
        self._context = weakref.ref(context)
        context.allocated.add(self.pointer)

    def __del__(self) -> None:
        context = self._context() if hasattr(self, "_context") else None
        if context is not None and not sys.is_finalizing():
            context.free(self.pointer)


class Packed:
    """Weights packed for one context by Context.pack(). An n x k matrix to everyone else."""

    def __init__(
        self, context: "Context", n: int, k: int, memory: Union[Memory, _arrays.View]
    ) -> None:
        self.context, self.n, self.k, self.memory = context, n, k, memory
        self.nbytes = context.packed_size(n, k)

    @property
    def shape(self) -> Tuple[int, int]:
        return self.n, self.k

    def __repr__(self) -> str:
        return f"<octgemm.Packed {self.n} x {self.k}, {self.nbytes} bytes>"


class _Exported:
    """What NumPy takes for an array of the host, and keeps while a consumer has its DLPack tensor.

    NumPy never reads through the pointer; it makes the capsule and the functions that end it. They
    run while exceptions are on their way, which no callback of ctypes can.
    """

    def __init__(self, array: "DeviceArray") -> None:
        self.context, self.memory = array.context, array.memory
        bits = 8 * _arrays.ELEMENT_SIZES[array.element]
        self.__array_interface__ = {
            "version": 3,
            "data": (self.memory.pointer, False),
            "shape": array.shape,
            "typestr": np.dtype(f"int{bits}").str,
        }
        self.context.exports.add(id(self))

    def __del__(self) -> None:
        self.context.exports.discard(id(self))


class DeviceArray:
    """A row-major array in the memory of a context's device.

    For programs without torch or another array library for their GPU: Context.upload() makes one,
    numpy() reads it back, and any library that speaks DLPack takes it without a copy.
    """

    def __init__(self, context: "Context", shape: Tuple[int, ...], element: str) -> None:
        self.context = context
        self.shape = tuple(_arrays.whole(length, "a length", high=_arrays.MOST) for length in shape)
        self.element = element
        self.nbytes = math.prod(self.shape) * _arrays.ELEMENT_SIZES[element]
        _arrays.whole(self.nbytes, "the size", high=_arrays.MOST)
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

    def __dlpack__(
        self,
        *,
        stream: Optional[int] = None,
        max_version: Optional[Tuple[int, int]] = None,
        dl_device: Optional[Tuple[int, int]] = None,
        copy: Optional[bool] = None,
    ) -> Any:
        """A capsule of DLPack 0.8, which every max_version allows; the memory itself, here.

        Waits for the default stream, so no stream of the consumer has to (-1: does not wait); what
        was queued on others is the caller's to order.
        """
        kind, index = self.__dlpack_device__()
        if copy:
            raise BufferError("octgemm exports its memory, not a copy")
        if dl_device is not None and tuple(map(int, dl_device)) != (kind, index):
            raise BufferError(f"the array is on DLPack's device {kind, index}, not {dl_device}")
        if stream is None or operator.index(stream) != -1:
            check(library().octgemm_sync(self.context.handle, None))
        capsule = np.asarray(_Exported(self)).__dlpack__()
        tensor = _arrays.tensor_of(capsule)
        tensor.data = self.memory.pointer  # NumPy has its own for no elements
        tensor.device_type, tensor.device_id = kind, index
        code_of = {name: code for code, name in _arrays.DL_TYPES.items()}
        tensor.code, tensor.bits = code_of[self.element]
        return capsule

    def __repr__(self) -> str:
        return f"<octgemm.DeviceArray {self.shape} {self.element} on {self.context.place}>"


class Workspaces:
    """One workspace per thread and stream, kept and grown: operations that share one would clash."""

    def __init__(self) -> None:
        self._local = threading.local()

    def get(self, context: "Context", size: int, stream: Optional[int]) -> Memory:
        kept: Dict[Any, Memory] = self._local.__dict__
        memory = kept.get(stream)
        if memory is None or memory.size < size:
            if memory is not None:  # an operation on the stream may still use the old one
                check(library().octgemm_sync(context.handle, stream))
            memory = kept[stream] = Memory(context, size)
        return memory
