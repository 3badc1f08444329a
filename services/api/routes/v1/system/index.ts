/** GET /v1/system: version, kernels, workers, queues. */
import { system } from "../../../../../schemas/system.ts";
import type { Dependencies } from "../../../dependencies.ts";
import type { App } from "../../../http/types.ts";

export function systemRoutes(app: App, { version, allRecords, queues, storage }: Dependencies): void {
  app.get(
    "/v1/system",
    { schema: { tags: ["process"], summary: "Version, kernels, workers and queues", response: { 200: system } } },
    async ({ records }) => {
      const [all, depths] = await Promise.all([allRecords.workers.list(), queues.depths()]);
      const workers = await Promise.all(
        all.map(async (worker) => ({ ...worker, jobs: await records.jobs.ownOf(worker.jobs) })),
      );
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
