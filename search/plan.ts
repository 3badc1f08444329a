/**
 * From a sweep's request to its plan: which trials there are, what each is given, and how many epochs each rung trains.
 * `complete` fills in what the request leaves open; a complete request alone says everything, so a coordinator that
 * starts anew finds the same plan.
 */
import { jobRequest } from "../schemas/job.ts";
import { mostTrials, type CompleteSweepRequest, type SweepRequest } from "../schemas/sweep.ts";
import type { Rung, TrialParameters } from "../schemas/trial.ts";
import { chooseSearch, type Pace } from "./automatic-search.ts";
import { chooseSpace, type DatasetFacts } from "./automatic-space.ts";
import { inSpace, overlap, type Problem } from "./pointer.ts";
import { hasRungs, rungsOf } from "./rungs.ts";
import { axesOf, drawnParameters, gridParameters, gridSize, valuesOf, type Axis } from "./space.ts";

export interface Plan {
  request: CompleteSweepRequest;
  axes: readonly Axis[];
  trials: number;
  /** Grid and random have one, whose epochs are those of each trial's own request: null. */
  rungs: readonly Rung[];
}

/** Brings in below the given fields what they leave open: a preset's settings, or what "auto" chooses. */
export type Expand = (body: unknown) => unknown;

export interface Completed {
  request: CompleteSweepRequest;
  reasons: string[];
  warnings: string[];
}

const trialsOf = ({ search }: CompleteSweepRequest, axes: readonly Axis[]): number =>
  search.kind === "grid"
    ? axes.reduce((product, { dimension }) => product * gridSize(dimension, search.points), 1)
    : search.trials;

/** The plan of a complete request. */
export function planOf(request: CompleteSweepRequest): Plan {
  const axes = axesOf(request.space, request.seed);
  const trials = trialsOf(request, axes);
  const { search, base } = request;
  const rungs = hasRungs(search) ? rungsOf(search, base.epochs ?? 1) : [{ rung: 0, trials, epochs: null }];
  return { request, axes, trials, rungs };
}

export const parametersOf = ({ request: { search }, axes }: Plan, trial: number): TrialParameters =>
  search.kind === "grid" ? gridParameters(axes, search.points, trial) : drawnParameters(axes, trial);

/** Fields that say nothing about a training, or what its figures are measured on. */
const notSearched: Readonly<Record<string, string>> = {
  "/dataset": "figures of different datasets cannot be compared",
  "/validation": "figures of different validation parts cannot be compared",
  "/name": "it changes nothing in a training",
  "/metadata": "it changes nothing in a training",
  "/webhook": "it changes nothing in a training",
  "/priority": "it changes nothing in a training; the sweep has a priority of its own",
  "/checkpoints": "it changes nothing in a training",
};

