/** The process and what stands behind it: version, workers, queues, health. */
import { z } from "zod";

const worker = z.strictObject({
  name: z.string(),
  host: z.string(),
  pid: z.int(),
  startedAt: z.string(),
  seenAt: z.string(),
  slots: z.int(),
  threads: z.int(),
  kernels: z.string(),
  draining: z.boolean(),
  jobs: z.array(z.string()).describe("jobs it runs now"),
});
const queue = z.strictObject({ waiting: z.int(), active: z.int() });

export const system = z.strictObject({
  version: z.string(),
  node: z.string(),
  kernels: z.array(z.string()).describe("in use by workers now"),
  workers: z.array(worker),
  queues: z.record(z.string(), queue),
  storage: z.string(),
});
export type System = z.infer<typeof system>;

export const live = z.strictObject({ status: z.literal("live"), version: z.string() });
export const ready = z.strictObject({ status: z.literal("ready") });
