/** The Open Inference Protocol, version 2 (KServe): names and spellings are the protocol's. */
import { z } from "zod";
import { numerics } from "./job.ts";

const datatype = z
  .enum(["UINT8", "INT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "FP32", "FP64"])
  .describe("type of the tensor's numbers, in the protocol's words");
const outputName = z.enum(["probabilities", "outputs", "class"]);
/** Names that are not known here are let pass: each server has its own. */
const parametersWith = <Shape extends z.ZodRawShape>(known: Shape) =>
  z.looseObject(known).optional().describe("parameters of the protocol; unknown ones are let pass");
const binarySize = z
  .int()
  .min(0)
  .optional()
  .describe("length in bytes of the tensor behind the JSON, in place of data");
const tensor = z.strictObject({
  name: z.string().describe("name of the tensor"),
  shape: z.array(z.int()).describe("its extents; -1: as many as there are inputs"),
  datatype: z.string().describe("type of its numbers, in the protocol's words"),
});

export const inferenceServer = z.strictObject({
  name: z.string().describe("name of the server: always feature-maps"),
  version: z.string().describe("version of the service"),
  extensions: z.array(z.string()).describe("extensions of the protocol that it knows"),
});
export const inferenceLive = z.strictObject({ live: z.boolean().describe("whether this process answers") });
export const inferenceReady = z.strictObject({ ready: z.boolean().describe("whether models can be asked") });
export const inferenceModelReady = z.strictObject({
  name: z.string().describe("id of the model"),
  ready: z.boolean().describe("whether it can be asked"),
});

export const inferenceModel = z.strictObject({
  name: z.string().describe("id of the model"),
  versions: z.array(z.string()).describe("its one version: the first 16 digits of the digest of its weights"),
  platform: z.string().describe("what kind of model it is"),
  inputs: z.array(tensor).describe("the tensors that it takes: one"),
  outputs: z.array(tensor).describe("the tensors that it can answer"),
});

export const inferenceRequest = z
  .strictObject({
    id: z.string().max(200).optional().describe("an id of yours for this request; the answer repeats it"),
    parameters: parametersWith({
      binary_data_output: z
        .boolean()
        .optional()
        .describe("whether all outputs come as bytes behind the JSON of the answer"),
      numerics: numerics.optional().describe("arithmetic of the answer; by default that of the model's training"),
    }),
    inputs: z
      .array(
        z.strictObject({
          name: z.string().describe("name of the input; any will do, as there is one"),
          shape: z
            .array(z.int().min(0))
            .min(1)
            .max(4)
            .describe("extents of the tensor: inputs, then channels, height, width, or all their numbers in a row"),
          datatype,
          parameters: parametersWith({ binary_data_size: binarySize }),
          data: z
            .array(z.unknown())
            .optional()
            .describe("the numbers, flat or nested; left out where bytes follow the JSON"),
        }),
      )
      .length(1, "this model takes one input")
      .describe("the one input"),
    outputs: z
      .array(
        z.strictObject({
          name: outputName.describe("probabilities of all classes, the outputs of the last layer, or the class alone"),
          parameters: parametersWith({
            binary_data: z.boolean().optional().describe("whether this output comes as bytes"),
          }),
        }),
      )
      .min(1)
      .max(outputName.options.length)
      .refine(
        (outputs) => new Set(outputs.map(({ name }) => name)).size === outputs.length,
        "expected every output once",
      )
      .optional()
      .describe("the outputs wanted; by default the model's usual ones"),
  })
  .meta({
    examples: [
      { inputs: [{ name: "input", shape: [1, 1, 2, 3], datatype: "UINT8", data: [0, 64, 128, 192, 255, 0] }] },
    ],
  });
export type InferenceRequest = z.infer<typeof inferenceRequest>;

export const inferenceAnswer = z.strictObject({
  model_name: z.string().describe("id of the model"),
  model_version: z.string().describe("the first 16 digits of the digest of its weights"),
  id: z.string().optional().describe("the id of the request, where it had one"),
  parameters: z
    .strictObject({ numerics: numerics.describe("arithmetic of the answer") })
    .optional()
    .describe("there where the request asked for an arithmetic"),
  outputs: z
    .array(
      z.strictObject({
        name: z.string().describe("name of the output"),
        shape: z.array(z.int()).describe("its extents: inputs, then numbers for each"),
        datatype: z.string().describe("type of its numbers, in the protocol's words"),
        parameters: z
          .strictObject({ binary_data_size: z.int().describe("its length in bytes behind the JSON") })
          .optional()
          .describe("there where the bytes follow the JSON"),
        data: z
          .array(z.number().nullable())
          .optional()
          .describe("the numbers in a row; left out where the bytes follow the JSON"),
      }),
    )
    .describe("the outputs in the order asked for"),
});
export type InferenceAnswer = z.infer<typeof inferenceAnswer>;

/** `/v2/models/{id}/versions/{version}`. */
export const versionParams = z.strictObject({
  id: z.string().describe("id or alias of the model"),
  version: z.string().describe("the first 16 digits of the digest of its weights"),
});
