/** A service with one of everything in it, so that requests find something. */
import sharp from "sharp";
import { drawStrokes, idx, strokesForm, strokesJob, strokesNetwork } from "../strokes.ts";
import { until, type Answer, type Ask, type Stack } from "../stack.ts";
import type { FormPart, World } from "./requests.ts";

type Body = Answer["body"];

const ended = (body: Body): boolean => body.terminal === true;

/** Asks as whoever has the key; throws where the service refuses. */
export function asking(stack: Stack, key: string): (path: string, how?: Ask) => Promise<Answer> {
  return async (path, how = {}) => {
    const headers = { authorization: `Bearer ${key}`, ...how.headers };
    const answer = await stack.ask(path, { ...how, headers });
    if (answer.status >= 300) throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer;
  };
}

const aliases = ["walker", "runner@staging", "a", "b", "c"];

const sweepRequest = {
  base: { ...strokesJob, epochs: 1, validation: { fraction: 0.1 } },
  space: { "/optimiser/learningRate": { log: [0.01, 0.3] } },
  search: { kind: "random", trials: 2 },
};

/** What a stack's worker must have made before it is ended, and what then waits for ever. */
export async function buildWorld(stack: Stack, adminKey: string): Promise<World> {
  const ask = asking(stack, adminKey);
  const make: Make = async (path, body, method = "POST") =>
    (await ask(path, { method, ...(body === undefined ? {} : { body }) })).body;
  const end = async (path: string): Promise<Body> => until(async () => (await ask(path)).body, ended, path);

  const upload = async (alias: string): Promise<Body> => {
    const { id } = await make("/v1/datasets", strokesForm({ train: 60, test: 21, fields: { alias } }));
    return end(`/v1/datasets/${id}`);
  };
  const dataset = await upload("strokes");
  const spareDatasets = await several(async (at) => (await upload(`spare-${at}`)).id as string);
  const trained = await make("/v1/jobs", { ...strokesJob, epochs: 3, checkpoints: { keepLast: 3 } });
  const job = await end(`/v1/jobs/${trained.id}`);
  const model = job.model as string;
  const evaluation = await make(`/v1/models/${model}/evaluations`, { dataset: dataset.id, split: "train" });
  await end(`/v1/models/${model}/evaluations/${evaluation.id}`);
  const sweep = await make("/v1/sweeps", sweepRequest);
  await end(`/v1/sweeps/${sweep.id}`);
  for (const alias of aliases) await make(`/v1/aliases/models/${alias}`, { model }, "PUT");
  await Promise.all(stack.workers.map((worker) => worker.end()));

  const things = await makeThings(make, { model, dataset: dataset.id as string });
  const weights = (await ask(`/v1/models/${model}/exports/safetensors`)).bytes;
  const forms = formsOf(weights);
  const spares = await several(async () => (await make("/v1/models", formData(forms["/v1/models"][0]))).id as string);
  const described = (await ask(`/v2/models/${model}`)).body;
  return {
    paths: {
      datasets: [dataset.id as string, "strokes", ...spareDatasets],
      jobs: [job.id as string, ...things.jobs],
      models: [model, "walker", ...spares],
      sweeps: [sweep.id as string, ...things.sweeps],
      evaluations: [evaluation.id as string, ...things.evaluations],
      projects: [things.project],
      keys: things.spareKeys,
      alias: [...aliases],
      problems: ["conflict", "not-found"],
      checkpoints: ["1", "3", "latest", "best"],
      versions: described.versions as string[],
      split: ["train", "test", "validation"],
      index: ["0", "3", "20"],
      filters: ["0", "2"],
    },
    values: valuesOf({ dataset: dataset.id as string, model, sweep: sweep.id as string, key: things.strangerKey }),
    contents: await contentsOf(weights),
    forms,
    keys: [adminKey, things.readingKey, things.strangerKey],
  };
}

