/** The Open Inference Protocol, version 2 (KServe): names and spellings are the protocol's. */
import { z } from "zod";

const datatype = z.enum(["UINT8", "INT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "FP32", "FP64"]);
const outputName = z.enum(["probabilities", "outputs", "class"]);
/** Names that are not known here are let pass: each server has its own. */
const parametersWith = <Shape extends z.ZodRawShape>(known: Shape) => z.looseObject(known).optional();
const binarySize = z.int().min(0).optional().describe("bytes behind the JSON, instead of data");
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
  parameters: parametersWith({
    binary_data_output: z.boolean().optional().describe("all outputs as bytes behind the JSON of the answer"),
  }),
  inputs: z
    .array(
      z.strictObject({
        name: z.string(),
        shape: z.array(z.int().min(0)).min(1).max(4),
        datatype,
        parameters: parametersWith({ binary_data_size: binarySize }),
        data: z.array(z.unknown()).optional(),
      }),
    )
    .length(1, "this model takes one input"),
  outputs: z
    .array(
      z.strictObject({
        name: outputName,
        parameters: parametersWith({ binary_data: z.boolean().optional().describe("this output as bytes") }),
      }),
    )
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
      parameters: z.strictObject({ binary_data_size: z.int() }).optional(),
      data: z.array(z.number().nullable()).optional().describe("absent where the bytes follow the JSON"),
    }),
  ),
});
export type InferenceAnswer = z.infer<typeof inferenceAnswer>;

/** `/v2/models/{id}/versions/{version}`. */
export const versionParams = z.strictObject({ id: z.string(), version: z.string() });
