/**
 * What a job, an evaluation or a sweep ends with when it fails, and what a job warns of on its way. The lists are
 * closed, so a new code cannot be forgotten; what was stored by another version may carry others, so the interface says
 * `string`.
 */
import type { ProblemCode } from "./problem.ts";

/** code → title. docs/PROBLEMS.md explains each; a law compares the two. */
export const failureCodes = {
  diverged: "The training diverged",
  crashed: "Its worker died again and again",
  broken: "The computation broke off",
  "not-finite": "The network's answers are not finite",
  "dataset-missing": "Its dataset is not there as it was",
  "dataset-rejected": "Its dataset was rejected",
  "dataset-unreadable": "Its dataset cannot be read from storage",
  "model-missing": "Its model is not there any more",
  "model-unreadable": "Its model cannot be read from storage",
  unreadable: "What it needs cannot be read from storage",
  "no-trial-succeeded": "No trial of the sweep has a value",
  "too-large": "It takes more memory than can be addressed",
  "invalid-file": "A file of weights cannot be read",
  "checkpoint-does-not-fit": "The weights are those of another network",
} as const satisfies Record<string, string>;

/** A job may also be refused by a worker as the api would have refused it, had its dataset been ready. */
export type FailureCode = keyof typeof failureCodes | ProblemCode;

/** What writers put where the record of a job has its error. */
export interface Failure {
  code: FailureCode;
  detail: string;
  step: number | null;
}

export const warningCodes = {
  storage: "Storage does not take what is to be kept",
  thread: "A compute thread broke",
  "checkpoint-unreadable": "A checkpoint cannot be read",
  rescheduled: "The schedule was fitted to the time left",
} as const satisfies Record<string, string>;
export type WarningCode = keyof typeof warningCodes;

export interface Warning {
  code: WarningCode;
  detail: string;
}
