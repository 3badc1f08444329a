/** The Open Inference Protocol, version 2 (KServe): names and spellings are the protocol's. */
import { z } from "zod";

const datatype = z.enum(["UINT8", "INT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "FP32", "FP64"]);
const outputName = z.enum(["probabilities", "outputs", "class"]);
const parameters = z.record(z.string(), z.unknown()).optional();
const tensor = z.strictObject({ name: z.string(), shape: z.array(z.int()), datatype: z.string() });

export const inferenceServer = z.strictObject({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
});
export const inferenceLive = z.strictObject({ live: z.boolean() });
export const inferenceReady = z.strictObject({ ready: z.boolean() });
export const inferenceModelReady = z.strictObject({ name: z.string(), ready: z.boolean() });

export const inferenceModel = z.strictObject({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensor),
  outputs: z.array(tensor),
});

export const inferenceRequest = z.strictObject({
  id: z.string().max(200).optional(),
  parameters,
  inputs: z
    .array(
      z.strictObject({
        name: z.string(),
        shape: z.array(z.int().min(0)).min(1).max(4),
        datatype,
        parameters,
        data: z.array(z.unknown()),
      }),
    )
    .length(1, "this model takes one input"),
  outputs: z
    .array(z.strictObject({ name: outputName, parameters }))
    .min(1)
    .max(outputName.options.length)
    .refine((outputs) => new Set(outputs.map(({ name }) => name)).size === outputs.length, "expected every output once")
    .optional(),
});
export type InferenceRequest = z.infer<typeof inferenceRequest>;

export const inferenceAnswer = z.strictObject({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  outputs: z.array(
    z.strictObject({
      name: z.string(),
      shape: z.array(z.int()),
      datatype: z.string(),
      data: z.array(z.number().nullable()),
    }),
  ),
});
export type InferenceAnswer = z.infer<typeof inferenceAnswer>;
