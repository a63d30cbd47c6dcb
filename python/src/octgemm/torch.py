"""octgemm for torch: custom operators, and functions with the signatures that engines call.

Tensors are used where they lie, on CPU or GPU, on torch's current stream; workspaces come from
torch's allocator, so CUDA graphs can be captured. The operators have fake implementations, so
torch.compile keeps graphs whole:

    torch.ops.octgemm.scaled_mm(a, weight, scale_a, scale_b, out_dtype, zero_point=None, bias=None)
    torch.ops.octgemm.scaled_mm_packed(a, packed, n, scale_a, scale_b, out_dtype, zero_point=None,
                                       bias=None)
    torch.ops.octgemm.quantize(x, scale=None, symmetric=True)

The functions below name their arguments as the originals do, and take what those take. Unlike them
they take any shape, any out_dtype of octgemm, and return the same bits on every device. They need a
weight in the layout of checkpoints seen transposed, `weight.t()`; any other is copied first.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Optional, Tuple

import torch
from torch import Tensor

from ._arrays import matrix
from .context import Context

__all__ = [
    "context",
    "current_stream",
    "cutlass_scaled_mm",
    "cutlass_scaled_mm_azp",
    "int8_scaled_mm",
    "int_mm",
    "pack",
    "per_token_quant_int8",
    "scaled_int8_quant",
]


@functools.lru_cache(maxsize=None)
def _context(kind: str, index: int) -> Context:
    if kind == "cuda" and torch.version.hip:
        kind = "hip"
    return Context(kind, index)


def context(device: torch.device) -> Context:
    """The context that the operators use for a device; for pack() and run() on torch tensors."""
    if device.type not in ("cpu", "cuda"):
        raise TypeError(f"octgemm has no backend for {device}")
    index = device.index
    if index is None:
        index = torch.cuda.current_device() if device.type == "cuda" else 0
    return _context(device.type, index)


def current_stream(device: torch.device) -> Optional[int]:
    """The handle of torch's current stream, for the `stream` arguments of Context; CPU: None."""
    return torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else None


def _rows(tensor: Tensor) -> Tensor:
    """A matrix with rows in one piece and apart, copied only where they are not."""
    if tensor.dim() != 2:
        return tensor  # Context refuses it
    rows, columns = tensor.shape
    good = columns <= 1 or rows == 0 or tensor.stride(1) == 1
    apart = rows <= 1 or columns == 0 or tensor.stride(0) >= columns
    return tensor if good and apart else tensor.contiguous()


def _tokens(x: Tensor) -> Tensor:
    """All dimensions but the last as one; no -1, which an empty last dimension would not allow."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _flat(vector: Optional[Tensor]) -> Optional[Tensor]:
    return None if vector is None else vector.reshape(-1).contiguous()


# What the operators call the arguments of Context.run().
_NAMES = {"b": "weight", "sa": "scale_a", "sb": "scale_b", "za": "zero_point"}


def _run(
    a: Tensor,
    weight: Any,
    scale_a: Optional[Tensor],
    scale_b: Optional[Tensor],
    out_dtype: torch.dtype,
    zero_point: Optional[Tensor],
    bias: Optional[Tensor],
) -> Tensor:
    """Context.run() for both operators, with a workspace from torch's allocator."""
    device = a.device

    def workspace(size: int) -> Tensor:
        return torch.empty(size, dtype=torch.int8, device=device)

    result: Tensor = context(device).run(
        _rows(a),
        weight,
        _flat(scale_a),
        _flat(scale_b),
        za=_flat(zero_point),
        bias=_flat(bias),
        dtype=out_dtype,
        stream=current_stream(device),
        workspace=workspace,
        names=_NAMES,
    )
    return result


@torch.library.custom_op(
    "octgemm::scaled_mm",
    mutates_args=(),
    schema="(Tensor a, Tensor weight, Tensor? scale_a, Tensor? scale_b, ScalarType out_dtype,"
    " Tensor? zero_point=None, Tensor? bias=None) -> Tensor",
)
def scaled_mm(
    a: Tensor,
    weight: Tensor,
    scale_a: Optional[Tensor],
    scale_b: Optional[Tensor],
    out_dtype: torch.dtype,
    zero_point: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
) -> Tensor:
    return _run(a, _rows(weight), scale_a, scale_b, out_dtype, zero_point, bias)


