#!/usr/bin/env python3
"""Writes the golden files: what PyTorch computes in f64, for tests that run without PyTorch.

Run `python3 test/golden/make.py` after a change here or in the inputs (with names, such as `schedules`, only those), and
commit the JSON files. optimizers.json holds
its own inputs (start, gradients, cases): to add a case, add an object with `optimizer` (as in a spec) and `torch` (class
and options; what PyTorch lacks is in optimizer_formulas.py) to `cases` and run this again.
"""

import base64
import io
import json
import math
import pathlib
import sys
from decimal import Decimal, getcontext

import metric_formulas
import numpy
import optimizer_formulas
import torch

HERE = pathlib.Path(__file__).parent
getcontext().prec = 400  # 1 − σ(700) needs 305 digits before its first own one
torch.set_default_dtype(torch.float64)


def write(name, content):
    """One key or list item a line where it is long, short lists of numbers in one line."""
    path = HERE / f"{name}.json"
    path.write_text(layout({"torch": torch.__version__, **content}) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


def layout(value, indent=""):
    line = json.dumps(value, allow_nan=False, ensure_ascii=False)
    if len(line) + len(indent) <= 120 or not isinstance(value, (dict, list)):
        return line
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {layout(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + item for item in items) + "\n" + indent + "}"
    return "[\n" + ",\n".join(inner + layout(item, inner) for item in value) + "\n" + indent + "]"


def exact(tensor):
    """Rounded to multiples of 1/1024: short to write, and the same numbers in f32."""
    return (tensor * 1024).round() / 1024


# --- activations ------------------------------------------------------------------------------------------------------

MAGNITUDES = [1e-30, 1e-8, 1e-3, 0.1, 0.4, 0.5, 0.75, 1, 1.7, 2.5, 3, 4, 6, 8, 12, 20, 36, 40, 100, 1000]
POINTS = [-m for m in reversed(MAGNITUDES)] + [0.0] + MAGNITUDES
ACTIVATIONS = [
    ("linear", lambda z: z * 1),
    ("relu", torch.nn.functional.relu),
    ({"type": "leakyRelu", "negativeSlope": 0.01}, lambda z: torch.nn.functional.leaky_relu(z, 0.01)),
    ({"type": "leakyRelu", "negativeSlope": 0.3}, lambda z: torch.nn.functional.leaky_relu(z, 0.3)),
    ({"type": "leakyRelu", "negativeSlope": 0}, lambda z: torch.nn.functional.leaky_relu(z, 0.0)),
    ("sigmoid", torch.sigmoid),
    ("tanh", torch.tanh),
    ("gelu", torch.nn.functional.gelu),
    ({"type": "gelu", "approximate": "tanh"}, lambda z: torch.nn.functional.gelu(z, approximate="tanh")),
    ("silu", torch.nn.functional.silu),
    ("elu", torch.nn.functional.elu),
    ({"type": "elu", "alpha": 0.6}, lambda z: torch.nn.functional.elu(z, 0.6)),
    ("selu", torch.nn.functional.selu),
    # PyTorch's threshold is a shortcut for large z: raised, so that the formula itself is compared.
    ("softplus", lambda z: torch.nn.functional.softplus(z, threshold=500)),
    ({"type": "softplus", "beta": 2.5}, lambda z: torch.nn.functional.softplus(z, 2.5, threshold=500)),
    ("mish", torch.nn.functional.mish),
    # The derivative of torch's own is 1/6 in f32, also for f64.
    ("hardSigmoid", lambda z: torch.nn.functional.relu6(z + 3) / 6),
    ("hardSwish", torch.nn.functional.hardswish),
    ("relu6", torch.nn.functional.relu6),
    ("softsign", torch.nn.functional.softsign),
    ("logSigmoid", torch.nn.functional.logsigmoid),
]


def activations():
    cases = []
    for activation, function in ACTIVATIONS:
        z = torch.tensor(POINTS, requires_grad=True)
        value = function(z)
        value.sum().backward()
        cases.append({"activation": activation, "value": value.tolist(), "derivative": z.grad.tolist()})
    # The C library, not torch: it keeps the relative accuracy of the tail.
    at = [-3.5, -1, -0.5, -1e-9, 0, 1e-9, 0.1, 0.25, 0.4999, 0.5, 0.6, 0.9, 1.1, 1.5, 2, 3, 4.4, 6, 6.28, 6.29, 9.9, 15, 26]
    errors = {"x": at, "erf": [math.erf(x) for x in at], "erfc": [math.erfc(x) for x in at]}
    write("activations", {"z": POINTS, "cases": cases, "errorFunction": errors})


# --- losses -----------------------------------------------------------------------------------------------------------

CLASS_ROWS = [
    ([0.5, -0.25, 1.5], 0),
    ([0.5, -0.25, 1.5], 2),
    ([2.0, 2.0], 0),
    ([2.0, 2.0, 1.0, 2.0], 3),
    ([20.0, 0.0], 0),
    ([20.0, 0.0], 1),
    ([0.0, 20.0, 19.0], 2),
    ([100.0, 0.0, -50.0], 0),
    ([100.0, 0.0, -50.0], 1),
    ([-3.0, 10000.0, 0.0], 1),
    ([-3.0, 10000.0, 0.0], 2),
    ([-1000.0, -1000.5, -1003.0], 1),
    ([0.1 * k * (-1) ** k for k in range(10)], 7),
]
DISTRIBUTION_ROWS = [
    ([0.5, -0.25, 1.5], [0.2, 0.3, 0.5]),
    ([20.0, 0.0, -20.0], [0.05, 0.9, 0.05]),
    ([100.0, 0.0, 3.0], [0.0, 0.25, 0.75]),
    ([1.0, 2.0, 3.0], [0.5, 0.0, 1.0]),
    ([1.0, -2.0, 0.5], [0.0, 0.0, 0.0]),
]
BINARY_ROWS = [
    ([0.0], [0.0]),
    ([0.0], [1.0]),
    ([0.75, -1.25, 2.0], [1.0, 0.0, 0.0]),
    ([20.0, -20.0], [1.0, 0.0]),
    ([20.0, -20.0], [0.0, 1.0]),
    ([100.0, -100.0, 700.0], [1.0, 0.0, 1.0]),
    ([10000.0, -10000.0], [0.0, 1.0]),
    ([0.3, -3.0, 5.0, -0.5], [0.25, 0.5, 0.9, 0.6]),
]
REGRESSION_ROWS = [
    ([0.5], [0.5]),
    ([0.5], [2.0]),
    ([1.0, -2.0, 0.25, 3.5], [0.5, 2.0, 0.25, 3.0]),
    ([1000.0, -1e-3, 0.0], [-1000.0, 1e-3, 1.0]),
]


SIGN_ROWS = [
    ([0.3], [1.0]),
    ([0.3], [-1.0]),
    ([1.0, -1.0], [1.0, 1.0]),
    ([2.5, -0.5, -3.0], [1.0, -1.0, -1.0]),
    ([1000.0, -1000.0], [-1.0, -1.0]),
]
COUNT_ROWS = [
    ([0.0], [0.0]),
    ([-1.5, 2.25, 0.5], [0.0, 11.0, 1.0]),
    ([-100.0, 5.0], [3.0, 0.5]),
]
DIRECTION_ROWS = [
    ([0.5, -0.25, 1.5], [1.0, 0.5, -0.75]),
    ([2.0, 2.0], [4.0, 4.0]),
    ([1.0, -2.0], [-1.0, 2.0]),
    ([0.75, 0.0], [1.0, 2.0]),
    ([3.0, 1e-3, 0.0, 20.0], [0.0, 0.0, 0.0, 0.0]),
]
GAUSSIAN_ROWS = [  # k means, then k log-variances
    ([0.5, 0.0], [0.5]),
    ([0.5, -1.5], [2.0]),
    ([1.0, -2.0, 0.25, 1.5, -0.5, 4.0], [0.5, 2.0, 0.25]),
    ([0.001, -20.0], [0.002]),
    ([3.0, 50.0], [-1.0]),
]
# The same formulas as in src/math/test_functions.ts, differentiated by autograd.
TEST_FUNCTIONS = {
    "bowl": lambda x, y: 0.1 * x**2 + 2 * y**2,
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    "beale": lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
    "saddle": lambda x, y: x**2 - y**2 + y**4 / 4,
    "rastrigin": lambda x, y: 20
    + x**2
    - 10 * torch.cos(2 * math.pi * x)
    + y**2
    - 10 * torch.cos(2 * math.pi * y),
    "sixHumpCamel": lambda x, y: (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2,
    "quadratic": lambda x: x**2,
    "doubleWell": lambda x: (x**2 - 1) ** 2 + 0.3 * x,
    "wavy": lambda x: x**2 / 4 + 1 - torch.cos(math.pi * x),
}
SURFACE_POINTS = {
    1: [([0.0], [0.0]), ([1.375], [-0.5]), ([-2.5], [0.0])],
    2: [([0.5, -0.75], [0.0, 0.0]), ([-1.25, 2.0], [0.25, -0.5]), ([1.0, 1.0], [0.0, 0.0])],
}


def smoothed_binary(smoothing):
    """Keras' smoothing, which PyTorch lacks: targets move towards 1/2."""
    return lambda z, y: torch.nn.functional.binary_cross_entropy_with_logits(z, (1 - smoothing) * y + smoothing / 2)


def log_cosh(z, y):
    e = z - y
    return (torch.nn.functional.softplus(2 * e, threshold=500) - e - math.log(2)).mean()


def kl_divergence(z, y):
    return torch.nn.KLDivLoss(reduction="batchmean")(torch.log_softmax(z, 1), y)


def cosine_distance(z, y):
    return torch.nn.CosineEmbeddingLoss()(z, y, torch.ones(1))


def gaussian(epsilon):
    def loss(z, y):
        mean, log_variance = z.chunk(2, dim=1)
        return torch.nn.GaussianNLLLoss(eps=0)(mean, y, log_variance.exp() + epsilon)

    return loss


def test_function(name):
    return lambda z, y: TEST_FUNCTIONS[name](*(z - y)[0])


# Losses that stand beside each other on the same rows: (loss in a spec, what torch computes, rows). PyTorch has no hinge
# and no log-cosh: their formulas, with relu for max(., 0) since its derivative at 0 is 0.
LOSSES = [
    ("meanAbsoluteError", torch.nn.L1Loss(), REGRESSION_ROWS),
    ("logCosh", log_cosh, REGRESSION_ROWS),
    ("hinge", lambda z, y: torch.relu(1 - y * z).mean(), SIGN_ROWS),
    ("squaredHinge", lambda z, y: torch.relu(1 - y * z).square().mean(), SIGN_ROWS),
    ("klDivergence", kl_divergence, DISTRIBUTION_ROWS),
    ("poisson", torch.nn.PoissonNLLLoss(log_input=True), COUNT_ROWS),
    ("cosineDistance", cosine_distance, DIRECTION_ROWS),
    ("gaussianNegativeLogLikelihood", gaussian(1e-6), GAUSSIAN_ROWS),
    ({"type": "gaussianNegativeLogLikelihood", "epsilon": 0.01}, gaussian(0.01), GAUSSIAN_ROWS),
    (
        {"type": "softmaxCrossEntropy", "labelSmoothing": 0.1},
        torch.nn.CrossEntropyLoss(label_smoothing=0.1),
        DISTRIBUTION_ROWS,
    ),
    ({"type": "sigmoidBinaryCrossEntropy", "labelSmoothing": 0.2}, smoothed_binary(0.2), BINARY_ROWS),
    *[
        ({"type": "testFunction", "name": name}, test_function(name), SURFACE_POINTS[function.__code__.co_argcount])
        for name, function in TEST_FUNCTIONS.items()
    ],
]


def losses():
    cases = []
    for z, label in CLASS_ROWS:
        case = loss_case("softmaxCrossEntropy", torch.nn.CrossEntropyLoss(), z, torch.tensor([label]))
        one_hot = [float(k == label) for k in range(len(z))]
        cases.append({**case, "label": label, "y": one_hot, "exact": softmax_minus_target(z, one_hot)})
    for z, y in DISTRIBUTION_ROWS:
        case = loss_case("softmaxCrossEntropy", torch.nn.CrossEntropyLoss(), z, torch.tensor([y]))
        cases.append({**case, "y": y, "exact": softmax_minus_target(z, y)})
    for z, y in BINARY_ROWS:
        case = loss_case("sigmoidBinaryCrossEntropy", torch.nn.BCEWithLogitsLoss(), z, torch.tensor([y]))
        cases.append({**case, "y": y, "exact": sigmoid_minus_target(z, y)})
    for z, y in REGRESSION_ROWS:
        cases.append({**loss_case("meanSquaredError", torch.nn.MSELoss(), z, torch.tensor([y])), "y": y})
        for delta in [0.1, 0.5, 1, 2.5]:
            huber = {"type": "huber", "delta": delta}
            cases.append({**loss_case(huber, torch.nn.HuberLoss(delta=delta), z, torch.tensor([y])), "y": y})
    for loss, function, rows in LOSSES:
        for z, y in rows:
            cases.append({**loss_case(loss, function, z, torch.tensor([y])), "y": y})
    write("losses", {"cases": cases})


def loss_case(loss, module, z, target):
    logits = torch.tensor([z], requires_grad=True)
    value = module(logits, target)
    value.backward()
    return {"loss": loss, "z": z, "value": value.item(), "gradient": logits.grad[0].tolist()}


def softmax_minus_target(z, y):
    """The gradient of the row exactly: T · softmax(z) − y."""
    powers = [Decimal(value).exp() for value in z]
    total = sum(Decimal(value) for value in y)
    return [float(total * power / sum(powers) - Decimal(value)) for power, value in zip(powers, y)]


def sigmoid_minus_target(z, y):
    n = len(z)
    return [float((1 / (1 + (-Decimal(a)).exp()) - Decimal(b)) / n) for a, b in zip(z, y)]


# --- optimizers -------------------------------------------------------------------------------------------------------


def optimizers():
    file = json.loads((HERE / "optimizers.json").read_text())
    file.pop("torch", None)  # the version of the last run
    for case in file["cases"]:
        parameter = torch.nn.Parameter(torch.tensor(file["start"]))
        name = case["torch"]["class"]
        kind = getattr(optimizer_formulas, name, None) or getattr(torch.optim, name)
        optimizer = kind([parameter], **case["torch"]["options"])
        case["parameters"] = []
        for step, gradient in enumerate(file["gradients"]):
            if "learningRates" in case:
                optimizer.param_groups[0]["lr"] = case["learningRates"][step]
            parameter.grad = torch.tensor(gradient)
            optimizer.step()
            case["parameters"].append(parameter.tolist())
        state = optimizer.state[parameter]
        case["state"] = {
            key: value.tolist()
            for key, value in state.items()
            if torch.is_tensor(value) and value.shape == parameter.shape
        }
    write("optimizers", file)


# --- schedules --------------------------------------------------------------------------------------------------------

# A schedule of ours, the class of torch, its options (or what makes it of an optimizer), the optimizer it is tried on.
SCHEDULES = [
    ({"type": "step", "learningRate": 0.1, "stepSize": 4}, "StepLR", {"step_size": 4}),
    ({"type": "step", "learningRate": 0.5, "stepSize": 3, "gamma": 0.7}, "StepLR", {"step_size": 3, "gamma": 0.7}),
    ({"type": "multiStep", "learningRate": 0.2, "milestones": [3, 4, 9]}, "MultiStepLR", {"milestones": [3, 4, 9]}),
    (
        {"type": "multiStep", "learningRate": 0.2, "milestones": [1, 7], "gamma": 0.3},
        "MultiStepLR",
        {"milestones": [1, 7], "gamma": 0.3},
    ),
    ({"type": "exponential", "learningRate": 0.02, "gamma": 0.9}, "ExponentialLR", {"gamma": 0.9}),
    ({"type": "polynomial", "learningRate": 0.3, "steps": 9}, "PolynomialLR", {"total_iters": 9}),
    (
        {"type": "polynomial", "learningRate": 0.3, "steps": 9, "power": 2.5},
        "PolynomialLR",
        {"total_iters": 9, "power": 2.5},
    ),
    (
        # PolynomialLR ends at 0; the formula of Keras' PolynomialDecay has an end.
        {"type": "polynomial", "learningRate": 0.3, "steps": 8, "power": 2, "minimum": 0.06},
        "LambdaLR",
        lambda t: (0.06 + (0.3 - 0.06) * (1 - min(t, 8) / 8) ** 2) / 0.3,
    ),
    (
        # The formula of Keras' InverseTimeDecay; torch has no class for it.
        {"type": "inverseTime", "learningRate": 0.4, "decayRate": 0.5, "decaySteps": 3},
        "LambdaLR",
        lambda t: 1 / (1 + 0.5 * t / 3),
    ),
    ({"type": "cosine", "learningRate": 0.1, "steps": 12}, "CosineAnnealingLR", {"T_max": 12}),
    (
        {"type": "cosine", "learningRate": 0.1, "steps": 11, "minimum": 0.003},
        "CosineAnnealingLR",
        {"T_max": 11, "eta_min": 0.003},
    ),
    ({"type": "cosineRestarts", "learningRate": 0.1, "steps": 5}, "CosineAnnealingWarmRestarts", {"T_0": 5}),
    (
        {"type": "cosineRestarts", "learningRate": 0.1, "steps": 2, "multiplier": 3, "minimum": 0.004},
        "CosineAnnealingWarmRestarts",
        {"T_0": 2, "T_mult": 3, "eta_min": 0.004},
    ),
    (
        {"type": "oneCycle", "learningRate": 0.5, "steps": 13},
        "OneCycleLR",
        {"max_lr": 0.5, "total_steps": 13},
        {"type": "sgd", "momentum": 0.9},
    ),
    (
        {
            "type": "oneCycle",
            "learningRate": 0.5,
            "steps": 10,
            "pctStart": 0.45,
            "annealStrategy": "linear",
            "divFactor": 10,
            "finalDivFactor": 50,
            "baseMomentum": 0.7,
            "maxMomentum": 0.8,
        },
        "OneCycleLR",
        {
            "max_lr": 0.5,
            "total_steps": 10,
            "pct_start": 0.45,
            "anneal_strategy": "linear",
            "div_factor": 10,
            "final_div_factor": 50,
            "base_momentum": 0.7,
            "max_momentum": 0.8,
        },
        {"type": "adam"},
    ),
    (
        {"type": "oneCycle", "learningRate": 0.5, "steps": 13, "pctStart": 0, "cycleMomentum": False},
        "OneCycleLR",
        {"max_lr": 0.5, "total_steps": 13, "pct_start": 0.0, "cycle_momentum": False},
    ),
    (
        {"type": "warmup", "steps": 5, "after": {"type": "constant", "learningRate": 0.3}},
        "LinearLR",
        {"start_factor": 1 / 5, "end_factor": 1, "total_iters": 4},
    ),
    (
        {
            "type": "sequence",
            "schedules": [
                {"type": "warmup", "steps": 4, "after": {"type": "constant", "learningRate": 0.2}},
                {"type": "cosine", "learningRate": 0.2, "steps": 6, "minimum": 0.01},
                {"type": "step", "learningRate": 0.2, "stepSize": 3, "gamma": 0.5},
            ],
            "boundaries": [4, 10],
        },
        "SequentialLR",
        lambda optimizer: torch.optim.lr_scheduler.SequentialLR(
            optimizer,
            [
                torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / 4, end_factor=1, total_iters=3),
                torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6, eta_min=0.01),
                torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5),
            ],
            milestones=[4, 10],
        ),
    ),
    ({"type": "constant", "learningRate": 0.3}, "ConstantLR", {"factor": 1}),
]
# Those that go by what an epoch came to: the values of epoch after epoch.
PLATEAUS = [
    ({"type": "reduceOnPlateau", "learningRate": 0.1}, {}, [2.0, 1.0] + [1.0, 0.99995, 1.5, 0.9999001] * 6 + [0.5] * 3),
    (
        {
            "type": "reduceOnPlateau",
            "learningRate": 0.3,
            "factor": 0.5,
            "patience": 1,
            "threshold": 0.01,
            "cooldown": 2,
            "minLearningRate": 0.05,
        },
        {"factor": 0.5, "patience": 1, "threshold": 0.01, "cooldown": 2, "min_lr": 0.05},
        [1.0, 0.995, 0.992, 0.991, 0.9, 0.95, 0.95, 0.95, 0.95, float("nan"), 0.95, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6],
    ),
    (
        # Changes below 1e-8 are left out.
        {"type": "reduceOnPlateau", "learningRate": 1e-7, "patience": 0, "threshold": 0},
        {"patience": 0, "threshold": 0},
        [1.0] * 6,
    ),
    (
        {"type": "reduceOnPlateau", "learningRate": 0.2, "factor": 0.7, "patience": 0, "monitor": "accuracy"},
        {"factor": 0.7, "patience": 0, "mode": "max"},
        [0.5, 0.50004, 0.6, 0.6, 0.61, 0.55, 0.610062],
    ),
]
# Those that end; torch refuses a step behind the end of OneCycleLR, and its cosine would rise again.
LENGTHS = {"OneCycleLR": "total_steps", "CosineAnnealingLR": "T_max"}


