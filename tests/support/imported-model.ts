/** Models with weights made by hand, put into an api as a user would: POST /v1/models. */
import { writeSafetensors } from "../../engine/index.ts";
import type { FileTensor } from "../../engine/index.ts";
import type { TestApp } from "./app.ts";

/** Numbers between −scale and scale that repeat nowhere near; a variance is above 0. */
const wave = (name: string, shape: number[], from: number, scale: number): FileTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, at) =>
    name.endsWith("variance") ? 1.5 + Math.sin(at) : scale * Math.sin(from + at * 1.7),
  ),
});

export interface Importable {
  name: string;
  network: { layers: object[] };
  input: { channels: number; height: number; width: number };
  classes: string[];
  /** Name and shape of each tensor. */
  tensors: Record<string, number[]>;
}

/** 7×5 grey into three classes by a softmax. */
export const greyModel: Importable = {
  name: "strokes </script><b>by hand</b>",
  network: {
    layers: [
      { kind: "convolution", maps: 2, size: 3, activation: "tanh" },
      { kind: "subsampling", factor: 2 },
      { kind: "convolution", maps: 3, size: 1, activation: "tanh", inputs: { learned: { filters: "per-pair" } } },
      { kind: "dense", units: 3, activation: "softmax" },
    ],
  },
  input: { channels: 1, height: 7, width: 5 },
  classes: ["bar", "dash", "dot"],
  tensors: {
    "layers.0.weight": [2, 1, 3, 3],
    "layers.0.bias": [2],
    "layers.1.beta": [2],
    "layers.1.bias": [2],
    "layers.2.weight": [3, 2, 1, 1],
    "layers.2.bias": [3],
    "layers.2.mix": [3, 2],
    "layers.3.weight": [3, 6],
    "layers.3.bias": [3],
  },
};

/** 6×9 RGB into four classes by scaled tanh, whose outputs are mapped to shares. */
export const colourModel: Importable = {
  name: "colours by hand",
  network: {
    layers: [
      { kind: "convolution", maps: 5, size: 3, padding: 1, activation: "relu" },
      { kind: "subsampling", factor: 3, reduce: "max", trainable: false },
      { kind: "dense", units: 4, activation: "scaled-tanh" },
    ],
  },
  input: { channels: 3, height: 6, width: 9 },
  classes: ["red", "green", "blue", "grey"],
  tensors: { "layers.0.weight": [5, 3, 3, 3], "layers.0.bias": [5], "layers.2.weight": [4, 30], "layers.2.bias": [4] },
};

/** The form that brings a model. `scale`: what its weights are multiplied by. */
export function formOfModel({ name, network, input, classes, tensors }: Importable, scale = 1): FormData {
  const weights = writeSafetensors({
    tensors: new Map(
      Object.entries(tensors).map(([tensor, shape], at) => [tensor, wave(tensor, shape, at + 1, scale)]),
    ),
  });
  const form = new FormData();
  form.set("name", name);
  for (const [field, value] of Object.entries({ network, input, classes })) form.set(field, JSON.stringify(value));
  form.set("normalisation", "unit");
  form.set("weights", new Blob([new Uint8Array(weights)]), "weights.safetensors");
  return form;
}

/** 7×6 grey through a residual block with a normalisation and a projected shortcut. */
export const residualModel: Importable = {
  name: "blocks by hand",
  network: {
    layers: [
      { kind: "convolution", maps: 3, size: 3, padding: 1, activation: "relu" },
      {
        kind: "residual",
        layers: [
          { kind: "convolution", maps: 5, size: 3, padding: 1, stride: 2 },
          { kind: "batch-normalisation", activation: "relu" },
          { kind: "convolution", maps: 5, size: 3, padding: 1 },
        ],
        activation: "relu",
      },
      { kind: "subsampling", factor: "all", trainable: false },
      { kind: "dense", units: 3, activation: "softmax" },
    ],
  },
  input: { channels: 1, height: 7, width: 6 },
  classes: ["one", "two", "three"],
  tensors: {
    "layers.0.weight": [3, 1, 3, 3],
    "layers.0.bias": [3],
    "layers.1.layers.0.weight": [5, 3, 3, 3],
    "layers.1.layers.0.bias": [5],
    "layers.1.layers.1.weight": [5],
    "layers.1.layers.1.bias": [5],
    "layers.1.layers.1.mean": [5],
    "layers.1.layers.1.variance": [5],
    "layers.1.layers.2.weight": [5, 5, 3, 3],
    "layers.1.layers.2.bias": [5],
    "layers.1.shortcut.weight": [5, 3, 1, 1],
    "layers.1.shortcut.bias": [5],
    "layers.3.weight": [3, 5],
    "layers.3.bias": [3],
  },
};

/** Answers the model's id. */
export async function importModel({ app }: TestApp, model: Importable, scale = 1): Promise<string> {
  const form = formOfModel(model, scale);
  const { headers, body } = new Request("http://localhost/", { method: "POST", body: form });
  const payload = Buffer.from(await new Response(body).arrayBuffer());
  const answer = await app.inject({
    method: "POST",
    url: "/v1/models",
    headers: { "content-type": headers.get("content-type") ?? "" },
    payload,
  });
  if (answer.statusCode !== 201) throw new Error(answer.body);
  return answer.json<{ id: string }>().id;
}

/** The service's probabilities for a picture. */
export async function askAbout({ app }: TestApp, id: string, picture: Buffer): Promise<number[]> {
  const answer = await app.inject({
    method: "POST",
    url: `/v1/models/${id}/predictions`,
    headers: { "content-type": "image/png" },
    payload: picture,
  });
  if (answer.statusCode !== 200) throw new Error(answer.body);
  return answer.json<{ predictions: { probabilities: number[] }[] }>().predictions[0].probabilities;
}
