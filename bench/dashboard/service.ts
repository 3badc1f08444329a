/**
 * What is looked at: an api over a Redis of its own, with a model that was really trained, and jobs that somebody
 * pretends to train. No worker takes them: what the page is given is then the same on every machine.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { createLog } from "../../services/shared/log.ts";
import { createRecords, type Records } from "../../services/shared/records/index.ts";
import { closeRedis, connectRedis, type Redis } from "../../services/shared/redis.ts";
import { provideRedis } from "../../services/stack/redis.ts";
import { root } from "../peers/load.ts";
import { ended, json, post } from "../stack.ts";

export interface Looked {
  url: string;
  redis: Redis;
  records: Records;
  /** The dataset that jobs are said to be of. */
  dataset: { id: string; revision: string };
  /** A LeNet-5 that has seen MNIST once. */
  model: string;
  stop: () => Promise<void>;
}

function run(service: "api" | "worker", environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [join(root, "dist", "services", service, "main.js")], {
    env: { ...process.env, PORT: "0", HOST: "127.0.0.1", LOG_LEVEL: "error", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

async function addressOf({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error("the api has no stdout");
  for await (const line of createInterface({ input: stdout })) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    stdout.resume();
    return url;
  }
  throw new Error("the api did not start; what it said stands above");
}

async function readyDataset(url: string): Promise<Looked["dataset"]> {
  for (;;) {
    const found = await json<{ id: string; status: string; revision: string }>(`${url}/v1/datasets/mnist`).catch(
      () => null,
    );
    if (found?.status === "ready") return { id: found.id, revision: found.revision };
    await pause(100);
  }
}

export async function startLooked(): Promise<Looked> {
  const folder = await mkdtemp(join(tmpdir(), "feature-maps-look-"));
  const log = createLog({ level: "silent", service: "bench" });
  const server = await provideRedis({ dataDir: folder, log });
  const environment = {
    REDIS_URL: server.url,
    DATA_DIR: folder,
    STORAGE_URL: pathToFileURL(join(folder, "storage")).href,
  };
  const api = run("api", environment);
  const worker = run("worker", environment);
  const redis = connectRedis({ url: server.url, role: "working", log });
  const stop = async (): Promise<void> => {
    await Promise.all([api, worker].map(end));
    await closeRedis(redis);
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const url = await addressOf(api);
    const dataset = await readyDataset(url);
    const request = { name: "digits, seen once", dataset: "mnist", network: "lenet-5", epochs: 1 };
    const { model } = await ended(url, (await post<{ id: string }>(`${url}/v1/jobs`, request)).id);
    await end(worker);
    return { url, redis, records: createRecords(redis), dataset, model: model ?? "", stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