def base_rate(schedule):
    if "after" in schedule:
        return base_rate(schedule["after"])
    return base_rate(schedule["schedules"][0]) if "schedules" in schedule else schedule["learningRate"]


def gradient_at(step):
    return (step % 5 - 1.5) / 4


def schedules():
    cases = []
    for schedule, name, options, *optimizers in SCHEDULES:
        spec = optimizers[0] if optimizers else {"type": "sgd"}
        parameters, rate = [torch.nn.Parameter(torch.zeros(1))], base_rate(schedule)
        if spec["type"] == "adam":
            optimizer = torch.optim.Adam(parameters, lr=rate)
        else:
            optimizer = torch.optim.SGD(parameters, lr=rate, momentum=spec.get("momentum", 0))
        kind = getattr(torch.optim.lr_scheduler, name)
        if name == "SequentialLR":
            scheduler = options(optimizer)
        else:
            scheduler = kind(optimizer, options) if name == "LambdaLR" else kind(optimizer, **options)
        words = {} if callable(options) else options
        count = words.get(LENGTHS.get(name), 24 if name == "CosineAnnealingWarmRestarts" else 14)
        values, momenta, path = [], [], []
        for step in range(count + (name == "CosineAnnealingLR")):
            group = optimizer.param_groups[0]
            values.append(group["lr"])
            momenta.append(group["momentum"] if "momentum" in group else group["betas"][0])
            parameters[0].grad = torch.tensor([gradient_at(step)])
            optimizer.step()
            path.append(parameters[0].item())
            if step < count - 1 or name == "CosineAnnealingLR":
                scheduler.step()
        case = {"schedule": schedule, "torch": {"class": name, "options": words}, "values": values}
        cases.append({**case, "optimizer": spec, "momenta": momenta, "path": path} if optimizers else case)
    for schedule, options, epochs in PLATEAUS:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=schedule["learningRate"])
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        values = []
        for value in epochs:
            values.append(optimizer.param_groups[0]["lr"])
            scheduler.step(value)
        words = {"class": "ReduceLROnPlateau", "options": options}
        # JSON has no NaN.
        epochs = [None if value != value else value for value in epochs]
        cases.append({"schedule": schedule, "torch": words, "values": values, "epochs": epochs})
    write("schedules", {"cases": cases})


