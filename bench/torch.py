"""PyTorch on the benchmark's workloads, on the same machine: the same data, weights and mini-batches, the same rows.

    python3 bench/torch.py [--workload PART,...] [--device cuda|cpu] [--json FILE] [--beside FILE]

Strategies: eager, compile (torch.compile of the step), graph (eight steps in one CUDA graph). TF32 is off. What the
installed PyTorch or the machine does not have is left out with a reason. `--beside` reads what `npm run bench -- --json`
wrote, checks that the losses are the same, and prints how the times compare.
"""

import argparse
import json
import math
import re
import sys
import time
from datetime import datetime, timezone

# This file's own folder must not stand in for the package of the same name.
sys.path = [path for path in sys.path if not path.endswith("bench")]
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

RESIDENT = 8
CHECKED = 3
TOLERANCE = 1e-3
LEARNING_RATE, BETAS, EPSILON = 1e-3, (0.9, 0.999), 1e-8
MASK = 0xFFFFFFFF

# id, widths, batch, models, mean squared error instead of cross-entropy, only on a GPU: as in workload.ts
WORKLOADS = [
    ("2-16-16-2@32", [2, 16, 16, 2], 32, 1, False, False),
    ("784-128-10@64", [784, 128, 10], 64, 1, False, False),
    ("784-128-10@32", [784, 128, 10], 32, 1, False, False),
    ("784-128-10@512", [784, 128, 10], 512, 1, False, False),
    ("784-512-512-10@128", [784, 512, 512, 10], 128, 1, False, False),
    ("32-64x4-3@16384", [32, 64, 64, 64, 64, 3], 16384, 1, True, False),
    ("sweep-64", [2, 16, 16, 2], 32, 64, False, False),
    ("1024-4096x2-1024@1024", [1024, 4096, 4096, 1024], 1024, 1, False, True),
    ("matmul-2048", [2048, 2048], 2048, 1, False, True),
]


class Random:
    """mulberry32, as problem.ts has it, many numbers at a time."""

    def __init__(self, seed):
        self.state = seed & MASK

    def take(self, count):
        steps = torch.arange(1, count + 1, dtype=torch.int64)
        state = (self.state + steps * 0x6D2B79F5) & MASK
        self.state = int(state[-1])
        t = ((state ^ (state >> 15)) * (1 | state)) & MASK
        t = ((t + ((t ^ (t >> 7)) * (61 | t) & MASK)) & MASK) ^ t
        return (t ^ (t >> 14)).double() / 2**32


def problem(widths, batch, models, squared):
    """Mini-batches [RESIDENT, batch, …] and the initial weights of each model, as problem.ts makes them."""
    inputs, outputs = widths[0], widths[-1]
    rows = RESIDENT * batch
    random = Random(1)
    draws = random.take(rows * inputs).reshape(rows, inputs)
    x = ((draws * 256).floor() / 255 if inputs == 784 else 2 * draws - 1).float()
    seen = min(inputs, 16)
    teacher = (2 * random.take(seen * outputs) - 1).float().reshape(seen, outputs)
    values = (x[:, :seen].double() @ teacher.double()).float()
    y = values if squared else values.argmax(1)
    layers = []
    for model in range(models):
        random = Random(100 + model)
        parameters = []
        for fan_in, fan_out in zip(widths, widths[1:]):
            weight = (2 * random.take(fan_in * fan_out) - 1) * math.sqrt(6 / fan_in)
            parameters += [weight.float().reshape(fan_in, fan_out), ((2 * random.take(fan_out) - 1) * 0.01).float()]
        layers.append(parameters)
    return x.reshape(RESIDENT, batch, inputs), y.reshape(RESIDENT, batch, *y.shape[1:]), layers


