/** A Redis that Sentinels watch fails over in the middle of a job; kinds of Redis that cannot be used are refused. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisServers, type RedisServer } from "../support/redis-servers.ts";
import { startRefused } from "../support/refused.ts";
import { ask, until, type Stack } from "../support/stack.ts";
import { startStackWithStrokes, strokesJob } from "../support/strokes.ts";

const durable = ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"];
let servers: RedisServers;
beforeAll(async () => {
  servers = await RedisServers.inFolder();
});
afterAll(() => servers.stop());

test.each(["api", "worker"] as const)("an %s refuses a Redis Cluster, and a Sentinel in its place", async (entry) => {
  const cluster = await servers.start(["--cluster-enabled", "yes"]);
  const refused = startRefused(entry, { REDIS_URL: `redis://127.0.0.1:${cluster.port}` });
  expect(refused).toEqual({
    status: 78,
    said: expect.stringMatching(/^REDIS_URL: it names a Redis Cluster, .*Use one Redis/),
  });
  const sentinel = await servers.startSentinel("maps", cluster.port);
  expect(startRefused(entry, { REDIS_URL: `redis://127.0.0.1:${sentinel.port}` })).toEqual({
    status: 78,
    said: expect.stringMatching(/^REDIS_URL: it names a Sentinel, .*write redis\+sentinel:/),
  });
});

const long = { ...strokesJob, epochs: 2000, checkpoints: { everyEpochs: 100 } };

async function startWatched(): Promise<{ primary: RedisServer; replica: RedisServer; sentinels: RedisServer[] }> {
  const primary = await servers.start(durable);
  const replica = await servers.start([...durable, "--replicaof", `127.0.0.1 ${primary.port}`]);
  const sentinels: RedisServer[] = [];
  for (let each = 0; each < 3; each++) sentinels.push(await servers.startSentinel("maps", primary.port));
  for (const sentinel of sentinels)
    await until(
      async () => String(await sentinel.ask("INFO", "sentinel")),
      (text) => /status=ok,.*slaves=1,sentinels=3/.test(text),
      "Sentinels that know each other and the replica",
    );
  await until(
    async () => String(await replica.ask("INFO", "replication")),
    (text) => text.includes("master_link_status:up"),
    "a replica that follows",
  );
  return { primary, replica, sentinels };
}

test("the primary dies while a job trains: the replica takes its place, the job ends with the same bits, the next one too", async () => {
  const { primary, replica, sentinels } = await startWatched();
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",");
  const stack: Stack = await startStackWithStrokes({ environment: { REDIS_URL: `redis+sentinel://${hosts}/maps` } });
  try {
    const post = async (): Promise<string> => (await ask(stack.api.url, "/v1/jobs", { body: long })).body.id;
    const undisturbed = await stack.ended(await post());
    const id = await post();
    await until(
      () => stack.ask(`/v1/jobs/${id}`),
      ({ body }) => body.status === "running" && body.progress?.epoch >= 2,
      "a training",
    );
    await primary.kill();
    await until(
      async () => String(await replica.ask("INFO", "replication")),
      (text) => text.includes("role:master"),
      "a replica that is the primary now",
    );
    await until(
      () => stack.ask("/health/ready"),
      ({ status }) => status === 200,
      "a service that found it",
    );
    const ended = await until(
      () => stack.ask(`/v1/jobs/${id}`),
      ({ status, body }) => status === 200 && body.terminal,
      "the end of the job",
    );
    expect(ended.body).toMatchObject({ status: "succeeded", receipt: { weights: undisturbed.receipt.weights } });
    // The one that was the primary comes back, and follows.
    const back = await servers.start(durable, primary.port);
    await until(
      async () => String(await back.ask("INFO", "replication")),
      (text) => text.includes("role:slave"),
      "a replica that was the primary",
    );
    expect(await stack.ended(await post())).toMatchObject({
      status: "succeeded",
      receipt: { weights: undisturbed.receipt.weights },
    });
    const unexpected = [stack.api, ...stack.workers].flatMap(({ lines }) =>
      lines.filter((line) => /"level":60/.test(line)),
    );
    expect(unexpected).toEqual([]);
  } finally {
    await stack.stop();
  }
});
