"""Makes golden cases with PyTorch's autograd in float64; shares no code with the project.

Usage: python3 make.py FOLDER (format in README.md).
"""

import json, math, os, struct, sys
from itertools import combinations
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
A, S = 1.7159, 2 / 3
LENET = [
    [0, 1, 2],
    [1, 2, 3],
    [2, 3, 4],
    [3, 4, 5],
    [0, 4, 5],
    [0, 1, 5],
    [0, 1, 2, 3],
    [1, 2, 3, 4],
    [2, 3, 4, 5],
    [0, 3, 4, 5],
    [0, 1, 4, 5],
    [0, 1, 2, 5],
    [0, 1, 3, 4],
    [1, 2, 4, 5],
    [0, 2, 3, 5],
    [0, 1, 2, 3, 4, 5],
]
ACTIVATIONS = {
    "linear": lambda u: u,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "scaled-tanh": lambda u: A * torch.tanh(S * u),
    "relu": torch.relu,
    "leaky-relu": lambda u: F.leaky_relu(u, 0.01),
    "softmax": lambda u: torch.softmax(u.flatten(1), 1),
}


def conv(maps, size, activation="tanh", **more):
    return dict(kind="convolution", maps=maps, size=size, activation=activation, **more)


def sub(factor, reduce="sum", trainable=True, activation="linear"):
    return dict(kind="subsampling", factor=factor, reduce=reduce, trainable=trainable, activation=activation)


def dense(units, activation="tanh"):
    return dict(kind="dense", units=units, activation=activation)


def learned(filters, penalty, strength=0.05):
    return dict(learned=dict(filters=filters, penalty=penalty, strength=strength))


BN = dict(kind="batch-normalisation", momentum=0.1, epsilon=1e-5)


def normal_with(activation):
    return dict(BN, activation=activation)


def block(layers, activation, **more):
    return dict(kind="residual", layers=layers, activation=activation, **more)


