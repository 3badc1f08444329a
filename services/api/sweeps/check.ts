/**
 * A sweep is looked at whole before anything is queued: what it leaves open is filled in, and every trial goes through
 * the check that any other job goes through. What that finds is told with pointers into the sweep's request.
 */
import { setImmediate as others } from "node:timers/promises";
import type { z } from "zod";
import {
  complete,
  explain,
  parametersOf,
  planOf,
  type DatasetFacts,
  type Pace,
  type Plan,
} from "../../../search/index.ts";
import { completeRequest } from "../../../schemas/complete.ts";
import { jobRequest, type CompleteJobRequest } from "../../../schemas/job.ts";
import type { SweepRequest } from "../../../schemas/sweep.ts";
import type { TrialParameters } from "../../../schemas/trial.ts";
import { splitsOf, validation, validationFacts } from "../../../schemas/validation.ts";
import { findReadyDataset, type ReadyDataset } from "../../shared/find.ts";
import { chooseFor } from "../../shared/jobs/automatic.ts";
import { planOnce } from "../../shared/sweeps/plan-once.ts";
import { orderOn, type Order, type OrderDependencies } from "../../shared/jobs/order.ts";
import { rateKey } from "../../shared/records/index.ts";
import { MisplacedPointer, expand, orderOfTrial } from "../../shared/sweeps/trial-orders.ts";
import type { Within } from "../dependencies.ts";
import { planBytesWith } from "../jobs/planning.ts";
import { Refusal } from "../http/problem.ts";
import { parseOrThrow } from "../http/validation.ts";

/** So long other requests wait at most for the check of a sweep. */
const turnMs = 5;
const mostWarnings = 20;
/** Trials that a dry run shows. */
const mostShown = 100;

export interface CheckedSweep {
  plan: Plan;
  dataset: ReadyDataset;
  reasons: string[];
  warnings: string[];
  /** Models that trials start from. */
  models: string[];
  shown: { trial: number; parameters: TrialParameters; request: CompleteJobRequest }[];
  /** Epochs that all trials would train, each as its own request says. */
  ownEpochs: number;
}

type Problems = readonly { pointer: string; detail: string }[];

function refuse(code: Refusal["code"], errors: Problems): never {
  throw new Refusal({ code, detail: errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("; "), errors });
}

const problemsOf = ({ errors, message }: Refusal): Problems =>
  errors.length > 0 ? errors : [{ pointer: "", detail: message }];

function factsOf(base: unknown, dataset: ReadyDataset): DatasetFacts {
  const wanted = validation.safeParse((base as { validation?: unknown }).validation ?? null);
  const { train, ...measured } = splitsOf(wanted.success ? wanted.data : null, validationFacts(dataset));
  return { shape: dataset.shape, classes: dataset.classes.length, samples: train, measured };
}

/** Seconds of an epoch at the rate that workers last reported for such a training; null where none has. */
async function secondsPerEpoch(
  { records }: Within,
  request: CompleteJobRequest,
  dataset: ReadyDataset,
): Promise<number | null> {
  const rate = await records.rates.read(rateKey(request, dataset.shape));
  const { train } = splitsOf(request.validation, validationFacts(dataset));
  return rate === null || rate <= 0 ? null : train / rate;
}

async function paceOf(dependencies: Within, base: unknown, dataset: ReadyDataset): Promise<Pace> {
  const read = jobRequest.safeParse(base);
  const workers = await dependencies.records.workers.list();
  return {
    secondsPerEpoch: read.success
      ? await secondsPerEpoch(dependencies, completeRequest(read.data, dataset.classes.length), dataset)
      : null,
    slots: Math.max(
      1,
      workers.reduce((sum, { slots }) => sum + slots, 0),
    ),
  };
}

const read = (body: unknown): z.output<typeof jobRequest> => parseOrThrow(jobRequest, body);