@scaled_mm.register_fake
def _(
    a: Tensor,
    weight: Tensor,
    scale_a: Optional[Tensor],
    scale_b: Optional[Tensor],
    out_dtype: torch.dtype,
    zero_point: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
) -> Tensor:
    return torch.empty((a.shape[0], weight.shape[0]), dtype=out_dtype, device=a.device)


def pack(weight: Tensor) -> Tensor:
    """Weights (n, k) packed once for the device's best kernels: bytes, for scaled_mm_packed.

    They belong to the device and its kernels (octgemm_pack()): pack at load, do not store them.
    """
    ctx = context(weight.device)
    rows = _rows(weight)
    seen = matrix(rows, "weight")
    packed = torch.empty(
        ctx.packed_size(seen.rows, seen.columns), dtype=torch.int8, device=weight.device
    )
    ctx.pack(rows, out=packed, stream=current_stream(weight.device))
    return packed


@torch.library.custom_op(
    "octgemm::scaled_mm_packed",
    mutates_args=(),
    schema="(Tensor a, Tensor packed, SymInt n, Tensor? scale_a, Tensor? scale_b,"
    " ScalarType out_dtype, Tensor? zero_point=None, Tensor? bias=None) -> Tensor",
)
def scaled_mm_packed(
    a: Tensor,
    packed: Tensor,
    n: int,
    scale_a: Optional[Tensor],
    scale_b: Optional[Tensor],
    out_dtype: torch.dtype,
    zero_point: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
) -> Tensor:
    stream = current_stream(a.device)
    weight = context(a.device).packed(packed, n, a.shape[-1], stream=stream)
    return _run(a, weight, scale_a, scale_b, out_dtype, zero_point, bias)


@scaled_mm_packed.register_fake
def _(
    a: Tensor,
    packed: Tensor,
    n: int,
    scale_a: Optional[Tensor],
    scale_b: Optional[Tensor],
    out_dtype: torch.dtype,
    zero_point: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
) -> Tensor:
    return torch.empty((a.shape[0], n), dtype=out_dtype, device=a.device)


@torch.library.custom_op(
    "octgemm::quantize",
    mutates_args=(),
    schema="(Tensor x, Tensor? scale=None, bool symmetric=True) -> (Tensor, Tensor, Tensor)",
)
def quantize(
    x: Tensor, scale: Optional[Tensor] = None, symmetric: bool = True
) -> Tuple[Tensor, Tensor, Tensor]:
    # What does not apply (scales that were given, zero points of symmetric rows) comes back empty.
    found = context(x.device).quantize(
        _rows(x), symmetric=symmetric, scale=_flat(scale), stream=current_stream(x.device)
    )
    scales = found.scale if scale is None else x.new_empty(0, dtype=torch.float32)
    zeros = x.new_empty(0, dtype=torch.int32) if found.zero is None else found.zero
    return found.q, scales, zeros


@quantize.register_fake
def _(
    x: Tensor, scale: Optional[Tensor] = None, symmetric: bool = True
) -> Tuple[Tensor, Tensor, Tensor]:
    rows = x.shape[0]
    return (
        torch.empty(x.shape, dtype=torch.int8, device=x.device),
        x.new_empty(rows if scale is None else 0, dtype=torch.float32),
        x.new_empty(0 if symmetric else rows, dtype=torch.int32),
    )


@torch.library.custom_op(
    "octgemm::finish",
    mutates_args=(),
    schema="(Tensor sums, Tensor scale_a, Tensor scale_b, ScalarType out_dtype, Tensor? bias)"
    " -> Tensor",
)
def finish(
    sums: Tensor,
    scale_a: Tensor,
    scale_b: Tensor,
    out_dtype: torch.dtype,
    bias: Optional[Tensor],
) -> Tensor:
    # An operator of its own so that a compiler cannot fuse the multiplication and the addition.
    steps = sums.to(torch.float32) * scale_a.reshape(-1, 1) * scale_b.reshape(1, -1)
    return (steps if bias is None else steps + bias.to(torch.float32)).to(out_dtype)


