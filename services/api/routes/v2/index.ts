/** The Open Inference Protocol, version 2 (KServe): names and spellings are the protocol's. */
import { z } from "zod";
import { describeShape, sizeOf, type Shape } from "../../../../schemas/shape.ts";
import type { Samples } from "../../../prediction/index.ts";
import { mostAskingBytes } from "../../models/asking.ts";
import type { Dependencies } from "../../dependencies.ts";
import { findModel } from "../../../shared/find.ts";
import { checkCount, described } from "../../models/instances.ts";
import { subjectOf } from "../../models/subjects.ts";
import { idParams } from "../../http/paging.ts";
import { invalid } from "../../http/problem.ts";
import type { App } from "../../http/types.ts";
import { missing } from "../health/index.ts";

const datatype = z.enum(["UINT8", "INT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "FP32", "FP64"]);
const parameters = z.record(z.string(), z.unknown()).optional();
const tensor = z.strictObject({ name: z.string(), shape: z.array(z.int()), datatype: z.string() });
const model = z.strictObject({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensor),
  outputs: z.array(tensor),
});
const inferRequest = z.strictObject({
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
    .array(z.strictObject({ name: z.enum(["probabilities", "outputs", "class"]), parameters }))
    .min(1)
    .optional(),
});
const inferAnswer = z.strictObject({
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
const platform = "feature-maps_safetensors";
const mostSamples = 4096;

function flatten(data: readonly unknown[], into: Float32Array): number {
  let at = 0;
  const walk = (list: readonly unknown[]): void => {
    for (const value of list) {
      if (Array.isArray(value)) walk(value);
      else if (typeof value !== "number" || !Number.isFinite(value))
        throw invalid("/inputs/0/data", `expected numbers, found ${described(value)}`);
      else {
        if (at < into.length) into[at] = value;
        at += 1;
      }
    }
  };
  walk(data);
  return at;
}

function readInput(
  { shape, data }: z.output<typeof inferRequest>["inputs"][number],
  input: Shape,
): { samples: Samples; count: number } {
  const size = sizeOf(input);
  const [count] = shape;
  const rest = shape.slice(1).join("×");
  const { channels, height, width } = input;
  const forms = [`${size}`, describeShape(input), ...(channels === 1 ? [`${height}×${width}`] : [])];
  if (count < 1 || count > mostSamples || !forms.includes(rest)) {
    throw invalid(
      "/inputs/0/shape",
      `expected [n, ${channels}, ${height}, ${width}] or [n, ${size}] with n from 1 to ${mostSamples}, found [${shape.join(", ")}]`,
    );
  }
  checkCount(count, input);
  const samples = new Float32Array(count * size);
  const found = flatten(data, samples);
  if (found !== samples.length)
    throw invalid("/inputs/0/data", `the shape [${shape.join(", ")}] has ${samples.length} numbers; ${found} came`);
  return { samples, count };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const bestOf = (row: Float32Array): number => row.reduce((best, value, at) => (value > row[best] ? at : best), 0);

function inferenceRoutes(app: App, { records, storage, prediction }: Dependencies): void {
  app.get(
    "/v2/models/:id",
    {
      schema: {
        tags: ["inference"],
        summary: "Inputs and outputs of a model",
        params: idParams,
        response: { 200: model },
      },
    },
    async (request) => {
      const found = await findModel(records, request.params.id);
      const { channels, height, width } = found.input;
      return {
        name: found.id,
        versions: [found.sha256.slice(0, 16)],
        platform,
        inputs: [{ name: "input", datatype: "FP32", shape: [-1, channels, height, width] }],
        outputs: [
          { name: "probabilities", datatype: "FP32", shape: [-1, found.classes.length] },
          { name: "outputs", datatype: "FP32", shape: [-1, found.classes.length] },
          { name: "class", datatype: "INT64", shape: [-1] },
        ],
      };
    },
  );
  app.get(
    "/v2/models/:id/ready",
    {
      schema: {
        tags: ["inference"],
        summary: "Whether a model can be asked",
        params: idParams,
        response: { 200: z.strictObject({ name: z.string(), ready: z.boolean() }) },
      },
    },
    async (request) => ({
      name: (await findModel(records, request.params.id)).id,
      ready: true,
    }),
  );
  app.post(
    "/v2/models/:id/infer",
    {
      bodyLimit: mostAskingBytes,
      schema: {
        tags: ["inference"],
        summary: "Ask a model",
        params: idParams,
        body: inferRequest,
        response: { 200: inferAnswer },
      },
    },
    async (request) => {
      const found = await findModel(records, request.params.id);
      const { inputs, outputs = [{ name: "probabilities" as const }, { name: "class" as const }], id } = request.body;
      const { samples, count } = readInput(inputs[0], found.input);
      const answer = await prediction.predict(subjectOf(storage, found), samples, count);
      const classes = found.classes.length;
      const tensors = {
        probabilities: () => ({
          datatype: "FP32",
          shape: [count, classes],
          data: Array.from(answer.probabilities, finite),
        }),
        outputs: () => ({ datatype: "FP32", shape: [count, classes], data: Array.from(answer.outputs, finite) }),
        class: () => ({
          datatype: "INT64",
          shape: [count],
          data: Array.from({ length: count }, (_, row) =>
            bestOf(answer.probabilities.subarray(row * classes, (row + 1) * classes)),
          ),
        }),
      };
      return {
        model_name: found.id,
        model_version: found.sha256.slice(0, 16),
        ...(id === undefined ? {} : { id }),
        outputs: outputs.map(({ name }) => ({ name, ...tensors[name]() })),
      };
    },
  );
}

export function inferenceProtocolRoutes(app: App, dependencies: Dependencies): void {
  const { version } = dependencies;
  app.get(
    "/v2",
    {
      schema: {
        tags: ["inference"],
        summary: "This server",
        response: { 200: z.strictObject({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }) },
      },
    },
    async () => ({
      name: "feature-maps",
      version,
      extensions: [],
    }),
  );
  app.get(
    "/v2/health/live",
    {
      schema: {
        tags: ["inference"],
        summary: "Whether this process answers",
        response: { 200: z.strictObject({ live: z.boolean() }) },
      },
    },
    async () => ({ live: true }),
  );
  app.get(
    "/v2/health/ready",
    {
      schema: {
        tags: ["inference"],
        summary: "Whether models can be asked; no worker is needed for that",
        response: { 200: z.strictObject({ ready: z.boolean() }) },
      },
    },
    async () => ({ ready: (await missing(dependencies)).every((each) => each.startsWith("no worker")) }),
  );
  inferenceRoutes(app, dependencies);
}