# --- initialisers -----------------------------------------------------------------------------------------------------

# Ours beside what fills a weight of torch's, [out, in].
INITIALIZERS = [
    ("glorotUniform", torch.nn.init.xavier_uniform_),
    ("glorotNormal", torch.nn.init.xavier_normal_),
    ("heUniform", lambda weight: torch.nn.init.kaiming_uniform_(weight, nonlinearity="relu")),
    ("heNormal", lambda weight: torch.nn.init.kaiming_normal_(weight, nonlinearity="relu")),
    ("lecunUniform", lambda weight: torch.nn.init.kaiming_uniform_(weight, nonlinearity="linear")),
    ("lecunNormal", lambda weight: torch.nn.init.kaiming_normal_(weight, nonlinearity="linear")),
    ("torchUniform", lambda weight: torch.nn.Linear(weight.shape[1], weight.shape[0]).weight.data),
    ("truncatedNormal", lambda weight: torch.nn.init.trunc_normal_(weight, std=0.05, a=-0.1, b=0.1)),
    (
        {"type": "truncatedNormal", "stddev": 2},
        lambda weight: torch.nn.init.trunc_normal_(weight, std=2, a=-4, b=4),
    ),
    ("orthogonal", torch.nn.init.orthogonal_),
    ({"type": "orthogonal", "gain": 1.5}, lambda weight: torch.nn.init.orthogonal_(weight, gain=1.5)),
    ({"type": "constant", "value": 0.25}, lambda weight: torch.nn.init.constant_(weight, 0.25)),
    ("zeros", torch.nn.init.zeros_),
]
# The bias of torch.nn.Linear takes the inputs of the weight.
BIASES = [("torchUniform", lambda inputs, outputs: torch.nn.Linear(inputs, outputs).bias.data)]


def initializers():
    torch.manual_seed(1)
    cases = []
    for fan_in, fan_out in [(400, 250), (250, 400)]:
        for initializer, fill in INITIALIZERS:
            cases.append(spread(initializer, "weight", fan_in, fan_out, fill(torch.empty(fan_out, fan_in))))
    for initializer, make in BIASES:
        cases.append(spread(initializer, "bias", 7, 100_000, make(7, 100_000)))
    write("initializers", {"cases": cases})


def spread(initializer, parameter, fan_in, fan_out, values):
    sample = {"mean": values.mean().item(), "deviation": values.std().item(), "largest": values.abs().max().item()}
    return {"initializer": initializer, "parameter": parameter, "fanIn": fan_in, "fanOut": fan_out, **sample}


# --- training ---------------------------------------------------------------------------------------------------------


class RMSNorm(torch.nn.Module):
    """torch.nn.RMSNorm, which this version of PyTorch lacks (Zhang and Sennrich 2019)."""

    def __init__(self, width, epsilon=2**-23):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        return x / torch.sqrt((x * x).mean(1, keepdim=True) + self.epsilon) * self.weight


class Dense(torch.nn.Linear):
    def __init__(self, inputs, outputs, activation):
        super().__init__(inputs, outputs)
        self.activation = activation

    def forward(self, x):
        return self.activation(super().forward(x))


class Residual(torch.nn.Module):
    def __init__(self, layers, projection=None):
        super().__init__()
        if projection:
            self.projection = projection
        self.layers = torch.nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x) + (self.projection(x) if hasattr(self, "projection") else x)


