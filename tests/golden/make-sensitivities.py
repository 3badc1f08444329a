"""Records x, δ = ∂E/∂u and gradient norms of single samples with PyTorch's autograd in float64.

Usage: python3 make-sensitivities.py FOLDER (format in README.md). Shares no code with the project.
"""

import json, math, os, struct, sys
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
ACTIVATIONS = {
    "linear": lambda u: u,
    "tanh": torch.tanh,
    "scaled-tanh": lambda u: 1.7159 * torch.tanh(2 / 3 * u),
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda u: torch.softmax(u.flatten(1), 1)[:, :, None, None],
}


def conv(maps, size, activation, **more):
    return dict(kind="convolution", maps=maps, size=size, activation=activation, **more)


def sub(factor, reduce, trainable, activation):
    return dict(kind="subsampling", factor=factor, reduce=reduce, trainable=trainable, activation=activation)


def dense(units, activation):
    return dict(kind="dense", units=units, activation=activation)


def normal_with(activation):
    return dict(kind="batch-normalisation", momentum=0.1, epsilon=1e-5, activation=activation)


CASES = [
    dict(
        name="normalised-residual-softmax",
        loss="cross-entropy",
        input=(3, 7, 5),
        label=2,
        layers=[
            conv(4, 3, "linear", padding=1),
            normal_with("relu"),
            dict(kind="dropout", rate=0.5),
            dict(
                kind="residual",
                layers=[conv(6, 3, "linear", padding=1), normal_with("relu"), conv(6, 3, "tanh", padding=1)],
                activation="relu",
            ),
            sub(2, "max", True, "tanh"),
            dense(70, "relu"),
            dict(kind="dropout", rate=0.25),
            dense(4, "softmax"),
        ],
    ),
    dict(
        name="block-first-squared-error",
        loss="squared-error",
        input=(2, 9, 8),
        label=0,
        layers=[
            dict(kind="residual", layers=[conv(2, 3, "sigmoid", padding=1)], activation="tanh"),
            conv(3, 4, "scaled-tanh", inputs=[[0], [0, 1], [1]]),
            sub(2, "sum", True, "sigmoid"),
            conv(5, 2, "tanh", inputs=dict(learned=dict(filters="per-pair", penalty="none", strength=0))),
            dense(3, "tanh"),
        ],
    ),
    dict(
        name="pixels-behind-softmax-squared-error",
        loss="squared-error",
        input=(1, 5, 8),
        label=1,
        layers=[normal_with("linear"), sub(2, "mean", False, "linear"), dense(3, "softmax")],
    ),
]


def build(case, rng):
    """Parameters and running statistics by name, and a forward pass that keeps every u and x."""
    params, buffers = {}, {}
    normal = lambda *shape: torch.randn(*shape, generator=rng)

    def stack(layers, prefix, shape):
        """Functions (x → u, f), and the shape they end in."""
        c, h, w = shape
        steps = []
        for i, layer in enumerate(layers):
            at, kind = f"{prefix}layers.{i}.", layer["kind"]
            f = ACTIVATIONS[layer.get("activation", "linear")]
            if kind == "convolution":
                k, pad, inputs = layer["size"], layer.get("padding", 0), layer.get("inputs", "all")
                weight = normal(layer["maps"], c, k, k) * math.sqrt(1.0 / (c * k * k))
                if isinstance(inputs, list):
                    mask = torch.zeros_like(weight)
                    for j, reads in enumerate(inputs):
                        mask[j, reads] = 1
                    weight = weight * mask
                params[at + "weight"], params[at + "bias"] = weight, normal(layer["maps"]) * 0.1
                mixes = isinstance(inputs, dict)
                if mixes:
                    params[at + "mix"] = normal(layer["maps"], c) * 0.7

                def run(x, at=at, pad=pad, mixes=mixes):
                    weight = params[at + "weight"]
                    if mixes:
                        weight = torch.softmax(params[at + "mix"], 1)[:, :, None, None] * weight
                    return F.conv2d(x, weight, params[at + "bias"], padding=pad)

                c, h, w = layer["maps"], h + 2 * pad - k + 1, w + 2 * pad - k + 1
            elif kind == "subsampling":
                n, reduce, trainable = layer["factor"], layer["reduce"], layer["trainable"]
                if trainable:
                    params[at + "beta"], params[at + "bias"] = 1 + normal(c) * 0.2, normal(c) * 0.1

                def run(x, at=at, n=n, reduce=reduce, trainable=trainable):
                    times = n * n if reduce == "sum" else 1
                    d = F.max_pool2d(x, n) if reduce == "max" else F.avg_pool2d(x, n) * times
                    if not trainable:
                        return d
                    return params[at + "beta"][:, None, None] * d + params[at + "bias"][:, None, None]

                h, w = h // n, w // n
            elif kind == "dense":
                size = c * h * w
                params[at + "weight"] = normal(layer["units"], size) * math.sqrt(1.0 / size)
                params[at + "bias"] = normal(layer["units"]) * 0.1

                def run(x, at=at):
                    return F.linear(x.flatten(1), params[at + "weight"], params[at + "bias"])[:, :, None, None]

                c, h, w = layer["units"], 1, 1
            elif kind == "dropout":

                def run(x):
                    return x * 1

            elif kind == "residual":
                inner, ends = stack(layer["layers"], at, (c, h, w))
                projects = ends != (c, h, w)
                if projects:
                    params[at + "shortcut.weight"] = normal(ends[0], c, 1, 1) * math.sqrt(1.0 / c)
                    params[at + "shortcut.bias"] = normal(ends[0]) * 0.1

                def run(x, at=at, inner=inner, projects=projects):
                    y = x
                    for step, g in inner:
                        y = g(step(y))
                    if projects:
                        x = F.conv2d(x, params[at + "shortcut.weight"], params[at + "shortcut.bias"])
                    return y + x

                c, h, w = ends
            else:
                params[at + "weight"], params[at + "bias"] = 1 + normal(c) * 0.2, normal(c) * 0.1
                buffers[at + "mean"], buffers[at + "variance"] = normal(c) * 0.3, 0.5 + normal(c).abs()

                def run(x, at=at, layer=layer):
                    mean, variance = buffers[at + "mean"], buffers[at + "variance"]
                    weight, bias = params[at + "weight"], params[at + "bias"]
                    return F.batch_norm(x, mean, variance, weight, bias, False, eps=layer["epsilon"])

            steps.append((run, f))
        return steps, (c, h, w)

    steps, (classes, _, _) = stack(case["layers"], "", case["input"])

    def forward(x):
        kept = []
        for run, f in steps:
            u = run(x)
            x = f(u)
            kept.append((u, x))
        return kept

    return params, buffers, forward, classes


