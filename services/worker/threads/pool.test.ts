/** Threads on loan come back: warm where their work has ended, not at all where it has not. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../tests/support/stack.ts";
import { ThreadPool } from "./pool.ts";
import type { FromThread, ToThread } from "./protocol.ts";

let folder = "";
let pool: ThreadPool;

/** A thread that says it has ended, and is idle so many milliseconds later. */
async function startPool(idleAfterMs: number | null): Promise<void> {
  const entry = join(folder, "thread.mjs");
  const idle =
    idleAfterMs === null ? "" : `setTimeout(() => parentPort.postMessage({ kind: "idle" }), ${idleAfterMs});`;
  await writeFile(
    entry,
    `import { parentPort, threadId } from "node:worker_threads"; parentPort.on("message", () => { parentPort.postMessage({ kind: "ended", threadId }); ${idle} });`,
  );
  pool = new ThreadPool({ entry: pathToFileURL(entry), keep: 1, log: pino({ level: "silent" }) });
}

/**
 * Has a thread work, and gives it back as soon as its work has ended, as a session does. Answers which thread it was.
 */
async function borrow(): Promise<number> {
  const said = await new Promise<FromThread>((resolve) => {
    const lease = pool.lease({
      message: (message) => {
        if (message.kind !== "ended") return;
        lease.release();
        resolve(message);
      },
      gone: () => {},
    });
    lease.tell({} as ToThread);
  });
  return (said as unknown as { threadId: number }).threadId;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "maps-"));
});
afterEach(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

test("a thread that is still collecting when it is given back stays warm", async () => {
  await startPool(50);
  const first = await borrow();
  // Longer than a thread is given to collect: by now it was kept or killed.
  await sleep(1500);
  expect(await borrow()).toBe(first);
  expect(pool.size).toBe(1);
});

test("a thread that goes on working is killed", async () => {
  await startPool(null);
  await borrow();
  expect(pool.size).toBe(1);
  await until(
    () => Promise.resolve(pool.size),
    (size) => size === 0,
    "the end of the thread",
  );
});
