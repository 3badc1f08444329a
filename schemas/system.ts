/** The process and what stands behind it: version, workers, queues, health. */
import { z } from "zod";

const worker = z.strictObject({
  name: z.string().describe("name of the worker process, unique among those that run"),
  host: z.string().describe("the machine it runs on"),
  pid: z.int().describe("its process id there"),
  startedAt: z.string().describe("when it started, ISO 8601 in UTC"),
  seenAt: z.string().describe("when it last said that it is there, ISO 8601 in UTC"),
  slots: z.int().describe("jobs that it trains at once"),
  threads: z.int().describe("most gradient threads that one of its jobs gets"),
  memoryBytes: z.int().describe("memory that one of its jobs may take; a job that needs more waits for another worker"),
  kernels: z.string().describe("the kernels that it computes with: native or wasm, and their details"),
  draining: z.boolean().describe("whether it is ending and takes no more jobs"),
  jobs: z.array(z.string()).describe("ids of the jobs that it trains now"),
});
const queue = z.strictObject({
  waiting: z.int().describe("deliveries that no worker has taken yet"),
  active: z.int().describe("deliveries that a worker has taken and not finished"),
});

export const system = z.strictObject({
  version: z.string().describe("version of the service"),
  node: z.string().describe("version of Node.js that this api runs on"),
  kernels: z.array(z.string()).describe("kernels that workers compute with now"),
  workers: z.array(worker).describe("worker processes seen in the last seconds"),
  queues: z.record(z.string(), queue).describe("by name: training, datasets, evaluations, webhooks"),
  storage: z.string().describe("where datasets, checkpoints and models are kept: a URL without its secrets"),
});
export type System = z.infer<typeof system>;

export const live = z.strictObject({
  status: z.literal("live").describe("always live: a process that is not live does not answer"),
  version: z.string().describe("version of the service"),
});
export const ready = z.strictObject({
  status: z.literal("ready").describe("always ready; what is not ready answers 503 and says what is missing"),
});

/** What a program finds at `/`. */
export const entryPoints = z.strictObject({
  name: z.string().describe("of the product"),
  version: z.string().describe("of the product"),
  urls: z.record(z.string(), z.string()).describe("what there is → its path"),
});
export type EntryPoints = z.infer<typeof entryPoints>;
