/**
 * On what a training's figures of validation are measured, and whether they decide: the request's `validation` against
 * the splits of its dataset. Pure; which samples are held out is for `engine/held-out.ts`.
 */
import { z } from "zod";
import type { Dataset, Split } from "./dataset.ts";

export const validation = z
  .union([
    z.strictObject({
      fraction: z
        .number()
        .gt(0)
        .max(0.9)
        .describe("share of the training split that is held out for this job, class by class, by the job's seed"),
    }),
    z.strictObject({
      split: z.literal("test").describe("stops and the best epoch go by the test split, whose figures then flatter"),
    }),
  ])
  .nullable();
export type Validation = z.infer<typeof validation>;

/** The split that the figures come from, and whether stops and the best epoch go by them. */
export interface Judge {
  split: Split;
  decides: boolean;
}

/** What must be known of a dataset. */
export interface ValidationFacts {
  splits: Readonly<Record<Split, number>>;
  /** Samples of each class in the training split. */
  trainingCounts: readonly number[];
}

/** Of a dataset that is still being made: nothing yet. */
export const validationFacts = ({ splits, statistics }: Pick<Dataset, "splits" | "statistics">): ValidationFacts => ({
  splits,
  trainingCounts: statistics?.classCounts.train ?? [],
});

export const fractionOf = (wanted: Validation): number | null =>
  wanted && "fraction" in wanted ? wanted.fraction : null;

/** Of a class with so many training samples; one of two or more keeps and gives at least one. */
export const heldOutOf = (count: number, fraction: number | null): number =>
  fraction === null || count < 2 ? 0 : Math.min(count - 1, Math.max(1, Math.round(count * fraction)));

/** What each class is trained on. */
export const trainedCounts = (wanted: Validation, trainingCounts: readonly number[]): number[] =>
  trainingCounts.map((count) => count - heldOutOf(count, fractionOf(wanted)));

/** The sizes of a job's splits: the dataset's own, but for what is held out. */
export function splitsOf(wanted: Validation, { splits, trainingCounts }: ValidationFacts): Record<Split, number> {
  const fraction = fractionOf(wanted);
  const heldOut = trainingCounts.reduce((sum, count) => sum + heldOutOf(count, fraction), 0);
  return { train: splits.train - heldOut, validation: splits.validation + heldOut, test: splits.test };
}

/** `splits`: the job's. Without a validation split the test split is shown and decides only where it was named. */
export function judgeOf(wanted: Validation, splits: Readonly<Record<Split, number>>): Judge | null {
  if (wanted && "split" in wanted) return { split: wanted.split, decides: true };
  if (splits.validation > 0) return { split: "validation", decides: true };
  return splits.test > 0 ? { split: "test", decides: false } : null;
}

/** The split whose figures make a best epoch. */
export const decidingSplit = (wanted: Validation): Split => (wanted && "split" in wanted ? wanted.split : "validation");

interface Wishes {
  validation: Validation;
  stopWhen: { validationAccuracy: number | null; patience: number | null };
}

/** What a request asks for and its dataset cannot give. Pointers from the request's root. */
export function validationProblems(
  { validation: wanted, stopWhen }: Wishes,
  facts: ValidationFacts,
): { pointer: string; detail: string }[] {
  const { splits } = facts;
  const fraction = fractionOf(wanted);
  if (fraction !== null && splits.validation > 0)
    return [
      {
        pointer: "/validation/fraction",
        detail: `the dataset has a validation split of ${splits.validation} samples; nothing is held out beside it: leave \`validation\` out`,
      },
    ];
  if (fraction !== null && splitsOf(wanted, facts).validation === 0)
    return [
      {
        pointer: "/validation/fraction",
        detail:
          "no class has two training samples, one to train on and one to hold out: bring more samples, or leave `validation` out",
      },
    ];
  if (wanted && "split" in wanted && splits[wanted.split] === 0)
    return [
      {
        pointer: "/validation/split",
        detail: `the dataset has no ${wanted.split} split: hold a part of the training split out, with "validation":{"fraction":0.1}`,
      },
    ];
  if (judgeOf(wanted, splitsOf(wanted, facts))?.decides) return [];
  const peek = splits.test > 0 ? ', or let the test split decide, with "validation":{"split":"test"}' : "";
  return (["patience", "validationAccuracy"] as const).flatMap((field) =>
    stopWhen[field] === null
      ? []
      : [
          {
            pointer: `/stopWhen/${field}`,
            detail: `the dataset has no validation split to go by: hold a part of the training split out, with "validation":{"fraction":0.1}${peek}`,
          },
        ],
  );
}

/** What is legal and may mislead, as sentences. */
export function validationWarnings(
  wanted: Validation,
  { classes, trainingCounts }: { classes: readonly string[]; trainingCounts: readonly number[] },
): string[] {
  if (wanted === null) return [];
  if ("split" in wanted)
    return [
      "stops and the best epoch go by the test split: its figures are then too good to be an estimate for new data. " +
        'Hold a part of the training split out instead, with "validation":{"fraction":0.1}',
    ];
  const without = classes.filter((_, at) => trainingCounts[at] === 1);
  if (without.length === 0) return [];
  const named = without.slice(0, 3).map((name) => `'${name}'`);
  const more = without.length > named.length ? ` and ${without.length - named.length} more` : "";
  return [
    `of ${without.length} class${without.length === 1 ? "" : "es"} (${named.join(", ")}${more}) nothing is held out: ` +
      "a class needs two training samples, and there is one",
  ];
}
