"""The C ABI: structs and functions of octgemm.h, declared once, and the library they are found in.

Nothing is compiled: ctypes calls the shared library, and releases the GIL while a call runs.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import enum
import functools
import os
import sys
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint, c_void_p
from pathlib import Path
from typing import Any, Dict, List, Tuple, Type

VERSION = (0, 1)  # major and minor of the octgemm.h that this file mirrors


class Status(enum.IntEnum):
    """octgemm_status."""

    OK = 0
    ARG = 1
    UNSUPPORTED = 2
    NO_BACKEND = 3
    NOMEM = 4
    WORKSPACE = 5
    DEVICE = 6


class Element(enum.IntEnum):
    """octgemm_type."""

    F32 = 0
    F16 = 1
    BF16 = 2
    I32 = 3


SCALE_ROW, SCALE_TENSOR = 0, 1  # octgemm_scale
B_ROWS, B_PACKED = 0, 1  # octgemm_layout


class Args(ctypes.Structure):
    """octgemm_args."""

    _fields_ = [
        ("size", c_size_t),
        ("m", c_int64),
        ("n", c_int64),
        ("k", c_int64),
        ("a", c_void_p),
        ("lda", c_int64),
        ("b", c_void_p),
        ("ldb", c_int64),
        ("b_layout", c_int),
        ("sa", c_void_p),
        ("sa_mode", c_int),
        ("sb", c_void_p),
        ("sb_mode", c_int),
        ("za", c_void_p),
        ("za_mode", c_int),
        ("bias", c_void_p),
        ("bias_type", c_int),
        ("d", c_void_p),
        ("ldd", c_int64),
        ("d_type", c_int),
        ("workspace", c_void_p),
        ("workspace_size", c_size_t),
        ("stream", c_void_p),
    ]


class QuantizeArgs(ctypes.Structure):
    """octgemm_quantize_args."""

    _fields_ = [
        ("size", c_size_t),
        ("rows", c_int64),
        ("k", c_int64),
        ("x", c_void_p),
        ("ldx", c_int64),
        ("x_type", c_int),
        ("q", c_void_p),
        ("ldq", c_int64),
        ("scale", c_void_p),
        ("zero", c_void_p),
        ("static_scale", c_int),
        ("stream", c_void_p),
    ]


class InfoStruct(ctypes.Structure):
    """octgemm_info."""

    _fields_ = [
        ("backend", c_char_p),
        ("device", c_char_p),
        ("arch", c_char_p),
        ("kernel", c_char_p),
        ("reason", c_char_p),
    ]


_FUNCTIONS: Dict[str, List[Any]] = {  # name: result, then arguments
    "octgemm_version": [c_uint],
    "octgemm_strerror": [c_char_p, c_int],
    "octgemm_last_error": [c_char_p],
    "octgemm_backend": [c_int, c_size_t, POINTER(InfoStruct)],
    "octgemm_open": [c_int, POINTER(c_void_p), c_char_p, c_int],
    "octgemm_close": [None, POINTER(c_void_p)],
    "octgemm_query": [c_int, c_void_p, POINTER(Args), POINTER(InfoStruct)],
    "octgemm_kernel": [c_int, c_void_p, POINTER(Args), c_size_t, POINTER(InfoStruct)],
    "octgemm_workspace": [c_int, c_void_p, POINTER(Args), POINTER(c_size_t)],
    "octgemm_run": [c_int, c_void_p, POINTER(Args)],
    "octgemm_quantize": [c_int, c_void_p, POINTER(QuantizeArgs)],
    "octgemm_packed_size": [c_int, c_void_p, c_int64, c_int64, POINTER(c_size_t)],
    "octgemm_pack": [c_int, c_void_p, c_int64, c_int64, c_void_p, c_int64, c_void_p, c_void_p],
    "octgemm_alloc": [c_int, c_void_p, c_size_t, POINTER(c_void_p)],
    "octgemm_free": [None, c_void_p, c_void_p],
    "octgemm_upload": [c_int, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p],
    "octgemm_download": [c_int, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p],
    "octgemm_sync": [c_int, c_void_p, c_void_p],
}


class OctgemmError(RuntimeError):
    """A call of the library failed: `status` says how, the text is octgemm_last_error()."""

    status: Status

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = Status(status)

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.status, *self.args), self.__dict__


class ArgumentError(OctgemmError, ValueError):
    """OCTGEMM_ERR_ARG."""


class UnsupportedError(OctgemmError, NotImplementedError):
    """OCTGEMM_ERR_UNSUPPORTED."""


class NoBackendError(OctgemmError):
    """OCTGEMM_ERR_NO_BACKEND."""


class OutOfMemoryError(OctgemmError, MemoryError):
    """OCTGEMM_ERR_NOMEM."""


class WorkspaceError(OctgemmError):
    """OCTGEMM_ERR_WORKSPACE."""


class DeviceError(OctgemmError):
    """OCTGEMM_ERR_DEVICE."""


_ERRORS: Dict[int, Type[OctgemmError]] = {
    Status.ARG: ArgumentError,
    Status.UNSUPPORTED: UnsupportedError,
    Status.NO_BACKEND: NoBackendError,
    Status.NOMEM: OutOfMemoryError,
    Status.WORKSPACE: WorkspaceError,
    Status.DEVICE: DeviceError,
}


def _file_name() -> str:
    return "liboctgemm.0.dylib" if sys.platform == "darwin" else "liboctgemm.so.0"


def _open() -> ctypes.CDLL:
    named = os.environ.get("OCTGEMM_LIBRARY")
    if named:  # what is named and cannot be loaded is an error, not a reason to look elsewhere
        return ctypes.CDLL(named)
    bundled = Path(__file__).with_name("lib") / _file_name()
    if bundled.exists():
        return ctypes.CDLL(str(bundled))
    name = ctypes.util.find_library("octgemm") or _file_name()
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise OSError(
            f"liboctgemm was not found: $OCTGEMM_LIBRARY is not set, there is no {bundled}, and the "
            f"loader says: {error}. Install octgemm, or set OCTGEMM_LIBRARY to its shared library."
        ) from error


@functools.lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """The loaded library with every function declared; opened at the first use."""
    lib = _open()
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(lib, name, None)
        if function is None:
            raise OSError(f"{lib._name} is no octgemm of this version: it has no {name}()")
        function.restype, function.argtypes = result, arguments
    found = lib.octgemm_version()
    if (found >> 16, found >> 8 & 0xFF) != VERSION:
        raise OSError(
            f"{lib._name} is octgemm {found >> 16}.{found >> 8 & 0xFF}.{found & 0xFF}; "
            f"this package is for {VERSION[0]}.{VERSION[1]}"
        )
    return lib


def check(status: int) -> None:
    """Raises the exception of a status. On the thread that made the call, for the text is its own."""
    if status != Status.OK:
        lib = library()
        text = lib.octgemm_last_error() or lib.octgemm_strerror(status)
        raise _ERRORS[status](status, text.decode("utf-8", "replace"))
