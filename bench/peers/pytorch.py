"""PyTorch on a CUDA device, for the bench: a line of JSON for each line of JSON on stdin.

open      id, kind and what the function of that name below takes: lanes (name, problem: empty if right), failed (name, problem)
run       id, name, calls: seconds of so many calls, by CUDA events
distance  id, name: of a decomposition, the Frobenius error of its last result
best      id: the smallest possible, in float64
close     id
"""
import json
import os
import sys
import time
import warnings

try:
    import torch
    import torch.nn.functional as F
except ImportError as error:
    print(json.dumps({"missing": f"PyTorch (pip install torch: {error})"}), flush=True)
    sys.exit()
if not torch.cuda.is_available():
    print(json.dumps({"missing": f"PyTorch {torch.__version__} (it finds no CUDA device)"}), flush=True)
    sys.exit()

warnings.filterwarnings("ignore")
torch.cuda.set_device(int(os.environ.get("LOWP_CUDA_DEVICE") or 0))
torch.manual_seed(1)
torch.backends.cudnn.benchmark = True
DEVICE = "cuda"
FLOATS = {"f32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
# Relative errors that are no mistakes: float32 sums, 11 and 8 bits of the operands.
TOLERANCES = {"f32": 1e-4, "tf32": 2e-3, "bf16": 2e-2, "int8": 0.0}


class Lane:
    """A function for each set of inputs; `check` compares what the first one returned: a text, empty if it is right."""

    def __init__(self, calls, check=None, tf32=False, host=False, bytes=None):
        self.calls, self.check, self.tf32, self.host, self.bytes = calls, check, tf32, host, bytes
        self.results = [None] * len(calls)
        self.turn = 0

    def run(self, count):
        torch.backends.cuda.matmul.allow_tf32 = self.tf32
        torch.backends.cudnn.allow_tf32 = self.tf32
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        began = time.perf_counter()
        start.record()
        for _ in range(count):
            at = self.turn % len(self.calls)
            # Kept, so that results are not all written to the same memory.
            self.results[at] = self.calls[at]()
            self.turn += 1
        end.record()
        torch.cuda.synchronize()
        return time.perf_counter() - began if self.host else start.elapsed_time(end) / 1000


def compare(got, want, tolerance):
    error = float((got.double() - want).norm()) / max(float(want.norm()), 1e-30)
    return "" if error <= tolerance else f"relative error {error:.1e}"


def normal(*shape, dtype=torch.float32):
    return torch.randn(shape, device=DEVICE).to(dtype)


def product(kind, multiply, pairs, dense=None):
    """Some rows and columns are compared; `dense`: the left factor, where it can't be sliced."""
    a, b = pairs[0]
    rows = (a if dense is None else dense)[:4].double()

    def check(result):
        return compare(result[:4, :8], rows @ b[:, :8].double(), TOLERANCES[kind])

    calls = [lambda a=a, b=b: multiply(a, b) for a, b in pairs]
    return Lane(calls, check, tf32=kind == "tf32")


def matmul(m, n, k, dtypes, sets):
    def floats(kind):
        dtype = FLOATS[kind]
        return product(kind, torch.matmul, [(normal(m, k, dtype=dtype), normal(k, n, dtype=dtype)) for _ in range(sets)])

    def int8():
        # _int_mm takes at least 17 rows; cuBLASLt wants B column by column.
        draw = lambda *shape: torch.randint(-128, 128, shape, dtype=torch.int8, device=DEVICE)
        pairs = [(draw(m if m > 16 else 32, k), draw(n, k).t()) for _ in range(sets)]
        return product("int8", torch._int_mm, pairs)

    for kind in dtypes:
        yield ("torch._int_mm", int8) if kind == "int8" else (f"torch {kind}", lambda kind=kind: floats(kind))


def sparse(m, k, n, sparsity, structure, sets):
    if structure == "2:4":
        keep = (torch.rand(m, k // 4, 4, device=DEVICE).argsort(-1) < 2).reshape(m, k)
    else:
        keep = torch.rand(m, k, device=DEVICE) >= sparsity
    a = normal(m, k) * keep

    def lane(kind, multiply, convert):
        left = a.to(FLOATS[kind])
        pairs = [(convert(left), normal(k, n, dtype=FLOATS[kind])) for _ in range(sets)]
        return product(kind, multiply, pairs, left)

    yield "torch CSR f32", lambda: lane("f32", torch.matmul, lambda x: x.to_sparse_csr())
    if structure == "2:4":
        yield "torch 2:4 bf16", lambda: lane("bf16", torch.mm, torch.sparse.to_sparse_semi_structured)
    yield "torch f32", lambda: lane("f32", torch.matmul, torch.clone)


def conv(batch, channels, height, width, outChannels, kernel, stride, padding, groups, sets):
    def lane(kind):
        def last(*shape):
            return normal(*shape, dtype=FLOATS[kind]).to(memory_format=torch.channels_last)

        def one():
            x, w = last(batch, channels, height, width), last(outChannels, channels // groups, kernel, kernel)
            return x, w, normal(outChannels, dtype=FLOATS[kind])

        def convolve(x, w, b):
            return F.conv2d(x, w, b, stride=stride, padding=padding, groups=groups)

        inputs = [one() for _ in range(sets)]
        x, w, b = inputs[0]

        def check(result):
            return compare(result[:1], convolve(x[:1].double(), w.double(), b.double()), TOLERANCES[kind])

        return Lane([lambda i=i: convolve(*i) for i in inputs], check, tf32=kind == "tf32")

    for kind in FLOATS:
        yield f"torch {kind}", lambda kind=kind: lane(kind)


def copy(elements, sets):
    x = normal(elements)

    def copy_():
        y = torch.empty_like(x)
        return Lane([lambda: y.copy_(x)], lambda result: compare(result, x.double(), 0.0), bytes=8 * elements)

    def quantize():
        return Lane([lambda: torch.quantize_per_tensor(x, 0.03, 120, torch.quint8)], bytes=5 * elements)

    yield "torch copy_", copy_
    yield "torch quantize_per_tensor", quantize


def transfer(size, sets):
    host = torch.randint(0, 256, (size,), dtype=torch.uint8)
    pinned, there = host.pin_memory(), host.to(DEVICE)
    yield "torch pageable to the device", lambda: Lane([lambda: host.to(DEVICE)], host=True, bytes=size)
    yield "torch pinned to the device", lambda: Lane([lambda: pinned.to(DEVICE)], host=True, bytes=size)
    yield "torch back", lambda: Lane([lambda: there.cpu()], host=True, bytes=size)


def tiny(size, sets):
    a, b = normal(size, size), normal(size, size)
    yield "torch queued", lambda: Lane([lambda: torch.matmul(a, b)])
    yield "torch and back", lambda: Lane([lambda: torch.matmul(a, b).cpu()], host=True)


def svd(m, n, rank, path, sets):
    with open(path, "rb") as file:
        a = torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(m, n).to(DEVICE)

    def factors(u, s, v):
        return u[:, :rank], s[:rank], v[:, :rank]

    def distance(lane):
        u, s, v = (x.double() for x in lane.results[0])
        return float((a.double() - (u * s) @ v.T).norm())

    def lowrank():
        return factors(*torch.svd_lowrank(a, q=min(rank + 10, m, n), niter=2))

    def whole():
        u, s, vh = torch.linalg.svd(a, full_matrices=False)
        return factors(u, s, vh.T)

    for name, call in (("torch.svd_lowrank", lowrank), ("torch.linalg.svd", whole)):
        lane = Lane([call])
        lane.distance = lambda lane=lane: distance(lane)
        lane.best = lambda: float(torch.linalg.svdvals(a.double())[rank:].norm())
        yield name, lambda lane=lane: lane


KINDS = {each.__name__: each for each in (matmul, sparse, conv, copy, transfer, tiny, svd)}
opened = {}


def first_line(error):
    return f"{type(error).__name__}: {error}".split("\n")[0]


def open_lanes(id, kind, **given):
    lanes, failed, makers, opened[id] = [], [], [], {}
    try:
        makers = list(KINDS[kind](**given))
    except Exception as error:
        failed.append({"name": "torch", "problem": first_line(error)})
    for name, make in makers:
        try:
            lane = make()
            lane.run(1)
            problem = "" if lane.check is None else lane.check(lane.results[0])
            opened[id][name] = lane
            lanes.append({"name": name, "problem": problem, **({} if lane.bytes is None else {"bytes": lane.bytes})})
        except Exception as error:
            failed.append({"name": name, "problem": first_line(error)})
    return {"lanes": lanes, "failed": failed}


def answer(verb, id, name=None, **given):
    if verb == "open":
        return open_lanes(id, **given)
    if verb == "run":
        return {"seconds": opened[id][name].run(given["calls"]), "cpuSeconds": time.process_time()}
    if verb == "distance":
        return {"distance": opened[id][name].distance()}
    if verb == "best":
        return {"best": next(iter(opened[id].values())).best()}
    del opened[id]
    # What is cached here is missing elsewhere.
    torch.cuda.empty_cache()
    return {}


device = torch.cuda.get_device_name()
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "device": device}), flush=True)
with torch.no_grad():
    for line in sys.stdin:
        try:
            reply = answer(**json.loads(line))
        except Exception as error:
            reply = {"error": first_line(error)}
        print(json.dumps(reply), flush=True)
