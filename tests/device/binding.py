"""The few calls of liboctgemm that the device tests make, on torch tensors through ctypes."""

import ctypes as c

import torch

ERR_DEVICE = 6
B_ROWS, B_PACKED = 0, 1
TYPES = {torch.float32: 0, torch.float16: 1, torch.bfloat16: 2, torch.int32: 3}


class Args(c.Structure):
    _fields_ = [
        ("size", c.c_size_t), ("m", c.c_int64), ("n", c.c_int64), ("k", c.c_int64),
        ("a", c.c_void_p), ("lda", c.c_int64),
        ("b", c.c_void_p), ("ldb", c.c_int64), ("b_layout", c.c_int),
        ("sa", c.c_void_p), ("sa_mode", c.c_int), ("sb", c.c_void_p), ("sb_mode", c.c_int),
        ("za", c.c_void_p), ("za_mode", c.c_int), ("bias", c.c_void_p), ("bias_type", c.c_int),
        ("d", c.c_void_p), ("ldd", c.c_int64), ("d_type", c.c_int),
        ("workspace", c.c_void_p), ("workspace_size", c.c_size_t), ("stream", c.c_void_p),
    ]


class QuantizeArgs(c.Structure):
    _fields_ = [
        ("size", c.c_size_t), ("rows", c.c_int64), ("k", c.c_int64),
        ("x", c.c_void_p), ("ldx", c.c_int64), ("x_type", c.c_int),
        ("q", c.c_void_p), ("ldq", c.c_int64), ("scale", c.c_void_p), ("zero", c.c_void_p),
        ("static_scale", c.c_int), ("stream", c.c_void_p),
    ]


class Library:
    def __init__(self, path):
        self.c = c.CDLL(path)
        self.c.octgemm_last_error.restype = c.c_char_p

    def check(self, status):
        if status != 0:
            raise RuntimeError(f"status {status}: {self.c.octgemm_last_error().decode()}")

    def open(self, device=0):
        context = c.c_void_p()
        self.check(self.c.octgemm_open(c.byref(context), b"cuda", device))
        return Context(self, context)


def pointer(tensor):
    return None if tensor is None else tensor.data_ptr()


class Context:
    def __init__(self, library, handle):
        self.library = library
        self.handle = handle

    def close(self):
        self.library.c.octgemm_close(c.byref(self.handle))

    def pack(self, b, packed=None):
        """Queues the packing of b on torch's current stream; into a new buffer when none is given."""
        n, k = b.shape
        size = c.c_size_t()
        self.library.check(self.library.c.octgemm_packed_size(
            self.handle, c.c_int64(n), c.c_int64(k), c.byref(size)))
        if packed is None:
            packed = torch.empty(size.value, dtype=torch.uint8, device=b.device)
        assert packed.numel() == size.value
        self.library.check(self.library.c.octgemm_pack(
            self.handle, c.c_int64(n), c.c_int64(k), c.c_void_p(pointer(b)), c.c_int64(b.stride(0)),
            c.c_void_p(pointer(packed)), c.c_void_p(torch.cuda.current_stream(b.device).cuda_stream)))
        return packed

    def product(self, a, b, d, sa=None, sb=None, za=None, bias=None, packed=None):
        """A product made ready: its arguments and, kept alive, everything they point to. With
        `packed`, which pack() gave, b only says how large the weights are."""
        (m, k), n = a.shape, b.shape[0]
        args = Args(
            size=c.sizeof(Args), m=m, n=n, k=k, a=pointer(a), lda=a.stride(0),
            b=pointer(b if packed is None else packed), ldb=b.stride(0),
            b_layout=B_ROWS if packed is None else B_PACKED, sa=pointer(sa), sb=pointer(sb), za=pointer(za),
            bias=pointer(bias), bias_type=TYPES[bias.dtype] if bias is not None else 0,
            d=pointer(d), ldd=d.stride(0), d_type=TYPES[d.dtype])
        size = c.c_size_t()
        self.library.check(self.library.c.octgemm_workspace(self.handle, c.byref(args), c.byref(size)))
        workspace = torch.empty(max(size.value, 1), dtype=torch.uint8, device=a.device)
        args.workspace, args.workspace_size = pointer(workspace), size.value
        return args, (a, b, d, sa, sb, za, bias, packed, workspace)

    def run(self, product, stream=None):
        """Queues a product on a stream, torch's current one when none is given."""
        args, kept = product
        args.stream = (stream or torch.cuda.current_stream(kept[0].device)).cuda_stream
        self.library.check(self.library.c.octgemm_run(self.handle, c.byref(args)))

    def status_of_run(self, product):
        return self.library.c.octgemm_run(self.handle, c.byref(product[0]))

    def quantize(self, x, q, scale, zero=None, static=False):
        args = QuantizeArgs(
            size=c.sizeof(QuantizeArgs), rows=x.shape[0], k=x.shape[1], x=pointer(x),
            ldx=x.stride(0), x_type=TYPES[x.dtype], q=pointer(q), ldq=q.stride(0),
            scale=pointer(scale), zero=pointer(zero), static_scale=static,
            stream=torch.cuda.current_stream(x.device).cuda_stream)
        self.library.check(self.library.c.octgemm_quantize(self.handle, c.byref(args)))
