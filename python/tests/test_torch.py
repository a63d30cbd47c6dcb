"""octgemm.torch against the model, on the CPU and, where there is one, on a GPU."""

import model
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import octgemm  # noqa: E402
import octgemm.torch as ot  # noqa: E402

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def device_or_skip(name):
    if name == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("torch sees no GPU")
        backend = "hip" if torch.version.hip else "cuda"
        if not any(row.backend == backend and row.kernel for row in octgemm.backends()):
            pytest.skip(f"octgemm has no usable {backend} backend")
    return torch.device(name)


@pytest.fixture(params=["cpu", "cuda"])
def device(request):
    return device_or_skip(request.param)


def numpy(tensor):
    """A tensor's values for the model: bfloat16 as bits."""
    tensor = tensor.detach().cpu()
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(np.uint16)
    return tensor.numpy()


def layer(device, m=9, n=24, k=80):
    torch.manual_seed(1)
    a = torch.randint(-128, 128, (m, k), dtype=torch.int8)
    weight = torch.randint(-128, 128, (n, k), dtype=torch.int8)
    parts = a, weight, torch.rand(m, 1) - 0.5, torch.rand(n, 1), torch.randn(n) * 100
    return [part.to(device) for part in parts]


@pytest.mark.parametrize("element", DTYPES)
def test_int8_scaled_mm(device, element):
    a, weight, sa, sb, bias = layer(device)
    dtype = DTYPES[element]
    for term in (None, bias.to(dtype)):
        d = ot.int8_scaled_mm(a, weight.t(), sa, sb, dtype, term)
        assert d.dtype is dtype and d.device == a.device
        values = None if term is None else numpy(term)
        expected = model.product(*map(numpy, (a, weight, sa, sb)), None, values, element)
        model.assert_same(numpy(d), expected)


def test_cutlass_scaled_mm(device):
    a, weight, sa, sb, bias = layer(device)
    cube = a.reshape(3, 3, -1)
    for scale_a, scale_b in ((sa, sb.t()), (sa[:1], sb), (sa, sb[0])):
        d = ot.cutlass_scaled_mm(cube, weight.t(), scale_a, scale_b, torch.bfloat16, bias)
        assert d.shape == (3, 3, 24)
        parts = map(numpy, (a, weight, scale_a, scale_b))
        expected = model.product(*parts, None, numpy(bias), "bf16")
        model.assert_same(numpy(d.view(9, 24)), expected)


@pytest.mark.parametrize("element", DTYPES)
def test_cutlass_scaled_mm_azp(device, element):
    a, weight, sa, sb, bias = layer(device)
    bias = bias.to(DTYPES[element])
    sums = weight.sum(dim=1, dtype=torch.int32).view(1, -1)
    zeros = torch.randint(-128, 128, (9, 1), dtype=torch.int32, device=device)
    for term in (None, bias):
        values = None if term is None else numpy(term)
        for adjust, azp, za in ((sums, zeros, zeros), (sums * zeros[0], None, zeros[0])):
            d = ot.cutlass_scaled_mm_azp(
                a, weight.t(), sa, sb, DTYPES[element], adjust, azp, term
            )
            parts = map(numpy, (a, weight, sa, sb, za))
            model.assert_same(numpy(d), model.product(*parts, values, element))


@pytest.mark.parametrize("element", DTYPES)
def test_quantisers(device, element):
    torch.manual_seed(2)
    x = (torch.randn(2, 5, 66, device=device) * 3).to(DTYPES[element])
    rows = numpy(x.reshape(10, 66))
    q, scales = ot.per_token_quant_int8(x)
    assert q.shape == x.shape and scales.shape == (2, 5, 1)
    expected, expected_scales, _zeros = model.quantize(rows)
    model.assert_same(numpy(q.view(10, 66)), expected)
    model.assert_same(numpy(scales.view(-1)), expected_scales)

    q, scales, azp = ot.scaled_int8_quant(x)
    model.assert_same(numpy(q.view(10, 66)), expected)
    assert scales.shape == (10, 1) and azp is None

    q, scales, azp = ot.scaled_int8_quant(x, symmetric=False)
    expected, expected_scales, expected_zeros = model.quantize(rows, symmetric=False)
    assert scales.shape == azp.shape == (10, 1) and azp.dtype is torch.int32
    model.assert_same(numpy(q.view(10, 66)), expected)
    model.assert_same(numpy(scales.view(-1)), expected_scales)
    model.assert_same(numpy(azp.view(-1)), expected_zeros)

    scale = torch.tensor([0.03], device=device)
    q, same, azp = ot.scaled_int8_quant(x, scale)
    model.assert_same(numpy(q.view(10, 66)), model.quantize_static(rows, 0.03))
    assert same is scale and azp is None

    azp = torch.tensor([-7], dtype=torch.int32, device=device)
    q, _scale, _azp = ot.scaled_int8_quant(x, scale, azp, symmetric=False)
    steps = np.rint(model.as_float(rows) / np.float32(0.03)) - 7
    model.assert_same(numpy(q.view(10, 66)), np.clip(steps, -128, 127).astype(np.int8))
    with pytest.raises(ValueError, match="azp"):
        ot.scaled_int8_quant(x, scale, azp)