class Training:
    """A net, or several side by side in batched products, with Adam."""

    def __init__(self, widths, batch, models, squared, device, strategy):
        x, y, layers = problem(widths, batch, models, squared)
        self.x, self.y = x.to(device), y.to(device)
        self.models, self.squared = models, squared
        stacked = [torch.stack(list(parts)) if models > 1 else parts[0] for parts in zip(*layers)]
        if models > 1:
            stacked = [part.unsqueeze(1) if part.dim() == 2 else part for part in stacked]
        self.parameters = [part.to(device).requires_grad_() for part in stacked]
        options = {}
        if device == "cuda":
            # A graph's step counts on the device.
            options = {"capturable": True} if strategy == "graph" else {}
            if torch.__version__ >= "2":
                options["fused"] = True
        self.optimizer = torch.optim.Adam(self.parameters, LEARNING_RATE, BETAS, EPSILON, **options)
        self.position = 0
        self.work = self.compute
        if strategy == "compile":
            self.work = torch.compile(self.compute)

    def compute(self, x, y):
        a = x
        for i in range(0, len(self.parameters), 2):
            weight, bias = self.parameters[i], self.parameters[i + 1]
            a = a @ weight + bias if self.models > 1 else torch.addmm(bias, a, weight)
            if i + 2 < len(self.parameters):
                a = torch.relu(a)
        if self.squared:
            return functional.mse_loss(a, y)
        if self.models > 1:
            y = y.expand(self.models, -1).reshape(-1)
            return functional.cross_entropy(a.reshape(len(y), -1), y) * self.models
        return functional.cross_entropy(a, y)

    def step(self):
        at = self.position % RESIDENT
        self.position += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.work(self.x[at], self.y[at])
        loss.backward()
        self.optimizer.step()
        return loss

    def losses(self, steps):
        return [self.step().item() / self.models for _ in range(steps)]

    def run(self, steps):
        for _ in range(steps):
            self.step()


