import { createHash } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../engine/index.ts";
import { augmentation } from "../../schemas/augmentation.ts";
import { completeNetwork, completeRequest } from "../../schemas/complete.ts";
import { jobRequest } from "../../schemas/job.ts";
import { network as networkSchema } from "../../schemas/network.ts";
import { Prediction, piecesOf, type Subject } from "./index.ts";
import { readOnnx } from "../../tests/support/onnx-graph.ts";

const prediction = new Prediction({
  kernels: "auto",
  cacheBytes: 4 * 1024 * 1024,
  log: { info: () => undefined, warn: () => undefined },
});
afterAll(() => prediction.close());

const network = completeNetwork(
  networkSchema.parse({
    layers: [
      { kind: "convolution", maps: 2, size: 3, activation: "tanh" },
      { kind: "subsampling", factor: 2 },
      { kind: "dense", units: 3, activation: "softmax" },
    ],
  }),
);
const input = { channels: 1, height: 7, width: 5 };
const wave = (count: number, from: number) =>
  Float32Array.from({ length: count }, (_, index) => Math.sin(from + index * 1.7));

function subject(seed: number, units = 3): Subject & { reads: number } {
  const tensors = new Map([
    ["layers.0.weight", { dtype: "F32" as const, shape: [2, 1, 3, 3], data: wave(18, seed) }],
    ["layers.0.bias", { dtype: "F32" as const, shape: [2], data: wave(2, seed + 1) }],
    ["layers.1.beta", { dtype: "F32" as const, shape: [2], data: wave(2, seed + 2) }],
    ["layers.1.bias", { dtype: "F32" as const, shape: [2], data: wave(2, seed + 3) }],
    ["layers.2.weight", { dtype: "F32" as const, shape: [units, 4], data: wave(units * 4, seed + 4) }],
    ["layers.2.bias", { dtype: "F32" as const, shape: [units], data: wave(units, seed + 5) }],
  ]);
  const weights = writeSafetensors({ tensors });
  const made: Subject & { reads: number } = {
    network,
    input,
    classes: 3,
    normalisation: { kind: "unit", mean: [0], std: [255] },
    reads: 0,
    sha256: createHash("sha256").update(weights).digest("hex"),
    read: async () => {
      made.reads += 1;
      return weights;
    },
  };
  return made;
}
/** The same network on a larger input, whose dense layer has as many weights as there are maps. */
function wide(width: number, seed: number): Subject {
  const size = { channels: 1, height: 61, width };
  const large = completeNetwork(
    networkSchema.parse({
      layers: [
        { kind: "convolution", maps: 4, size: 3, activation: "tanh" },
        { kind: "subsampling", factor: 59 },
        { kind: "dense", units: 3, activation: "softmax" },
      ],
    }),
  );
  const inputs = 4 * Math.floor((width - 2) / 59);
  const tensors = new Map([
    ["layers.0.weight", { dtype: "F32" as const, shape: [4, 1, 3, 3], data: wave(36, seed) }],
    ["layers.0.bias", { dtype: "F32" as const, shape: [4], data: wave(4, seed + 1) }],
    ["layers.1.beta", { dtype: "F32" as const, shape: [4], data: wave(4, seed + 2) }],
    ["layers.1.bias", { dtype: "F32" as const, shape: [4], data: wave(4, seed + 3) }],
    ["layers.2.weight", { dtype: "F32" as const, shape: [3, inputs], data: wave(3 * inputs, seed + 4) }],
    ["layers.2.bias", { dtype: "F32" as const, shape: [3], data: wave(3, seed + 5) }],
  ]);
  const weights = writeSafetensors({ tensors });
  return {
    network: large,
    input: size,
    classes: 3,
    normalisation: { kind: "unit", mean: [0], std: [255] },
    sha256: createHash("sha256").update(weights).digest("hex"),
    read: async () => weights,
  };
}
const pixels = (count: number) => Uint8Array.from({ length: 35 * count }, (_, index) => (index * 37) % 256);

