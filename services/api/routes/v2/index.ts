/** The Open Inference Protocol, version 2 (KServe). */
import {
  inferenceAnswer,
  inferenceLive,
  inferenceModel,
  inferenceModelReady,
  inferenceReady,
  inferenceRequest,
  inferenceServer,
} from "../../../../schemas/inference.ts";
import { idParams } from "../../../../schemas/query.ts";
import { isStorageFault, type Storage } from "../../../shared/storage/index.ts";
import type { Dependencies } from "../../dependencies.ts";
import { findModel } from "../../../shared/find.ts";
import { sendJson } from "../../http/slices.ts";
import type { App } from "../../http/types.ts";
import { beforeBody, jsonBytes, mostAskingBytes, takeEveryBody } from "../../models/asking.ts";
import { subjectOf } from "../../models/subjects.ts";
import { outputNumbers, outputTensor, usualOutputs } from "../../models/tensors.ts";
import type { Lacking } from "../health/index.ts";

const platform = "feature-maps_safetensors";
const versionOf = (sha256: string): string => sha256.slice(0, 16);

function serverRoutes(app: App, { version }: Dependencies, missingNow: Lacking): void {
  app.get(
    "/v2",
    { schema: { tags: ["inference"], summary: "This server", response: { 200: inferenceServer } } },
    async () => ({ name: "feature-maps", version, extensions: [] }),
  );
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

function modelRoutes(app: App, { records, storage }: Dependencies): void {
  app.get(
    "/v2/models/:id",
    {
      schema: {
        tags: ["inference"],
        summary: "Inputs and outputs of a model",
        params: idParams,
        response: { 200: inferenceModel },
      },
    },
    async (request) => {
      const found = await findModel(records, request.params.id);
      const { channels, height, width } = found.input;
      return {
        name: found.id,
        versions: [versionOf(found.sha256)],
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
        response: { 200: inferenceModelReady },
      },
    },
    async (request) => {
      const found = await findModel(records, request.params.id);
      return { name: found.id, ready: await isWhole(storage, found.files.weights) };
    },
  );
}

function inferRoute(app: App, { records, storage, prediction, reader }: Dependencies): void {
  takeEveryBody(app);
  const asked = beforeBody(async (request) => {
    const model = await findModel(records, (request.params as { id: string }).id);
    return { model, input: model.input };
  });
  app.post(
    "/v2/models/:id/infer",
    {
      onRequest: asked.onRequest,
      bodyLimit: mostAskingBytes,
      schema: {
        tags: ["inference"],
        summary: "Ask a model",
        params: idParams,
        body: { content: { "application/json": { schema: inferenceRequest } } },
        response: { 200: inferenceAnswer },
      },
    },
    async (request, reply) => {
      const { model } = asked.of(request);
      const body = jsonBytes(request);
      const { samples, count, outputs, id } = await reader.read("inference", body, model.input);
      const names = outputs?.map(({ name }) => name) ?? usualOutputs;
      const numbers = outputNumbers(names, count, model.classes.length);
      const answer = await prediction.predict(subjectOf(storage, model), samples, count);
      const given = {
        model_name: model.id,
        model_version: versionOf(model.sha256),
        id,
        outputs: names.map((name) => outputTensor(name, answer, count)),
      };
      return sendJson(reply, given, numbers);
    },
  );
}

export function inferenceProtocolRoutes(app: App, dependencies: Dependencies, missingNow: Lacking): void {
  serverRoutes(app, dependencies, missingNow);
  modelRoutes(app, dependencies);
  app.register(async (scope: App) => inferRoute(scope, dependencies));
}
