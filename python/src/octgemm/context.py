"""Context: a backend opened on a device, with NumPy arrays, torch tensors or DLPack in and out."""

from __future__ import annotations

import ctypes
import numbers
import operator
import sys
from ctypes import byref, c_size_t, c_void_p
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Set, Tuple, Union

import numpy as np

from . import _arrays
from ._arrays import MOST, View, matrix, vector, whole
from ._library import (
    B_PACKED,
    SCALE_ROW,
    SCALE_TENSOR,
    Args,
    Element,
    InfoStruct,
    QuantizeArgs,
    Status,
    check,
    library,
)
from ._memory import DeviceArray, Memory, Packed, Workspaces

# Elements of D, of the bias and of what is quantised, as the library numbers them.
ELEMENTS = {
    "float32": Element.F32,
    "float16": Element.F16,
    "bfloat16": Element.BF16,
    "int32": Element.I32,
}
FLOATS = ("float32", "float16", "bfloat16")
HOST_BACKENDS = ("cpu", "ref")


class Info(NamedTuple):
    """octgemm_info: what the library says of a backend, a context or a kernel."""

    backend: str
    device: str
    arch: str
    kernel: str
    reason: str


class Quantized(NamedTuple):
    """What Context.quantize() returns: x is about (q - zero) * scale. zero is None if symmetric."""

    q: Any
    scale: Any
    zero: Any


def _info(struct: InfoStruct) -> Info:
    return Info(*(getattr(struct, field).decode() for field in Info._fields))


def _d_type(element: str) -> Element:
    if element not in ELEMENTS:
        raise TypeError(f"D cannot be {element}")
    return ELEMENTS[element]


def _is_bfloat16(value: Any) -> bool:
    """Whether it is a number of ml_dtypes, which Python does not know for a real one."""
    return isinstance(value, np.generic) and value.dtype.name == "bfloat16"


def _c_string(text: Optional[str], name: str) -> Optional[bytes]:
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(f"{name} is {type(text).__name__}, not a name")
    if "\0" in text:
        raise ValueError(f"{name} {text!r} has a null character")
    return text.encode()


def backends() -> List[Info]:
    """Every backend and device that the library knows, usable or not, best first.

    One that cannot be used has no kernel; its reason says why.
    """
    rows: List[Info] = []
    struct = InfoStruct()
    while library().octgemm_backend(len(rows), byref(struct)) == Status.OK:
        rows.append(_info(struct))
    return rows