class Embedding(torch.nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.columns = columns
        self.tables = torch.nn.ModuleList([torch.nn.Embedding(categories, dimension) for _, categories, dimension in columns])

    def forward(self, x):
        parts = {column: table(x[:, column].long()) for table, (column, _, _) in zip(self.tables, self.columns)}
        return torch.cat([parts.get(column, x[:, column : column + 1]) for column in range(x.shape[1])], 1)


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011) in whole numbers, written from the paper."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


assert philox([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]  # kat_vectors of Random123


class Drawing(torch.nn.Module):
    """What draws in training: four draws for every four elements of a row, of the step, for layer `number`."""

    step, seed = 0, 0

    def __init__(self, number, stream):
        super().__init__()
        self.number, self.stream = number, stream

    def draws(self, x):
        fours = math.ceil(x.shape[1] / 4)
        blocks = [
            [philox([row * fours + four, self.step, self.number, self.stream], [self.seed, 0]) for four in range(fours)]
            for row in range(x.shape[0])
        ]
        return torch.tensor(blocks, dtype=torch.int64)


class Dropout(Drawing):
    def __init__(self, rate, number):
        super().__init__(number, 2)
        self.rate = rate

    def forward(self, x):
        if not self.training:
            return x
        kept = self.draws(x).reshape(x.shape[0], -1)[:, : x.shape[1]] // 256 / 2**24 >= self.rate
        return x * kept / (1 - self.rate)


class GaussianNoise(Drawing):
    def __init__(self, stddev, number):
        super().__init__(number, 5)
        self.stddev = stddev

    def forward(self, x):
        if not self.training:
            return x
        draws = self.draws(x).reshape(x.shape[0], -1, 2)
        radius = torch.sqrt(-2 * torch.log((draws[:, :, 0] + 1) / 2**32))
        angle = 2 * math.pi * (draws[:, :, 1] / 2**32)
        normal = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 2)
        return x + self.stddev * normal.reshape(x.shape[0], -1)[:, : x.shape[1]]


class Case:
    """A spec of ours beside the torch.nn modules that it means, module i at position i of `layers` or of its options."""

    def __init__(self, name, spec, modules, loss, optimizer, scheduler=None, penalty=lambda parameters: 0):
        self.name, self.spec, self.loss, self.penalty = name, spec, loss, penalty
        if "weightDecay" in spec["optimizer"]:
            spec["optimizer"].setdefault("decays", "all")
        self.modules = [[module for module in group] for group in modules]
        for group in self.modules:
            for module in group:
                for parameter in module.parameters():
                    parameter.data = exact(parameter.data)
        self.parameters = [parameter for group in self.modules for module in group for parameter in module.parameters()]
        self.optimizer = optimizer(self.parameters)
        self.scheduler = scheduler(self.optimizer) if scheduler else None

    def forward(self, x):
        for group in self.modules:
            for module in group:
                x = module(x)
        return x

    def weights(self):
        return self.named(self.modules)

    def named(self, modules):
        weights = {}
        for i, group in enumerate(modules):
            for module in group:
                for key, parameter in module.state_dict().items():
                    if not key.endswith("num_batches_tracked"):
                        weights[f"layers.{i}.{key}"] = parameter.tolist()
        return weights

    def predict(self, x):
        """The outputs as eval() gives them, of all rows and of one."""
        everything = torch.nn.ModuleList([module for group in self.modules for module in group])
        everything.eval()
        with torch.no_grad():
            return {"outputs": self.forward(x).tolist(), "one": self.forward(x[:1]).tolist()}

    def norms(self, tensors):
        names = [f"layers.{i}.{key}" for i, group in enumerate(self.modules) for module in group for key, _ in module.named_parameters()]
        return {name: tensor.norm().item() for name, tensor in zip(names, tensors)}

    def train(self, x, y, epochs, clip=None, accumulate=1, project=None, tell_norms=False, each=None):
        """The run; with a list `each`, that gets the parameters and the averages after every update."""
        start = self.weights()
        momentum = self.spec["optimizer"].get("emaMomentum")
        everything = torch.nn.ModuleList([torch.nn.ModuleList(group) for group in self.modules])
        average = torch.optim.swa_utils.AveragedModel(everything, avg_fn=lambda a, p, n: momentum * a + (1 - momentum) * p)
        batches, losses, rates, gradients, updates = [], [], [], [], []
        drawing = [part for group in self.modules for module in group for part in module.modules() if isinstance(part, Drawing)]
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(self.spec["batchSize"] * accumulate):
                for part in drawing:
                    part.step, part.seed = len(batches), self.spec["seed"]
                self.optimizer.zero_grad()
                if accumulate > 1:
                    loss = torch.zeros(())
                    whole = self.loss(self.forward(x[rows]), y[rows]) if tell_norms else None
                    for own in rows.split(self.spec["batchSize"]):
                        part = self.loss(self.forward(x[own]), y[own]) * (len(own) / len(rows))
                        part.backward()
                        loss += part.detach()
                else:
                    loss = whole = self.loss(self.forward(x[rows]), y[rows])
                    (loss + self.penalty(self.parameters)).backward(retain_graph=tell_norms)
                if tell_norms:
                    gradients.append(self.norms(torch.autograd.grad(whole, self.parameters)))
                    before = [parameter.detach().clone() for parameter in self.parameters]
                if clip:
                    clip(self.parameters)
                rates.append(self.optimizer.param_groups[0]["lr"])
                self.optimizer.step()
                if project:
                    project(self.parameters)
                if tell_norms:
                    updates.append(self.norms([after - start for after, start in zip(self.parameters, before)]))
                if momentum is not None:
                    average.update_parameters(everything)
                if each is not None:
                    averages = {"averages": self.named(average.module)} if momentum is not None else {}
                    each.append({"parameters": self.weights(), **averages})
                if self.scheduler:
                    self.scheduler.step()
                batches.append(rows.tolist())
                losses.append(loss.item())
        return {
            "name": self.name,
            "spec": self.spec,
            "x": x.tolist(),
            "y": y.tolist(),
            "start": start,
            "batches": batches,
            "losses": losses,
            "learningRates": rates,
            "final": self.weights(),
            **({"averages": self.named(average.module)} if momentum is not None else {}),
            **({"gradientNorms": gradients, "updateNorms": updates} if tell_norms else {}),
        }


def training():
    torch.manual_seed(2)
    linear = torch.nn.Linear
    classes = Case(
        "relu, softmaxCrossEntropy, adamW",
        {
            "inputs": 6,
            "layers": [
                {"type": "dense", "units": 8, "activation": "relu"},
                {"type": "dense", "units": 5, "activation": "relu"},
                {"type": "dense", "units": 3},
            ],
            "loss": "softmaxCrossEntropy",
            "optimizer": {"type": "adamW", "learningRate": 0.02, "weightDecay": 0.05},
            "batchSize": 8,
        },
        [[linear(6, 8), torch.nn.ReLU()], [linear(8, 5), torch.nn.ReLU()], [linear(5, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.02, weight_decay=0.05),
    )
    regression = Case(
        "tanh and gelu, meanSquaredError, sgd with nesterov, decay and a schedule",
        {
            "inputs": 3,
            "layers": [
                {"type": "dense", "units": 7, "activation": "tanh"},
                {"type": "dense", "units": 6},
                {"type": "activation", "activation": "gelu"},
                {"type": "dense", "units": 2},
            ],
            "loss": "meanSquaredError",
            "optimizer": {
                "type": "sgd",
                "learningRate": {"type": "step", "learningRate": 0.1, "stepSize": 6, "gamma": 0.5},
                "momentum": 0.9,
                "nesterov": True,
                "weightDecay": 0.01,
            },
            "batchSize": 5,
        },
        [[linear(3, 7), torch.nn.Tanh()], [linear(7, 6)], [torch.nn.GELU()], [linear(6, 2)]],
        torch.nn.MSELoss(),
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, step_size=6, gamma=0.5),
    )
    binary = Case(
        "silu and leakyRelu, sigmoidBinaryCrossEntropy, centered rmsprop with momentum, last batch partial",
        {
            "inputs": 4,
            "layers": [
                {"type": "dense", "units": 6, "activation": "silu"},
                {"type": "dense", "units": 5, "activation": {"type": "leakyRelu", "negativeSlope": 0.1}, "bias": False},
                {"type": "dense", "units": 2},
            ],
            "loss": "sigmoidBinaryCrossEntropy",
            "optimizer": {
                "type": "rmsprop",
                "learningRate": 0.005,
                "rho": 0.9,
                "epsilon": 0.001,
                "momentum": 0.5,
                "centered": True,
                "weightDecay": 0.01,
            },
            "batchSize": 8,
        },
        [[linear(4, 6), torch.nn.SiLU()], [linear(6, 5, bias=False), torch.nn.LeakyReLU(0.1)], [linear(5, 2)]],
        torch.nn.BCEWithLogitsLoss(),
        lambda parameters: torch.optim.RMSprop(
            parameters, lr=0.005, alpha=0.9, eps=0.001, momentum=0.5, centered=True, weight_decay=0.01
        ),
    )
    x = exact(torch.randn(24, 6))
    cases = [classes.train(x, (x[:, 0] + x[:, 1] * x[:, 2] > 0).long() + (x[:, 3] > 0.5).long(), 7)]
    x = exact(torch.randn(20, 3))
    y = exact(torch.stack([torch.sin(2 * x[:, 0]) + x[:, 1], x[:, 1] * x[:, 2]], 1))
    cases.append(regression.train(x, y, 5))
    x = exact(torch.randn(19, 4))
    cases.append(binary.train(x, torch.stack([x[:, 0] * x[:, 1] > 0, x[:, 2] > x[:, 3]], 1).double(), 7))
    write("training", {"cases": cases})


def gradients():
    """Clipping, one run an option; limits that hold some gradients back and leave others. Accumulation."""
    torch.manual_seed(9)
    clip_value, clip_norm = torch.nn.utils.clip_grad_value_, torch.nn.utils.clip_grad_norm_
    each = lambda limit: lambda parameters: [clip_norm([parameter], limit) for parameter in parameters]
    x = exact(torch.randn(19, 4))
    y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0.5).long()
    cases = []
    for name, options, optimizer, torch_optimizer, clip in [
        ("clipValue", {"clipValue": 0.05}, {"type": "sgd", "momentum": 0.5, "weightDecay": 0.1}, lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.5, weight_decay=0.1), lambda p: clip_value(p, 0.05)),
        ("clipNorm", {"clipNorm": 0.2}, {"type": "sgd", "momentum": 0.5}, lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.5), each(0.2)),
        ("globalClipNorm", {"globalClipNorm": 0.3}, {"type": "adamW", "weightDecay": 0.1}, lambda p: torch.optim.AdamW(p, lr=0.2, weight_decay=0.1), lambda p: clip_norm(p, 0.3)),
        ("gradientAccumulationSteps", {"gradientAccumulationSteps": 3}, {"type": "adam"}, lambda p: torch.optim.Adam(p, lr=0.2), None),
        ("gradientAccumulationSteps and globalClipNorm", {"gradientAccumulationSteps": 2, "globalClipNorm": 0.3}, {"type": "sgd"}, lambda p: torch.optim.SGD(p, lr=0.2), lambda p: clip_norm(p, 0.3)),
    ]:
        accumulate = options.get("gradientAccumulationSteps", 1)
        case = Case(
            name,
            {
                "inputs": 4,
                "layers": [{"type": "dense", "units": 5, "activation": "tanh"}, {"type": "dense", "units": 3}],
                "loss": "softmaxCrossEntropy",
                "optimizer": {"learningRate": 0.2, **optimizer},
                "batchSize": 5 if accumulate == 1 else 2,
                **options,
            },
            [[torch.nn.Linear(4, 5), torch.nn.Tanh()], [torch.nn.Linear(5, 3)]],
            torch.nn.CrossEntropyLoss(),
            torch_optimizer,
        )
        cases.append(case.train(x, y, 3, clip, accumulate))
    write("gradients", {"cases": cases})


