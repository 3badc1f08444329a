/**
 * The rule of `network: "auto"`: from a dataset's shape, classes and samples, and the time allowed, to everything that
 * a training needs, each choice with its reason. What the user gives wins. docs/RESULTS.md says on which sets it was
 * tried and against what (`npm run results -- suite`). Pure.
 */
import type { z } from "zod";
import { jobRequest } from "../job.ts";
import { network } from "../network.ts";
import { describeShape } from "../shape.ts";
import { judgeOf, splitsOf } from "../validation.ts";
import { epochsWithin, workOf, type Passes } from "./cost.ts";
import { chooseAugmentation, chooseSampling, chooseValidation } from "./data.ts";
import { shown, type AutomaticFacts, type Chosen } from "./facts.ts";
import { candidates, isPicture, type Candidate } from "./layers.ts";
import { warningsOf } from "./warnings.ts";

type Asked = z.output<typeof jobRequest>;

/** What a training may take where nobody says: about a minute, with all that goes before and after. */
const usualSeconds = 54;
/**
 * So many times the epochs that are expected to fit are asked for where time is what ends a training: its worker fits
 * the schedule to what a batch turns out to take, and can use all the time only where there is something left to do.
 */
const room = 1.5;

/** Epochs that a training of so many samples is worth; more than a hundred help nobody. */
const worthwhile = (samples: number): number =>
  Math.min(100, Math.max(6, Math.round(40 * (10_000 / Math.max(1, samples)) ** 0.4)));
/** With fewer a smaller network does better. */
const leastEpochs = (samples: number): number => Math.max(2, Math.round(worthwhile(samples) / 5));

const batchFor = (samples: number): number => {
  if (samples < 100) return 8;
  if (samples < 1000) return 16;
  return samples < 5000 ? 32 : 64;
};
/** Networks of more maps learn so few samples by heart. */
const widestFor = (samples: number): number => {
  if (samples < 500) return 16;
  return samples < 4000 ? 32 : 64;
};
/** Where batches are small since samples are few, a slower rate ends better. */
const rateFor = (samples: number): number => (samples < 500 ? 0.02 : 0.1);
const dropoutFor = (samples: number): number => (samples < 20_000 ? 0.2 : 0);

interface Plan {
  candidate: Candidate;
  epochs: number;
  /** How many of them there should be time for. */
  expected: number;
  /** Whether there is time to learn what it can learn. */
  fits: boolean;
}

/** The largest network for which there is time to learn, or the smallest. */
function choosePlan(
  asked: Asked,
  facts: AutomaticFacts,
  { passes, givenEpochs }: { passes: Passes; givenEpochs: number | null },
): Plan {
  const { shape, classes } = facts;
  const { maxSeconds } = asked.stopWhen;
  const work = facts.speedOf(asked.threads) * (maxSeconds ?? usualSeconds);
  const wanted = givenEpochs ?? worthwhile(passes.trained);
  const least = Math.min(wanted, leastEpochs(passes.trained));
  const plans = candidates(shape, { classes: classes.length, dropout: dropoutFor(passes.trained) })
    .filter(({ width }, at) => at === 0 || !isPicture(shape) || width <= widestFor(passes.trained))
    .map((candidate): Plan => {
      const { layers } = network.parse({ layers: candidate.layers });
      const within = epochsWithin(work, workOf(layers, shape), passes);
      // Without a limit nothing ends a training early.
      const [fewest, share] = maxSeconds === null ? [least, 1] : [1, room];
      const epochsOf = (most: number): number => Math.max(fewest, Math.min(wanted, Math.floor(most)));
      return {
        candidate,
        epochs: givenEpochs ?? epochsOf(share * within),
        expected: givenEpochs ?? epochsOf(within),
        fits: within >= least,
      };
    });
  return plans.findLast(({ fits }) => fits) ?? plans[0];
}

function networkReason({ candidate, fits }: Plan, { shape, classes }: AutomaticFacts, asked: Asked): string {
  const { maxSeconds } = asked.stopWhen;
  const of = `${shown(classes.length)} classes of ${describeShape(shape)} ${isPicture(shape) ? "pictures" : "values"}`;
  const time = maxSeconds === null ? "about a minute" : `the ${shown(maxSeconds)} seconds allowed`;
  return fits
    ? `The network has ${candidate.title}: for ${of} the largest that there is time to train well in ${time}, at the rate of the workers.`
    : `The network has ${candidate.title}, the smallest there is for ${of}: in ${time} there is not enough time to train it well.`;
}