def loss_of(case, y, u, classes):
    """As the notes have it: ½ Σ (t − y)², targets 0 and 1, −1 and 1 for tanh; or −log of the softmax."""
    if case["loss"] == "cross-entropy":
        return F.cross_entropy(u.flatten(1), torch.tensor([case["label"]]))
    low = -1.0 if "tanh" in case["layers"][-1]["activation"] else 0.0
    target = torch.full((classes,), low)
    target[case["label"]] = 1
    return ((y.flatten() - target) ** 2).sum() / 2


def save(path, tensors):
    header, data, at = {}, [], 0
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().tobytes()
        header[name] = dict(dtype="F64", shape=list(tensor.shape), data_offsets=[at, at + len(raw)])
        at += len(raw)
        data.append(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))


def make(case, folder, seed):
    rng = torch.Generator().manual_seed(seed)
    params, buffers, forward, classes = build(case, rng)
    for name in params:
        params[name] = params[name].requires_grad_(True)
    channels = case["input"][0]
    mean, std = torch.randn(channels, generator=rng), 0.5 + torch.rand(channels, generator=rng)
    sample = torch.randn(*case["input"], generator=rng)
    x0 = ((sample - mean[:, None, None]) / std[:, None, None])[None].requires_grad_(True)
    kept = forward(x0)
    u_last, y = kept[-1]
    loss = loss_of(case, y, u_last, classes)
    wanted = [x0] + [u for u, _ in kept]
    deltas = torch.autograd.grad(loss, wanted, retain_graph=True)
    gradients = dict(zip(params, torch.autograd.grad(loss, list(params.values()), retain_graph=True)))
    for i, layer in enumerate(case["layers"]):
        if isinstance(layer.get("inputs"), list):
            weight = gradients[f"layers.{i}.weight"]
            mask = torch.zeros_like(weight)
            for j, reads in enumerate(layer["inputs"]):
                mask[j, reads] = 1
            gradients[f"layers.{i}.weight"] = weight * mask
    score = torch.autograd.grad(u_last.flatten()[case["label"]], x0)[0]
    out = {**params, **buffers, "sample": sample, "loss": loss, "score": score[0]}
    for i, (x, delta) in enumerate(zip([x0] + [x for _, x in kept], deltas), -1):
        out[f"values.{i}"], out[f"sensitivities.{i}"] = x[0], delta[0]
        own = [g.flatten() for name, g in gradients.items() if name.startswith(f"layers.{i}.")]
        if own:
            out[f"gradientNorm.{i}"] = torch.cat(own).norm()
    where = os.path.join(folder, case["name"])
    os.makedirs(where, exist_ok=True)
    c, h, w = case["input"]
    spec = {
        "name": case["name"],
        "loss": case["loss"],
        "label": case["label"],
        "classes": classes,
        "input": {"channels": c, "height": h, "width": w},
        "normalisation": {"kind": "standardise", "mean": mean.tolist(), "std": std.tolist()},
        "network": {"layers": case["layers"]},
    }
    with open(os.path.join(where, "case.json"), "w") as file:
        json.dump(spec, file, indent=1)
    save(os.path.join(where, "tensors.safetensors"), out)


for index, case in enumerate(CASES):
    make(case, sys.argv[1], 2000 + index)
