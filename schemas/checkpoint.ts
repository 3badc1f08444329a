/** Weights at a moment. The bytes are a safetensors file; this is its record. */
import { z } from "zod";
import { sha256, timestamp } from "./ids.ts";
import { split } from "./dataset.ts";
import { pageLimit, pageOf, pageOrder, pageQuery } from "./page.ts";
import { queryInteger, usually } from "./query.ts";

export const checkpoint = z.strictObject({
  epoch: z.int().min(0),
  step: z.int().min(0),
  at: timestamp,
  bytes: z.int(),
  sha256,
  loss: z.number().nullable(),
  accuracy: z.number().nullable(),
  validation: z.strictObject({ split, loss: z.number().nullable(), accuracy: z.number() }).nullable(),
  best: z.boolean(),
});
export type Checkpoint = z.infer<typeof checkpoint>;
export const checkpointPage = pageOf(checkpoint);
export type CheckpointPage = z.infer<typeof checkpointPage>;

export const epochNumber = queryInteger(0, 1_000_000);
export const checkpointParams = z.strictObject({ id: z.string(), epoch: z.string() });
/** All where nothing else is asked for: a job keeps at most a thousand last and a thousand best ones. */
export const checkpointsQuery = pageQuery.extend({
  limit: usually(pageLimit, 1000).describe("entries of a page; 50 by default"),
  after: epochNumber.optional().describe("nextAfter of the page before"),
  order: usually(pageOrder, "asc").describe("by epoch; asc by default"),
});
