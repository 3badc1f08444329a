/** Weights at a moment. The bytes are a safetensors file; this is its record. */
import { z } from "zod";
import { sha256, timestamp } from "./ids.ts";
import { pageLimit, pageOf, pageOrder, pageQuery } from "./page.ts";
import { validationFigures } from "./progress.ts";
import { queryInteger, usually } from "./query.ts";

export const checkpoint = z.strictObject({
  epoch: z.int().min(0).describe("the epoch at whose end it was taken; it names the checkpoint in paths"),
  step: z.int().min(0).describe("batches done by then"),
  at: timestamp.describe("when it was taken, ISO 8601 in UTC"),
  bytes: z.int().describe("size of the safetensors file in bytes: weights, optimiser, random and loader state"),
  sha256: sha256.describe("SHA-256 digest of the file"),
  loss: z
    .number()
    .nullable()
    .describe("mean training loss of the epoch, without penalties; null where it is not finite or not known"),
  accuracy: z
    .number()
    .nullable()
    .describe("share of the epoch's training samples that were answered right; null where it is not known"),
  validation: validationFigures.nullable().describe("figures of the split looked at; null where there is none"),
  best: z.boolean().describe("whether it is of the best epoch until now, by the deciding split"),
});
export type Checkpoint = z.infer<typeof checkpoint>;
export const checkpointPage = pageOf(checkpoint);
export type CheckpointPage = z.infer<typeof checkpointPage>;

export const epochNumber = queryInteger(0, 1_000_000);
export const checkpointParams = z.strictObject({
  id: z.string().describe("id of the job"),
  epoch: z.string().describe("epoch of the checkpoint, as in the job's list of checkpoints"),
});
/** All where nothing else is asked for: a job keeps at most a thousand last and a thousand best ones. */
export const checkpointsQuery = pageQuery.extend({
  limit: usually(pageLimit, 1000).describe("entries of a page; 1000 by default"),
  after: epochNumber.optional().describe("nextAfter of the page before: an epoch"),
  order: usually(pageOrder, "asc").describe("by epoch; asc by default"),
});
