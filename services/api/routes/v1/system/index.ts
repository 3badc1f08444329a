/** GET /v1/system: version, kernels, workers, queues. */
import { z } from "zod";
import type { Dependencies } from "../../../dependencies.ts";
import type { App } from "../../../http/types.ts";

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
const system = z.strictObject({
  version: z.string(),
  node: z.string(),
  kernels: z.array(z.string()).describe("in use by workers now"),
  workers: z.array(worker),
  queues: z.record(z.string(), queue),
  storage: z.string(),
});

export function systemRoutes(app: App, { version, records, queues, storage }: Dependencies): void {
  app.get(
    "/v1/system",
    { schema: { tags: ["process"], summary: "Version, kernels, workers and queues", response: { 200: system } } },
    async () => {
      const [workers, depths] = await Promise.all([records.workers.list(), queues.depths()]);
      return {
        version,
        node: process.version,
        kernels: [...new Set(workers.map(({ kernels }) => kernels))],
        workers,
        queues: depths,
        storage: storage.description,
      };
    },
  );
}
