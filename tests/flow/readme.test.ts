/** The session in the README, run as it stands there against a real stack. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStack, until, type Answer, type Stack } from "../support/stack.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** The commands of the block marked `session`, comments left out, continued lines joined. */
async function commands(): Promise<string[]> {
  const [, block] = /^```sh session\n([\s\S]*?)^```/m.exec(await readFile(join(root, "README.md"), "utf8"))!;
  return block
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

const variables: Record<string, string> = {};

/** Runs one command of the README in a folder of its own, with JOB and MODEL as a reader would have set them. */
async function type(command: string): Promise<Answer["body"]> {
  const { stdout } = await run("bash", ["-c", command.replaceAll("localhost:3000", stack.api.url)], {
    cwd: stack.redis.dir,
    env: { ...process.env, ...variables },
    maxBuffer: 2 ** 26,
  });
  return stdout === "" ? null : JSON.parse(stdout);
}

const ask = async (path: string): Promise<Answer["body"]> => (await stack.ask(path)).body;

test("every command of the README's session answers as it says", { timeout: 240_000 }, async () => {
  const [post, progress, evaluation, errors, picture, prediction] = await commands();
  await until(
    () => ask("/v1/datasets/mnist"),
    ({ status }) => status === "ready",
    "mnist",
    120_000,
  );

  const job = await type(post);
  expect(job).toMatchObject({ object: "job", status: expect.stringMatching(/queued|running/), request: { epochs: 1 } });
  variables["JOB"] = job.id;

  await until(
    () => ask(`/v1/jobs/${job.id}/progress`),
    ({ step, terminal }) => step > 0 || terminal,
    "the first step",
  );
  expect(await type(progress)).toMatchObject({
    status: expect.stringMatching(/running|succeeded/),
    fraction: expect.any(Number),
    epoch: 1,
    loss: expect.any(Number),
    accuracy: expect.any(Number),
  });

  const ended = await stack.ended(job.id, 200_000);
  expect(ended).toMatchObject({ status: "succeeded", model: expect.stringMatching(/^mdl_/) });
  variables["MODEL"] = ended.model;

  expect((await type(evaluation)).accuracy).toBeGreaterThan(0.95);
  const wrong = await type(errors);
  expect(wrong.data).toHaveLength(3);
  expect(wrong.data.map(({ correct }: { correct: boolean }) => correct)).toEqual([false, false, false]);

  expect(await type(picture)).toBeNull();
  expect(await type(prediction)).toMatchObject({ predictions: [{ class: 7, name: "7" }] });
});
