/**
 * A small dataset that a small network learns in a second: 7×5 pixels, a bar, a dash or a dot somewhere in noise. As
 * IDX files.
 */
import { startStack, type Stack } from "./stack.ts";

export const strokes = { classes: ["bar", "dash", "dot"], channels: 1, height: 7, width: 5 } as const;

/** A sequence of numbers in 0 … 1 that is the same on every machine. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One sample of a class. */
export function stroke(label: number, next: () => number): Uint8Array {
  const pixels = Uint8Array.from({ length: 35 }, () => Math.floor(next() * 60));
  const [row, column] = [Math.floor(next() * 7), Math.floor(next() * 5)];
  for (let y = 0; y < 7; y++) {
    for (let x = 0; x < 5; x++)
      if ((label === 0 && x === column) || (label === 1 && y === row) || (label === 2 && y === row && x === column))
        pixels[y * 5 + x] = 200 + Math.floor(next() * 56);
  }
  return pixels;
}

export function drawStrokes(count: number, seed: number): { images: Uint8Array; labels: Uint8Array } {
  const next = numbers(seed);
  const images = new Uint8Array(count * 35);
  const labels = Uint8Array.from({ length: count }, (_, index) => index % 3);
  for (let index = 0; index < count; index++) images.set(stroke(labels[index], next), index * 35);
  return { images, labels };
}

/** An IDX file of bytes. */
export function idx(sizes: readonly number[], data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(0x0800 + sizes.length);
  for (const [axis, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return Buffer.concat([header, data]);
}

/** The form of POST /v1/datasets. */
export function strokesForm({
  train = 600,
  test = 90,
  seed = 1,
  fields = {},
}: { train?: number; test?: number; seed?: number; fields?: Record<string, string> } = {}): FormData {
  const form = new FormData();
  const [first, second] = [drawStrokes(train, seed), drawStrokes(test, seed + 1)];
  for (const [name, value] of Object.entries({
    name: "strokes",
    alias: "strokes",
    classes: JSON.stringify(strokes.classes),
    ...fields,
  }))
    form.set(name, value);
  const file = (name: string, bytes: Uint8Array): void => form.set(name, new Blob([bytes]), `${name}.idx`);
  file("images", idx([train, 7, 5], first.images));
  file("labels", idx([train], first.labels));
  file("testImages", idx([test, 7, 5], second.images));
  file("testLabels", idx([test], second.labels));
  return form;
}

export const strokesNetwork = {
  layers: [
    { kind: "convolution", maps: 6, size: 3, activation: "tanh", padding: 1 },
    { kind: "subsampling", factor: 2, reduce: "mean" },
    { kind: "dense", units: 3, activation: "softmax" },
  ],
} as const;

/** A job that ends within a second or two; on one thread, as `slowJob` of trials.ts is. */
export const strokesJob = {
  dataset: "strokes",
  network: strokesNetwork,
  epochs: 4,
  batchSize: 20,
  threads: 1,
  optimiser: { kind: "sgd", learningRate: 0.1, momentum: 0.9 },
} as const;

/** What makes of it a job that nobody sees the end of, on any machine: short steps, and too slow a learner to diverge. */
export const endless = {
  epochs: 100_000,
  batchSize: 2,
  optimiser: { kind: "sgd", learningRate: 1e-4 },
  checkpoints: { everyEpochs: 500 },
} as const;

/** A running stack that has the strokes as a ready dataset. */
export async function startStackWithStrokes(options: Parameters<typeof startStack>[0] = {}): Promise<Stack> {
  const stack = await startStack(options);
  const form = strokesForm();
  const files = ["images", "labels", "testImages", "testLabels"].map((name) => [name, form.get(name)] as const);
  const settings = { name: "strokes", alias: "strokes", classes: [...strokes.classes] };
  const { id } = await stack.client.datasets.upload(Object.fromEntries(files), settings);
  await stack.client.datasets.wait(id);
  return stack;
}