def layers():
    torch.manual_seed(5)
    nn, linear = torch.nn, torch.nn.Linear
    dense = lambda units, activation="linear", bias=True: {
        "type": "dense",
        "units": units,
        "activation": activation,
        "bias": bias,
    }
    cases = [
        (
            "layer norm first, between and last",
            [
                {"type": "layerNorm"},
                dense(7),
                {"type": "layerNorm", "epsilon": 0.01},
                {"type": "activation", "activation": "relu"},
                dense(3),
                {"type": "layerNorm", "affine": False},
            ],
            [
                [nn.LayerNorm(5)],
                [linear(5, 7)],
                [nn.LayerNorm(7, eps=0.01)],
                [nn.ReLU()],
                [linear(7, 3)],
                [nn.LayerNorm(3, elementwise_affine=False)],
            ],
        ),
        (
            "RMS norm between and first",
            [{"type": "rmsNorm"}, dense(6, "tanh"), {"type": "rmsNorm", "epsilon": 0.05}, dense(3)],
            [[RMSNorm(5)], [linear(5, 6), nn.Tanh()], [RMSNorm(6, 0.05)], [linear(6, 3)]],
        ),
        (
            "dropout and noise",
            [
                {"type": "gaussianNoise", "stddev": 0.2},
                dense(9, "tanh"),
                {"type": "dropout", "rate": 0.3},
                dense(6, "relu"),
                {"type": "dropout"},
                dense(3),
            ],
            [
                [GaussianNoise(0.2, 0)],
                [linear(5, 9), nn.Tanh()],
                [Dropout(0.3, 2)],
                [linear(9, 6), nn.ReLU()],
                [Dropout(0.5, 4)],
                [linear(6, 3)],
            ],
        ),
        (
            "residual blocks, one with a projection, one in the other",
            [
                dense(6, "tanh"),
                {
                    "type": "residual",
                    "layers": [
                        {"type": "layerNorm"},
                        dense(6, "relu"),
                        {"type": "residual", "layers": [dense(4, "tanh"), {"type": "dropout", "rate": 0.25}]},
                    ],
                },
                {"type": "residual", "layers": [{"type": "layerNorm"}, dense(4, "relu")]},
                dense(3),
            ],
            [
                [linear(5, 6), nn.Tanh()],
                [
                    Residual(
                        [
                            nn.LayerNorm(6),
                            Dense(6, 6, torch.relu),
                            Residual([Dense(6, 4, torch.tanh), Dropout(0.25, 6)], linear(6, 4, bias=False)),
                        ],
                        linear(6, 4, bias=False),
                    )
                ],
                [Residual([nn.LayerNorm(4), Dense(4, 4, torch.relu)])],
                [linear(4, 3)],
            ],
        ),
        (
            "batch norm before and behind the activation",
            [
                dense(7, bias=False),
                {"type": "batchNorm"},
                {"type": "activation", "activation": "relu"},
                dense(5, "tanh"),
                {"type": "batchNorm", "momentum": 0.3, "epsilon": 0.001, "affine": False},
                dense(3),
            ],
            [
                [linear(5, 7, bias=False)],
                [nn.BatchNorm1d(7)],
                [nn.ReLU()],
                [linear(7, 5), nn.Tanh()],
                [nn.BatchNorm1d(5, eps=0.001, momentum=0.3, affine=False)],
                [linear(5, 3)],
            ],
        ),
    ]
    cases.append(
        (
            "embeddings of two columns",
            [
                {
                    "type": "embedding",
                    "columns": [
                        {"column": 3, "categories": 4, "dimension": 3},
                        {"column": 0, "categories": 3, "dimension": 2},
                    ],
                },
                dense(6, "tanh"),
                dense(3),
            ],
            [[Embedding([(3, 4, 3), (0, 3, 2)])], [linear(8, 6), nn.Tanh()], [linear(6, 3)]],
        )
    )
    runs = []
    x = exact(torch.randn(22, 5))
    categories = x.clone()
    categories[:, 3] = torch.randint(0, 4, (22,))
    categories[:, 0] = torch.randint(0, 3, (22,))
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).long() + (x[:, 3] > 0.5).long()
    for name, spec, modules in cases:
        for part in [part for group in modules for module in group for part in module.modules()]:
            if isinstance(part, (nn.LayerNorm, RMSNorm, nn.BatchNorm1d)):
                for parameter in part.parameters():
                    parameter.data += 0.3 * torch.randn_like(parameter)
        whole = {
            "inputs": 5,
            "layers": spec,
            "loss": "softmaxCrossEntropy",
            "optimizer": {"type": "adamW", "learningRate": 0.02, "weightDecay": 0.05},
            "batchSize": 8,
            "seed": 11,
        }
        optimizer = lambda parameters: torch.optim.AdamW(parameters, lr=0.02, weight_decay=0.05)
        case = Case(name, whole, modules, nn.CrossEntropyLoss(), optimizer)
        inputs = categories if name.startswith("embedding") else x
        runs.append({**case.train(inputs, y, 3), "predictions": case.predict(inputs)})
    write("layers", {"cases": runs})


