/** The Open Inference Protocol, version 2 (KServe), with its extension for tensors as bytes. */
import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { file } from "../../../../schemas/binary.ts";
import {
  inferenceAnswer,
  inferenceLive,
  inferenceModel,
  inferenceModelReady,
  inferenceReady,
  inferenceRequest,
  inferenceServer,
  versionParams,
  type InferenceRequest,
} from "../../../../schemas/inference.ts";
import { rawType } from "../../../../schemas/prediction.ts";
import { idParams } from "../../../../schemas/query.ts";
import { isStorageFault, type Storage } from "../../../shared/storage/index.ts";
import type { Dependencies } from "../../dependencies.ts";
import { findModel } from "../../../shared/find.ts";
import type { Outputs } from "../../../prediction/index.ts";
import type { ModelRecord, Records } from "../../../shared/records/index.ts";
import { binary as bytesAnswer } from "../../http/binary.ts";
import { readBody, type BodyRead } from "../../http/body.ts";
import { Problem, notFound } from "../../http/problem.ts";
import { jsonText, sendJson } from "../../http/slices.ts";
import type { App } from "../../http/types.ts";
import { bodyUnchecked } from "../../http/validation.ts";
import { beforeBody, mostAskingBytes } from "../../models/asking.ts";
import { refuseNotFinite } from "../../models/answers.ts";
import { bytesOfOutput, jsonLengthOf, lengthHeader } from "../../models/binary-tensors.ts";
import type { readInference } from "../../models/reading.ts";
import type { ServedModel, ServedModels } from "../../models/served.ts";
import { subjectIn } from "../../models/subjects.ts";
import { outputNumbers, outputTensor, usualOutputs } from "../../models/tensors.ts";
import type { Lacking } from "../health/index.ts";

const platform = "feature-maps_safetensors";
const versionOf = (sha256: string): string => sha256.slice(0, 16);

function serverRoutes(app: App, { version }: Dependencies, missingNow: Lacking): void {
  const server = { name: "feature-maps", version, extensions: ["binary_tensor_data"] };
  app.get(
    "/v2",
    { schema: { tags: ["inference"], summary: "This server", response: { 200: inferenceServer } } },
    async () => server,
  );
  // The protocol's text writes it without a slash at the end, its OpenAPI file with one.
  app.get("/v2/", { schema: { hide: true, response: { 200: inferenceServer } } }, async () => server);
  app.get(
    "/v2/health/live",
    {
      schema: { tags: ["inference"], summary: "Whether this process answers", response: { 200: inferenceLive } },
    },
    async () => ({ live: true }),
  );
  app.get(
    "/v2/health/ready",
    {
      schema: {
        tags: ["inference"],
        summary: "Whether models can be asked; no worker is needed for that",
        response: { 200: inferenceReady },
      },
    },
    async () => ({ ready: (await missingNow()).every((each) => each.startsWith("no worker")) }),
  );
}

/** Whether an object is there and is what was written. Compared once for each version of it. */
const isWhole = (storage: Storage, key: string): Promise<boolean> =>
  storage.range(key, 0, 1).then(
    () => true,
    (error: unknown) => {
      if (isStorageFault(error, "missing", "damaged")) return false;
      throw error;
    },
  );

/** A model by its name, and by its name and version. */
const places = [
  { at: "/v2/models/:id", params: idParams },
  { at: "/v2/models/:id/versions/:version", params: versionParams },
] as const;

function checkVersion({ id, sha256 }: ModelRecord, wanted: string | undefined): void {
  const version = versionOf(sha256);
  if (wanted !== undefined && wanted !== version)
    throw notFound(`model ${id} has no version ${wanted}; its version is ${version}`);
}

async function findVersion(records: Records, params: { id: string; version?: string }): Promise<ModelRecord> {
  const found = await findModel(records, params.id);
  checkVersion(found, params.version);
  return found;
}

/** As the dataset has its numbers; FP32 where it is not known. */
async function datatypeOf(records: Records, { dataset }: ModelRecord): Promise<"UINT8" | "FP32"> {
  const trained = dataset === null ? null : await records.datasets.read(dataset.id);
  return trained?.dtype === "uint8" ? "UINT8" : "FP32";
}

function modelRoutes(app: App, { storage }: Dependencies): void {
  for (const { at, params } of places) {
    app.get(
      at,
      {
        schema: {
          tags: ["inference"],
          summary: "Inputs and outputs of a model",
          params,
          response: { 200: inferenceModel },
        },
      },
      async (request) => {
        const found = await findVersion(request.records, request.params);
        const { channels, height, width } = found.input;
        return {
          name: found.id,
          versions: [versionOf(found.sha256)],
          platform,
          inputs: [
            { name: "input", datatype: await datatypeOf(request.records, found), shape: [-1, channels, height, width] },
          ],
          outputs: [
            { name: "probabilities", datatype: "FP32", shape: [-1, found.classes.length] },
            { name: "outputs", datatype: "FP32", shape: [-1, found.classes.length] },
            { name: "class", datatype: "INT64", shape: [-1] },
          ],
        };
      },
    );
    app.get(
      `${at}/ready`,
      {
        schema: {
          tags: ["inference"],
          summary: "Whether a model can be asked",
          params,
          response: { 200: inferenceModelReady },
        },
      },
      async (request) => {
        const found = await findVersion(request.records, request.params);
        return { name: found.id, ready: await isWhole(storage, found.files.weights) };
      },
    );
  }
}

