import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStack, until, type Stack } from "../support/stack.ts";

const script = fileURLToPath(new URL("../../dist/services/worker/health.js", import.meta.url));
let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** The exit code of the health check. */
const check = (environment = {}): Promise<number | string> =>
  new Promise((resolve) => {
    execFile(process.execPath, [script], { env: { ...process.env, ...stack.environment, ...environment } }, (error) =>
      resolve(error?.code ?? 0),
    );
  });

test("a worker is healthy while it is seen, not after its end, and not to blame for a Redis that is away", async () => {
  await until(
    () => check(),
    (code) => code === 0,
    "a healthy worker",
  );
  await stack.workers[0].end();
  await until(
    () => check(),
    (code) => code === 1,
    "a worker that is not seen any more",
  );
  expect(await check({ REDIS_URL: "unix:///nowhere/redis.sock" })).toBe(0);
});
