/**
 * A sweep is looked at whole: what it leaves open is filled in, and every trial goes through the check that any other
 * job goes through. What that finds is told with pointers into the sweep's request. The api does so before it takes a
 * sweep. Where the dataset is still being made, it checks what can be told without it, and the sweep's coordinator
 * looks again when the dataset is ready.
 */
import { setImmediate as others } from "node:timers/promises";
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
import { isReady, type ReadyDataset } from "../find.ts";
import { chooseFor, chosenLater, usualFacts } from "../jobs/automatic.ts";
import { awaitingOrderOn, expected, orderOn, type JobBody, type Order, type OrderDependencies } from "../jobs/order.ts";
import { parseOrThrow } from "../parse.ts";
import { rateKey, type DatasetRecord, type Records } from "../records/index.ts";
import { Refusal } from "../refusal.ts";
import { isLeftToRule, leftOf } from "./left.ts";
import { planOnce } from "./plan-once.ts";
import { MisplacedPointer, bodyOfTrial, expand } from "./trial-orders.ts";

/** So long others wait at most for the check of a sweep. */
const turnMs = 5;
const mostWarnings = 20;
/** Trials that a dry run shows. */
const mostShown = 100;

interface FoundInTrials {
  warnings: string[];
  /** Models that trials start from. */
  models: string[];
  shown: { trial: number; parameters: TrialParameters; request: CompleteJobRequest }[];
  /** Epochs that all trials would train, each as its own request says. */
  ownEpochs: number;
}

export interface CheckedSweep extends FoundInTrials {
  plan: Plan;
  /** Seconds of an epoch of the first trial; null where no worker has reported a rate, or nobody knows the dataset. */
  secondsPerEpoch: number | null;
  reasons: string[];
}

type Problems = readonly { pointer: string; detail: string }[];

function refuse(code: Refusal["code"], errors: Problems): never {
  throw new Refusal({ code, detail: errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("; "), errors });
}

const problemsOf = ({ errors, message }: Refusal): Problems =>
  errors.length > 0 ? errors : [{ pointer: "", detail: message }];

function factsOf(base: unknown, dataset: ReadyDataset | null): DatasetFacts {
  if (dataset === null) {
    const { shape, classes, splits } = usualFacts;
    return { shape, classes: classes.length, samples: splits.train, measured: null };
  }
  const wanted = validation.safeParse((base as { validation?: unknown }).validation ?? null);
  const { train, ...measured } = splitsOf(wanted.success ? wanted.data : null, validationFacts(dataset));
  return { shape: dataset.shape, classes: dataset.classes.length, samples: train, measured };
}

/** Seconds of an epoch at the rate that workers last reported for such a training; null where none has. */
async function secondsPerEpochOf(
  records: Records,
  request: CompleteJobRequest,
  dataset: ReadyDataset,
): Promise<number | null> {
  const rate = await records.rates.read(rateKey(request, dataset.shape));
  const { train } = splitsOf(request.validation, validationFacts(dataset));
  return rate === null || rate <= 0 ? null : train / rate;
}

async function paceOf(records: Records, base: unknown, dataset: ReadyDataset | null): Promise<Pace> {
  const read = jobRequest.safeParse(base);
  const workers = await records.workers.list();
  return {
    secondsPerEpoch:
      read.success && dataset
        ? await secondsPerEpochOf(records, completeRequest(read.data, dataset.classes.length), dataset)
        : null,
    slots: Math.max(
      1,
      workers.reduce((sum, { slots }) => sum + slots, 0),
    ),
  };
}

/** The job's own check of a body, as far as the dataset is known. */
type CheckJob = (
  means: OrderDependencies,
  body: JobBody,
) => Promise<Pick<Order, "request" | "initialModel" | "warnings">>;

interface Checking {
  means: OrderDependencies;
  check: CheckJob;
  /** Of the dataset; null where nobody knows them yet. */
  classes: number | null;
}

