/** GET /openapi.json (3.1), from the schemas that check requests and answers. */
import swagger from "@fastify/swagger";
import plugin from "fastify-plugin";
import { createJsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import { checkpoint } from "../../../schemas/checkpoint.ts";
import { dataset } from "../../../schemas/dataset.ts";
import { detailedEvaluation, modelEvaluation } from "../../../schemas/evaluation.ts";
import { event } from "../../../schemas/event.ts";
import { completeJobRequest, job, jobRequest, jobSummary } from "../../../schemas/job.ts";
import { layer } from "../../../schemas/layer.ts";
import { metricRow } from "../../../schemas/metrics.ts";
import { model, modelSummary } from "../../../schemas/model.ts";
import { network } from "../../../schemas/network.ts";
import { evaluation, prediction, predictionAnswer, splitPrediction } from "../../../schemas/prediction.ts";
import { problem } from "../../../schemas/problem.ts";
import { progress } from "../../../schemas/progress.ts";
import { completeSweepRequest, sweep, sweepRequest, sweepSummary } from "../../../schemas/sweep.ts";
import { trial } from "../../../schemas/trial.ts";
import { sweepEvent } from "../../../schemas/sweep-event.ts";
import { shape } from "../../../schemas/shape-schema.ts";
import type { App } from "../http/types.ts";
import { sessionCookie } from "../access/admission.ts";
import { isRecognised } from "./idempotency.ts";
import { introduction } from "./introduction.ts";

const named: Record<string, z.ZodType> = {
  Checkpoint: checkpoint,
  Dataset: dataset,
  Event: event,
  CompleteJobRequest: completeJobRequest,
  Job: job,
  JobSummary: jobSummary,
  JobRequest: jobRequest,
  Layer: layer,
  MetricRow: metricRow,
  Model: model,
  ModelEvaluation: modelEvaluation,
  DetailedEvaluation: detailedEvaluation,
  ModelSummary: modelSummary,
  Network: network,
  Evaluation: evaluation,
  Prediction: prediction,
  PredictionAnswer: predictionAnswer,
  SplitPrediction: splitPrediction,
  Sweep: sweep,
  SweepSummary: sweepSummary,
  SweepRequest: sweepRequest,
  CompleteSweepRequest: completeSweepRequest,
  SweepEvent: sweepEvent,
  Trial: trial,
  Problem: problem,
  Progress: progress,
  Shape: shape,
};

for (const [id, schema] of Object.entries(named)) z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });

type Transform = ReturnType<typeof createJsonSchemaTransform>;
type Bodies = { content: Record<string, { schema: z.ZodType }> };
const base = createJsonSchemaTransform({});

const idempotencyKey = z.object({
  "Idempotency-Key": z
    .string()
    .max(255)
    .optional()
    .describe("the same key and body get the first answer again: a write is done once, however often it is sent"),
});

/** Every route may answer a problem; a body may come in several media types; writes take an Idempotency-Key. */
const transform: Transform = (document) => {
  const { schema, route } = document;
  if (!schema || schema.hide) return base(document);
  const { body, ...rest } = schema;
  const bodies = body as z.ZodType | Bodies | undefined;
  const several = bodies !== undefined && !(bodies instanceof z.ZodType);
  const response = {
    ...(rest.response as object),
    default: { description: "A problem (RFC 9457)", content: { "application/problem+json": { schema: problem } } },
  };
  const made = base({
    ...document,
    schema: {
      ...rest,
      ...(several || bodies === undefined ? {} : { body: bodies }),
      ...([route.method].flat().some((method) => isRecognised(method, route.config ?? {}))
        ? { headers: idempotencyKey }
        : {}),
      response,
    },
  });
  if (!several) return made;
  const content = Object.fromEntries(
    Object.entries(bodies.content).map(([type, each]) => [
      type,
      { schema: (base({ ...document, schema: { body: each.schema } }).schema as { body: object }).body },
    ]),
  );
  return { ...made, schema: { ...made.schema, body: { content } } };
};

interface Operation {
  parameters?: unknown[];
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

const header = (name: string, description: string) => ({
  in: "header",
  name,
  required: false,
  description,
  schema: { type: "string", maxLength: 255 },
});
const lastEventId = header("Last-Event-ID", "go on after this event");
const inferenceHeader = header(
  "Inference-Header-Content-Length",
  "bytes of the JSON where tensors follow it as bytes; 0 where the body is the input alone",
);

/** Names of the components that something leads to. */
function referred(document: Document): Set<string> {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([A-Za-z]+)"/g)) {
      if (found.has(name)) continue;
      found.add(name);
      look(document.components.schemas[name]);
    }
  };
  look(document.paths);
  return found;
}

/** Headers that hooks read rather than routes, and no component that nothing leads to. */
const finish: typeof jsonSchemaTransformObject = (given) => {
  const document = jsonSchemaTransformObject(given) as unknown as Document;
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const operation of Object.values(methods)) {
      if (path.endsWith("/infer")) operation.parameters = [...(operation.parameters ?? []), inferenceHeader];
      if (path.endsWith("/events")) operation.parameters = [...(operation.parameters ?? []), lastEventId];
    }
  }
  const kept = referred(document);
  document.components.schemas = Object.fromEntries(
    Object.entries(document.components.schemas).filter(([name]) => kept.has(name)),
  );
  return document;
};

export const openapi = plugin(async (app: App, { version }: { version: string }) => {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "feature-maps",
        version,
        description: introduction,
        license: { name: "MIT", identifier: "MIT" },
      },
      tags: [
        { name: "jobs", description: "Trainings: queued, run by workers, followed live" },
        { name: "sweeps", description: "Searches for the best values of a job request" },
        { name: "models", description: "What finished jobs leave behind" },
        { name: "datasets", description: "Labelled images" },
        { name: "inference", description: "The Open Inference Protocol, version 2" },
        { name: "access", description: "Projects, keys, sessions" },
        { name: "process", description: "Health, telemetry, system" },
      ],
      components: {
        securitySchemes: {
          key: {
            type: "http",
            scheme: "bearer",
            description: "A key, fm_…, from POST /v1/keys or `npm run keys -- create`; asked for where AUTH=keys",
          },
          session: {
            type: "apiKey",
            in: "cookie",
            name: sessionCookie,
            description: "What POST /v1/session sets; writes must come from a page of this service",
          },
        },
      },
    },
    transform,
    transformObject: finish,
  });
  app.get(
    "/openapi.json",
    {
      schema: {
        tags: ["process"],
        summary: "This interface as an OpenAPI 3.1 document",
        response: {
          200: z.looseObject({ openapi: z.string().describe("version of OpenAPI that the document is written in") }),
        },
      },
    },
    async (_request, reply) =>
      reply
        .type("application/json")
        .serializer((body: unknown) => JSON.stringify(body))
        .send(app.swagger() as never),
  );
});
