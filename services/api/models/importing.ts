/** A model that was trained elsewhere: a network, its input, and weights that fit. */
import type { FastifyRequest } from "fastify";
import { completeNetwork } from "../../../schemas/complete.ts";
import {
  importSettings,
  mostClasses,
  type ImportSettings,
  type Model,
  type ModelManifest,
  type Normalisation,
} from "../../../schemas/model.ts";
import { sizeOf, type Shape } from "../../../schemas/shape.ts";
import { networkShape } from "../../../schemas/network-shape.ts";
import { ComputationError } from "../../prediction/index.ts";
import { modelRecord, type ModelRecord } from "../../shared/records/index.ts";
import { digestOf, layout, putJson } from "../../shared/storage/index.ts";
import type { Within } from "../dependencies.ts";
import { Problem, Refusal, conflict, doesNotFit, invalid } from "../http/problem.ts";
import { readParts } from "../http/uploads.ts";
import { parseOrThrow } from "../../shared/parse.ts";

const mostWeightsBytes = 512 * 1024 * 1024;
const limits = { fileBytes: mostWeightsBytes, files: 1, fields: 8, fieldBytes: 1024 * 1024 } as const;

const texts = new Set(["name", "alias"]);

function readField(name: string, value: string): unknown {
  if (texts.has(name)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    // A bare word, as in normalisation=unit, is a text: people leave out the quotes.
    if (/^[a-z0-9-]+$/.test(value)) return value;
    throw invalid(`/${name}`, "expected JSON");
  }
}

async function readForm(request: FastifyRequest): Promise<{ given: ImportSettings; weights: Uint8Array }> {
  const found = new Map<string, unknown>();
  let weights: Buffer | null = null;
  for await (const part of readParts(request, limits)) {
    if (part.kind === "file") {
      if (part.name !== "weights") throw invalid(`/${part.name}`, "the only file of this form is called weights");
      const chunks: Buffer[] = [];
      for await (const chunk of part.stream as AsyncIterable<Buffer>) {
        request.hold(chunk.length);
        chunks.push(chunk);
      }
      weights = Buffer.concat(chunks);
    } else found.set(part.name, readField(part.name, part.value));
  }
  const given = parseOrThrow(importSettings, Object.fromEntries(found));
  if (!weights) throw invalid("/weights", "is missing: expected a safetensors file");
  return { given, weights };
}

function normalisationOf(given: ImportSettings["normalisation"], channels: number): Normalisation {
  const each = (value: number): number[] => new Array<number>(channels).fill(value);
  if (given === undefined || given === "none") return { kind: "none", mean: each(0), std: each(1) };
  if (given === "unit") return { kind: "unit", mean: each(0), std: each(255) };
  if (given.mean.length !== channels || given.std.length !== channels)
    throw invalid(
      "/normalisation",
      `expected ${channels} ${channels === 1 ? "number" : "numbers"} in mean and in std, one a channel`,
    );
  return given;
}

function shapeUp(given: ImportSettings): { parameters: number; outputs: number; input: Shape } {
  const { layers, problems } = networkShape(given.network.layers, given.input, given.classes?.length ?? null);
  if (problems.length > 0) throw doesNotFit(problems);
  const outputs = sizeOf(layers[layers.length - 1].output);
  if (outputs > mostClasses)
    throw doesNotFit([
      {
        pointer: `/layers/${layers.length - 1}`,
        detail: `the network ends with ${outputs} outputs; a model has at most ${mostClasses} classes`,
      },
    ]);
  return { parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0), outputs, input: given.input };
}

/** Reads the form, has the weights tried on the network, stores and records. */
export async function importModel(
  { records, storage, prediction }: Within,
  request: FastifyRequest,
): Promise<ModelRecord> {
  const { given, weights } = await readForm(request);
  const { parameters, outputs, input } = shapeUp(given);
  const classes = given.classes ?? Array.from({ length: outputs }, (_, index) => String(index));
  const made: Omit<Model, "id" | "sha256"> = {
    object: "model",
    name: given.name,
    alias: given.alias ?? null,
    job: null,
    dataset: null,
    checkpoint: null,
    network: completeNetwork(given.network),
    input,
    classes,
    normalisation: normalisationOf(given.normalisation, input.channels),
    parameters,
    bytes: weights.byteLength,
    evaluation: null,
    createdAt: new Date().toISOString(),
    metadata: {},
  };
  await prediction
    .inspectWeights(
      { network: made.network, input, classes: classes.length, normalisation: made.normalisation },
      weights,
    )
    .catch((error: unknown) => {
      if (!(error instanceof ComputationError) || error.fault !== "refused") throw error;
      if (error.pointer !== undefined) throw doesNotFit([{ pointer: error.pointer, detail: error.message }]);
      throw new Problem({
        code: "invalid-data",
        detail: `weights: ${error.message}`,
        errors: [{ pointer: "/weights", detail: error.message }],
      });
    });
  const id = `mdl_${request.ulid}`;
  const { sha256 } = await digestOf(weights);
  const key = layout.modelWeights(id, sha256);
  const manifest: ModelManifest = {
    version: 1,
    ...(records.project === null ? {} : { project: records.project }),
    model: { id, ...made, sha256 },
    weights: key,
    predictions: {},
    evaluations: {},
  };
  await storage.put(key, weights, "sent");
  const manifestKey = layout.modelManifest(id, 0);
  await putJson(storage, manifestKey, manifest);
  const record = modelRecord(manifest, manifestKey);
  const recorded = await records.models
    .create(record, { expectedBytes: weights.byteLength })
    .catch(async (error: unknown) => {
      if (error instanceof Refusal) await storage.deleteAll(layout.model(id));
      throw error;
    });
  if (recorded === "alias-taken") {
    await storage.deleteAll(layout.model(id));
    throw conflict(`the alias '${given.alias}' belongs to another model`);
  }
  return record;
}
