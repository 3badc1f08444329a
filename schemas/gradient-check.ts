/** Back-propagation against finite differences, asked for over HTTP. */
import { z } from "zod";
import { datasetReference } from "./ids.ts";
import { loss, network, presetName } from "./network.ts";
import { shape } from "./shape-schema.ts";

export const gradientCheckRequest = z
  .strictObject({
    network: z.union([presetName, network]).describe("the layers, or the name of a preset"),
    input: shape.optional().describe("channels, height and width; or give a dataset"),
    dataset: datasetReference.optional().describe("take input and classes from this dataset"),
    loss: loss.optional().describe("by default cross-entropy for a softmax output, squared-error otherwise"),
    seed: z
      .int()
      .min(0)
      .max(4_294_967_295)
      .default(1)
      .describe("decides the weights, the sample and which elements are checked"),
    sample: z.int().min(1).max(100_000).nullable().default(20).describe("elements checked of each tensor; null: all"),
  })
  .meta({
    examples: [
      { dataset: "mnist", network: "toolbox" },
      {
        network: { layers: [{ kind: "dense", units: 3, activation: "softmax" }] },
        input: { channels: 1, height: 7, width: 5 },
      },
    ],
  });
export type GradientCheckRequest = z.infer<typeof gradientCheckRequest>;

const checkedTensor = z.strictObject({
  name: z.string().describe("name of the tensor, as in the weights file"),
  elements: z.int().describe("numbers in it"),
  checked: z.int().describe("numbers that were checked"),
  skipped: z.int().describe("numbers left out because a kink (of relu or a maximum) lies within the difference"),
  worstRelativeError: z
    .number()
    .nullable()
    .describe("largest relative distance of the gradient from the finite difference; null where none was checked"),
});

export const gradientCheck = z.strictObject({
  worst: z
    .number()
    .nullable()
    .describe(
      "largest relative error of all tensors, about 1e-6 or less where all is right; null where none was checked",
    ),
  complete: z.boolean().describe("false where time ran out; what was checked until then stands here"),
  layers: z
    .array(
      z.strictObject({
        index: z.int().describe("index in the network's layers, from 0"),
        kind: z.string().describe("kind of the layer"),
        parameters: z.array(checkedTensor).describe("its tensors that descent moves"),
      }),
    )
    .describe("the layers that have parameters"),
});
export type GradientCheck = z.infer<typeof gradientCheck>;