@finish.register_fake
def _(
    sums: Tensor,
    scale_a: Tensor,
    scale_b: Tensor,
    out_dtype: torch.dtype,
    bias: Optional[Tensor],
) -> Tensor:
    return torch.empty_like(sums, dtype=out_dtype)


_scaled_mm: Any = torch.ops.octgemm.scaled_mm
_finish: Any = torch.ops.octgemm.finish
_quantize: Any = torch.ops.octgemm.quantize


def int8_scaled_mm(
    mat_a: Tensor,
    mat_b: Tensor,
    scales_a: Tensor,
    scales_b: Tensor,
    out_dtype: torch.dtype,
    bias: Optional[Tensor] = None,
) -> Tensor:
    """sgl_kernel.int8_scaled_mm: mat_a (m, k), mat_b (k, n) column-major, scales per row and column."""
    result: Tensor = _scaled_mm(mat_a, mat_b.t(), scales_a, scales_b, out_dtype, None, bias)
    return result


def per_token_quant_int8(x: Tensor) -> Tuple[Tensor, Tensor]:
    """sglang's per_token_quant_int8: q of the shape of x, scales (..., 1) in float32."""
    q, scales, _zeros = _quantize(_tokens(x))
    return q.view(x.shape), scales.view(*x.shape[:-1], 1)


def cutlass_scaled_mm(
    a: Tensor,
    b: Tensor,
    scale_a: Tensor,
    scale_b: Tensor,
    out_dtype: torch.dtype,
    bias: Optional[Tensor] = None,
) -> Tensor:
    """vLLM's cutlass_scaled_mm for int8: scales of one value, or per token and per channel."""
    return _product(a, b, scale_a, scale_b, out_dtype, None, bias)


def cutlass_scaled_mm_azp(
    a: Tensor,
    b: Tensor,
    scale_a: Tensor,
    scale_b: Tensor,
    out_dtype: torch.dtype,
    azp_adj: Tensor,
    azp: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
) -> Tensor:
    """vLLM's cutlass_scaled_mm_azp: a has zero points.

    Per token: azp holds them, and azp_adj the sums of the columns of b, which octgemm finds itself
    and does not read. Per tensor: azp is None and azp_adj the sums times the zero point; the
    rounding steps after the integers are then torch's, in the order that the contract fixes.
    """
    if azp is not None:
        return _product(a, b, scale_a, scale_b, out_dtype, azp, bias)
    rows = _tokens(a)
    sums = _scaled_mm(rows, b.t(), None, None, torch.int32) - azp_adj.reshape(1, -1)
    result: Tensor = _finish(sums, scale_a, scale_b, out_dtype, bias)
    return result.view(*a.shape[:-1], b.shape[1])


def _product(
    a: Tensor,
    b: Tensor,
    scale_a: Optional[Tensor],
    scale_b: Optional[Tensor],
    out_dtype: torch.dtype,
    azp: Optional[Tensor],
    bias: Optional[Tensor],
) -> Tensor:
    rows = _tokens(a)
    result: Tensor = _scaled_mm(rows, b.t(), scale_a, scale_b, out_dtype, azp, bias)
    return result.view(*a.shape[:-1], b.shape[1])


def scaled_int8_quant(
    input: Tensor,
    scale: Optional[Tensor] = None,
    azp: Optional[Tensor] = None,
    symmetric: bool = True,
) -> Tuple[Tensor, Tensor, Optional[Tensor]]:
    """vLLM's scaled_int8_quant: (q, scale, azp), dynamic per token or, with `scale`, static."""
    rows = _tokens(input)
    if scale is None:
        q, scales, zeros = _quantize(rows, None, symmetric)
        return q.view(input.shape), scales.view(-1, 1), None if symmetric else zeros.view(-1, 1)
    if symmetric != (azp is None):
        raise ValueError("static quantisation takes azp if, and only if, it is asymmetric")
    if azp is None:
        return _quantize(rows, scale)[0].view(input.shape), scale, None
    steps = torch.round(input.to(torch.float32) / scale) + azp
    return steps.clamp(-128, 127).to(torch.int8), scale, azp


def int_mm(input: Tensor, mat2: Tensor) -> Tensor:
    """torch._int_mm: the int32 sums of input (m, k) times mat2 (k, n), for any m, n and k."""
    result: Tensor = _scaled_mm(input, mat2.t(), None, None, torch.int32)
    return result
