/**
 * The sets of the sweep that chose the defaults: small, as a newcomer's own are, and of different kinds. Each is made
 * the same on every machine.
 */
import { isPresent, readSplit, type LabelledSamples } from "./collections.ts";
import type { Collection } from "./experiments.ts";
import type { LabelledSplits } from "./training.ts";

const trained = 500;
const tested = 500;

/** The first samples of a split. */
function first({ shape, samples, labels }: LabelledSamples, count: number): LabelledSamples {
  const size = shape.channels * shape.height * shape.width;
  return { shape, samples: samples.slice(0, count * size), labels: labels.slice(0, count) };
}

const firstOf = (collection: Collection): LabelledSplits => ({
  classes: 10,
  train: first(readSplit(collection, "train"), trained),
  test: first(readSplit(collection, "test"), tested),
});

/** Grey pictures of 28×28 as 8×8: two pixels of border fall away, each pixel is the mean of 3×3. */
function shrunk({ samples, labels }: LabelledSamples): LabelledSamples {
  const small = new Uint8Array(labels.length * 64);
  for (let at = 0; at < small.length; at++) {
    const [sample, row, column] = [Math.floor(at / 64), Math.floor(at / 8) % 8, at % 8];
    let sum = 0;
    for (let y = 0; y < 3; y++)
      for (let x = 0; x < 3; x++) sum += samples[sample * 784 + (2 + 3 * row + y) * 28 + 2 + 3 * column + x];
    small[at] = Math.round(sum / 9);
  }
  return { shape: { channels: 1, height: 8, width: 8 }, samples: small, labels };
}

/** A generator of whole numbers below 256: enough for noise that is the same everywhere. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
}

/** Colour pictures of 12×10 with a horizontal, a vertical or no bar on noise; colours tell nothing. */
function bars(count: number, seed: number): LabelledSamples {
  const shape = { channels: 3, height: 12, width: 10 };
  const plane = shape.height * shape.width;
  const samples = new Uint8Array(count * 3 * plane);
  const draw = noise(seed);
  const labels = Int32Array.from({ length: count }, (_, sample) => sample % 3);
  for (const [sample, label] of labels.entries()) {
    const place = 2 + (draw() % 7);
    const bright = draw() % 3;
    for (let at = 0; at < 3 * plane; at++) {
      const [channel, row, column] = [Math.floor(at / plane), Math.floor(at / shape.width) % shape.height, at % 10];
      const barred = (label === 0 && row === place) || (label === 1 && column === place);
      const light = barred ? (channel === bright ? 150 : 90) : 0;
      samples[sample * 3 * plane + at] = Math.min(255, (draw() >> 1) + light);
    }
  }
  return { shape, samples, labels };
}

/** By name; Fashion-MNIST only where it is on this machine. */
export const smallSets: Readonly<Record<string, () => LabelledSplits>> = {
  "MNIST, 500 samples": () => firstOf("mnist"),
  ...(isPresent("fashion-mnist") ? { "Fashion-MNIST, 500 samples": () => firstOf("fashion-mnist") } : {}),
  "digits of 8×8, 500 samples": () => {
    const { classes, train, test } = firstOf("mnist");
    return { classes, train: shrunk(train), test: shrunk(test) };
  },
  "bars in colour of 12×10, 90 samples": () => ({ classes: 3, train: bars(90, 1), test: bars(150, 2) }),
};