/** What the job's own check finds wrong with the base by itself. */
async function refusalOfBase(means: OrderDependencies, base: unknown, dataset: ReadyDataset): Promise<Refusal | null> {
  try {
    await orderOn(means, { read: read(base), asked: base }, dataset);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

interface Checking {
  means: OrderDependencies;
  plan: Plan;
  dataset: ReadyDataset;
}

async function orderOf({ means, plan, dataset }: Checking, trial: number): Promise<Order> {
  try {
    return await orderOfTrial(means, { plan, trial, dataset, read });
  } catch (error) {
    if (!(error instanceof Refusal) || error instanceof MisplacedPointer) throw error;
    const itself = await refusalOfBase(means, expand(plan.request.base), dataset);
    const ofBase = itself === null ? [] : problemsOf(itself);
    refuse(error.code, explain({ plan, trial, found: problemsOf(error), ofBase }));
  }
}

async function findDatasetOfBase({ records }: Within, reference: string): Promise<ReadyDataset> {
  try {
    return await findReadyDataset(records, reference);
  } catch (error) {
    if (error instanceof Refusal) refuse(error.code, [{ pointer: "/base/dataset", detail: error.message }]);
    throw error;
  }
}

/** A base that leaves its network to the rule, as the rule completes it: every trial varies the same one. */
async function withChosenBase(
  { records }: Within,
  { request, dataset }: { request: SweepRequest; dataset: ReadyDataset },
): Promise<{ request: SweepRequest; reasons: string[] }> {
  const { base } = request;
  // What cannot be read is for the check of the base to tell.
  if ((base.network ?? "auto") !== "auto" || !jobRequest.safeParse(base).success) return { request, reasons: [] };
  const chosen = await chooseFor(records, { asked: base, dataset, initialModel: null });
  return { request: { ...request, base: chosen.request }, reasons: chosen.reasons };
}

/** Throws Refusal for anything that is wrong with any trial. Takes a few seconds for ten thousand of them. */
export async function checkSweep(dependencies: Within, asked: SweepRequest): Promise<CheckedSweep> {
  const { config, records, storage, prediction } = dependencies;
  const dataset = await findDatasetOfBase(dependencies, asked.base.dataset);
  const { request, reasons: ofBase } = await withChosenBase(dependencies, { request: asked, dataset });
  const base = expand(request.base);
  const planBytes = planOnce(planBytesWith(prediction));
  // The webhook is the base's: one look is enough.
  const means = { records, storage, planBytes, allowPrivateWebhooks: config.webhooks.allowPrivate };
  const further = { ...means, allowPrivateWebhooks: true };
  if (request.space === "auto") {
    const itself = await refusalOfBase(means, base, dataset);
    if (itself !== null)
      refuse(
        itself.code,
        problemsOf(itself).map(({ pointer, detail }) => ({ pointer: `/base${pointer}`, detail })),
      );
  }
  const completed = complete({
    request,
    expand,
    dataset: factsOf(base, dataset),
    pace: await paceOf(dependencies, base, dataset),
  });
  if ("problems" in completed) refuse("invalid-request", completed.problems);
  const plan = planOf(completed.request);
  const found: Omit<CheckedSweep, "plan" | "dataset" | "reasons" | "warnings"> = {
    models: [],
    shown: [],
    ownEpochs: 0,
  };
  const warnings = new Set(completed.warnings);
  const models = new Set<string>();
  let began = performance.now();
  for (let trial = 0; trial < plan.trials; trial++) {
    const order = await orderOf({ means: trial === 0 ? means : further, plan, dataset }, trial);
    found.ownEpochs += order.request.epochs;
    if (order.initialModel) models.add(order.initialModel.id);
    if (warnings.size < mostWarnings) for (const each of order.warnings) warnings.add(each);
    if (trial < mostShown) found.shown.push({ trial, parameters: parametersOf(plan, trial), request: order.request });
    if (performance.now() - began < turnMs) continue;
    await others();
    began = performance.now();
  }
  return {
    ...found,
    models: [...models],
    plan,
    dataset,
    reasons: [...ofBase, ...completed.reasons],
    warnings: [...warnings],
  };
}

/** What a dry run answers besides. */
export const secondsPerEpochOf = (dependencies: Within, { shown, dataset }: CheckedSweep) =>
  secondsPerEpoch(dependencies, shown[0].request, dataset);