/**
 * Clients send JSON under its type or none; a body with tensors as bytes is known by its header, whatever its type.
 */
function takeInference(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (request: FastifyRequest, payload: Readable, done: BodyRead) => {
    const isBinary = jsonLengthOf(request.headers[lengthHeader]) !== null;
    const type = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
    if (isBinary || type === "" || type === "application/json")
      return readBody({ request, payload, kind: isBinary ? "bytes" : "json" }, (body) => body, done);
    throw new Problem({
      code: "unsupported-media-type",
      detail: `a body of type '${type}' is not read here; send JSON, or with Inference-Header-Content-Length tensors as bytes`,
    });
  });
  app.setValidatorCompiler(bodyUnchecked);
}

interface Answered {
  model: ModelRecord;
  asked: Awaited<ReturnType<typeof readInference>>;
  outputs: Outputs;
}

/** The answer's JSON, and the bytes of the outputs that were wanted as such. */
function answerOf({ model, asked, outputs }: Answered): { given: object; binary: Buffer[] } {
  const binary: Buffer[] = [];
  const wanted: NonNullable<InferenceRequest["outputs"]> = asked.outputs ?? usualOutputs.map((name) => ({ name }));
  const tensors = wanted.map(({ name, parameters }) => {
    const tensor = outputTensor(name, outputs, asked.count);
    if (!(parameters?.binary_data ?? asked.binaryOutput)) return tensor;
    const { data, ...described } = tensor;
    const bytes = bytesOfOutput(data);
    binary.push(bytes);
    return { ...described, parameters: { binary_data_size: bytes.length } };
  });
  const { id: model_name, sha256 } = model;
  const { id, numerics } = asked;
  const parameters = numerics && { numerics };
  return { given: { model_name, model_version: versionOf(sha256), id, parameters, outputs: tensors }, binary };
}

function inferRoutes(app: App, { prediction, reader }: Dependencies, served: ServedModels): void {
  takeInference(app);
  const looked = beforeBody((request) => {
    const { id, version } = request.params as { id: string; version?: string };
    const check = (found: ServedModel): ServedModel => (checkVersion(found.record, version), found);
    const found = served.find(request.records, id);
    return found instanceof Promise ? found.then(check) : check(found);
  });
  for (const { at, params } of places)
    app.post(
      `${at}/infer`,
      {
        onRequest: looked.onRequest,
        bodyLimit: mostAskingBytes,
        config: { changesNothing: true },
        schema: {
          tags: ["inference"],
          summary: "Ask a model; tensors as JSON, or as bytes behind it",
          params,
          body: { content: { "application/json": { schema: inferenceRequest }, [rawType]: { schema: file } } },
          response: {
            200: {
              description: "The outputs, as JSON, or in JSON and bytes behind it where bytes were asked for",
              content: { "application/json": { schema: inferenceAnswer }, [rawType]: { schema: bytesAnswer } },
            },
          },
        },
      },
      async (request, reply) => {
        const { record: model, subject } = looked.of(request);
        const jsonLength = jsonLengthOf(request.headers[lengthHeader]);
        const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
        const read = reader.read("inference", body, { input: model.input, jsonLength });
        const asked = read instanceof Promise ? await read : read;
        const names = asked.outputs?.map(({ name }) => name) ?? usualOutputs;
        const numbers = outputNumbers(names, asked.count, model.classes.length);
        const outputs = await prediction.predict(subjectIn(subject, asked.numerics), asked.samples, asked.count);
        refuseNotFinite(outputs.probabilities, model.classes.length);
        refuseNotFinite(outputs.outputs, model.classes.length);
        const { given, binary } = answerOf({ model, asked, outputs });
        if (binary.length === 0) return sendJson(reply, given, numbers);
        const json = Buffer.from(jsonText(given));
        reply.type(rawType).header(lengthHeader, json.length);
        return reply.serializer((bytes: unknown) => bytes as string).send(Buffer.concat([json, ...binary]));
      },
    );
}

export function inferenceProtocolRoutes(
  app: App,
  dependencies: Dependencies,
  { missingNow, served }: { missingNow: Lacking; served: ServedModels },
): void {
  serverRoutes(app, dependencies, missingNow);
  modelRoutes(app, dependencies);
  app.register(async (scope: App) => inferRoutes(scope, dependencies, served));
}
