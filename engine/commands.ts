/**
 * What thread 0 tells the other gradient threads, as words of the shared memory (parallel.ts carries them): a code,
 * then its arguments. Never touches the memory itself.
 */
import { splitNames } from "../schemas/dataset.ts";
import type { Split } from "../schemas/dataset.ts";

/** What a step does with its batch. */
export const stepKinds = [
  /** Trains on a whole batch. */
  "whole",
  /** Trains on the smaller last batch of an epoch. */
  "last",
  /** Sums second derivatives over a whole batch, and moves nothing. */
  "curvature",
  /** Inspection: forward only. */
  "forward",
  /** Inspection: forward and back to the gradient, and moves nothing. */
  "gradient",
] as const;
export type StepKind = (typeof stepKinds)[number];

export interface Step {
  kind: StepKind;
  /** Place of the batch's first sample in the order. */
  start: number;
  epoch: number;
  /** Whether the norm of the gradient is wanted. */
  withNorm: boolean;
}

/** A stretch of a split that is passed forward. */
export interface Part {
  split: Split;
  first: number;
  count: number;
}

export type Command =
  /** Nothing to do: what all threads wrote can be read, and nobody writes. */
  | { kind: "rest" }
  | { kind: "step"; step: Step }
  | { kind: "evaluate"; part: Part }
  /** There are no more commands. */
  | { kind: "end" };

const codes = ["rest", "step", "evaluate", "end"] as const satisfies readonly Command["kind"][];

/** The words of a command. */
export function encode(command: Command): readonly number[] {
  const code = codes.indexOf(command.kind);
  switch (command.kind) {
    case "rest":
    case "end":
      return [code];
    case "step": {
      const { kind, start, epoch, withNorm } = command.step;
      return [code, stepKinds.indexOf(kind), start, epoch, withNorm ? 1 : 0];
    }
    case "evaluate": {
      const { split, first, count } = command.part;
      return [code, splitNames.indexOf(split), first, count];
    }
  }
}

function named<Name extends string>(names: readonly Name[], code: number, what: string): Name {
  const name = names[code];
  if (name === undefined) throw new Error(`${code} is no ${what}; there are 0 to ${names.length - 1}`);
  return name;
}

/** The command of these words. Throws for words that `encode` does not write. */
export function decode([code, first, second, third, fourth]: readonly number[]): Command {
  const kind = named(codes, code, "command");
  switch (kind) {
    case "rest":
    case "end":
      return { kind };
    case "step":
      return {
        kind,
        step: { kind: named(stepKinds, first, "kind of a step"), start: second, epoch: third, withNorm: fourth === 1 },
      };
    case "evaluate":
      return { kind, part: { split: named(splitNames, first, "split"), first: second, count: third } };
  }
}