def test_int_mm(device):
    a, weight = layer(device, m=17)[:2]
    d = ot.int_mm(a, weight.t())
    assert torch.equal(d.cpu(), torch._int_mm(a.cpu(), weight.cpu().t()))
    # A weight of the other layout is copied, not refused.
    assert torch.equal(ot.int_mm(a, weight.t().contiguous()), d)
    assert torch.equal(ot.int_mm(a.t().contiguous().t(), weight.t()), d)


def test_odd_views(device):
    a, weight, sa, sb, bias = layer(device)
    wide = torch.zeros(9, 200, dtype=torch.int8, device=device)
    wide[:, 100:180] = a
    d = ot.int8_scaled_mm(wide[:, 100:180], weight.t(), sa, sb, torch.float32)
    assert torch.equal(d, ot.int8_scaled_mm(a, weight.t(), sa, sb, torch.float32))
    assert ot.int_mm(a[:0], weight.t()).shape == (0, 24)
    assert not ot.int_mm(a[:, :0], weight[:, :0].t()).any()
    assert ot.per_token_quant_int8(sa.new_empty(2, 3, 0))[1].tolist() == [[[1.0]] * 3] * 2


def test_scales_apart(device):
    """Scales, zero points and bias whose values do not lie side by side."""
    a, weight, sa, sb, bias = layer(device)
    zeros = torch.randint(-128, 128, (9, 1), dtype=torch.int32, device=device)
    parts = sa, sb, torch.float32, zeros, bias
    apart = [part.repeat(1, 2)[:, 0] if part is not torch.float32 and part.dim() == 2 else part
             for part in parts[:4]] + [bias.repeat_interleave(2)[::2]]  # fmt: skip
    ops = torch.ops.octgemm
    assert torch.equal(ops.scaled_mm(a, weight, *apart), ops.scaled_mm(a, weight, *parts))
    x, scale = torch.randn(4, 80, device=device), torch.tensor([[0.03, 1.0]], device=device)
    assert torch.equal(ops.quantize(x, scale[:, :1])[0], ops.quantize(x, scale[0, :1].clone())[0])


def test_refused_by_name(device):
    """Errors call arguments what the operators call them."""
    a, weight, sa, sb, bias = layer(device)
    for change, words in (
        ({"scale_a": sa[:2]}, "scale_a has 2 values"),
        ({"scale_b": sb[:2]}, "scale_b has 2 values"),
        ({"zero_point": sa}, "zero_point is float32"),
        ({"bias": bias[:2]}, "bias has 2 values"),
        ({"weight": weight[:, :3]}, "a is 9 x 80 and weight is 24 x 3"),
        ({"a": a[0]}, "a has 1 dimensions"),
    ):
        arguments = {"a": a, "weight": weight, "scale_a": sa, "scale_b": sb, **change}
        with pytest.raises((TypeError, ValueError), match=words):
            torch.ops.octgemm.scaled_mm(**arguments, out_dtype=torch.float32)
    with pytest.raises(ValueError, match="weight has 1 dimensions"):
        ot.pack(weight[0])


def test_lazy_negatives():
    """Tensors whose memory has the other sign: the operators get what they mean, Context says no."""
    device = torch.device("cpu")
    a, weight, sa, sb, _bias = layer(device)
    negative = torch._neg_view(sa)
    ctx = ot.context(device)
    for name in ("sa", "a"):
        arguments = {"a": a, "sa": sa, name: torch._neg_view(a if name == "a" else sa)}
        with pytest.raises(TypeError, match=f"{name} is a lazy negative"):
            ctx.run(arguments["a"], weight, arguments["sa"])
    d = ot.int8_scaled_mm(a, weight.t(), negative, sb, torch.float32)
    assert torch.equal(d, ot.int8_scaled_mm(a, weight.t(), negative.resolve_neg(), sb, torch.float32))


