"""Asks this model about pictures, anywhere Python runs.

    pip install onnxruntime numpy pillow
    python predict.py sample.png [more pictures]

Prints one line a picture: the file, the class, how sure the network is. `predict(pictures)` is there for your own code.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
from PIL import Image, ImageOps

here = pathlib.Path(__file__).resolve().parent
about = json.loads((here / "network.json").read_text(encoding="utf-8"))
labels = json.loads((here / "labels.json").read_text(encoding="utf-8"))
session = onnxruntime.InferenceSession(str(here / "model.onnx"), providers=["CPUExecutionProvider"])


def to_sample(picture):
    """A picture as the network takes it: [channels][rows][columns], in the range of the training data."""
    channels, size = about["input"]["channels"], (about["input"]["width"], about["input"]["height"])
    picture = ImageOps.exif_transpose(picture).convert("RGBA")
    laid = Image.new("RGBA", picture.size, about["conversion"].get("background", "black"))
    picture = Image.alpha_composite(laid, picture).convert("L" if channels == 1 else "RGB")
    if picture.size != size:
        fit = about["conversion"]["fit"]
        if fit == "fit":
            picture = ImageOps.pad(picture, size, Image.LANCZOS)
        elif fit == "crop":
            picture = ImageOps.fit(picture, size, Image.LANCZOS)
        else:
            picture = picture.resize(size, Image.LANCZOS)
    pixels = numpy.asarray(picture, dtype=numpy.float32).reshape(size[1], size[0], channels).transpose(2, 0, 1)
    low, high = about["range"]["minimum"], about["range"]["maximum"]
    if (low, high) == (0, 255):
        return pixels
    return low + pixels / numpy.float32(255) * numpy.float32(high - low)


def predict(pictures):
    """Probabilities [pictures][classes]."""
    samples = numpy.stack([to_sample(picture) for picture in pictures]).astype(numpy.float32)
    (outputs,) = session.run(None, {"input": samples})
    if about["output"]["probabilities"]:
        return outputs
    low = about["output"]["low"]
    shares = numpy.clip((outputs - low) / (1 - low), 0, 1)
    sums = shares.sum(axis=1, keepdims=True)
    return numpy.where(sums > 0, shares / numpy.where(sums > 0, sums, 1), 1 / len(labels))


if __name__ == "__main__":
    files = sys.argv[1:] or [str(here / "sample.png")]
    for file, row in zip(files, predict([Image.open(file) for file in files])):
        best = int(row.argmax())
        print(f"{file}\t{labels[best]}\t{row[best]:.6f}")