def penalties():
    torch.manual_seed(12)
    linear = torch.nn.Linear
    decayed = lambda parameters, taken, decay: [
        {"params": [parameters[i] for i in range(len(parameters)) if (i in taken) == takes], "weight_decay": decay * takes}
        for takes in (True, False)
    ]
    each = Case(
        "penalties of each layer and kind, sgd with momentum, decay of weights",
        {
            "inputs": 3,
            "layers": [
                {"type": "dense", "units": 5, "activation": "tanh", "weightRegularizer": {"type": "l1", "l1": 0.02}},
                {
                    "type": "dense",
                    "units": 4,
                    "activation": "tanh",
                    "weightRegularizer": {"type": "l2", "l2": 0.03},
                    "biasRegularizer": {"type": "l1l2", "l1": 0.01, "l2": 0.05},
                },
                {"type": "dense", "units": 3},
            ],
            "loss": "softmaxCrossEntropy",
            "optimizer": {"type": "sgd", "learningRate": 0.1, "momentum": 0.9, "weightDecay": 0.04, "decays": "weights"},
            "batchSize": 8,
        },
        [[linear(3, 5), torch.nn.Tanh()], [linear(5, 4), torch.nn.Tanh()], [linear(4, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda p: torch.optim.SGD(decayed(p, {0, 2, 4}, 0.04), lr=0.1, momentum=0.9),
        penalty=lambda p: 0.02 * p[0].abs().sum()
        + 0.03 * (p[2] ** 2).sum()
        + 0.01 * p[3].abs().sum()
        + 0.05 * (p[3] ** 2).sum(),
    )
    whole = Case(
        "one penalty for all weights, adamW, decay by layer, moving averages",
        {
            "inputs": 3,
            "layers": [
                {"type": "dense", "units": 5, "activation": "tanh", "decays": "all"},
                {"type": "dense", "units": 4, "activation": "tanh", "decays": "none"},
                {"type": "dense", "units": 3, "weightRegularizer": {"type": "l2", "l2": 0}},
            ],
            "loss": "softmaxCrossEntropy",
            "optimizer": {
                "type": "adamW",
                "learningRate": 0.02,
                "weightDecay": 0.3,
                "decays": "weights",
                "emaMomentum": 0.8,
            },
            "batchSize": 8,
            "weightRegularizer": {"type": "l1l2", "l1": 0.005, "l2": 0.02},
        },
        [[linear(3, 5), torch.nn.Tanh()], [linear(5, 4), torch.nn.Tanh()], [linear(4, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda p: torch.optim.AdamW(decayed(p, {0, 1, 4}, 0.3), lr=0.02),
        penalty=lambda p: sum(0.005 * w.abs().sum() + 0.02 * (w**2).sum() for w in (p[0], p[2])),
    )
    clipped = Case(
        "penalties are clipped, weight decay is not",
        {
            "inputs": 3,
            "layers": [{"type": "dense", "units": 5, "activation": "tanh"}, {"type": "dense", "units": 3}],
            "loss": "softmaxCrossEntropy",
            "optimizer": {"type": "sgd", "learningRate": 0.2, "weightDecay": 0.3, "decays": "all"},
            "batchSize": 8,
            "weightRegularizer": {"type": "l1l2", "l1": 0.05, "l2": 0.4},
            "globalClipNorm": 0.5,
        },
        [[linear(3, 5), torch.nn.Tanh()], [linear(5, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda p: torch.optim.SGD(p, lr=0.2, weight_decay=0.3),
        penalty=lambda p: sum(0.05 * w.abs().sum() + 0.4 * (w**2).sum() for w in (p[0], p[2])),
    )
    x = exact(torch.randn(19, 3))
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).long() + (x[:, 2] > 0.5).long()
    cases = [case.train(x, y, 4) for case in (each, whole)]
    cases.append(clipped.train(x, y, 4, clip=lambda p: torch.nn.utils.clip_grad_norm_(p, 0.5)))
    write("penalties", {"cases": cases})


def renorm(limits):
    """The max-norm constraint: parameters by their place, rows of [out, in] or of a table each held to a limit."""

    def project(parameters):
        with torch.no_grad():
            for place, limit in limits.items():
                parameters[place].copy_(torch.renorm(parameters[place], 2, 0, limit))

    return project


def max_norm():
    torch.manual_seed(14)
    linear, tanh = torch.nn.Linear, torch.nn.Tanh
    dense = lambda units, **more: {"type": "dense", "units": units, **more}
    x = exact(torch.randn(19, 3))
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).long() + (x[:, 2] > 0.5).long()
    common = {"inputs": 3, "loss": "softmaxCrossEntropy", "batchSize": 8}
    by_layer = Case(
        "max-norm by layer, sgd with momentum",
        {
            **common,
            "layers": [dense(5, activation="tanh", maxNorm=0.5), dense(4, activation="tanh", maxNorm=False), dense(3)],
            "optimizer": {"type": "sgd", "learningRate": 0.3, "momentum": 0.9},
            "maxNorm": 0.8,
        },
        [[linear(3, 5), tanh()], [linear(5, 4), tanh()], [linear(4, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9),
    )
    cases = [by_layer.train(x, y, 4, project=renorm({0: 0.5, 4: 0.8}))]
    averaged = Case(
        "max-norm, penalties and decay, moving averages of what it leaves",
        {
            **common,
            "layers": [dense(5, activation="tanh"), dense(3)],
            "optimizer": {"type": "adamW", "learningRate": 0.1, "weightDecay": 0.1, "decays": "all", "emaMomentum": 0.8},
            "weightRegularizer": {"type": "l2", "l2": 0.01},
            "maxNorm": 0.6,
        },
        [[linear(3, 5), tanh()], [linear(5, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
        penalty=lambda p: sum(0.01 * (w**2).sum() for w in (p[0], p[2])),
    )
    cases.append(averaged.train(x, y, 4, project=renorm({0: 0.6, 2: 0.6})))
    summed = Case(
        "max-norm of sums over mini-batches under a global norm",
        {
            **common,
            "layers": [dense(5, activation="tanh"), dense(3)],
            "optimizer": {"type": "sgd", "learningRate": 0.5},
            "batchSize": 3,
            "gradientAccumulationSteps": 3,
            "globalClipNorm": 0.3,
            "maxNorm": 0.7,
        },
        [[linear(3, 5), tanh()], [linear(5, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda p: torch.optim.SGD(p, lr=0.5),
    )
    clip = lambda p: torch.nn.utils.clip_grad_norm_(p, 0.3)
    cases.append(summed.train(x, y, 4, clip, 3, renorm({0: 0.7, 2: 0.7})))
    categories = x.clone()
    categories[:, 1] = torch.randint(0, 5, (19,))
    table = Case(
        "max-norm of a table, adam",
        {
            **common,
            "layers": [{"type": "embedding", "columns": [{"column": 1, "categories": 5, "dimension": 3}]}, dense(3, maxNorm=False)],
            "optimizer": {"type": "adam", "learningRate": 0.2},
            "maxNorm": 1.2,
        },
        [[Embedding([(1, 5, 3)])], [linear(5, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda p: torch.optim.Adam(p, lr=0.2),
    )
    cases.append(table.train(categories, y, 4, project=renorm({0: 1.2})))
    write("max_norm", {"cases": cases})


def norms():
    """Norms of the gradient of the loss alone, before clipping, and of what the whole update moved."""
    torch.manual_seed(15)
    linear, tanh = torch.nn.Linear, torch.nn.Tanh
    dense = lambda units, **more: {"type": "dense", "units": units, **more}
    clip = lambda p: torch.nn.utils.clip_grad_norm_(p, 0.2)
    x = exact(torch.randn(19, 3))
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).long() + (x[:, 2] > 0.5).long()
    common = {"inputs": 3, "loss": "softmaxCrossEntropy", "batchSize": 8, "gradientNorms": True}
    clipped = Case(
        "norms before a global norm clips, without the penalty; max-norm moves too",
        {
            **common,
            "layers": [dense(5, activation="tanh"), dense(4, bias=False, activation="tanh"), dense(3, maxNorm=False)],
            "optimizer": {"type": "adamW", "learningRate": 0.1, "weightDecay": 0.1, "decays": "all"},
            "weightRegularizer": {"type": "l2", "l2": 0.02},
            "globalClipNorm": 0.2,
            "maxNorm": 0.6,
        },
        [[linear(3, 5), tanh()], [linear(5, 4, bias=False), tanh()], [linear(4, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
        penalty=lambda p: sum(0.02 * (p[i] ** 2).sum() for i in (0, 2, 3)),
    )
    cases = [clipped.train(x, y, 2, clip, project=renorm({0: 0.6, 2: 0.6}), tell_norms=True)]
    summed = Case(
        "norms of sums over mini-batches, a norm of rows",
        {
            **common,
            "layers": [dense(6), {"type": "layerNorm"}, dense(3)],
            "optimizer": {"type": "sgd", "learningRate": 0.3, "momentum": 0.9},
            "batchSize": 3,
            "gradientAccumulationSteps": 3,
        },
        [[linear(3, 6)], [torch.nn.LayerNorm(6)], [linear(6, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9),
    )
    cases.append(summed.train(x, y, 2, None, 3, tell_norms=True))
    write("norms", {"cases": cases})


def weights():
    """Runs with sample weights, class weights and masked targets, and what a mean over the weights gives behind them."""
    torch.manual_seed(9)
    functional, linear = torch.nn.functional, torch.nn.Linear
    rows, width = 13, 3
    x = exact(torch.randn(rows, width))
    weight = torch.tensor([0.5, 1.0, 2.0, 0.25, 3.0, 0.0, 1.5, 1.0, 0.75, 4.0, 0.125, 1.0, 2.5])
    classes = (x[:, 0] > 0).long() + (x[:, 1] > 0.3).long()
    some = classes.clone()
    some[[2, 6, 7]] = -1
    values = exact(torch.stack([x[:, 0] * x[:, 1], torch.sin(x[:, 2])], 1))
    gaps = values.clone()
    gaps[[1, 4], 0] = math.nan
    gaps[[4, 8], 1] = math.nan
    binary = torch.stack([x[:, 0] > 0, x[:, 1] * x[:, 2] > 0], 1).double()
    holes = torch.where(torch.isnan(gaps), gaps, binary)

    def over(each, own):
        """Sum of w l / sum of w over what is there; `each` gives a loss a value or a row, `own` a weight a row."""

        def mean(z, at, y):
            there = ~torch.isnan(y[at])
            own_weights = own[at] if y.dim() == 1 else own[at][:, None] * there
            values = each(z, torch.where(there, y[at], torch.zeros_like(y[at])) if y.is_floating_point() else y[at])
            return (own_weights * values).sum() / own_weights.sum()

        return mean

    ones = torch.ones(rows)
    class_weight = torch.tensor([1.0, 0.5, 3.0])
    cross_entropy = torch.nn.CrossEntropyLoss(weight=class_weight, ignore_index=-1)
    variances = lambda z, y: functional.gaussian_nll_loss(
        z[:, :2], y, z[:, 2:].exp() + 1e-6, reduction="none", eps=1e-12
    )
    by_class = torch.where(binary[:, 0] > 0, 4.0 * weight, 0.5 * weight)
    points = [
        ("sample weights", "softmaxCrossEntropy", 3, classes, weight, {},
         over(lambda z, y: functional.cross_entropy(z, y, reduction="none"), weight)),
        ("class weights, classes that do not count", "softmaxCrossEntropy", 3, some, None,
         {"classWeight": class_weight.tolist(), "maskTargets": True}, lambda z, at, y: cross_entropy(z, y[at])),
        ("both weights, one output", "sigmoidBinaryCrossEntropy", 1, binary[:, 0].long(), weight,
         {"classWeight": {"0": 0.5, "1": 4}},
         over(lambda z, y: functional.binary_cross_entropy_with_logits(z[:, 0], y.double(), reduction="none"), by_class)),
        ("values that are missing", "meanSquaredError", 2, gaps, weight, {"maskTargets": True},
         over(lambda z, y: functional.mse_loss(z, y, reduction="none"), weight)),
        ("yes and no that are missing", "sigmoidBinaryCrossEntropy", 2, holes, None, {"maskTargets": True},
         over(lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="none"), ones)),
        ("values that are missing, with a variance", "gaussianNegativeLogLikelihood", 4, gaps, weight,
         {"maskTargets": True}, over(variances, weight)),
    ]
    cases = []
    for name, loss, outputs, y, own, more, mean in points:
        layers = [{"type": "dense", "units": 4, "activation": "tanh"}, {"type": "dense", "units": outputs}]
        momentum = {"type": "sgd", "learningRate": 0.1, "momentum": 0.9}
        spec = {"inputs": width, "layers": layers, "loss": loss, "optimizer": momentum, "batchSize": 5, **more}
        optimizer = lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
        modules = [[linear(width, 4), torch.nn.Tanh()], [linear(4, outputs)]]
        case = Case(name, spec, modules, lambda z, at: mean(z, at, y), optimizer)
        run = case.train(x, torch.arange(rows), 3)
        run["y"] = [None if math.isnan(v) else v for v in y.tolist()] if y.dim() == 1 else [
            [None if math.isnan(v) else v for v in row] for row in y.tolist()
        ]
        cases.append({**run, **({} if own is None else {"sampleWeight": own.tolist()})})
    write("weights", {"cases": cases})


def updates():
    """What docs/parity.md compares beside formulas: two updates of a small network each, all that they leave, outputs."""
    torch.manual_seed(21)
    nn, linear = torch.nn, torch.nn.Linear
    rows, width = 7, 4
    x = exact(torch.randn(rows, width))
    x[:, 1] = torch.randint(0, 3, (rows,))
    y = (x[:, 0] > 0).long() + (x[:, 2] * x[:, 3] > 0).long()
    some = y.clone()
    some[2] = -1
    weight = torch.tensor([0.5, 1.0, 2.0, 0.25, 3.0, 0.0, 1.5])
    class_weight = torch.tensor([1.0, 0.5, 3.0])

    def dense(units, **more):
        return {"type": "dense", "units": units, **more}

    def plain():
        return [[linear(width, 5), nn.Tanh()], [linear(5, 3)]]

    def between(module):
        return [[linear(width, 5), nn.Tanh()], [module], [linear(5, 3)]]

    def weighted(z, at):
        values = nn.functional.cross_entropy(z, y[at], reduction="none")
        return (weight[at] * values).sum() / weight[at].sum()

    hidden, last = dense(5, activation="tanh"), dense(3)
    two = [hidden, last]
    mean = lambda z, at: nn.functional.cross_entropy(z, y[at])
    by_class = lambda z, at: nn.functional.cross_entropy(z, y[at], weight=class_weight)
    there = lambda z, at: nn.functional.cross_entropy(z, some[at], ignore_index=-1)
    weights_of = lambda p: (p[0], p[2])
    l1 = lambda factor: lambda p: factor * sum(w.abs().sum() for w in weights_of(p))
    l2 = lambda factor: lambda p: factor * sum((w**2).sum() for w in weights_of(p))
    l1l2 = lambda p: l1(0.02)(p) + l2(0.05)(p)
    clip_each = lambda p: [nn.utils.clip_grad_norm_([one], 0.1) for one in p]
    columns = [{"column": 1, "categories": 3, "dimension": 2}]
    block = {"type": "residual", "layers": [dense(6, activation="relu"), dense(4)]}
    projected = Residual([Dense(5, 6, torch.relu), linear(6, 4)], linear(5, 4, bias=False))
    # kind and name, layers, modules, what else the spec says, the loss, and what else `train` and `Case` take
    entries = [
        ("layer dense", two, plain(), {}, mean, {}),
        ("layer layerNorm", [hidden, {"type": "layerNorm"}, last], between(nn.LayerNorm(5)), {}, mean, {}),
        ("layer rmsNorm", [hidden, {"type": "rmsNorm"}, last], between(RMSNorm(5)), {}, mean, {}),
        ("layer batchNorm", [hidden, {"type": "batchNorm"}, last], between(nn.BatchNorm1d(5)), {}, mean, {}),
        ("layer dropout", [hidden, {"type": "dropout", "rate": 0.4}, last], between(Dropout(0.4, 1)), {}, mean, {}),
        ("layer gaussianNoise", [hidden, {"type": "gaussianNoise", "stddev": 0.3}, last],
         between(GaussianNoise(0.3, 1)), {}, mean, {}),
        ("layer residual", [hidden, block, last],
         [[linear(width, 5), nn.Tanh()], [projected], [linear(4, 3)]], {}, mean, {}),
        ("layer embedding", [{"type": "embedding", "columns": columns}, hidden, last],
         [[Embedding([(1, 3, 2)])], [linear(5, 5), nn.Tanh()], [linear(5, 3)]], {}, mean, {}),
        ("clipping clipValue", two, plain(), {"clipValue": 0.05}, mean,
         {"clip": lambda p: nn.utils.clip_grad_value_(p, 0.05)}),
        ("clipping clipNorm", two, plain(), {"clipNorm": 0.1}, mean, {"clip": clip_each}),
        ("clipping globalClipNorm", two, plain(), {"globalClipNorm": 0.3}, mean,
         {"clip": lambda p: nn.utils.clip_grad_norm_(p, 0.3)}),
        ("penalty l1", two, plain(), {"weightRegularizer": {"type": "l1", "l1": 0.02}}, mean, {"penalty": l1(0.02)}),
        ("penalty l2", two, plain(), {"weightRegularizer": {"type": "l2", "l2": 0.05}}, mean, {"penalty": l2(0.05)}),
        ("penalty l1l2", two, plain(), {"weightRegularizer": {"type": "l1l2", "l1": 0.02, "l2": 0.05}}, mean,
         {"penalty": l1l2}),
        ("penalty maxNorm", two, plain(), {"maxNorm": 0.7}, mean, {"project": renorm({0: 0.7, 2: 0.7})}),
        ("weight sampleWeight", two, plain(), {}, weighted, {}),
        ("weight classWeight", two, plain(), {"classWeight": class_weight.tolist()}, by_class, {}),
        ("weight maskTargets", two, plain(), {"maskTargets": True}, there, {}),
        ("update emaMomentum", two, plain(), {}, mean, {}),
        ("update gradientAccumulationSteps", two, plain(), {"gradientAccumulationSteps": 2}, mean, {"accumulate": 2}),
    ]
    cases = []
    for name, layers, modules, more, loss, options in entries:
        for part in [part for group in modules for module in group for part in module.modules()]:
            if isinstance(part, (nn.LayerNorm, RMSNorm, nn.BatchNorm1d)):
                for parameter in part.parameters():
                    parameter.data += 0.3 * torch.randn_like(parameter)
        optimizer = {"type": "sgd", "learningRate": 0.2, "momentum": 0.9}
        if name == "update emaMomentum":
            optimizer["emaMomentum"] = 0.8
        spec = {
            "inputs": width,
            "layers": layers,
            "loss": "softmaxCrossEntropy",
            "optimizer": optimizer,
            "batchSize": 4 // options.get("accumulate", 1),
            "seed": 11,
            **more,
        }
        momentum = lambda parameters: torch.optim.SGD(parameters, lr=0.2, momentum=0.9)
        case = Case(name, spec, modules, loss, momentum, penalty=options.pop("penalty", lambda parameters: 0))
        after = []
        run = case.train(x, torch.arange(rows), 1, **options, each=after)
        truth = some if loss is there else y
        own = {"sampleWeight": weight.tolist()} if loss is weighted else {}
        kept = {key: run[key] for key in ("name", "spec", "x", "start", "batches", "losses")}
        cases.append({**kept, "y": truth.tolist(), **own, "updates": after, "outputs": case.predict(x)["outputs"]})
    write("updates", {"cases": cases})


# --- mixed precision --------------------------------------------------------------------------------------------------

LOSS_SCALE = 2.0**16


def half(values):
    return values.half().double()


class HalfLinear(torch.autograd.Function):
    """Takes the weights as halves; what comes back from above is stored as halves, multiplied by the scale of the loss."""

    @staticmethod
    def forward(context, x, weight, bias):
        context.save_for_backward(x, half(weight))
        return x @ half(weight).T + bias

    @staticmethod
    def backward(context, gradient):
        x, weight = context.saved_tensors
        delta = half(gradient * LOSS_SCALE)
        return delta @ weight / LOSS_SCALE, delta.T @ x / LOSS_SCALE, delta.sum(0) / LOSS_SCALE


class HalfTanh(torch.autograd.Function):
    """Stores its outputs as halves, and derives by them."""

    @staticmethod
    def forward(context, z):
        output = half(z.tanh())
        context.save_for_backward(output)
        return output

    @staticmethod
    def backward(context, gradient):
        (output,) = context.saved_tensors
        return gradient * (1 - output**2)


class InHalves(torch.nn.Linear):
    def __init__(self, inputs, outputs, activation=lambda z: z):
        super().__init__(inputs, outputs)
        self.activation = activation

    def forward(self, x):
        return self.activation(HalfLinear.apply(x, self.weight, self.bias))


def mixed():
    torch.manual_seed(23)
    case = Case(
        "tanh, softmaxCrossEntropy, sgd with momentum, in mixed precision",
        {
            "inputs": 6,
            "layers": [
                {"type": "dense", "units": 8, "activation": "tanh"},
                {"type": "dense", "units": 5, "activation": "tanh"},
                {"type": "dense", "units": 3},
            ],
            "loss": "softmaxCrossEntropy",
            "optimizer": {"type": "sgd", "learningRate": 0.3, "momentum": 0.9},
            "batchSize": 8,
            "precision": "mixed",
        },
        [[InHalves(6, 8, HalfTanh.apply)], [InHalves(8, 5, HalfTanh.apply)], [InHalves(5, 3)]],
        torch.nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.SGD(parameters, lr=0.3, momentum=0.9),
    )
    # No multiples of 1/1024 as elsewhere: inputs are not rounded to halves, and these would not be hurt by it.
    x = (torch.randn(20, 6) / 3).float().double()
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).long() + (x[:, 3] > 0.2).long()
    write("mixed", {"cases": [case.train(x, y, 2)]})


# --- metrics ----------------------------------------------------------------------------------------------------------

def metrics():
    """Metrics of outputs that are given: rows by the hash of metric_formulas.py, as test/support/measured.ts makes them."""
    f = metric_formulas
    cases = []

    def case(name, loss, outputs, rows, seed, weighted=False, masked=False, levels=64, **more):
        targets = outputs // 2 if loss == "gaussianNegativeLogLikelihood" else outputs
        z = f.numbers(seed, rows * outputs, levels, 4 / levels, -2).reshape(rows, outputs)
        weight = f.numbers(seed + 1, rows, 5, 0.25) if weighted else numpy.ones(rows)
        place = numpy.arange(rows * targets).reshape(rows, targets)
        if loss in ("softmaxCrossEntropy", "klDivergence"):
            truth = f.numbers(seed + 2, rows, more.get("classes", outputs), 1).astype(int)
            if masked:
                truth[2::7] = -1
            found = f.of_classes(z, truth, weight, [k for k in (1, 2, 5) if k <= outputs], outputs <= 10)
        elif loss in ("sigmoidBinaryCrossEntropy", "hinge"):
            y = f.numbers(seed + 2, rows * targets, 2, 1).reshape(rows, targets)
            y = numpy.where(masked & (place % 5 == 2), numpy.nan, y)
            found = f.of_yes_and_no(z, y, weight, 0.5)
        else:
            y = f.numbers(seed + 2, rows * targets, more.get("values", 37), 0.125).reshape(rows, targets)
            y = numpy.where(masked & (place % 5 == 2), numpy.nan, y)
            prediction = numpy.exp(z) if loss == "poisson" else z[:, :targets]
            found = f.of_numbers(prediction, y, weight)
        shape = {"loss": loss, "outputs": outputs, "rows": rows, "seed": seed, "levels": levels}
        flags = {"weighted": weighted, "masked": masked, **more}
        cases.append({"name": name, **shape, **{k: v for k, v in flags.items() if v}, "expected": found})

    case("two classes", "softmaxCrossEntropy", 2, 301, 1)
    case("two classes, weights and gaps", "softmaxCrossEntropy", 2, 77, 4, weighted=True, masked=True)
    case("two classes, one of which is missing", "softmaxCrossEntropy", 2, 9, 7, classes=1)
    case("three classes", "softmaxCrossEntropy", 3, 301, 10, levels=1024)
    case("three classes, weights and gaps", "softmaxCrossEntropy", 3, 530, 13, weighted=True, masked=True, levels=1024)
    case("ten classes", "klDivergence", 10, 300, 16, levels=1024, weighted=True)
    case("ten classes, three of which are missing", "softmaxCrossEntropy", 10, 260, 19, levels=1024, classes=7)
    case("65 classes", "softmaxCrossEntropy", 65, 300, 22, levels=1024)
    case("257 classes, read in two parts", "softmaxCrossEntropy", 257, 900, 25, levels=1024, weighted=True)
    case("yes and no", "sigmoidBinaryCrossEntropy", 1, 301, 28)
    case("yes and no, weights and gaps", "sigmoidBinaryCrossEntropy", 1, 90, 31, weighted=True, masked=True)
    case("hinge", "hinge", 1, 65, 34, weighted=True)
    case("five times yes and no", "sigmoidBinaryCrossEntropy", 5, 301, 37, weighted=True)
    case("65 times yes and no, gaps", "sigmoidBinaryCrossEntropy", 65, 40, 40, masked=True)
    case("one number", "meanSquaredError", 1, 301, 43)
    case("three numbers, weights and gaps", "huber", 3, 290, 46, weighted=True, masked=True)
    case("counts", "poisson", 2, 70, 49)
    case("numbers with a variance", "gaussianNegativeLogLikelihood", 6, 66, 52, weighted=True, masked=True)
    case("numbers that are all the same", "meanAbsoluteError", 2, 20, 55, values=1)
    case("257 numbers", "logCosh", 257, 258, 58)
    write("metrics", {"cases": cases})


# --- NPY --------------------------------------------------------------------------------------------------------------

NPY = {
    "|u1": [[0, 1, 255], [7, 8, 9]],
    "|i1": [[-128, 1, 127], [7, 8, 9]],
    "|b1": [[0, 1, 1], [1, 0, 0]],
    "<u2": [[0, 1, 65535], [7, 8, 9]],
    "<i2": [[-32768, 1, 32767], [7, 8, 9]],
    "<u4": [[0, 1, 4294967295], [7, 8, 9]],
    "<i4": [[-2147483648, 1, 2147483647], [7, 8, 9]],
    "<u8": [[0, 1, 4294967295], [7, 8, 9]],
    "<i8": [[-2147483648, 1, 2147483647], [7, 8, 9]],
    "<f4": [[0.5, -1.25, 3e30], [7, 8, 9]],
    "<f8": [[0.1, -1.25, 1e300], [7, 8, 9]],
}


def npy():
    cases = []
    for descr, values in NPY.items():
        array = numpy.array(values).astype(descr)
        for order in "CF":
            cases.append(npy_case(numpy.asarray(array, order=order), (1, 0)))
        cases.append(npy_case(array.reshape(-1)[:2], (1, 0)))
    for version in [(2, 0), (3, 0)]:
        cases.append(npy_case(numpy.arange(24, dtype="<i2").reshape(2, 3, 4), version))
        cases.append(npy_case(numpy.asfortranarray(numpy.arange(24, dtype="<i2").reshape(2, 3, 4)), version))
    write("npy", {"numpy": numpy.__version__, "cases": cases})


def npy_case(array, version):
    file = io.BytesIO()
    numpy.lib.format.write_array(file, array, version)
    return {
        "descr": array.dtype.str,
        "order": "C" if array.flags.c_contiguous else "F",
        "version": version[0],
        "shape": list(array.shape),
        "values": [float(value) for value in array.reshape(-1)],
        "file": base64.b64encode(file.getvalue()).decode(),
    }


if __name__ == "__main__":
    makers = [activations, losses, optimizers, schedules, initializers, training, gradients, layers, penalties, max_norm, norms, weights, updates, mixed, metrics, npy]
    for make in makers:
        if len(sys.argv) == 1 or make.__name__ in sys.argv[1:]:
            make()
