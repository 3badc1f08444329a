/** The thread that reads files through to their digest: the process that asks goes on meanwhile. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { DigestCall, DigestReply } from "./digest-files.ts";

const port = parentPort;
if (!port) throw new Error("this file is a thread");
const buffer = Buffer.allocUnsafeSlow(1024 * 1024);

function digestOfFile(path: string): { sha256: string; bytes: number } {
  const file = openSync(path, "r");
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
      hash.update(buffer.subarray(0, read));
      bytes += read;
    }
    return { sha256: hash.digest("hex"), bytes };
  } finally {
    closeSync(file);
  }
}

port.on("message", ({ id, path }: DigestCall) => {
  let reply: DigestReply;
  try {
    reply = { id, digest: digestOfFile(path) };
  } catch (error) {
    reply = { id, error: { message: (error as Error).message, code: (error as NodeJS.ErrnoException).code } };
  }
  port.postMessage(reply);
});
