"""octgemm: exact int8 W8A8 matrix multiplication, the same bits on CPUs, NVIDIA and AMD GPUs.

    import octgemm
    with octgemm.Context() as ctx:
        q, scale, _ = ctx.quantize(x)              # x: m x k floats
        y = ctx.run(q, weight, scale, weight_scale)  # weight: n x k int8

Engines that use torch: octgemm.torch.
"""

from ._library import (
    ArgumentError,
    DeviceError,
    NoBackendError,
    OctgemmError,
    OutOfMemoryError,
    Status,
    UnsupportedError,
    WorkspaceError,
    library,
)
from ._memory import DeviceArray, Packed
from .context import Context, Info, Quantized, backends

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "Context",
    "DeviceArray",
    "DeviceError",
    "Info",
    "NoBackendError",
    "OctgemmError",
    "OutOfMemoryError",
    "Packed",
    "Quantized",
    "Status",
    "UnsupportedError",
    "WorkspaceError",
    "backends",
    "library",
    "library_version",
]


def library_version() -> str:
    """The version of the loaded C library."""
    found = library().octgemm_version()
    return f"{found >> 16}.{found >> 8 & 0xFF}.{found & 0xFF}"
