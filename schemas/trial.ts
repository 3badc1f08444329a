/** A trial of a sweep: what it was given, how far it is, and what it reached. */
import { z } from "zod";
import { jobId, modelId } from "./ids.ts";
import { pageOf, pageOrder, pageQuery } from "./page.ts";
import { usually } from "./query.ts";

export const trialStatus = z
  .enum(["queued", "running", "stopped", "succeeded", "failed"])
  .describe(
    "queued: not begun, or waiting for its rung to end; running: handed to the workers; stopped: it ran, or waited, and will not go on",
  );
export type TrialStatus = z.infer<typeof trialStatus>;

export const trialParameters = z
  .record(z.string(), z.unknown())
  .describe("JSON pointer into the job request → the value put there");
export type TrialParameters = z.infer<typeof trialParameters>;

const number = z.int().min(0).describe("number of the trial, from 0");

/** A row of `GET /v1/sweeps/{id}/trials`. */
export const trial = z.strictObject({
  trial: number,
  parameters: trialParameters,
  job: jobId.nullable().describe("the job that trains it, through all rungs; null until it was begun"),
  rung: z.int().min(0).describe("stage of the search that it is in, or was in last; from 0"),
  epochs: z.int().min(0).describe("trained by the end of its last rung"),
  value: z.number().nullable().describe("of the objective; null until measured, and where it is not finite"),
  status: trialStatus,
});
export type Trial = z.infer<typeof trial>;

export const bestTrial = z.strictObject({
  trial: number,
  job: jobId,
  model: modelId.nullable().describe("id of the model that it left behind; null while its training goes on"),
  value: z.number().describe("of the objective"),
  parameters: trialParameters,
});

export const rung = z.strictObject({
  rung: z.int().min(0).describe("number of the rung, from 0"),
  trials: z.int().min(1).describe("at most so many reach it; with asha a few more may"),
  epochs: z.int().min(1).nullable().describe("trained at its end; null: as each trial's own request says"),
});
export type Rung = z.infer<typeof rung>;

export const trialCounts = z.strictObject({
  total: z.int().describe("all trials"),
  queued: z.int().describe("not begun yet, or waiting for their rung to end"),
  running: z.int().describe("handed to the workers: in training, or next in the queue"),
  stopped: z.int().describe("ran, or waited, and will not go on"),
  succeeded: z.int().describe("trained to their end"),
  failed: z.int().describe("diverged, or could not be trained"),
});
export type TrialCounts = z.infer<typeof trialCounts>;

export const trialsQuery = pageQuery.extend({
  status: trialStatus.optional().describe("only those of this status"),
  sort: usually(z.enum(["trial", "value"]), "trial").describe(
    "trial by default; value: the best first, those without last",
  ),
  after: z.string().max(64).optional().describe("nextAfter of the page before; leave it out for the first page"),
  order: usually(pageOrder, "asc").describe("asc by default"),
});
export const trialPage = pageOf(trial);
export type TrialPage = z.infer<typeof trialPage>;