/** What the job's own check finds wrong with the base by itself. */
async function refusalOfBase({ means, check }: Checking, base: unknown): Promise<Refusal | null> {
  try {
    await check(means, { read: parseOrThrow(jobRequest, base), asked: base });
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

async function checkTrial(checking: Checking, plan: Plan, trial: number): ReturnType<CheckJob> {
  const { means, check, classes } = checking;
  try {
    return await check(means, bodyOfTrial({ plan, trial, classes }));
  } catch (error) {
    if (!(error instanceof Refusal) || error instanceof MisplacedPointer) throw error;
    const itself = await refusalOfBase(checking, expand(plan.request.base));
    const ofBase = itself === null ? [] : problemsOf(itself);
    refuse(error.code, explain({ plan, trial, found: problemsOf(error), ofBase }));
  }
}

async function checkTrials(checking: Checking, plan: Plan): Promise<FoundInTrials> {
  const shown: FoundInTrials["shown"] = [];
  const warnings = new Set<string>();
  const models = new Set<string>();
  // The webhook is the base's: one look is enough.
  const further = { ...checking, means: { ...checking.means, allowPrivateWebhooks: true } };
  let ownEpochs = 0;
  let began = performance.now();
  for (let trial = 0; trial < plan.trials; trial++) {
    const order = await checkTrial(trial === 0 ? checking : further, plan, trial);
    ownEpochs += order.request.epochs;
    if (order.initialModel) models.add(order.initialModel.id);
    if (warnings.size < mostWarnings) for (const each of order.warnings) warnings.add(each);
    if (trial < mostShown) shown.push({ trial, parameters: parametersOf(plan, trial), request: order.request });
    if (performance.now() - began < turnMs) continue;
    await others();
    began = performance.now();
  }
  return { shown, ownEpochs, warnings: [...warnings], models: [...models] };
}

/**
 * A base that leaves its network to the rule, as the rule completes it: every trial varies the same one. Where the
 * dataset is not known, as it would be for usual pictures.
 */
async function withChosenBase(
  records: Records,
  { request, dataset }: { request: SweepRequest; dataset: ReadyDataset | null },
): Promise<{ request: SweepRequest; reasons: string[] }> {
  const { base } = request;
  // What cannot be read is for the check of the base to tell.
  if (!isLeftToRule(base) || !jobRequest.safeParse(base).success) return { request, reasons: [] };
  const chosen = await chooseFor(records, { asked: base, dataset, initialModel: null });
  return { request: { ...request, base: chosen.request }, reasons: chosen.reasons };
}

async function checkBase(checking: Checking, base: unknown): Promise<void> {
  const itself = await refusalOfBase(checking, base);
  if (itself === null) return;
  refuse(
    itself.code,
    problemsOf(itself).map(({ pointer, detail }) => ({ pointer: `/base${pointer}`, detail })),
  );
}

/** What a sweep says of its choices while nobody knows its dataset. */
function laterReasons(asked: SweepRequest, reasons: string[]): string[] {
  const { base, space, search } = leftOf(asked);
  const open = [...(base ? ["network and settings"] : []), ...(space ? ["space"] : []), ...(search ? ["search"] : [])];
  if (open.length === 0) return reasons;
  return [chosenLater(`${open.join(", ")} ${open.length === 1 && !base ? "is" : "are"}`)];
}

const countedAsEven = "the dataset is still being read: its classes are taken for equally large";

/**
 * Throws Refusal for anything that is wrong with any trial. Takes a few seconds for ten thousand of them. A dataset
 * that is not ready must not be rejected; what depends on what is not known of it yet is not looked at.
 */
export async function checkSweep(
  { planBytes, ...means }: OrderDependencies,
  asked: SweepRequest,
  dataset: DatasetRecord,
): Promise<CheckedSweep> {
  const { records } = means;
  const known = isReady(dataset) ? dataset : expected(dataset);
  const checking: Checking = {
    means: { ...means, planBytes: planOnce(planBytes) },
    check: (of, body) => (known ? orderOn(of, body, known) : awaitingOrderOn(of, body, dataset)),
    classes: known?.classes.length ?? null,
  };
  const { request, reasons: ofBase } = await withChosenBase(records, { request: asked, dataset: known });
  const base = expand(request.base);
  if (request.space === "auto") await checkBase(checking, known ? base : expand(asked.base));
  const completed = complete({
    request,
    expand,
    dataset: factsOf(base, known),
    pace: await paceOf(records, base, known),
    epochsKnown: known !== null || asked.base.epochs !== undefined || !isLeftToRule(asked.base),
  });
  if ("problems" in completed) refuse("invalid-request", completed.problems);
  const plan = planOf(completed.request);
  if (known === null) {
    // The base as it was written: what is chosen for it so far is chosen again.
    const written = planOf({ ...plan.request, base: asked.base });
    const found = await checkTrials(checking, asked.space === "auto" ? { ...written, trials: 0 } : written);
    const { warnings, reasons } = completed;
    return { ...found, plan, secondsPerEpoch: null, reasons: laterReasons(asked, reasons), warnings };
  }
  const found = await checkTrials(checking, plan);
  const warnings = [...(isReady(dataset) ? [] : [countedAsEven]), ...completed.warnings, ...found.warnings];
  return {
    ...found,
    plan,
    secondsPerEpoch: await secondsPerEpochOf(records, found.shown[0].request, known),
    reasons: [...ofBase, ...completed.reasons],
    warnings: [...new Set(warnings)].slice(0, mostWarnings),
  };
}
