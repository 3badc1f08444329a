"""What a practitioner would write in PyTorch, and a logistic regression, on one set of the suite.

    python3 practitioner.py FOLDER SECONDS SEED

FOLDER holds meta.json {shape, classes} and train and test as .x (uint8 samples) and .y (int32 labels). SECONDS are
those of one processor that the network may train. Prints one line of JSON.
"""

import json
import sys
import time
import warnings

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

folder, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
torch.manual_seed(seed)
meta = json.load(open(f"{folder}/meta.json"))
channels, height, width = (meta["shape"][side] for side in ("channels", "height", "width"))
classes = meta["classes"]


def read(split):
    samples = np.fromfile(f"{folder}/{split}.x", np.uint8).reshape(-1, channels, height, width)
    truth = np.fromfile(f"{folder}/{split}.y", np.int32)
    return samples.astype(np.float32) / max(1, samples.max()), truth.astype(np.int64)


(train, labels), (test, truth) = read("train"), read("test")


def figures(answers):
    right = answers == truth
    recalls = [right[truth == label].mean() for label in range(classes) if (truth == label).any()]
    return {"accuracy": float(right.mean()), "balanced": float(np.mean(recalls))}


def regression():
    """scikit-learn's, on at most ten thousand samples: with more it would take longer than the networks."""
    some = np.random.default_rng(seed).permutation(len(train))[:10000]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(max_iter=100).fit(train[some].reshape(len(some), -1), labels[some])
    return figures(model.predict(test.reshape(len(test), -1)))


def network():
    """The tutorial's: convolutions with maxima, a hidden layer, dropout, Adam; the best epoch by a tenth held out."""
    layers, maps, size = [], channels, (height, width)
    for wide in (32, 64, 128):
        if min(size) < 6:
            break
        layers += [nn.Conv2d(maps, wide, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        maps, size = wide, (size[0] // 2, size[1] // 2)
    layers += [nn.Flatten(), nn.Linear(maps * size[0] * size[1], 128), nn.ReLU()]
    layers += [nn.Dropout(0.5), nn.Linear(128, classes)]
    model = nn.Sequential(*layers)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    order = np.random.default_rng(seed).permutation(len(train))
    held = order[: max(1, len(order) // 10)]
    kept = order[len(held) :]
    x, y = torch.from_numpy(train), torch.from_numpy(labels)

    def answers(samples):
        model.eval()
        with torch.no_grad():
            return torch.cat([model(part).argmax(1) for part in samples.split(500)]).numpy()

    best, found, epochs, started = -1.0, None, 0, time.process_time()
    while epochs < 200:
        model.train()
        for part in np.array_split(np.random.permutation(kept), max(1, len(kept) // 64)):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x[part]), y[part]).backward()
            optimiser.step()
            if time.process_time() - started > seconds:
                break
        epochs += 1
        score = float((answers(x[held]) == labels[held]).mean())
        if score >= best:
            best, found = score, {name: value.clone() for name, value in model.state_dict().items()}
        if time.process_time() - started > seconds:
            break
    model.load_state_dict(found)
    return {**figures(answers(torch.from_numpy(test))), "epochs": epochs, "seconds": time.process_time() - started}


print(json.dumps({"practitioner": network(), "regression": regression()}))
