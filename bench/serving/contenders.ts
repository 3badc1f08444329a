/** The processes of a measurement: the load generator, the peer, and the service with a model to ask. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "../peers/load.ts";
import { ended, json, post, startStack, type Job } from "../stack.ts";
import type { Load, Measured } from "./generator.ts";
import type { Subject } from "./loads.ts";

const script = (name: string): string => join(root, "dist", "bench", "serving", `${name}.js`);

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

export interface Generator {
  drive(load: Load): Promise<Measured>;
  stop: () => Promise<void>;
}

export function startGenerator(): Generator {
  const child = spawn(process.execPath, [script("generator")], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    drive: async (load) => {
      child.stdin.write(`${JSON.stringify(load)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error("the load generator ended; what it said stands above");
      const answer = JSON.parse(value) as Measured & { error?: string };
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer;
    },
    stop: () => end(child),
  };
}

export interface Running {
  url: string;
  stop: () => Promise<void>;
}

export async function startPeer(onnx: Uint8Array): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), "feature-maps-peer-"));
  const file = join(folder, "model.onnx");
  writeFileSync(file, onnx);
  const child = spawn(process.execPath, [script("peer"), file], { stdio: ["ignore", "pipe", "inherit"] });
  const { value } = (await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()) as {
    value?: string;
  };
  rmSync(folder, { recursive: true, force: true });
  const url = /^listening on (\S+)/.exec(value ?? "")?.[1];
  if (url === undefined) throw new Error("the peer did not start; what it said stands above");
  return { url, stop: () => end(child) };
}

export interface Service extends Running, Subject {
  onnx: Uint8Array;
}

/** A stack with a LeNet-5 that has seen MNIST once: ten classes, 1×28×28. */
export async function startService(): Promise<Service> {
  const { url, stop } = await startStack({});
  try {
    const { id } = await post<Job>(`${url}/v1/jobs`, { dataset: "mnist", network: "lenet-5", epochs: 1 });
    const { model } = await ended(url, id);
    if (model === null) throw new Error("the training left no model");
    const onnx = new Uint8Array(await (await fetch(`${url}/v1/models/${model}/exports/onnx`)).arrayBuffer());
    const { extensions } = await json<{ extensions: string[] }>(`${url}/v2`);
    return { url, stop, onnx, job: id, model, binary: extensions.includes("binary_tensor_data") };
  } catch (error) {
    await stop();
    throw error;
  }
}
