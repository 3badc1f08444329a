/** `train`: from a folder, a file or a dataset to a model. */
import type { Client, CompleteJobRequest, JobRequest } from "../../client/index.ts";
import type { Command, Context, Given } from "../command.ts";
import { Failure } from "../failures.ts";
import { assign, needsComplete, parseAssignment, type Assignment } from "../pointers.ts";
import { findDataset, sourceOf, upload, uploadOptions, type Source } from "../sources.ts";
import { demandSuccess, tellResult, watchDataset, watchJob, type Watching } from "../watching.ts";

/** What is the same whatever it is trained on. */
function wishes(given: Given): { fields: Omit<JobRequest, "dataset">; assignments: Assignment[] } {
  const [network, epochs, seed, name] = [
    given.text("network"),
    given.whole("epochs", 1),
    given.whole("seed"),
    given.text("name"),
  ];
  const fields = {
    ...(network === undefined ? {} : { network }),
    ...(epochs === undefined ? {} : { epochs }),
    ...(seed === undefined ? {} : { seed }),
    ...(name === undefined ? {} : { name }),
  } as Omit<JobRequest, "dataset">;
  return { fields, assignments: given.texts("set").map(parseAssignment) };
}

/** The request with every `--set` in its place. */
export async function requestFor(client: Client, dataset: string, given: Given): Promise<JobRequest> {
  const { fields, assignments } = wishes(given);
  const request: JobRequest = { ...fields, dataset };
  const complete: CompleteJobRequest | null = needsComplete(assignments)
    ? (await client.jobs.estimate(request)).request
    : null;
  return assign(request, assignments, { ...complete });
}

/** The built-in dataset, on which a request is tried out before anything is uploaded. */
const rehearsal = "mnist";

/** A request that cannot be is refused before a picture is sent; what only the data can tell is not looked at. */
async function rehearse(client: Client, given: Given): Promise<void> {
  const dataset = await client.datasets.get(rehearsal).catch(() => null);
  if (dataset?.status !== "ready") return;
  try {
    await client.jobs.estimate(await requestFor(client, rehearsal, given));
  } catch (error) {
    const errors = (error as { errors?: { pointer: string }[] }).errors ?? [];
    const own = errors.some(({ pointer }) => !/^\/(network|dataset|validation|stopWhen)(\/|$)/.test(pointer));
    if (own || error instanceof Failure) throw error;
  }
}

async function datasetFor(watching: Watching, source: Source, given: Given): Promise<{ id: string; made: boolean }> {
  const { client } = watching;
  if (source.kind === "upload") {
    await rehearse(client, given);
    return { id: (await upload(watching, source.upload)).id, made: true };
  }
  const { id, terminal } = await findDataset(client, source.reference);
  if (!terminal) await watchDataset(watching, id);
  return { id: source.reference, made: false };
}

async function train({ given, out, signal, connect }: Context): Promise<void> {
  const source = await sourceOf(given.arguments[0], given);
  const { client } = await connect({ start: true });
  const watching: Watching = { client, out, signal };
  const dataset = await datasetFor(watching, source, given);
  let job;
  try {
    const request = await requestFor(client, dataset.id, given);
    // Its model is called by it.
    if (source.kind === "upload") request.name ??= source.upload.settings.name;
    job = await client.jobs.create(request, { signal });
  } catch (error) {
    // What was uploaded for this training alone goes with it.
    if (dataset.made) await client.datasets.delete(dataset.id).catch(() => undefined);
    throw error;
  }
  out.note(`${job.id} is queued${dataset.made ? `; its pictures are dataset ${dataset.id}` : ""}`);
  for (const warning of job.warnings) out.note(`warning: ${warning}`);
  if (given.is("no-wait")) {
    if (out.json) out.show(job);
    else out.say(job.id);
    return;
  }
  const ended = await watchJob(watching, job.id);
  if (out.json) out.show(ended);
  demandSuccess(ended);
  if (!out.json) tellResult(out, ended);
}

export const trainingOptions = {
  network: {
    value: "NAME",
    help: "a preset; by default chosen for the data",
    choices: ["auto", "lenet-5", "toolbox", "fast-mnist"],
  },
  epochs: { value: "N", help: "times through the pictures" },
  seed: { value: "N", help: "the same seed, the same weights" },
  set: { value: "POINTER=VALUE", multiple: true, help: "any field of the request, by JSON pointer" },
  name: { value: "TEXT", help: "what to call the job" },
} as const;

export const trainCommand: Command = {
  name: "train",
  summary: "a folder, a file or a dataset becomes a model",
  usage: "FOLDER|FILE|DATASET",
  takes: [1, 1],
  files: true,
  options: {
    ...trainingOptions,
    ...uploadOptions,
    wait: { help: "follow it to the end; so it is by default" },
    "no-wait": { help: "print the job's id and go" },
  },
  example: "npx feature-maps train ./pets --epochs 20 --set /optimiser/learningRate=0.05",
  notes: ["Starts a service where none answers. Ctrl-C leaves the training running."],
  run: train,
};