def test_context_and_packed(device):
    """The plain API on tensors: packed weights, out, the current stream."""
    a, weight, sa, sb, bias = layer(device)
    ctx, stream = ot.context(device), ot.current_stream(device)
    packed = ctx.pack(weight, stream=stream)
    wide = torch.full((9, 30), 5.0, device=device)
    d = ctx.run(a, packed, sa, sb, bias=bias, out=wide[:, :24], stream=stream)
    expected = model.product(*map(numpy, (a, weight, sa, sb)), None, numpy(bias))
    model.assert_same(numpy(d), expected)
    assert d.data_ptr() == wide.data_ptr() and bool((wide[:, 24:] == 5).all())


def test_dlpack_to_torch():
    with octgemm.Context("cpu") as ctx:
        tensor = torch.from_dlpack(ctx.upload(np.arange(6, dtype=np.int8).reshape(2, 3)))
        assert tensor.tolist() == [[0, 1, 2], [3, 4, 5]]
        del tensor


def test_opcheck(device):
    """Schema, fake implementation and dynamic shapes, as torch itself checks them."""
    a, weight, sa, sb, bias = layer(device)
    zeros = torch.zeros(9, dtype=torch.int32, device=device)
    ops = torch.ops.octgemm
    x = torch.randn(4, 8, device=device)
    for op, args in (
        (ops.scaled_mm, (a, weight, sa, sb, torch.bfloat16)),
        (ops.scaled_mm, (a, weight, None, None, torch.int32, zeros, bias)),
        (ops.scaled_mm_packed, (a, ot.pack(weight), 24, sa, sb, torch.bfloat16)),
        (ops.scaled_mm_packed, (a, ot.pack(weight), 24, None, None, torch.int32, zeros, bias)),
        (ops.quantize, (x,)),
        (ops.quantize, (x, torch.ones(1, device=device))),
        (ops.quantize, (x, None, False)),
        (ops.finish, (torch.ones(9, 24, dtype=torch.int32, device=device), sa, sb,
                      torch.float16, None)),
    ):  # fmt: skip
        torch.library.opcheck(op.default, args)


def test_compile(device):
    """One graph, no break, the same bits."""
    a, weight, sa, sb, bias = layer(device)
    x = torch.randn(9, 80, device=device)

    def forward(x):
        q, scales = ot.per_token_quant_int8(x)
        return ot.int8_scaled_mm(q, weight.t(), scales, sb, torch.float32, bias) + 1

    compiled = torch.compile(forward, backend="aot_eager", fullgraph=True, dynamic=True)
    for rows in (9, 4):
        assert torch.equal(compiled(x[:rows]), forward(x[:rows]))


def test_packed(device):
    """Packed once, the same bits as rows, also in a compiled graph; wrong sizes are refused."""
    a, weight, sa, sb, bias = layer(device, n=37)
    zeros = torch.randint(-128, 128, (9, 1), dtype=torch.int32, device=device)
    packed = ot.pack(weight)
    ops = torch.ops.octgemm
    for dtype in (*DTYPES.values(), torch.int32):
        rest = sa, sb, dtype, zeros, bias
        d = ops.scaled_mm_packed(a, packed, 37, *rest)
        assert torch.equal(d, ops.scaled_mm(a, weight, *rest))

    def forward(x):
        q, scales = ot.per_token_quant_int8(x)
        return ops.scaled_mm_packed(q, packed, 37, scales, sb, torch.float32, None, bias) + 1

    compiled = torch.compile(forward, backend="aot_eager", fullgraph=True, dynamic=True)
    x = torch.randn(9, 80, device=device)
    for rows in (9, 4):
        assert torch.equal(compiled(x[:rows]), forward(x[:rows]))
    wide = ot.pack(weight.repeat(9, 1))
    for wrong in (wide, wide.view(torch.uint8), packed[:-1]):
        with pytest.raises((ValueError, TypeError)):
            ops.scaled_mm_packed(a, wrong, 37, sa, sb, torch.float32)


def test_cuda_graph():
    device = device_or_skip("cuda")
    a, weight, sa, sb, bias = layer(device)

    def step():
        return ot.int8_scaled_mm(a, weight.t(), sa, sb, torch.float32, bias)

    expected = step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        d = step()
    d.zero_()
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(d, expected)