CASES = [
    dict(
        name="normalised-nesterov",
        loss="cross-entropy",
        batchSize=11,
        steps=7,
        optimiser=dict(kind="nesterov", learningRate=0.05, momentum=0.9, weightDecay=0.02),
        input=(2, 9, 7),
        layers=[
            conv(5, 3, "linear", padding=1),
            BN,
            sub(2, "max", False, "relu"),
            dense(9, "linear"),
            BN,
            dense(4, "softmax"),
        ],
    ),
    dict(
        name="pairs-adam-decay",
        loss="squared-error",
        batchSize=9,
        steps=8,
        optimiser=dict(kind="adam", learningRate=0.02, beta1=0.8, beta2=0.95, epsilon=1e-6, weightDecay=0.1),
        input=(1, 11, 8),
        layers=[
            conv(4, 2, "scaled-tanh"),
            conv(6, 3, "scaled-tanh", inputs="pairs"),
            sub(2, "mean", True, "scaled-tanh"),
            dense(3, "scaled-tanh"),
        ],
    ),
    dict(
        name="triplets-max-clipped",
        loss="cross-entropy",
        batchSize=17,
        steps=8,
        optimiser=dict(kind="sgd", learningRate=0.2, momentum=0.5, clipNorm=0.3),
        input=(3, 10, 13),
        layers=[
            conv(5, 4, "leaky-relu", stride=2, padding=2),
            conv(10, 2, "leaky-relu", inputs="triplets"),
            sub(2, "max", True, "tanh"),
            dense(5, "softmax"),
        ],
    ),
    dict(
        name="lenet-table",
        loss="cross-entropy",
        batchSize=10,
        steps=6,
        optimiser=dict(kind="sgd", learningRate=0.02, momentum=0.9),
        input=(1, 22, 19),
        layers=[
            conv(6, 5, "scaled-tanh", padding=2),
            sub(2, "mean", True, "scaled-tanh"),
            conv(16, 5, "scaled-tanh", inputs="lenet-5"),
            sub(2, "sum", True, "sigmoid"),
            conv(20, 2, "tanh"),
            dense(7, "softmax"),
        ],
    ),
    dict(
        name="learned-half-padded",
        loss="cross-entropy",
        batchSize=6,
        steps=8,
        optimiser=dict(kind="nesterov", learningRate=0.1, momentum=0.6, weightDecay=0.01),
        input=(3, 8, 9),
        layers=[
            conv(4, 3, "relu", inputs=learned("per-pair", "half", 0.2), padding=1),
            sub(3, "sum"),
            conv(5, 2, "sigmoid", inputs=learned("per-input", "concentration", 0.3)),
            dense(4, "softmax"),
        ],
    ),
    dict(
        name="learned-per-input-entropy-pixel",
        loss="squared-error",
        batchSize=13,
        steps=6,
        optimiser=dict(kind="adam", learningRate=0.01),
        input=(5, 4, 4),
        layers=[conv(31, 4, "tanh", inputs=learned("per-input", "entropy", 0.02)), dense(6, "softmax")],
    ),
    dict(
        name="deferred-wide",
        loss="cross-entropy",
        batchSize=21,
        steps=5,
        optimiser=dict(kind="sgd", learningRate=0.05, momentum=0.9),
        input=(2, 9, 11),
        layers=[
            conv(7, 3, "relu"),
            sub(2, "max", False),
            dense(70, "relu"),
            dense(61, "leaky-relu"),
            dense(3, "softmax"),
        ],
    ),
    dict(
        name="online",
        loss="squared-error",
        batchSize=1,
        steps=9,
        optimiser=dict(kind="sgd", learningRate=0.2, momentum=0.3),
        input=(2, 13, 12),
        layers=[
            conv(3, 5, "tanh"),
            sub(2, "sum", True, "tanh"),
            conv(11, 3, "tanh"),
            sub(2, "max", True, "sigmoid"),
            dense(9, "relu"),
            dense(5, "tanh"),
        ],
    ),
    dict(
        name="online-normalised",
        loss="cross-entropy",
        batchSize=1,
        steps=5,
        optimiser=dict(kind="sgd", learningRate=0.05),
        input=(2, 7, 5),
        layers=[
            conv(3, 2, "linear"),
            BN,
            sub(2, "mean", False, "relu"),
            conv(4, 2, "relu", padding=1, stride=2),
            dense(3, "softmax"),
        ],
    ),
    dict(
        name="linear-output-batch-of-eight",
        loss="squared-error",
        batchSize=8,
        steps=4,
        optimiser=dict(kind="sgd", learningRate=0.05, weightDecay=0.1),
        input=(1, 6, 15),
        layers=[sub(1, "sum", True, "tanh"), conv(2, 3, "relu", stride=3), dense(4, "linear")],
    ),
    dict(
        name="convolution-last",
        loss="cross-entropy",
        batchSize=19,
        steps=5,
        optimiser=dict(kind="adam", learningRate=0.01),
        input=(1, 7, 7),
        layers=[conv(4, 3, "relu"), conv(6, 5, "softmax")],
    ),
    dict(
        name="many-blocks",
        loss="cross-entropy",
        batchSize=150,
        steps=3,
        optimiser=dict(kind="nesterov", learningRate=0.05, momentum=0.9, clipNorm=1.0),
        input=(1, 8, 7),
        layers=[conv(3, 3, "tanh"), BN, sub(2, "sum", True, "tanh"), dense(8, "tanh"), dense(10, "softmax")],
    ),
    dict(
        name="residual-normalised",
        loss="cross-entropy",
        batchSize=21,
        steps=4,
        optimiser=dict(kind="nesterov", learningRate=0.05, momentum=0.9, weightDecay=0.01),
        input=(2, 7, 5),
        layers=[
            conv(4, 3, "linear", padding=1),
            normal_with("relu"),
            block([conv(4, 3, "linear", padding=1), normal_with("relu"), conv(4, 3, "linear", padding=1), BN], "relu"),
            block(
                [
                    conv(6, 3, "linear", padding=1, stride=2),
                    normal_with("relu"),
                    conv(6, 3, "linear", padding=1),
                    BN,
                ],
                "relu",
            ),
            sub("all", "mean", False, "linear"),
            dense(3, "softmax"),
        ],
    ),
    dict(
        name="residual-gated-online",
        loss="squared-error",
        batchSize=1,
        steps=6,
        optimiser=dict(kind="sgd", learningRate=0.03),
        input=(3, 5, 7),
        layers=[
            block([conv(3, 3, "sigmoid", padding=1)], "tanh"),
            block([BN, conv(3, 3, "linear", padding=1), BN], "linear", shortcut="projection"),
            normal_with("scaled-tanh"),
            sub("all", "max", True, "tanh"),
            block([dense(3, "tanh")], "linear"),
            dense(4, "tanh"),
        ],
    ),
    dict(
        name="residual-units-adam",
        loss="cross-entropy",
        batchSize=43,
        steps=3,
        optimiser=dict(kind="adam", learningRate=0.01, weightDecay=0.02, clipNorm=2.0),
        input=(1, 6, 7),
        layers=[
            dense(70, "relu"),
            block([dense(70, "tanh"), dense(70, "linear")], "leaky-relu"),
            block([dense(40, "linear")], "relu"),
            dense(5, "softmax"),
        ],
    ),
    dict(
        name="whole-map-sum",
        loss="cross-entropy",
        batchSize=19,
        steps=3,
        optimiser=dict(kind="sgd", learningRate=0.02, momentum=0.9),
        input=(2, 9, 6),
        layers=[conv(5, 3, "tanh", padding=2, stride=2), sub("all", "sum", True, "scaled-tanh"), dense(4, "softmax")],
    ),
]


