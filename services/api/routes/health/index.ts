/** GET /health/live and /health/ready. */
import { live, ready } from "../../../../schemas/system.ts";
import type { Dependencies } from "../../dependencies.ts";
import { Problem } from "../../http/problem.ts";
import { sendText } from "../../http/text.ts";
import type { App } from "../../http/types.ts";

/** What readiness lacks, in words. */
export type Lacking = () => Promise<string[]>;

/** An answer serves all who ask within so long: a check writes to storage, and probes may be many. */
const keptMs = 1000;

export function readiness(dependencies: Dependencies): Lacking {
  let checking: Promise<string[]> | null = null;
  let until = 0;
  return () => {
    if (checking === null || performance.now() >= until) {
      // While a check runs nobody starts another, however long it takes.
      until = Number.POSITIVE_INFINITY;
      checking = missing(dependencies).finally(() => (until = performance.now() + keptMs));
    }
    return checking;
  };
}

async function missing({ redis, storage, allRecords: records }: Dependencies): Promise<string[]> {
  const redisMissing = await redis.ping().then(
    () => null,
    () => "Redis does not answer",
  );
  const storageMissing = await storage.check().then(
    () => null,
    () => "storage cannot be written",
  );
  const workerMissing =
    redisMissing === null
      ? await records.workers.list().then(
          (workers) => (workers.length > 0 ? null : "no worker has been seen"),
          () => "Redis does not answer",
        )
      : null;
  return [redisMissing, storageMissing, workerMissing].filter((each) => each !== null);
}

export function healthRoutes(app: App, { version }: Dependencies, missingNow: Lacking): void {
  const alive = { text: JSON.stringify(live.parse({ status: "live", version })) };
  app.get(
    "/health/live",
    {
      logLevel: "warn",
      schema: {
        tags: ["process"],
        summary: "Whether this process answers",
        response: { 200: live },
      },
    },
    (_request, reply) => sendText(reply, alive),
  );
  app.get(
    "/health/ready",
    {
      logLevel: "warn",
      schema: {
        tags: ["process"],
        summary: "Whether Redis and storage answer and a worker is there",
        response: { 200: ready },
      },
    },
    async () => {
      const lacking = await missingNow();
      if (lacking.length === 0) return { status: "ready" as const };
      const code = lacking.some((each) => each.startsWith("Redis"))
        ? "redis-unavailable"
        : lacking.some((each) => each.startsWith("storage"))
          ? "storage-unavailable"
          : "overloaded";
      throw new Problem({
        code,
        detail: `not ready: ${lacking.join("; ")}`,
        errors: lacking.map((detail) => ({ pointer: "", detail })),
        retryAfter: 2,
      });
    },
  );
}
