/** Digests of files, found on a thread that starts when the first is asked for. */
import { Worker } from "node:worker_threads";
import { built } from "../built.ts";
import type { Digest } from "./storage.ts";

export interface DigestCall {
  id: number;
  path: string;
}
export type DigestReply =
  | { id: number; digest: Digest }
  | { id: number; error: { message: string; code: string | undefined } };

interface Waiting {
  resolve: (digest: Digest) => void;
  reject: (error: Error) => void;
}

const waiting = new Map<number, Waiting>();
let thread: Worker | null = null;
let calls = 0;

function take(reply: DigestReply): void {
  const call = waiting.get(reply.id);
  waiting.delete(reply.id);
  if (waiting.size === 0) thread?.unref();
  if ("digest" in reply) call?.resolve(reply.digest);
  else call?.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }));
}

function lose(error: Error): void {
  thread = null;
  for (const { reject } of waiting.values()) reject(error);
  waiting.clear();
}

function start(): Worker {
  const started = new Worker(built("services/shared/storage/digest-thread.js"), { name: "digests" });
  started.on("message", take);
  started.on("error", lose);
  started.on("exit", () => {
    if (thread === started) lose(new Error("the thread that compares digests ended"));
  });
  return started;
}

/** Rejects with what the operating system said, its `code` included. */
export function digestOfFile(path: string): Promise<Digest> {
  thread ??= start();
  thread.ref();
  const id = ++calls;
  const found = new Promise<Digest>((resolve, reject) => waiting.set(id, { resolve, reject }));
  thread.postMessage({ id, path } satisfies DigestCall);
  return found;
}