def table(layer, channels):
    inputs = layer.get("inputs", "all")
    if inputs == "pairs":
        return list(combinations(range(channels), 2))
    if inputs == "triplets":
        return list(combinations(range(channels), 3))
    if inputs == "lenet-5":
        return LENET
    return inputs if isinstance(inputs, list) else None


def build(case, rng):
    """Parameters by name, masks by name, and the forward function."""
    params, masks, buffers, tracking = {}, {}, {}, [False]
    normal = lambda *shape: torch.randn(*shape, generator=rng)

    def stack(layers, prefix, shape):
        """The layers' functions, and the shape they end in."""
        c, h, w = shape
        steps = []
        for i, layer in enumerate(layers):
            at, kind = f"{prefix}layers.{i}.", layer["kind"]
            f = ACTIVATIONS[layer.get("activation", "linear")]
            if kind == "convolution":
                k, pad, stride, inputs = (
                    layer["size"],
                    layer.get("padding", 0),
                    layer.get("stride", 1),
                    layer.get("inputs", "all"),
                )
                is_learned = isinstance(inputs, dict)
                shared = is_learned and inputs["learned"]["filters"] == "per-input"
                weight = normal(1 if shared else layer["maps"], c, k, k) * (
                    1 if is_learned else math.sqrt(1.0 / (c * k * k))
                )
                rows = table(layer, c)
                if rows:
                    mask = torch.zeros_like(weight)
                    for j, reads in enumerate(rows):
                        mask[j, list(reads)] = 1
                    masks[at + "weight"] = mask
                    weight = weight * mask
                params[at + "weight"], params[at + "bias"] = weight, normal(layer["maps"]) * 0.1
                if is_learned:
                    params[at + "mix"] = normal(layer["maps"], c) * 0.7

                def run(x, at=at, pad=pad, stride=stride, is_learned=is_learned, f=f):
                    weight = params[at + "weight"]
                    if is_learned:
                        weight = torch.softmax(params[at + "mix"], 1)[:, :, None, None] * weight
                    return f(F.conv2d(x, weight, params[at + "bias"], stride=stride, padding=pad))

                c, h, w = layer["maps"], (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
            elif kind == "subsampling":
                reduce, trainable = layer["reduce"], layer["trainable"]
                n = (h, w) if layer["factor"] == "all" else (layer["factor"], layer["factor"])
                if trainable:
                    params[at + "beta"], params[at + "bias"] = 1 + normal(c) * 0.2, normal(c) * 0.1

                def run(x, at=at, n=n, reduce=reduce, trainable=trainable, f=f):
                    times = n[0] * n[1] if reduce == "sum" else 1
                    d = F.max_pool2d(x, n) if reduce == "max" else F.avg_pool2d(x, n) * times
                    return (
                        f(params[at + "beta"][:, None, None] * d + params[at + "bias"][:, None, None])
                        if trainable
                        else f(d)
                    )

                h, w = h // n[0], w // n[1]
            elif kind == "dense":
                size = c * h * w
                params[at + "weight"], params[at + "bias"] = (
                    normal(layer["units"], size) * math.sqrt(1.0 / size),
                    normal(layer["units"]) * 0.1,
                )

                def run(x, at=at, f=f):
                    return (
                        f(F.linear(x.flatten(1), params[at + "weight"], params[at + "bias"]))[:, :, None, None]
                        if f is not ACTIVATIONS["softmax"]
                        else f(F.linear(x.flatten(1), params[at + "weight"], params[at + "bias"]))
                    )

                c, h, w = layer["units"], 1, 1
            elif kind == "residual":
                inner, ends = stack(layer["layers"], at, (c, h, w))
                usual = "identity" if ends == (c, h, w) else "projection"
                projects = layer.get("shortcut", usual) == "projection"
                stride = math.prod(each.get("stride", 1) for each in layer["layers"])
                if projects:
                    params[at + "shortcut.weight"] = normal(ends[0], c, 1, 1) * math.sqrt(1.0 / c)
                    params[at + "shortcut.bias"] = normal(ends[0]) * 0.1

                def run(x, at=at, inner=inner, projects=projects, stride=stride, f=f):
                    y = x
                    for each in inner:
                        y = each(y)
                    if projects:
                        x = F.conv2d(x, params[at + "shortcut.weight"], params[at + "shortcut.bias"], stride=stride)
                    return f(y + x)

                c, h, w = ends
            else:
                params[at + "weight"], params[at + "bias"] = 1 + normal(c) * 0.2, normal(c) * 0.1
                buffers[at + "mean"], buffers[at + "variance"] = normal(c) * 0.1, 1 + normal(c).abs() * 0.1

                def run(x, at=at, layer=layer, c=c, f=f):
                    dims = (0, 2, 3)
                    n = x.numel() // c
                    mean = x.mean(dims)
                    centred = x - mean[None, :, None, None]
                    variance = (centred**2).mean(dims)
                    if tracking[0]:
                        with torch.no_grad():
                            m = layer["momentum"]
                            buffers[at + "mean"] += m * (mean - buffers[at + "mean"])
                            buffers[at + "variance"] += m * (variance * n / max(n - 1, 1) - buffers[at + "variance"])
                    return f(
                        centred
                        / torch.sqrt(variance + layer["epsilon"])[None, :, None, None]
                        * params[at + "weight"][None, :, None, None]
                        + params[at + "bias"][None, :, None, None]
                    )

            steps.append(run)
        return steps, (c, h, w)

    steps, (c, h, w) = stack(case["layers"], "", case["input"])

    def forward(x, track):
        tracking[0] = track
        for run in steps:
            x = run(x)
        return x.flatten(1)

    return params, masks, buffers, forward, c * h * w


def penalty(case, params):
    omega = torch.zeros(())
    for i, layer in enumerate(case["layers"]):
        inputs = layer.get("inputs")
        if not isinstance(inputs, dict):
            continue
        alpha, kind, strength = (
            torch.softmax(params[f"layers.{i}.mix"], 1),
            inputs["learned"]["penalty"],
            inputs["learned"]["strength"],
        )
        omega = (
            omega
            + strength
            * {
                "none": 0 * alpha.sum(),
                "l1": alpha.abs().sum(),
                "entropy": -(alpha * alpha.log()).sum(),
                "half": alpha.sqrt().sum(),
                "concentration": -(alpha**2).sum(),
            }[kind]
        )
    return omega


def losses(case, y, labels, classes):
    if case["loss"] == "cross-entropy":
        return -torch.log(y.gather(1, labels[:, None])).mean()
    low = -1.0 if case["layers"][-1]["activation"] in ("tanh", "scaled-tanh") else 0.0
    target = torch.full((len(labels), classes), low)
    target[torch.arange(len(labels)), labels] = 1.0
    return 0.5 * ((target - y) ** 2).sum(1).mean()


def update(case, params, masks, grads, state, t):
    o = case["optimiser"]
    clip = o.get("clipNorm")
    if clip:
        norm = torch.sqrt(sum((g**2).sum() for g in grads.values()))
        factor = min(1.0, clip / (float(norm) + 1e-6))
        grads = {name: g * factor for name, g in grads.items()}
    for name, g in grads.items():
        p = params[name]
        # Filters and dense weights decay; those of a normalisation are one number a map.
        if name.endswith(".weight") and p.dim() > 1:
            g = g + o.get("weightDecay", 0) * p
        if o["kind"] == "adam":
            b1, b2, eps = o.get("beta1", 0.9), o.get("beta2", 0.999), o.get("epsilon", 1e-8)
            m, v = state.get(name, (torch.zeros_like(p), torch.zeros_like(p)))
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            state[name] = (m, v)
            p = p - o["learningRate"] / (1 - b1**t) * m / (v.sqrt() / math.sqrt(1 - b2**t) + eps)
        else:
            mu = o.get("momentum", 0.9 if o["kind"] == "nesterov" else 0)
            v = mu * state.get(name, torch.zeros_like(p)) + g
            state[name] = v
            p = p - o["learningRate"] * (g + mu * v if o["kind"] == "nesterov" else v)
        params[name] = p.detach().requires_grad_(True)


def save(path, tensors):
    header, data, at = {}, [], 0
    for name, tensor in tensors.items():
        is_int = tensor.dtype == torch.int64
        raw = tensor.detach().contiguous().numpy().tobytes()
        header[name] = dict(
            dtype="I64" if is_int else "F64", shape=list(tensor.shape), data_offsets=[at, at + len(raw)]
        )
        at += len(raw)
        data.append(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))