function planProblems(plan: Plan, { epochsKnown }: { epochsKnown: boolean }): Problem[] {
  const { request, trials, axes } = plan;
  const { search, base } = request;
  const problems: Problem[] = [];
  for (const { pointer } of axes) {
    const field = Object.keys(notSearched).find((each) => overlap(each, pointer));
    if (field !== undefined)
      problems.push({ pointer: inSpace(pointer), detail: `${pointer} is not searched: ${notSearched[field]}` });
    if (pointer === "/epochs" && hasRungs(search))
      problems.push({
        pointer: inSpace(pointer),
        detail: `${search.kind} chooses the epochs itself (/search/kind); /base/epochs says how long a whole training is`,
      });
  }
  if (trials > mostTrials)
    problems.push({
      pointer: search.kind === "grid" ? "/search/points" : "/search/trials",
      detail: `this grid has ${trials} trials, a sweep at most ${mostTrials}: take fewer points or pointers, or {"kind":"random","trials":20}`,
    });
  const whole = base.epochs ?? 1;
  if (epochsKnown && hasRungs(search) && search.firstEpochs > whole)
    problems.push({
      pointer: "/search/firstEpochs",
      detail: `the first rung would train ${search.firstEpochs} epochs, more than the whole training (/base/epochs, ${whole})`,
    });
  return problems;
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

const remedies = {
  validation: 'hold a part of the training split out, with "validation":{"fraction":0.1} in the base',
  test: 'choose on "validation"',
};

function objectiveProblems({ objective: { split } }: SweepRequest, { measured }: DatasetFacts): Problem[] {
  if (measured === null || measured[split] > 0) return [];
  return [
    {
      pointer: "/objective/split",
      detail: `there are no ${split} samples (/base/dataset), so no trial would have a value: ${remedies[split]}`,
    },
  ];
}

function reasonsOf({ request, rungs, trials }: Plan): string[] {
  if (!hasRungs(request.search)) return [];
  const [first, ...others] = rungs;
  const further = others
    .map((rung) => `the best ${rung.trials === 1 ? "one" : rung.trials} to ${rung.epochs}`)
    .join(", ");
  const how = request.search.kind === "halving" ? "when all of a rung have ended" : "as results come";
  return [
    `${count(trials, "trial")} train ${count(first.epochs ?? 1, "epoch")}${further === "" ? "" : `; then go on, ${how}, ${further}`}. Each follows the schedule of a training of ${request.base.epochs ?? 1} epochs and goes on from its checkpoint.`,
  ];
}

function warningsOf({ request, axes, trials, rungs }: Plan): string[] {
  const { search, objective } = request;
  const warnings: string[] = [];
  if (objective.split === "test")
    warnings.push(
      "The best trial is chosen on the test split: its figure there is too good to be an estimate for new data.",
    );
  if (hasRungs(search) && rungs.length === 1)
    warnings.push(
      `No trial is stopped early: ${count(trials, "trial")} of ${count(rungs[0].epochs ?? 1, "epoch")} make a single rung. More trials than the reduction and more epochs than the first rung's would make more.`,
    );
  const different = axes.reduce((product, { dimension }) => product * valuesOf(dimension), 1);
  if (search.kind !== "grid" && trials > different)
    warnings.push(
      `The space holds ${different} different trials; of ${trials} drawn ones some are alike. A grid takes each once.`,
    );
  return warnings;
}

/**
 * Fills in what a request leaves open: `space: "auto"`, an absent `search`, and for searches with rungs the epochs of a
 * whole training. Problems are told with pointers into the sweep's request. `epochsKnown` is false where the base's
 * epochs are a guess.
 */
export function complete(options: {
  request: SweepRequest;
  expand: Expand;
  dataset: DatasetFacts;
  pace: Pace;
  epochsKnown?: boolean;
}): Completed | { problems: Problem[] } {
  const { request, expand, dataset, pace, epochsKnown = true } = options;
  const expanded = expand(request.base);
  const reasons: string[] = [];
  let { space } = request;
  if (space === "auto") {
    const read = jobRequest.safeParse(expanded);
    // A network that is left to the rule has been chosen before: the base of a sweep is looked at complete.
    if (!read.success || read.data.network === "auto")
      return {
        problems: [{ pointer: "/space", detail: '"auto" chooses from a base that is a whole job request by itself' }],
      };
    const chosen = chooseSpace({ base: read.data, dataset });
    space = chosen.space;
    reasons.push(...chosen.reasons);
  }
  const own = (expanded as { epochs?: unknown } | null)?.epochs;
  const epochs = typeof own === "number" ? own : jobRequest.shape.epochs.parse(undefined);
  let { search } = request;
  if (search === undefined) {
    const chosen = chooseSearch({
      ...pace,
      epochs,
      parallel: request.parallel,
      maxSeconds: request.stopWhen.maxSeconds,
    });
    search = chosen.search;
    reasons.push(...chosen.reasons);
  }
  // Trials with rungs share one length, whatever preset a trial may take.
  const base = hasRungs(search) ? { ...request.base, epochs } : request.base;
  const plan = planOf({ ...request, base, space, search });
  const problems = [...objectiveProblems(request, dataset), ...planProblems(plan, { epochsKnown })];
  if (problems.length > 0) return { problems };
  return { request: plan.request, reasons: [...reasons, ...reasonsOf(plan)], warnings: warningsOf(plan) };
}