/** So many that what one request does to one leaves others. */
const severalOf = 8;
const several = async <Value>(make: (at: number) => Promise<Value>): Promise<Value[]> => {
  const made: Value[] = [];
  for (let at = 0; at < severalOf; at++) made.push(await make(at));
  return made;
};

type Make = (path: string, body?: unknown, method?: string) => Promise<Body>;

/** What waits for a worker that never comes, keys, a project. */
async function makeThings(make: Make, { model, dataset }: { model: string; dataset: string }) {
  const idOf = async (path: string, body: unknown) => (await make(path, body)).id as string;
  const project = await idOf("/v1/projects", { name: "others" });
  const reading = await make("/v1/keys", { name: "reading", scope: "read" });
  const stranger = await make("/v1/keys", { name: "stranger", scope: "write", project });
  return {
    jobs: await several(() => idOf("/v1/jobs", strokesJob)),
    sweeps: await several(() => idOf("/v1/sweeps", sweepRequest)),
    evaluations: await several(() => idOf(`/v1/models/${model}/evaluations`, { dataset, split: "test" })),
    spareKeys: await several((at) => idOf("/v1/keys", { name: `spare ${at}` })),
    project,
    readingKey: reading.key as string,
    strangerKey: stranger.key as string,
  };
}

export function formData(parts: readonly FormPart[]): FormData {
  const form = new FormData();
  for (const [name, content] of parts)
    if (typeof content === "string") form.append(name, content);
    else form.append(name, new Blob([content]), "file");
  return form;
}

function formsOf(weights: Uint8Array): World["forms"] & Record<"/v1/models", FormPart[][]> {
  const { images, labels } = drawStrokes(30, 7);
  const table = Buffer.from(
    `label,${Array.from({ length: 35 }, (_, at) => `p${at}`).join()}\n0,${[...images.subarray(0, 35)].join()}\n`,
  );
  const json = JSON.stringify;
  return {
    "/v1/datasets": [
      [
        ["name", "arrays"],
        ["images", idx([30, 7, 5], images)],
        ["labels", idx([30], labels)],
      ],
      [
        ["file", table],
        ["size", json({ height: 7, width: 5 })],
      ],
    ],
    "/v1/models": [
      [
        ["name", "imported"],
        ["network", json(strokesNetwork)],
        ["input", json({ channels: 1, height: 7, width: 5 })],
        ["weights", weights],
      ],
    ],
  };
}

function valuesOf({ dataset, model, sweep, key }: { dataset: string; model: string; sweep: string; key: string }) {
  const { images } = drawStrokes(2, 5);
  const [first, second] = [[...images.subarray(0, 35)], [...images.subarray(35, 70)]];
  const input = { name: "input", shape: [2, 1, 7, 5], datatype: "FP32", data: [...first, ...second] };
  return {
    dataset: [dataset, "strokes"],
    model: [model, "walker"],
    initialModel: [model],
    sweep: [sweep],
    network: [strokesNetwork, "auto"],
    base: [sweepRequest.base, strokesJob],
    space: [sweepRequest.space, "auto"],
    instances: [[first], [first, second]],
    inputs: [[input]],
    key: [key],
    classes: [["bar", "dash", "dot"]],
    input: [{ channels: 1, height: 7, width: 5 }],
    layer: ["0", "1", "-1"],
    checkpoint: ["1", "best"],
    class: ["0", "bar"],
  };
}

async function contentsOf(weights: Uint8Array): Promise<World["contents"]> {
  const { images, labels } = drawStrokes(30, 7);
  const raw = sharp(Buffer.from(images.subarray(0, 35)), { raw: { width: 5, height: 7, channels: 1 } });
  const text = Buffer.from(
    `label,${Array.from({ length: 35 }, (_, at) => `p${at}`).join()}\n0,${[...images.subarray(0, 35)].join()}\n`,
  );
  const png = await raw.png().toBuffer();
  return {
    "": [png, text, idx([30, 7, 5], images), idx([30], labels), weights],
    "application/octet-stream": [images.subarray(0, 35), images.subarray(0, 70), weights, text, png],
  };
}
