/**
 * Records and storage as earlier versions of the service left them (upgrade/, written by those versions: a dataset, a
 * job that ended with its model and an evaluation, one cancelled, one paused, two waiting; from version 2 on a project
 * with a key, from version 3 on an evaluation and the check of a dataset that wait), under this version. A new version
 * of the records needs a file of the one before.
 */
import { readFileSync } from "node:fs";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isBuiltin } from "../../services/shared/ids.ts";
import { createLog } from "../../services/shared/log.ts";
import { recordsVersion } from "../../services/shared/records/migrate.ts";
import { closeRedis, connectRedis } from "../../services/shared/redis.ts";
import type { TestRedis } from "../support/redis.ts";
import { startRefused } from "../support/refused.ts";
import { startStack, until, type Answer, type Stack } from "../support/stack.ts";

/** A value of Redis by its type. */
type Stored =
  | { string: string }
  | { hash: Record<string, string> }
  | { set: string[] }
  | { list: string[] }
  | { zset: Record<string, number> }
  | { stream: [string, Record<string, string>][] };

interface Left {
  redis: Record<string, Stored>;
  /** Path → base64. */
  storage: Record<string, string>;
}

async function restore({ redis: records, storage }: Left, { url, dir }: TestRedis): Promise<void> {
  const redis = connectRedis({ url, role: "working", log: createLog({ level: "silent", service: "test" }) });
  for (const [key, value] of Object.entries(records)) {
    if ("string" in value) await redis.set(key, value.string);
    else if ("hash" in value) await redis.hset(key, value.hash);
    else if ("set" in value) await redis.sadd(key, ...value.set);
    else if ("list" in value) await redis.rpush(key, ...value.list);
    else if ("zset" in value)
      for (const [name, score] of Object.entries(value.zset)) await redis.zadd(key, score, name);
    else for (const [id, fields] of value.stream) await redis.xadd(key, id, ...Object.entries(fields).flat());
  }
  await closeRedis(redis);
  for (const [path, text] of Object.entries(storage)) {
    const file = join(dir, "storage", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, Buffer.from(text, "base64"));
  }
}

const leftBy = (version: number): Left =>
  JSON.parse(
    readFileSync(fileURLToPath(new URL(`./upgrade/version-${version}.json`, import.meta.url)), "utf8"),
  ) as Left;

/** Several processes at once, of which one brings the records to this version. */
const startOver = (version: number): Promise<Stack> =>
  startStack({ workers: 2, before: (redis) => restore(leftBy(version), redis) });

/** Of the default project: its datasets, and the objects that trainings and evaluations made. */
async function storedBytes({ client, redis }: Stack): Promise<number> {
  let bytes = 0;
  for (const dataset of (await client.datasets.list()).data) bytes += isBuiltin(dataset.id) ? 0 : (dataset.bytes ?? 0);
  for (const folder of ["jobs", "models", "evaluations"]) {
    const root = join(redis.dir, "storage", folder);
    for (const path of await readdir(root, { recursive: true }))
      if (/\.(bin|safetensors)$/.test(path)) bytes += (await stat(join(root, path))).size;
  }
  return bytes;
}

const before = Array.from({ length: recordsVersion - 1 }, (_, at) => at + 1);

test.each(before)("a service goes on with the records of version %i", async (version) => {
  const stack = await startOver(version);
  const get = async (path: string): Promise<Answer> => {
    const answer = await stack.ask(path);
    expect([path, answer.status, answer.body?.detail]).toEqual([path, 200, undefined]);
    return answer;
  };
  try {
    const { body: page } = await get("/v1/jobs?limit=50");
    const named = new Map<string, string>(page.data.map(({ name, id }: { name: string; id: string }) => [name, id]));
    expect([...named.keys()].toSorted()).toEqual(["cancelled", "ended", "paused", "waiting", "waiting too"]);
    const id = (name: string): string => named.get(name) ?? "";

    // What ended answers as it did.
    const { body: ended } = await get(`/v1/jobs/${id("ended")}`);
    expect(ended).toMatchObject({ status: "succeeded", metadata: { team: "vision" }, waitingFor: null });
    expect((await get(`/v1/jobs/${id("ended")}/metrics?series=epoch`)).body.data).toHaveLength(3);
    const { body: model } = await get("/v1/models/strokes@production");
    expect(model).toMatchObject({ id: ended.model, sha256: ended.receipt.weights });
    const { body: predictions } = await get(`/v1/models/${ended.model}/predictions?split=test&limit=2`);
    expect(predictions.data).toHaveLength(2);
    const { body: evaluations } = await get(`/v1/models/${ended.model}/evaluations`);
    expect(evaluations.data.filter(({ split }: { split: string }) => split === "test")).toMatchObject([
      { status: "succeeded", accuracy: ended.result.splits?.test?.accuracy ?? expect.any(Number) },
    ]);
    const asked = { instances: [new Array<number>(35).fill(7)] };
    const predicted = await stack.ask(`/v1/models/${ended.model}/predictions`, { body: asked });
    expect(predicted.status).toBe(200);

    // What waited is trained, what was paused goes on.
    for (const name of ["waiting", "waiting too"])
      expect(await stack.ended(id(name))).toMatchObject({ status: "succeeded", attempts: [{ fromCheckpoint: null }] });
    await stack.ask(`/v1/jobs/${id("paused")}/resume`, { method: "POST" });
    await until(
      () => stack.ask(`/v1/jobs/${id("paused")}`),
      ({ body }) => body.attempts?.length === 2 && body.progress?.epoch > 4,
      "a paused job that goes on",
    );
    await stack.ask(`/v1/jobs/${id("paused")}/cancel`, { method: "POST" });
    const stopped = await stack.ended(id("paused"));
    expect(stopped.attempts.at(-1).fromCheckpoint).toBeGreaterThan(0);
    if (version >= 3) {
      const waiting = evaluations.data.find(({ split }: { split: string }) => split === "train");
      const evaluation = `/v1/models/${ended.model}/evaluations/${waiting.id}`;
      for (const path of [evaluation, "/v1/datasets/later"])
        await until(
          () => stack.ask(path),
          ({ body }) => body.status === "succeeded" || body.status === "ready",
          `the end of ${path}`,
        );
    }
    await until(
      async () => [await storedBytes(stack), (await get("/v1/projects/prj_default")).body.usage.storedBytes],
      ([found, counted]) => found === counted,
      "the count of what is stored",
    );
    const { body: projects } = await get("/v1/projects");
    const expected = version < 2 ? ["default"] : ["default", "vision"];
    expect(projects.data.map(({ name }: { name: string }) => name).toSorted()).toEqual(expected);
  } finally {
    await stack.stop();
  }
});

test("records of a newer version are refused in a sentence, and left as they are", async () => {
  const stack = await startStack({ workers: 0 });
  const redis = connectRedis({
    url: stack.redis.url,
    role: "working",
    log: createLog({ level: "silent", service: "test" }),
  });
  try {
    await redis.set("maps:version", recordsVersion + 1);
    for (const entry of ["api", "worker"] as const) {
      const { status, said } = startRefused(entry, stack.environment);
      expect([status, said]).toEqual([
        78,
        expect.stringContaining(
          `the records there are of version ${recordsVersion + 1}, and this service knows versions up to ${recordsVersion}`,
        ),
      ]);
    }
    expect(await redis.get("maps:version")).toBe(String(recordsVersion + 1));
  } finally {
    await closeRedis(redis);
    await stack.stop();
  }
});
