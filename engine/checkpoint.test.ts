import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { networkShape } from "../schemas/network-shape.ts";
import { weightedLayers } from "../schemas/weights.ts";
import { smallSpec, startTraining } from "../tests/support/training.ts";
import { EngineError, readSafetensors, writeSafetensors } from "./index.ts";

const layers = [
  { kind: "convolution", maps: 4, size: 2, activation: "tanh" },
  { kind: "dense", units: 3, activation: "softmax" },
];

async function checkpointOf(spec = smallSpec(layers)): Promise<Uint8Array> {
  const { trainer, close } = await startTraining(spec);
  for (const report of trainer.run()) expect(report.kind).not.toBe("diverged");
  await close();
  return trainer.checkpoint();
}

async function refusal(bytes: Uint8Array, spec = smallSpec(layers)): Promise<string> {
  const error: unknown = await startTraining(spec, { resume: bytes }).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof EngineError)) throw new Error("nothing was refused");
  return error.detail;
}

test("tensors carry the names and shapes of the interface, the optimiser's state beside them", async () => {
  const { tensors, metadata } = readSafetensors(await checkpointOf());
  expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual({
    "layers.0.weight": [4, 2, 2, 2],
    "layers.0.bias": [4],
    "layers.1.weight": [3, 96],
    "layers.1.bias": [3],
    "optimiser.velocity.layers.0.weight": [4, 2, 2, 2],
    "optimiser.velocity.layers.0.bias": [4],
    "optimiser.velocity.layers.1.weight": [3, 96],
    "optimiser.velocity.layers.1.bias": [3],
  });
  expect(JSON.parse(metadata.position)).toMatchObject({ epoch: 2, step: 6, inEpoch: 3 });
  expect(JSON.parse(metadata.normalisation)).toEqual(smallSpec(layers).normalisation);
});

test("schemas/weights.ts knows the tensors of every kind of layer, as they are called here", async () => {
  const spec = smallSpec([
    { kind: "convolution", maps: 4, size: 2, inputs: [[0], [1], [0, 1], [1]] },
    { kind: "batch-normalisation" },
    { kind: "convolution", maps: 3, size: 2, inputs: { learned: { filters: "per-input" } } },
    {
      kind: "residual",
      layers: [
        { kind: "convolution", maps: 2, size: 3, padding: 1, inputs: { learned: {} } },
        { kind: "batch-normalisation" },
        { kind: "dropout" },
      ],
    },
    { kind: "subsampling", factor: 2 },
    { kind: "subsampling", factor: 1, trainable: false },
    layers[1],
  ]);
  const { trainer, close } = await startTraining(spec);
  const tensors = [...trainer.tensors(() => true)].map(([name, { shape }]) => [name, shape]);
  await close();
  const weighted = weightedLayers(spec.network.layers, networkShape(spec.network.layers, spec.input, null).layers);
  const known = weighted.flatMap(({ path, tensors: own }) =>
    Object.entries(own).map(([name, shape]) => [`${path}.${name}`, shape]),
  );
  expect(Object.fromEntries(known)).toEqual(Object.fromEntries(tensors));
});

test("only the layers that are named start from a file's weights", async () => {
  const spec = smallSpec(layers);
  const file = readSafetensors(await checkpointOf());
  const weightsAt = async (initialLayers?: readonly string[]) => {
    const initial = { initialWeights: writeSafetensors({ tensors: file.tensors }), initialLayers };
    const { trainer, close } = await startTraining(spec, { from: initial });
    const tensors = trainer.tensors(() => true);
    await close();
    return [...tensors].filter(([name, { data }]) => isDeepStrictEqual(data, file.tensors.get(name)?.data));
  };
  const namesOf = (found: Awaited<ReturnType<typeof weightsAt>>) => found.map(([name]) => name);
  expect(namesOf(await weightsAt())).toHaveLength(4);
  expect(namesOf(await weightsAt(["layers.0"]))).toEqual(["layers.0.weight", "layers.0.bias"]);
});

test("a checkpoint from before a layer had a setting goes on: the setting then had its default", async () => {
  const spec = smallSpec([layers[0], { kind: "batch-normalisation" }, layers[1]], { stopAtStep: 6 });
  const { tensors, metadata } = readSafetensors(await checkpointOf({ ...spec, epochs: 1 }));
  const { activation: _, ...older } = JSON.parse(metadata.network).layers[1];
  const network = JSON.stringify({ layers: [spec.network.layers[0], older, spec.network.layers[2]] });
  const bytes = writeSafetensors({ tensors, metadata: { ...metadata, network } });
  const { trainer, close } = await startTraining(spec, { resume: bytes });
  expect([...trainer.run()].at(-1)).toMatchObject({ kind: "finished" });
  await close();
  const other = network.replace('"momentum":0.1', '"momentum":0.2');
  expect(await refusal(writeSafetensors({ tensors, metadata: { ...metadata, network: other } }), spec)).toMatch(
    /another network/,
  );
});

test("what does not fit is refused in a sentence", async () => {
  const bytes = await checkpointOf();
  const { tensors, metadata } = readSafetensors(bytes);
  expect(await refusal(bytes.subarray(0, bytes.length - 7))).toMatch(/safetensors/);
  expect(await refusal(writeSafetensors({ tensors }))).toMatch(/format is 'not named'/);
  expect(
    await refusal(
      bytes,
      smallSpec([layers[0], { kind: "dense", units: 3, activation: "sigmoid" }], { loss: "squared-error" }),
    ),
  ).toMatch(/another network/);
  const without = new Map([...tensors].filter(([name]) => name !== "layers.0.bias"));
  expect(await refusal(writeSafetensors({ tensors: without, metadata }))).toMatch(/no tensor 'layers.0.bias'/);
  const broken = new Map(tensors).set("layers.0.bias", {
    dtype: "F32",
    shape: [4],
    data: Float32Array.of(0, Number.NaN, 0, 0),
  });
  expect(await refusal(writeSafetensors({ tensors: broken, metadata }))).toMatch(/NaN at position 1/);
  const bent = new Map(tensors).set("layers.0.bias", { dtype: "F32", shape: [2, 2], data: new Float32Array(4) });
  expect(await refusal(writeSafetensors({ tensors: bent, metadata }))).toMatch(/is 2×2; this network needs 4/);
});
