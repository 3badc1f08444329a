/** The session in the README, pasted whole into the shells that people have, against a real stack. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startStack, type Answer, type Stack } from "../support/stack.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Each as it starts for a person, but without that person's own settings. */
const shells = [
  { shell: "bash", flags: ["--norc", "-i"] },
  { shell: "zsh", flags: ["-f", "-i"] },
].filter(({ shell }) => spawnSync(shell, ["-c", ":"]).status === 0);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** The block marked `session`. */
async function session(): Promise<string> {
  const [, block] = /^```sh session\n([\s\S]*?)^```/m.exec(await readFile(join(root, "README.md"), "utf8"))!;
  return block;
}

/** What the shell prints of the block, typed into it in an empty folder: one answer a line. */
async function paste(shell: string, flags: string[]): Promise<Answer["body"][]> {
  const child = spawn(shell, flags, {
    cwd: await mkdtemp(join(stack.redis.dir, "session-")),
    env: { ...process.env, HISTFILE: "/dev/null", PS1: "", PS2: "" },
    stdio: ["pipe", "pipe", "ignore"],
    // Away from our terminal, of which an interactive shell would make itself the master.
    detached: true,
  });
  child.stdin.end((await session()).replaceAll("localhost:3000", stack.api.url));
  const [printed] = await Promise.all([text(child.stdout), once(child, "exit")]);
  const lines = printed.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line));
}

test("zsh, which takes no comments when pasted, finds none", async () => {
  expect(await session()).not.toMatch(/(^|\s)#/);
});

describe.each(shells)("pasted into $shell", ({ shell, flags }) => {
  test("every command of the README's session answers as it says", async () => {
    const answers = await paste(shell, flags);
    const [evaluation, errors, prediction] = answers.slice(-3);
    const progress = answers.slice(0, -3);

    expect(progress.length).toBeGreaterThan(0);
    const where = { status: expect.any(String), fraction: expect.any(Number) };
    expect(progress).toEqual(progress.map(() => expect.objectContaining(where)));

    expect(evaluation.accuracy).toBeGreaterThan(0.95);
    expect(errors.data).toHaveLength(3);
    expect(errors.data.map(({ correct }: { correct: boolean }) => correct)).toEqual([false, false, false]);
    expect(prediction).toMatchObject({ predictions: [{ class: 7, name: "7" }] });
  });
});
