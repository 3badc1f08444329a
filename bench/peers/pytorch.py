"""PyTorch, eager, as a contender: the protocol of bench/protocol.ts over standard input and output.

Also runs the race to an accuracy.
"""

import gzip
import json
import math
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
SAMPLES = 2048


class Residual(nn.Module):
    """f(x + F(x)); a 1x1 convolution carries x where F changes the shape."""

    def __init__(self, block, projection, activation):
        super().__init__()
        self.block, self.projection, self.activation = block, projection, activation

    def forward(self, x):
        carried = x if self.projection is None else self.projection(x)
        return self.activation(carried + self.block(x))


def append(modules, layer, shape):
    """Appends one layer's modules; returns the shape (channels, rows, columns) behind it."""
    kind = layer["kind"]
    if kind == "convolution":
        stride, padding = layer["stride"], layer["padding"]
        modules.append(nn.Conv2d(shape[0], layer["maps"], layer["size"], stride=stride, padding=padding))
        side = [(each + 2 * padding - layer["size"]) // stride + 1 for each in shape[1:]]
        shape = (layer["maps"], *side)
    elif kind == "subsampling":
        pool = {"mean": nn.AvgPool2d, "max": nn.MaxPool2d}[layer["reduce"]]
        factor = shape[1:] if layer["factor"] == "all" else (layer["factor"], layer["factor"])
        modules.append(pool(factor))
        shape = (shape[0], shape[1] // factor[0], shape[2] // factor[1])
    elif kind == "batch-normalisation":
        modules.append(nn.BatchNorm2d(shape[0], eps=layer["epsilon"], momentum=layer["momentum"]))
    elif kind == "residual":
        inner, behind, stride = [], shape, 1
        for each in layer["layers"]:
            behind = append(inner, each, behind)
            stride *= each.get("stride", 1)
        projection = None if behind == shape else nn.Conv2d(shape[0], behind[0], 1, stride=stride)
        modules.append(Residual(nn.Sequential(*inner), projection, ACTIVATIONS[layer["activation"]]()))
        return behind
    else:
        if not any(isinstance(each, nn.Flatten) for each in modules):
            modules.append(nn.Flatten())
        modules.append(nn.Linear(shape[0] * shape[1] * shape[2], layer["units"]))
        shape = (layer["units"], 1, 1)
    if layer.get("activation") in ACTIVATIONS:
        modules.append(ACTIVATIONS[layer["activation"]]())
    return shape


def build(layers, shape=(1, 28, 28)):
    """The layers of a request as a torch module that returns logits where the network ends in softmax."""
    modules = []
    for layer in layers:
        shape = append(modules, layer, shape)
    return nn.Sequential(*modules)


def prepare(case):
    torch.set_num_threads(case["threads"])
    torch.manual_seed(1)
    definition, batch = case["definition"], case["batch"]
    shape = tuple(definition["input"][axis] for axis in ("channels", "height", "width"))
    model = build(definition["network"]["layers"], shape)
    x = torch.relu(torch.rand(SAMPLES, *shape) * 5 - 4)
    y = torch.randint(0, 10, (SAMPLES,))
    targets = F.one_hot(y, 10).float()
    state = {"at": 0}

    def window():
        start = state["at"]
        state["at"] = start + batch if start + 2 * batch <= SAMPLES else 0
        return start, start + batch

    if case["mode"] == "inference":
        model.eval()

        def work():
            start, end = window()
            with torch.inference_mode():
                model(x[start:end])
            return batch

        return work

    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    squared = definition["loss"] == "squared-error"

    def work():
        start, end = window()
        out = model(x[start:end])
        loss = 0.5 * ((out - targets[start:end]) ** 2).sum(1).mean() if squared else F.cross_entropy(out, y[start:end])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return batch

    return work


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def run(work, seconds):
    start, samples, calls = time.perf_counter(), 0, 1
    while True:
        before = time.perf_counter()
        for _ in range(calls):
            samples += work()
        now = time.perf_counter()
        if now - start >= seconds:
            return {"samples": samples, "seconds": now - start, "residentBytes": resident_bytes()}
        if now - before < 0.005:
            calls *= 2


def read_idx(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        data = bytearray(file.read())
    dimensions = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    return torch.frombuffer(data, dtype=torch.uint8, offset=4 + 4 * dimensions).reshape(shape)


def race(request):
    """Trains on all of MNIST; says after each epoch how long it took from the start (reading included) and how good."""
    begin = time.perf_counter()
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request["seed"])
    x, y, tx, ty = (read_idx(path) for path in request["files"])
    mean, std = x.float().mean(), x.float().std()
    x, tx = ((each.float().unsqueeze(1) - mean) / std for each in (x, tx))
    y, ty = y.long(), ty.long()
    model = build(request["network"]["layers"])
    batch, epochs, peak = request["batch"], request["epochs"], request["learningRate"]
    steps = epochs * math.ceil(len(x) / batch)
    optimiser = torch.optim.SGD(model.parameters(), lr=peak, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=peak, total_steps=steps, cycle_momentum=False)
    rows = []
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch):
            rows_of_batch = order[start : start + batch]
            loss = F.cross_entropy(model(x[rows_of_batch]), y[rows_of_batch])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
        with torch.inference_mode():
            right = sum(
                (model(tx[i : i + 1000]).argmax(1) == ty[i : i + 1000]).sum().item() for i in range(0, len(tx), 1000)
            )
        rows.append({"seconds": time.perf_counter() - begin, "accuracy": right / len(tx)})
    return {"epochs": rows}


def main():
    work = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["op"] == "hello":
                answer = {"version": torch.__version__, "notes": ["eager; SGD; resident float32 samples in order"]}
            elif request["op"] == "prepare":
                work = prepare(request["case"])
                answer = {}
            elif request["op"] == "race":
                answer = race(request)
            else:
                answer = run(work, request["seconds"])
        except Exception as error:  # the bench goes on without this contender
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


main()