class Context:
    """A backend opened on a device. Any number of threads may use one at the same time.

    backend None: $OCTGEMM_BACKEND, else the best that can run here. Close it, or use it as a
    context manager; a context that is dropped closes itself.
    """

    def __init__(self, backend: Optional[str] = None, device: int = 0) -> None:
        out = c_void_p()
        device = whole(device, "device")
        check(library().octgemm_open(byref(out), _c_string(backend, "backend"), device))
        self._handle: Optional[c_void_p] = out
        self.allocated: Set[int] = set()  # pointers of octgemm_alloc()
        self.exports: Set[int] = set()  # what consumers of DLPack hold
        self._workspaces = Workspaces()
        self.info = self.query()
        host = self.info.backend in HOST_BACKENDS
        self.place: _arrays.Device = _arrays.HOST if host else (self.info.backend, device)

    @property
    def handle(self) -> c_void_p:
        """The octgemm_ctx pointer, for calls of the C library."""
        if self._handle is None:
            raise ValueError("the octgemm context is closed")
        return self._handle

    def close(self) -> None:
        """Frees the context and every memory of it. No operation may be running.

        BufferError while another library holds one of its arrays through DLPack.
        """
        if self._handle is None:
            return
        if self.exports:
            raise BufferError("an array of this octgemm context is still in use through DLPack")
        for pointer in list(self.allocated):
            self.free(pointer)
        library().octgemm_close(byref(self._handle))
        self._handle = None

    def free(self, pointer: int) -> None:
        """Frees what octgemm_alloc() gave; nothing when that was done, as close() may have."""
        if pointer in self.allocated:
            self.allocated.discard(pointer)
            library().octgemm_free(self.handle, pointer)

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None and not sys.is_finalizing():
            self.close()

    def __reduce__(self) -> Any:
        raise TypeError("an octgemm context cannot be copied or pickled: open another")

    def __repr__(self) -> str:
        return f"<octgemm.Context {self.info.backend} on {self.info.device or self.place}>"

    # -- the operation ---------------------------------------------------------------------------

    def run(
        self,
        a: Any,
        b: Any,
        sa: Any = None,
        sb: Any = None,
        *,
        za: Any = None,
        bias: Any = None,
        dtype: Any = None,
        out: Any = None,
        stream: Optional[int] = None,
        workspace: Optional[Callable[[int], Any]] = None,
        names: Mapping[str, str] = {},
    ) -> Any:
        """D = ((a - za) @ b.T) * sa * sb + bias, every rounding as octgemm-numerics(7) fixes it.

        a is m x k int8; b is n x k int8 (one row per output channel) or what pack() returned. sa is
        one float32 or m, sb one or n, za one int32 or m, None for 1, 1 and 0; on a host backend a
        Python number does. bias has n values of float32, float16 or bfloat16.

        D goes to `out`, or to a new array of the kind of `a` with elements `dtype`: "f32" (default),
        "f16", "bf16", "i32", or a NumPy or torch type. Rows of a, b and out may lie apart; their
        last dimension must be contiguous. Nothing is copied.

        On a GPU the call returns when the work is queued on `stream` (an integer handle; None: the
        default stream); the arrays must stay alive until it is done. `workspace(bytes)`, if given
        and if any are needed, returns an array of so many int8; otherwise the context keeps one for
        each thread and stream. `names` are those of a caller's own arguments, for errors:
        {"sa": "scale_a"}.
        """
        if dtype is None:
            element = "float32" if out is None else _arrays.view(out, "out", stream).element
        else:
            element = _arrays.element_name(dtype)
        args, kept = self._args(a, b, sa, sb, za, bias, element, stream, names)
        if out is None:
            out = self._empty(a, (args.m, args.n), element)
        d = matrix(out, "out", stream)
        if (d.rows, d.columns) != (args.m, args.n):
            raise ValueError(f"out is {d.rows} x {d.columns}, D is {args.m} x {args.n}")
        args.d, args.ldd = self._pointer(d.view, "out", (element,), write=True), d.ld
        size = c_size_t()
        check(library().octgemm_workspace(self.handle, byref(args), byref(size)))
        if size.value and workspace is not None:
            seen, args.workspace_size = vector(workspace(size.value), "workspace", stream)
            args.workspace = self._pointer(seen, "workspace", ("int8",), write=True)
            kept.append(seen)
        elif size.value:
            memory = self._workspaces.get(self, size.value, stream)
            args.workspace, args.workspace_size = memory.pointer, memory.size
        check(library().octgemm_run(self.handle, byref(args)))
        return out

    def quantize(
        self,
        x: Any,
        *,
        symmetric: bool = True,
        scale: Any = None,
        out: Any = None,
        stream: Optional[int] = None,
    ) -> Quantized:
        """Quantises the rows of x (rows x k, float32, float16 or bfloat16) to int8.

        Without `scale` a scale is found for each row and, unless symmetric, a zero point. With
        `scale` (one float32) quantisation is static and symmetric. q goes to `out` when given.
        """
        if scale is not None and not symmetric:
            raise ValueError("static quantisation has no zero points")
        source = matrix(x, "x", stream)
        if out is None:
            out = self._empty(x, (source.rows, source.columns), "int8")
        q = matrix(out, "out", stream)
        if (q.rows, q.columns) != (source.rows, source.columns):
            raise ValueError(
                f"out is {q.rows} x {q.columns}, x is {source.rows} x {source.columns}"
            )
        args = QuantizeArgs(size=ctypes.sizeof(QuantizeArgs), rows=source.rows, k=source.columns)
        args.x, args.ldx = self._pointer(source.view, "x", FLOATS), source.ld
        args.x_type = ELEMENTS[source.view.element]
        args.q, args.ldq = self._pointer(q.view, "out", ("int8",), write=True), q.ld
        args.stream = stream
        zero = None
        if scale is None:
            scale = self._empty(x, (source.rows,), "float32")
            seen, _length = vector(scale, "scale", stream)
            if not symmetric:
                zero = self._empty(x, (source.rows,), "int32")
                args.zero = vector(zero, "zero", stream)[0].pointer
        else:
            args.static_scale = 1
            scale = self._number(scale, "scale", np.float32)
            seen, length = vector(scale, "scale", stream)
            if length != 1:
                raise ValueError(f"scale has {length} values, static quantisation takes one")
        args.scale = self._pointer(seen, "scale", ("float32",))
        check(library().octgemm_quantize(self.handle, byref(args)))
        return Quantized(out, scale, zero)

    def pack(self, b: Any, *, out: Any = None, stream: Optional[int] = None) -> Packed:
        """Packs weights (n x k int8) once for this context's best kernels; pass the result to run().

        They go into memory of the context, or into `out`, an array of packed_size(n, k) int8. On
        CUDA a product may read them while the kernel ahead of it still runs: octgemm(3) says what
        may write them.
        """
        rows = matrix(b, "b", stream)
        pointer = self._pointer(rows.view, "b", ("int8",))
        n, k = rows.rows, rows.columns
        if out is None:
            memory: Union[Memory, View] = Memory(self, self.packed_size(n, k))
        else:
            memory = self._packed_bytes(n, k, out, stream, write=True)
        check(library().octgemm_pack(self.handle, n, k, pointer, rows.ld, memory.pointer, stream))
        return Packed(self, n, k, memory)

    def packed_size(self, n: int, k: int) -> int:
        """How many bytes an n x k matrix takes when packed."""
        size = c_size_t()
        n, k = whole(n, "n", high=MOST), whole(k, "k", high=MOST)
        check(library().octgemm_packed_size(self.handle, n, k, byref(size)))
        return size.value

    def packed(self, array: Any, n: int, k: int, *, stream: Optional[int] = None) -> Packed:
        """What pack(out=array) returned for an n x k matrix, from the array alone."""
        return Packed(self, n, k, self._packed_bytes(n, k, array, stream))

    def _packed_bytes(
        self, n: int, k: int, array: Any, stream: Optional[int], write: bool = False
    ) -> View:
        seen, length = vector(array, "packed weights", stream)
        self._pointer(seen, "packed weights", ("int8",), write)
        if length != self.packed_size(n, k):
            raise ValueError(
                f"packed weights of {n} x {k} have {self.packed_size(n, k)} bytes, not {length}"
            )
        return seen

    # -- what would run --------------------------------------------------------------------------

    def query(self, shape: Optional[Tuple[int, int, int]] = None, dtype: Any = "f32") -> Info:
        """Which kernel run() would use for a product of shape (m, n, k), and why.

        Without a shape: for a large aligned one.
        """
        struct = InfoStruct()
        check(library().octgemm_query(self.handle, self._shape(shape, dtype), byref(struct)))
        return _info(struct)

    def kernels(
        self, shape: Optional[Tuple[int, int, int]] = None, dtype: Any = "f32"
    ) -> List[Info]:
        """The kernel table, best first; `reason` says why one cannot be used, "" when it can."""
        rows: List[Info] = []
        struct = InfoStruct()
        args = self._shape(shape, dtype)
        status = library().octgemm_kernel(self.handle, args, 0, byref(struct))
        check(status)  # there is a first one: what is wrong is the shape
        while status == Status.OK:
            rows.append(_info(struct))
            status = library().octgemm_kernel(self.handle, args, len(rows), byref(struct))
        return rows

    @staticmethod
    def _shape(shape: Optional[Tuple[int, int, int]], dtype: Any) -> Optional[Any]:
        if shape is None:
            return None
        m, n, k = shape
        m, n, k = whole(m, "m", high=MOST), whole(n, "n", high=MOST), whole(k, "k", high=MOST)
        args = Args(size=ctypes.sizeof(Args), m=m, n=n, k=k, lda=k, ldb=k, ldd=n)
        args.d_type = _d_type(_arrays.element_name(dtype))
        return byref(args)

    # -- memory ----------------------------------------------------------------------------------

    def empty(self, shape: Union[int, Tuple[int, ...]], dtype: Any = "f32") -> DeviceArray:
        """A new array on the context's device, its values undefined."""
        try:
            lengths: Tuple[int, ...] = (operator.index(shape),)  # type: ignore[arg-type]
        except TypeError:
            lengths = tuple(shape)  # type: ignore[arg-type]
        return DeviceArray(self, lengths, _arrays.element_name(dtype))

    def upload(self, array: Any, stream: Optional[int] = None) -> DeviceArray:
        """Copies a NumPy array (made contiguous first) to the device."""
        host = _arrays.view(np.ascontiguousarray(array), "array")
        out = self.empty(np.shape(array), host.element)
        check(
            library().octgemm_upload(
                self.handle, out.memory.pointer, host.pointer, out.nbytes, stream
            )
        )
        return out

    def sync(self, stream: Optional[int] = None) -> None:
        """Waits until everything queued on the stream is done."""
        check(library().octgemm_sync(self.handle, stream))

    # -- from arrays to arguments ------------------------------------------------------------------

    def _args(
        self, a: Any, b: Any, sa: Any, sb: Any, za: Any, bias: Any, element: str,
        stream: Optional[int], names: Mapping[str, str],
    ) -> Tuple[Args, List[Any]]:  # fmt: skip
        """The struct without D and workspace, and what must live as long as it."""
        d_type = _d_type(element)
        a_name, b_name, bias_name = (names.get(name, name) for name in ("a", "b", "bias"))
        left = matrix(a, a_name, stream)
        args = Args(size=ctypes.sizeof(Args), m=left.rows, k=left.columns, lda=left.ld)
        args.a = self._pointer(left.view, a_name, ("int8",))
        kept: List[Any] = [left]
        if isinstance(b, Packed):
            if b.context is not self:
                raise ValueError(f"{b_name} was packed for another context")
            args.n, k = b.shape
            args.b, args.b_layout = b.memory.pointer, B_PACKED
        else:
            right = matrix(b, b_name, stream)
            args.n, k, args.ldb = right.rows, right.columns, right.ld
            args.b = self._pointer(right.view, b_name, ("int8",))
            kept.append(right)
        if k != left.columns:
            raise ValueError(
                f"{a_name} is {left.rows} x {left.columns} and {b_name} is {args.n} x {k}"
            )
        # Names in the struct, values, how many for one each, their type.
        for field, given, count, kind in (
            ("sa", sa, args.m, np.float32),
            ("sb", sb, args.n, np.float32),
            ("za", za, args.m, np.int32),
        ):
            if given is None:
                continue
            name = names.get(field, field)
            seen, length = vector(self._number(given, name, kind), name, stream)
            if length not in (1, count):
                raise ValueError(f"{name} has {length} values, {count} or one are needed")
            setattr(args, field, self._pointer(seen, name, (np.dtype(kind).name,)))
            setattr(args, field + "_mode", SCALE_ROW if length == count else SCALE_TENSOR)
            kept.append(seen)
        if bias is not None:
            seen, length = vector(bias, bias_name, stream)
            if length != args.n:
                raise ValueError(f"{bias_name} has {length} values, {args.n} are needed")
            args.bias = self._pointer(seen, bias_name, FLOATS)
            args.bias_type = ELEMENTS[seen.element]
            kept.append(seen)
        args.ldd = args.n
        args.d_type, args.stream = d_type, stream
        return args, kept

    def _number(self, value: Any, name: str, kind: Any) -> Any:
        """A Python or NumPy number as an array of one; arrays as they are."""
        if not isinstance(value, (numbers.Number, np.generic)):
            return value
        if self.place != _arrays.HOST:
            raise TypeError(f"{name} must lie on the device: upload() an array of one")
        if kind is np.int32:
            return np.array([whole(value, name, -(2**31))], kind)
        if not isinstance(value, numbers.Real) and not _is_bfloat16(value):
            raise TypeError(f"{name} is {type(value).__name__}, not a real number")
        return np.array([value], kind)

    def _pointer(
        self, seen: View, name: str, elements: Tuple[str, ...], write: bool = False
    ) -> int:
        if seen.element not in elements:
            raise TypeError(f"{name} is {seen.element}, not {' or '.join(elements)}")
        if seen.device != self.place:
            raise ValueError(f"{name} is on {seen.device}, the context on {self.place}")
        if write and not seen.writable:
            raise ValueError(f"{name} is read-only")
        return seen.pointer

    def _empty(self, like: Any, shape: Tuple[int, ...], element: str) -> Any:
        """A new array of the library that made `like`."""
        if _arrays.is_torch(like):
            torch = sys.modules["torch"]
            return torch.empty(shape, dtype=getattr(torch, element), device=like.device)
        if isinstance(like, DeviceArray) or self.place != _arrays.HOST:
            return self.empty(shape, element)
        return np.empty(shape, _arrays.numpy_dtype(element))