describe("Prediction", () => {
  it("loads a model once and gives each request its own rows", async () => {
    const model = subject(1);
    const alone = await prediction.predict(model, pixels(3), 3);
    expect(alone.probabilities).toHaveLength(9);
    expect(alone.probabilities.slice(3, 6).reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 5);
    const together = await Promise.all(
      [0, 1, 2].map((row) => prediction.predict(model, pixels(3).slice(35 * row, 35 * row + 35), 1)),
    );
    expect(together.flatMap(({ probabilities }) => [...probabilities])).toEqual(
      [...alone.probabilities].map((each) => expect.closeTo(each, 5) as number),
    );
    expect(model.reads).toBe(1);
  });
  it("reads numbers and bytes alike", async () => {
    const model = subject(2);
    const [bytes, reals] = await Promise.all([
      prediction.predict(model, pixels(2), 2),
      prediction.predict(model, Float32Array.from(pixels(2)), 2),
    ]);
    expect([...reals.probabilities]).toEqual([...bytes.probabilities]);
  });
  it("answers the same from every thread, in however many batches a request goes", async () => {
    const options = {
      kernels: "auto",
      cacheBytes: 16 * 1024 * 1024,
      log: { info: () => undefined, warn: () => undefined },
    };
    const several = new Prediction({ ...options, threads: 3 });
    try {
      const model = subject(6);
      const many = pixels(1000);
      // The first prediction teaches how large the model is: from then on every thread takes it.
      const alone = await several.predict(model, many.slice(), 1000);
      const again = await Promise.all(
        Array.from({ length: 12 }, () =>
          several.predict(model, { ...piecesOf([many.slice(0, 99), many.slice(99)]) }, 1000),
        ),
      );
      for (const { outputs } of again) expect([...outputs]).toEqual([...alone.outputs]);
      expect(several.load.threadsStarted).toBe(3);
      expect(model.reads).toBeLessThanOrEqual(3);
    } finally {
      await several.close();
    }
  });
  it("keeps no more models than the cache has room for", async () => {
    const models = Array.from({ length: 40 }, (_, index) => subject(100 + index));
    for (const model of models) await prediction.predict(model, pixels(1), 1);
    await prediction.predict(models[39], pixels(1), 1);
    await prediction.predict(models[0], pixels(1), 1);
    expect([models[39].reads, models[0].reads]).toEqual([1, 2]);
  });
  it("keeps its memory within the cache, whichever models are asked in turn", async () => {
    const mebibyte = 1024 * 1024;
    const small = new Prediction({
      kernels: "auto",
      cacheBytes: 24 * mebibyte,
      log: { info: () => undefined, warn: () => undefined },
    });
    try {
      // Memories of about 9, 14 and 20 MiB: none of them has room beside another two.
      const models = [181, 227, 271].map((width, at) => wide(width, 200 + at));
      for (let turn = 0; turn < 12; turn++) {
        const model = models[turn % 3];
        const samples = new Uint8Array(model.input.width * model.input.height).fill(turn);
        expect((await small.predict(model, samples, 1)).outputs).toHaveLength(3);
        expect(small.load.heldBytes).toBeLessThanOrEqual(24 * mebibyte);
      }
      expect(small.load.heldBytes).toBeGreaterThan(8 * mebibyte);
    } finally {
      await small.close();
    }
  });
  it("answers the same after its memory was another model's", async () => {
    const tight = new Prediction({
      kernels: "auto",
      cacheBytes: 1024 * 1024,
      log: { info: () => undefined, warn: () => undefined },
    });
    try {
      const first = await tight.predict(subject(11), pixels(5), 5);
      for (let other = 0; other < 12; other++) await tight.predict(subject(300 + other), pixels(9), 9);
      expect([...(await tight.predict(subject(11), pixels(5), 5)).outputs]).toEqual([...first.outputs]);
    } finally {
      await tight.close();
    }
  });
  it("refuses a model that alone exceeds the cache, when it is brought and when it is asked", async () => {
    const huge = wide(701, 5);
    const samples = new Uint8Array(huge.input.width * huge.input.height);
    const refusal = {
      fault: "refused",
      pointer: "",
      message: expect.stringMatching(/\d+ MiB.*4 MiB.*PREDICTION_CACHE_MIB/) as string,
    };
    await expect(prediction.predict(huge, samples, 1)).rejects.toMatchObject(refusal);
    await expect(prediction.inspectWeights(huge, await huge.read())).rejects.toMatchObject(refusal);
  });
  it("reads the weights of a cold model once, however many want to see inside it", async () => {
    const model = subject(12);
    await Promise.all(Array.from({ length: 8 }, () => prediction.featureMaps(model, pixels(1))));
    expect(model.reads).toBe(1);
  });
  it("lets nobody wait for a gradient check, and few for their own", async () => {
    const settings = { network, input, classes: 3, loss: "cross-entropy", seed: 7, sample: null, data: null } as const;
    const checks = Array.from({ length: 12 }, () => prediction.checkGradients({ ...settings, seconds: 10 }));
    const settled = Promise.allSettled(checks);
    let done = false;
    void settled.then(() => (done = true));
    expect(await prediction.describe(subject(13))).toHaveLength(3);
    expect(done).toBe(false);
    const overloaded = (await settled).filter(({ status }) => status === "rejected");
    expect(overloaded).toHaveLength(7);
    expect(overloaded[0]).toMatchObject({ reason: { fault: "overloaded" } });
  });
  it("refuses weights of another network with a sentence", async () => {
    const wrong = subject(3, 4);
    await expect(prediction.predict(wrong, pixels(1), 1)).rejects.toMatchObject({
      fault: "refused",
      message: expect.stringContaining("layers.2.weight") as string,
    });
    await expect(prediction.inspectWeights(wrong, new Uint8Array(12))).rejects.toMatchObject({ fault: "refused" });
    await expect(prediction.inspectWeights(subject(3), await subject(3).read())).resolves.toEqual({
      parameters: 20 + 4 + 15,
    });
  });
  it("shows what is inside", async () => {
    const model = subject(4);
    const maps = await prediction.featureMaps(model, pixels(1));
    expect(maps.map(({ kind, shape, values }) => [kind, shape.channels, values.length])).toEqual([
      ["convolution", 2, 30],
      ["subsampling", 2, 4],
      ["dense", 3, 3],
    ]);
    expect([...maps[2].values]).toEqual([...(await prediction.predict(model, pixels(1), 1)).outputs]);
    const layers = await prediction.describe(model);
    expect(layers[1].beta).toEqual([...wave(2, 6)]);
    const filters = await prediction.filters(model, 0);
    expect([filters?.maps, filters?.inputs, filters?.size, filters?.values.length]).toEqual([2, 1, 3, 18]);
    expect(await prediction.filters(model, 1)).toBeNull();
  });
  it("exports", async () => {
    const model = subject(5);
    const { tensors, metadata } = readSafetensors(await prediction.exportWeights(model, { model: "mdl_x" }));
    expect([...tensors.keys()].sort()).toEqual([
      "layers.0.bias",
      "layers.0.weight",
      "layers.1.beta",
      "layers.1.bias",
      "layers.2.bias",
      "layers.2.weight",
    ]);
    expect(metadata.model).toBe("mdl_x");
    const onnx = readOnnx(
      await prediction.exportOnnx(model, { classNames: ["a", "b", "c"], about: { conversion: "as it was" } }),
    );
    expect(onnx.metadata["classes"]).toBe('["a","b","c"]');
    expect(onnx.metadata["conversion"]).toBe("as it was");
  });
  it("checks gradients, in time", async () => {
    const settings = {
      network,
      input,
      classes: 3,
      loss: "cross-entropy",
      seed: 7,
      sample: null,
      data: null,
      seconds: 10,
    } as const;
    const check = await prediction.checkGradients(settings);
    expect(check.complete).toBe(true);
    expect(check.worst).toBeLessThan(1e-6);
    expect((await prediction.checkGradients({ ...settings, seconds: 0 })).complete).toBe(false);
  });
  it("plans", async () => {
    const statistics = {
      mean: [30],
      std: [60],
      minimum: 0,
      maximum: 255,
      classCounts: { train: [35], validation: [0], test: [0] },
    };
    const of = {
      request: completeRequest(jobRequest.parse({ dataset: "d", network }), 10),
      input,
      classes: 3,
      dtype: "uint8",
      counts: { train: 35, validation: 0, test: 0 },
      statistics,
    } as const;
    expect((await prediction.planBytes(of)).bytes % 65_536).toBe(0);
    await expect(
      prediction.planBytes({ ...of, counts: { train: 200_000_000, validation: 0, test: 0 } }),
    ).rejects.toMatchObject({ fault: "refused" });
  });
  it("holds a model for each kind of numerics it is asked in", async () => {
    const asked = subject(41);
    const [usual, fast] = [
      await prediction.predict(asked, pixels(2), 2),
      await prediction.predict({ ...asked, numerics: "fast" }, pixels(2), 2),
    ];
    for (const [at, value] of fast.probabilities.entries()) expect(value).toBeCloseTo(usual.probabilities[at], 4);
    expect(asked.reads).toBe(2);
    await prediction.predict({ ...asked, numerics: "reproducible" }, pixels(2), 2);
    expect(asked.reads).toBe(2);
    expect(prediction.computedIn({})).toEqual(prediction.computedIn({ numerics: "reproducible" }));
    expect(prediction.computedIn({ numerics: "fast" }).numerics).toBe("fast");
  });
  it("distorts as training does", async () => {
    const none = augmentation.parse({});
    const samples = pixels(2);
    const preview = { seed: 1, input, dtype: "uint8", samples, count: 2, copies: 3, background: 0 } as const;
    const same = await prediction.augment({ ...preview, augmentation: none });
    expect([...same.subarray(0, 35)]).toEqual([...samples.subarray(0, 35)]);
    expect(same).toHaveLength(2 * 3 * 35);
    const moved = await prediction.augment({ ...preview, augmentation: { ...none, rotate: 30 } });
    expect([...moved.subarray(0, 35)]).not.toEqual([...moved.subarray(35, 70)]);
  });
});
