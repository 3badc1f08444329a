/** What travels through the queues: a reference, never a copy. */
import { z } from "zod";
import { datasetId, evaluationId, jobId, sweepId } from "./ids.ts";

export const queueName = z.enum(["training", "datasets", "evaluations", "sweeps", "webhooks"]);
export type QueueName = z.infer<typeof queueName>;

export const queuePayloads = {
  training: z.strictObject({
    version: z.literal(1),
    jobId,
    run: z.int().min(1).describe("the delivery's number in the job's life: resume makes a new one"),
  }),
  datasets: z.strictObject({ version: z.literal(1), datasetId }),
  evaluations: z.strictObject({ version: z.literal(1), evaluationId }),
  sweeps: z.strictObject({
    version: z.literal(1),
    sweepId,
    run: z.int().min(1).describe("the delivery's number in the sweep's life: resume makes a new one"),
  }),
  webhooks: z.strictObject({ version: z.literal(1), jobId, eventId: z.string() }),
} as const;
export type QueuePayload<Name extends QueueName> = z.infer<(typeof queuePayloads)[Name]>;
