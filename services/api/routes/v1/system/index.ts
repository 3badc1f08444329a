/** GET /v1/system: version, kernels, workers, queues. */
import { system } from "../../../../../schemas/system.ts";
import type { Dependencies } from "../../../dependencies.ts";
import type { App } from "../../../http/types.ts";

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
