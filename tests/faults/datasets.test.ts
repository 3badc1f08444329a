/** A worker that is killed while it checks an upload: another ends the check, and nothing of the dead one stays. */
import { readFileSync, readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, makeTable } from "../support/dataset-files.ts";
import { startStack, until } from "../support/stack.ts";
import type { Stack } from "../support/stack.ts";

const rows = 60_000;
let stack: Stack;

/** Checking processes that work for one of `parents`, or whose parent has died (1). */
function checking(parents: readonly number[]): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
        return parents.includes(parent) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("checking-process")
          ? [Number(pid)]
          : [];
      } catch {
        return [];
      }
    });
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

beforeAll(async () => {
  stack = await startStack({ workers: 1 });
  await until(
    () => stack.ask("/v1/datasets/mnist"),
    ({ body }) => body.terminal === true,
    "mnist",
  );
});
afterAll(() => stack.stop());

test.skipIf(process.platform !== "linux")("kill -9 in the middle of a check", async () => {
  const form = new FormData();
  form.append("file", new Blob([csv(makeTable({ perClass: rows / 3 }))]), "strokes.csv");
  form.append("size", '{"height":7,"width":5}');
  const { body } = await stack.ask("/v1/datasets", { body: form });
  const [worker] = stack.workers;
  const pid = worker?.process.pid ?? 0;
  const [child = 0] = await until(
    async () => checking([pid]),
    (found) => found.length === 1,
    "a checking process",
  );
  worker?.process.kill("SIGKILL");
  await until(
    async () => alive(child),
    (still) => !still,
    "the end of the checking process with its worker",
  );
  stack.startWorker();
  const { body: dataset } = await until(
    () => stack.ask(`/v1/datasets/${body.id}`),
    (answer) => answer.body.terminal === true,
    "the end of the check",
  );
  expect(dataset).toMatchObject({ status: "ready", splits: { train: rows } });
  const checks = join(stack.environment["DATA_DIR"] ?? "", "checks");
  expect(
    await until(
      () => readdir(checks),
      (names) => names.length === 0,
      "the sweep of the dead worker's folder",
    ),
  ).toEqual([]);
});

test.skipIf(process.platform !== "linux")(
  "kill -9 of the checking process alone: the check is tried again",
  async () => {
    const form = new FormData();
    form.append("file", new Blob([csv(makeTable({ perClass: rows / 3, seed: 2 }))]), "strokes.csv");
    form.append("size", '{"height":7,"width":5}');
    const { body } = await stack.ask("/v1/datasets", { body: form });
    const parents = stack.workers.map((worker) => worker.process.pid ?? 0);
    const [child = 0] = await until(
      async () => checking(parents),
      (found) => found.length === 1,
      "a checking process",
    );
    process.kill(child, "SIGKILL");
    const { body: dataset } = await until(
      () => stack.ask(`/v1/datasets/${body.id}`),
      (answer) => answer.body.terminal === true,
      "the end of the check",
    );
    expect(dataset).toMatchObject({ status: "ready", splits: { train: rows } });
  },
);
