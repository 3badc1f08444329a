/** Weights at a moment. The bytes are a safetensors file; this is its record. */
import { z } from "zod";
import { sha256, timestamp } from "./ids.ts";
import { split } from "./dataset.ts";

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
