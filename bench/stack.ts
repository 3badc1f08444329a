/** The service as its users start it: a stack in a folder of its own, with MNIST ready. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { root } from "./peers/load.ts";

interface BenchStack {
  url: string;
  /** Its DATA_DIR. */
  folder: string;
  redisUrl: string;
  stop: () => Promise<void>;
}

export interface Job {
  id: string;
  status: string;
  terminal: boolean;
  model: string | null;
}

export async function json<Answer>(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

export const post = <Answer>(url: string, body: object): Promise<Answer> =>
  json(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

const isReady = (url: string, headers: Record<string, string>): Promise<boolean> =>
  json<{ status: string }>(`${url}/v1/datasets/mnist`, { headers }).then(
    ({ status }) => status === "ready",
    () => false,
  );

/** `key`: with which it may be asked, where `environment` has it ask for keys. */
export async function startStack(environment: Record<string, string>, key?: string): Promise<BenchStack> {
  const folder = mkdtempSync(join(tmpdir(), "feature-maps-bench-"));
  const stack = spawn(process.execPath, [join(root, "dist", "services", "stack", "main.js")], {
    env: { ...process.env, PORT: "0", DATA_DIR: folder, LOG_LEVEL: "warn", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = async (): Promise<void> => {
    if (stack.exitCode === null && stack.signalCode === null) {
      stack.kill("SIGTERM");
      await once(stack, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  };
  let url = "";
  for await (const line of createInterface({ input: stack.stdout })) {
    url = /listening on (http:\S+)/.exec(line)?.[1] ?? "";
    if (url !== "") break;
  }
  stack.stdout.resume();
  if (url === "") {
    await stop();
    throw new Error("the stack did not start; what it said stands above");
  }
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  while (!(await isReady(url, headers))) await pause(100);
  const redisUrl = process.env["REDIS_URL"] ?? `unix://${join(folder, "redis", "redis.sock")}`;
  return { url, folder, redisUrl, stop };
}

/** Waits until a job has ended; throws where it did not succeed. */
export async function ended(url: string, id: string): Promise<Job> {
  for (;;) {
    const job = await json<Job>(`${url}/v1/jobs/${id}`);
    if (job.status === "succeeded") return job;
    if (job.terminal) throw new Error(`the job ${id} ended ${job.status}`);
    await pause(50);
  }
}
