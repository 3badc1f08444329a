/** Records of projects: how much each may use, and how much it does. */
import type { Redis } from "ioredis";
import { defaultProject, noLimits, type Limits, type Project } from "../../../schemas/access.ts";
import { keys } from "../redis-keys.ts";
import { fromFields, readHashes, toFields } from "./hash.ts";
import { readPage, type Page, type PageRequest } from "./paging.ts";
import { runScript } from "./scripts.ts";

/** What stands in the record itself. */
export type ProjectRecord = Pick<Project, "id" | "name" | "limits" | "createdAt">;

/** A request for predictions whose api died counts for so long. */
const predictionLeaseMs = 60_000;

/** What a hash has besides the record. */
const isCounter = (name: string): boolean => name === "storedBytes" || name.startsWith("served:");

/** The default project is there without anybody having made it. */
function readProject(id: string, hash: Readonly<Record<string, string>> | null): ProjectRecord | null {
  if (hash?.["id"] === undefined && id !== defaultProject) return null;
  const fields = fromFields(Object.fromEntries(Object.entries(hash ?? {}).filter(([name]) => !isCounter(name))));
  const { name = "default", createdAt = null, limits = {} } = fields as Partial<ProjectRecord>;
  return { id, name, createdAt, limits: { ...noLimits, ...limits } };
}

export class ProjectRecords {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async read(id: string): Promise<ProjectRecord | null> {
    const [hash] = await readHashes(this.#redis, [keys.project(id)]);
    return readProject(id, hash);
  }

  list(request: PageRequest): Promise<Page<ProjectRecord>> {
    return readPage(this.#redis, request, {
      index: keys.projects,
      keyOf: (id) => id,
      read: async (ids) => {
        const hashes = await readHashes(this.#redis, ids.map(keys.project));
        return ids.map((id, at) => {
          const item = readProject(id, hashes[at]);
          return item && { item, bytes: 1 };
        });
      },
    });
  }

  async create({ id, ...fields }: ProjectRecord): Promise<"ok" | "exists"> {
    return (await runScript(this.#redis, "put-project", [id, "new", ...toFields(fields)])) as "ok" | "exists";
  }

  async patch(id: string, fields: Partial<Omit<ProjectRecord, "id">>): Promise<"ok" | "missing"> {
    return (await runScript(this.#redis, "put-project", [id, "there", ...toFields(fields)])) as "ok" | "missing";
  }

  /** How much of it a project uses now. */
  async usage(id: string): Promise<Project["usage"]> {
    const running = (["running", "pausing", "cancelling"] as const).map((status) =>
      this.#redis.zcard(keys.projectJobsByStatus(id, status)),
    );
    const [requests, predictions, queuedJobs, storedBytes, ...runningJobs] = await Promise.all([
      this.#redis.get(keys.requests(id)),
      this.#redis.zcount(keys.predictions(id), Date.now(), "+inf"),
      this.#redis.zcard(keys.projectJobsByStatus(id, "queued")),
      this.#redis.hget(keys.project(id), "storedBytes"),
      ...running,
    ]);
    return {
      requestsPerMinute: Number(requests ?? 0),
      queuedJobs,
      runningJobs: runningJobs.reduce((sum, count) => sum + count, 0),
      storedBytes: Number(storedBytes ?? 0),
      predictionsAtOnce: predictions,
    };
  }

  /** Counts a request against the limits of its project. `prediction`: its name, where it asks for predictions. */
  async countRequest(
    id: string,
    { limits, prediction }: { limits: Limits; prediction: string | null },
  ): Promise<{ requests: number; leftMs: number; hasPlace: boolean }> {
    const [requests, leftMs, underWay] = (await runScript(this.#redis, "count-request", [
      id,
      limits.requestsPerMinute ?? "",
      limits.predictionsAtOnce ?? "",
      prediction ?? "",
      Date.now(),
      predictionLeaseMs,
    ])) as [number, number, number];
    return { requests, leftMs, hasPlace: underWay >= 0 };
  }

  async endPrediction(id: string, name: string): Promise<void> {
    await this.#redis.zrem(keys.predictions(id), name);
  }
}

export const withLimits = (before: Limits, changes: { [Name in keyof Limits]?: Limits[Name] | undefined }): Limits =>
  Object.fromEntries(
    (Object.keys(noLimits) as (keyof Limits)[]).map((name) => [
      name,
      changes[name] === undefined ? before[name] : changes[name],
    ]),
  ) as unknown as Limits;