function lengthReasons({ epochs, expected }: Plan, samples: string): Record<"schedule" | "epochs", string> {
  const rate = "The learning rate rises for a fifth of the steps and then falls to almost nothing";
  const many = `${shown(epochs)} epoch${epochs === 1 ? "" : "s"} of ${samples} training samples`;
  return epochs > expected
    ? {
        schedule: `${rate}, with the last step that there is time for.`,
        epochs: `Up to ${many}: about ${shown(expected)} should fit into the time; the schedule is fitted to what a batch turns out to take.`,
      }
    : {
        schedule: `${rate}, over all ${epochs} epochs.`,
        epochs: `${many}: as many as help such a set and fit into the time.`,
      };
}

/** The choices that a request can name, each by its field. */
function choose(asked: Asked, given: ReadonlySet<string>, facts: AutomaticFacts): Record<string, Chosen<unknown>> {
  const held = chooseValidation(facts);
  const validation = given.has("validation") ? asked.validation : held.value;
  const counts = splitsOf(validation, facts);
  const passes: Passes = {
    trained: counts.train,
    measured: judgeOf(validation, counts) === null ? 0 : counts[judgeOf(validation, counts)?.split ?? "validation"],
    atTheEnd: counts.train + counts.validation + counts.test,
  };
  const decides = judgeOf(validation, counts)?.decides === true;
  const plan = choosePlan(asked, facts, { passes, givenEpochs: given.has("epochs") ? asked.epochs : null });
  const { epochs } = plan;
  const samples = shown(counts.train);
  const learningRate = rateFor(counts.train);
  const patience = Math.max(10, Math.ceil(epochs / 2));
  const lengthReason = lengthReasons(plan, samples);
  return {
    network: facts.initialNetwork
      ? { value: facts.initialNetwork, reason: "The network is that of the initial model, so that its weights fit." }
      : { value: { layers: plan.candidate.layers }, reason: networkReason(plan, facts, asked) },
    optimiser: {
      value: { kind: "nesterov", learningRate, momentum: 0.9, weightDecay: 0.0005, clipNorm: 1 },
      reason: `The optimiser is nesterov with a rate of ${learningRate} and gradients cut off at a norm of 1: behind batch normalisation and with ${samples} training samples that did well on the sets it was tried on.`,
    },
    schedule: {
      value: { kind: "one-cycle", start: 0.1, rise: 0.2, end: 0.001 },
      reason: lengthReason.schedule,
    },
    epochs: { value: epochs, reason: lengthReason.epochs },
    batchSize: {
      value: batchFor(counts.train),
      reason: `A batch is ${batchFor(counts.train)} samples: with ${samples} to train on that makes enough steps, in whole blocks of eight.`,
    },
    ...(decides
      ? {
          "stopWhen.patience": {
            value: patience,
            reason: `The training ends early after ${patience} epochs without a better one.`,
          },
        }
      : {}),
    validation: held,
    sampling: chooseSampling(facts),
    augmentation: chooseAugmentation(facts, plan.expected),
    normalisation: {
      value: "standardise",
      reason: "Values are standardised by the training split's mean and deviation, so that no scale of values matters.",
    },
  };
}

type Body = Record<string, unknown>;
const isBody = (body: unknown): body is Body => typeof body === "object" && body !== null && !Array.isArray(body);
const within = (value: unknown): Body => (isBody(value) ? value : {});

/** Whether a body leaves its network to the rule. */
const asksForNetwork = (body: unknown): boolean =>
  isBody(body) && (body.network === undefined || body.network === "auto");

export interface Automatic {
  body: unknown;
  reasons: string[];
  /** What more samples would do. */
  warnings: string[];
}

/**
 * A body as it came, with all that the rule chooses below the fields that are given: an `optimiser` or `schedule` of
 * one's own wins as a whole, of `augmentation` and `stopWhen` each entry by itself. A body that is no job request, or
 * has a network of its own, comes back as it is.
 */
export function withAutomatic(body: unknown, facts: AutomaticFacts): Automatic {
  const untouched = { body, reasons: [], warnings: [] };
  if (!isBody(body) || !asksForNetwork(body)) return untouched;
  const asked = jobRequest.safeParse(body);
  if (!asked.success) return untouched;
  const { stopWhen, augmentation } = body;
  const given = new Set([
    ...Object.keys(body).filter((field) => field !== "network" && field !== "augmentation"),
    ...Object.keys(within(stopWhen)).map((field) => `stopWhen.${field}`),
  ]);
  const choices = Object.entries(choose(asked.data, given, facts)).filter(([field]) => !given.has(field));
  const chosen: Body = {};
  for (const [field, { value }] of choices) if (!field.includes(".")) chosen[field] = value;
  const patience = choices.find(([field]) => field === "stopWhen.patience")?.[1].value;
  return {
    body: {
      ...chosen,
      ...body,
      network: chosen.network,
      stopWhen: { ...(patience === undefined ? {} : { patience }), ...within(stopWhen) },
      augmentation: { ...within(chosen.augmentation), ...within(augmentation) },
    },
    reasons: choices.map(([, { reason }]) => reason),
    warnings: warningsOf(facts),
  };
}