def make(case, folder, seed):
    rng = torch.Generator().manual_seed(seed)
    params, masks, buffers, forward, classes = build(case, rng)
    count, n = case["batchSize"] * case["steps"], case["batchSize"]
    x = torch.randn(count, *case["input"], generator=rng)
    labels = torch.randint(0, classes, (count,), generator=rng)
    out = {"input": x, "labels": labels}
    for name, value in {**params, **buffers}.items():
        out["initial." + name] = value.clone()
    for name in params:
        params[name] = params[name].clone().requires_grad_(True)
    state, curve = {}, []
    for step in range(case["steps"]):
        rows = slice(step * n, step * n + n)
        y = forward(x[rows], True)
        loss = losses(case, y, labels[rows], classes)
        penalised = loss + penalty(case, params)
        grads = dict(zip(params, torch.autograd.grad(penalised, list(params.values()))))
        for name, mask in masks.items():
            grads[name] = grads[name] * mask
        if step == 0:
            out.update({"firstBatch.output": y, "firstBatch.loss": loss, "firstBatch.penalisedLoss": penalised})
            for name, g in grads.items():
                out["firstBatch.gradient." + name] = g
        curve.append(loss.detach())
        update(case, params, masks, grads, state, step + 1)
    out["losses"] = torch.stack(curve)
    for name, value in {**params, **buffers}.items():
        out["final." + name] = value
    where = os.path.join(folder, case["name"])
    os.makedirs(where, exist_ok=True)
    c, h, w = case["input"]
    spec = {key: case[key] for key in ("name", "loss", "batchSize", "steps", "optimiser")} | {
        "network": {"layers": case["layers"]},
        "input": {"channels": c, "height": h, "width": w},
    }
    with open(os.path.join(where, "case.json"), "w") as file:
        json.dump(spec, file, indent=1)
    save(os.path.join(where, "tensors.safetensors"), out)


for index, case in enumerate(CASES):
    make(case, sys.argv[1], 1000 + index)
