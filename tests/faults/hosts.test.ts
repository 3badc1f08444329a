/**
 * Four hosts: two with a worker, one with the api, one with Redis and S3. One worker's host is cut off in the middle of
 * a job and comes back: everything ends, to the bits of an undisturbed run.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client } from "../../client/index.ts";
import { Network, refusesNetworks, type Host } from "../support/hosts.ts";
import { ask, until } from "../support/stack.ts";
import { strokes, strokesForm, strokesJob } from "../support/strokes.ts";

const refused = refusesNetworks();
if (refused !== null)
  process.stderr.write(`hosts.test.ts is LEFT OUT: it needs root and network namespaces (${refused})\n`);

const entryOf = (name: "api" | "worker"): string =>
  fileURLToPath(new URL(`../../dist/services/${name}/main.js`, import.meta.url));
const credentials = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" };
const [redisPort, s3Port, apiPort] = [6379, 9000, 3000];

/** A bucket `maps`, kept in memory of the folder. */
const s3Program = (address: string, directory: string): string => `
  const S3rver = require(${JSON.stringify(createRequire(import.meta.url).resolve("s3rver"))});
  new S3rver({ port: ${s3Port}, address: ${JSON.stringify(address)}, silent: true,
    directory: ${JSON.stringify(directory)}, configureBuckets: [{ name: "maps" }] }).run();`;

describe.runIf(refused === null)("on four hosts", () => {
  let folder: string;
  let network: Network;
  let workers: Host[];
  let processes: ChildProcess[];
  let url: string;
  let client: Client;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "hosts-"));
    network = new Network();
    const store = network.addHost();
    const front = network.addHost();
    workers = [network.addHost(), network.addHost()];
    const durable = ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", "--dir", folder];
    store.run("redis-server", ["--bind", store.address, "--protected-mode", "no", ...durable]);
    store.run(process.execPath, ["-e", s3Program(store.address, join(folder, "s3"))]);
    const environment = {
      ...credentials,
      REDIS_URL: `redis://${store.address}:${redisPort}`,
      STORAGE_URL: `s3://maps/tests?endpoint=${encodeURIComponent(`http://${store.address}:${s3Port}`)}&region=us-east-1`,
      LOG_LEVEL: "silent",
      WORKER_THREADS: "1",
    };
    url = `http://${front.address}:${apiPort}`;
    const api = front.run(process.execPath, [entryOf("api")], {
      ...environment,
      DATA_DIR: join(folder, "front"),
      HOST: front.address,
      PORT: String(apiPort),
      AUTH: "none",
    });
    processes = workers.map((host, number) =>
      host.run(process.execPath, [entryOf("worker")], { ...environment, DATA_DIR: join(folder, `worker-${number}`) }),
    );
    const { stdout } = api;
    if (!stdout) throw new Error("the api has no stdout");
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: stdout }).on("line", (line) => line.startsWith("listening on") && resolve());
      api.once("exit", (code) => reject(new Error(`the api ended with ${code}`)));
    });
    client = new Client(url);
    const form = strokesForm();
    const files = ["images", "labels", "testImages", "testLabels"].map((name) => [name, form.get(name)] as const);
    const settings = { name: "strokes", alias: "strokes", classes: [...strokes.classes] };
    const { id } = await client.datasets.upload(Object.fromEntries(files), settings);
    await client.datasets.wait(id);
    await seen(2);
  });
  afterAll(async () => {
    await network.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  const seen = (count: number) =>
    until(
      async () => (await ask(url, "/v1/system")).body.workers,
      (there) => there?.length === count,
      `${count} workers`,
    );
  const long = (seed: number) => ({
    ...strokesJob,
    // Its events are read in one page of a thousand.
    epochs: 800,
    checkpoints: { everyEpochs: 40 },
    seed,
  });
  const post = async (body: object): Promise<string> => (await ask(url, "/v1/jobs", { body })).body.id;
  const ended = (id: string) => client.jobs.wait(id, { signal: AbortSignal.timeout(240_000) });
  const underWay = (id: string) =>
    until(
      () => ask(url, `/v1/jobs/${id}`),
      ({ body }) => body.status === "running" && body.progress?.epoch >= 3,
      "a training under way",
    );

  test("a worker's host is cut off in the middle of a job and comes back: all end with the same bits", async () => {
    const seeds = [1, 2];
    const weightsOf = async (ids: readonly string[]): Promise<(string | undefined)[]> => {
      const jobs = await Promise.all(ids.map(ended));
      expect(jobs.map(({ status }) => status)).toEqual(ids.map(() => "succeeded"));
      return jobs.map(({ receipt }) => receipt?.weights);
    };
    const undisturbed = await weightsOf(await Promise.all(seeds.map((seed) => post(long(seed)))));

    const jobs = await Promise.all(seeds.map((seed) => post(long(seed))));
    for (const id of jobs) await underWay(id);
    workers[0].cutOff();
    await seen(1);
    // Meanwhile another is taken, and trained.
    const small = await post(strokesJob);
    const lost = await until(
      async () => (await Promise.all(jobs.map(async (id) => (await ask(url, `/v1/jobs/${id}`)).body))) as Tried[],
      (all) => all.some(({ attempts }) => attempts.length === 2),
      "a second attempt at the job that was cut off",
    );
    expect(lost.flatMap(({ attempts }) => attempts.map(({ reason }) => reason))).toContain("lost");
    workers[0].heal();
    expect(await weightsOf(jobs)).toEqual(undisturbed);
    expect((await ended(small)).status).toBe("succeeded");
    for (const id of jobs) {
      const { body } = await ask(url, `/v1/jobs/${id}/events?limit=1000`);
      const events = body.data as { id: string; type: string; data: { terminal?: boolean } }[];
      expect(events.filter(({ type, data }) => type === "status" && data.terminal === true)).toHaveLength(1);
    }
    // The host that was away works again: there is no other.
    const names = new Set((await seen(2)).map(({ name }: { name: string }) => name));
    processes[1].kill("SIGTERM");
    for (const { name } of await seen(1)) expect(names).toContain(name);
    expect(await weightsOf([await post(long(seeds[0]))])).toEqual([undisturbed[0]]);
  });

  interface Tried {
    attempts: { reason: string | null }[];
  }
});