class Graph(Training):
    """Eight steps recorded once and replayed."""

    grain = RESIDENT

    def record(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            super().run(RESIDENT - self.position % RESIDENT)
        torch.cuda.current_stream().wait_stream(side)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            super().run(RESIDENT)

    def run(self, steps):
        if not hasattr(self, "graph"):
            self.record()
        for _ in range(steps // RESIDENT):
            self.graph.replay()


class Matmul:
    def __init__(self, n, device):
        self.a = torch.rand(n, n, device=device) - 0.5
        self.b = torch.rand(n, n, device=device) - 0.5
        self.out = torch.empty(n, n, device=device)

    def run(self, steps):
        for _ in range(steps):
            torch.matmul(self.a, self.b, out=self.out)


def refuses(strategy, device):
    if strategy == "compile" and not hasattr(torch, "compile"):
        return f"PyTorch {torch.__version__} has no torch.compile"
    if strategy == "graph" and device != "cuda":
        return "CUDA graphs need CUDA"
    return None


def quantile(values, q):
    values = sorted(values)
    at = q * (len(values) - 1)
    low, high = values[math.floor(at)], values[math.ceil(at)]
    return low + (high - low) * (at - math.floor(at))


def timed(session, steps, device):
    start = time.perf_counter()
    session.run(steps)
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1e3


def measure(session, device, repetitions, turn_ms):
    """ms of a step as slopes between K and 2K steps, after a warm-up."""
    grain = getattr(session, "grain", 1)
    pace, steps = 0.0, grain
    for _ in range(3):
        pace = timed(session, steps, device) / steps
        steps = max(grain, min(4096, int(turn_ms / 3 / max(pace, 1e-6))) // grain * grain)
    slopes = []
    for _ in range(repetitions):
        once = timed(session, steps, device)
        slopes.append((timed(session, 2 * steps, device) - once) / steps)
    return slopes, steps


def run(workload, strategy, device, arguments):
    name, widths, batch, models, squared, _ = workload
    start = time.perf_counter()
    if name.startswith("matmul"):
        session, losses = Matmul(batch, device), []
        timed(session, 1, device)
    else:
        kind = Graph if strategy == "graph" else Training
        session = kind(widths, batch, models, squared, device, strategy)
        losses = session.losses(1)
    first = (time.perf_counter() - start) * 1e3
    if losses:
        losses += session.losses(CHECKED - 1)
    slopes, steps = measure(session, device, arguments.repetitions, arguments.turn)
    median = quantile(slopes, 0.5)
    return {
        "workload": name,
        "engine": f"torch-{device}",
        "strategy": strategy,
        "msPerStep": {"median": median, "p10": quantile(slopes, 0.1), "p90": quantile(slopes, 0.9)},
        "stepsPerSecond": 1e3 / median,
        "jsMicrosPerStep": None,
        "firstStepMs": first,
        "dispatchesPerStep": None,
        "submitsPerStep": None,
        "buffersCreatedPerStep": None,
        "bindGroupsPerStep": None,
        "pipelinesPerStep": None,
        "writesPerStep": None,
        "mapsPerStep": None,
        "bytesPerStep": None,
        "flopsPerStep": None,
        "rooflinePercent": None,
        "repetitions": arguments.repetitions,
        "stepsPerRun": steps,
        "losses": losses,
        "disagreement": 0,
    }


def compare(row, beside):
    """Sets the row's disagreement, and says how Downhill's fastest row on the GPU compares; None where there is none."""
    own = [r for r in beside if r["workload"] == row["workload"] and r["engine"] == "downhill-webgpu"]
    if not own:
        return None
    best = min(own, key=lambda r: r["msPerStep"]["median"])
    pairs = zip(row["losses"], best["losses"])
    row["disagreement"] = max([abs(a - b) / max(abs(b), 1e-3) for a, b in pairs], default=0)
    if row["disagreement"] > TOLERANCE:
        return f"DISAGREES: losses {row['losses']}, Downhill {best['losses']}"
    return f"{row['msPerStep']['median'] / best['msPerStep']['median']:.3g} times Downhill {best['strategy']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", default="", help="parts of names, separated by commas")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--turn", type=float, default=1000, help="ms that a turn may take")
    parser.add_argument("--json", help="write the rows, in the form of the benchmark's results")
    parser.add_argument("--beside", help="results of the benchmark on this machine")
    arguments = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    device = arguments.device
    beside = []
    if arguments.beside:
        with open(arguments.beside, encoding="utf-8") as file:
            beside = json.load(file)["rows"]
    description = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"PyTorch {torch.__version__}, {description}, TF32 off")
    wanted = [part for part in re.split(",", arguments.workload) if part]
    rows, left_out, disagree = [], [], False
    for workload in WORKLOADS:
        name, gpu_only = workload[0], workload[5]
        if wanted and not any(part in name for part in wanted):
            continue
        for strategy in ["matmul"] if name.startswith("matmul") else ["eager", "compile", "graph"]:
            reason = "not measured: it needs a real GPU" if gpu_only and device == "cpu" else refuses(strategy, device)
            if not reason:
                try:
                    row = run(workload, strategy, device, arguments)
                except Exception as error:  # one failure must not cost the other rows
                    reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            if reason:
                left_out.append({"workload": name, "engine": f"torch-{device}", "strategy": strategy, "reason": reason})
                print(f"{name} {strategy}: left out, {reason}")
                continue
            words = compare(row, beside)
            disagree = disagree or row["disagreement"] > TOLERANCE
            rows.append(row)
            spread = row["msPerStep"]
            print(
                f"{name} {strategy}: {spread['median']:.3g} ms ({spread['p10']:.3g} to {spread['p90']:.3g})"
                + (f", {words}" if words else "")
            )
    if arguments.json:
        results = {
            "adapter": {"vendor": "", "architecture": "", "device": device, "description": description, "software": device == "cpu"},
            "browser": f"PyTorch {torch.__version__}",
            "versions": {"torch": torch.__version__, "python": sys.version.split()[0]},
            "date": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "quick": False,
            "rows": rows,
            "learning": [],
            "leftOut": left_out,
            "ratios": {},
        }
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=2)
    return 1 if disagree else 0


if __name__ == "__main__":
    sys.exit(main())
