/** The examples, and the commands of the pages for people, run as they stand there against a real stack. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFolder } from "../../cli/folder.ts";
import { installClient } from "../support/client-package.ts";
import { writePictures } from "../support/pictures.ts";
import { startStackWithStrokes, strokesJob } from "../support/strokes.ts";
import type { Stack } from "../support/stack.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const example = (name: string): string => join(root, "examples", name);
let stack: Stack;
let folder: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  stack = await startStackWithStrokes({ environment: { WEBHOOK_ALLOW_PRIVATE: "true" } });
  folder = await mkdtemp(join(tmpdir(), "maps-examples-"));
  await writePictures(join(folder, "pets"));
  const { id } = await stack.client.datasets.upload(
    { folder: (await readFolder(join(folder, "pets"))).files },
    { name: "small set", alias: "small-set", size: 16, channels: 1, splits: { test: 0.2 } },
  );
  await stack.client.datasets.wait(id);
  await installClient(folder);
  for (const name of ["train.mjs", "notes.mjs", "train.ts"]) await copyFile(example(name), join(folder, name));
  environment = { ...process.env, FEATURE_MAPS_URL: stack.api.url };
});
afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

const ran = async (program: string, ...words: string[]): Promise<string> =>
  (await run(program, words, { cwd: folder, env: environment })).stdout;

describe("an example", () => {
  it("in curl and a shell", async () => {
    const said = await ran("sh", example("train.sh"), "./pets");
    expect(said).toMatch(/^model mdl_/m);
    expect(said).toMatch(/12 event: epoch/);
    expect(said).toContain('"name":"cat"');
  });
  it("in JavaScript", async () => {
    const said = await ran(process.execPath, "train.mjs", "./pets");
    expect(said.match(/^epoch \d+: loss [\d.]+$/gm)).toHaveLength(12);
    expect(said).toMatch(/^cat\/0\.png is cat/m);
  });
  it("in TypeScript", async () => {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
    await ran(
      process.execPath,
      tsc,
      "train.ts",
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--strict",
      "--skipLibCheck",
      ...types,
    );
    const said = await ran(process.execPath, "train.js", "strokes");
    expect(said).toMatch(/^convolution → 4×7×5, 40 parameters$/m);
    expect(said).toMatch(/succeeded, model mdl_/);
  });
  it("in Python, with its standard library", async () => {
    const said = await ran("python3", example("train.py"), "./pets");
    expect(said).toMatch(/^model mdl_\w+: accuracy [01](\.\d+)?$/m);
    expect(said).toMatch(/0\.png is cat$/m);
  });
  it("walks through the notes", async () => {
    const said = await ran(process.execPath, "notes.mjs", "strokes");
    expect(said).toMatch(/convolution {2}1×7×5 → 3×7×5, 30 parameters/);
    expect(said).toMatch(/-1 input/);
    expect(Number(/worst relative error (\S+)/.exec(said)?.[1])).toBeLessThan(1e-2);
    expect(said).toMatch(/layer 1: β/);
    expect(said).toMatch(/layer 2: inputs in effect/);
  });
  it("receives webhooks, and none whose signature is wrong", async () => {
    const secret = "a-secret-for-the-test";
    const receiver = spawn(process.execPath, [example("webhook.mjs")], {
      env: { ...environment, SECRET: secret, PORT: "0" },
    });
    const lines: string[] = [];
    createInterface({ input: receiver.stdout }).on("line", (line) => lines.push(line));
    try {
      await expect.poll(() => lines[0]).toMatch(/^listening on \d+$/);
      const url = `http://127.0.0.1:${lines[0].split(" ").at(-1)}/`;
      const forged = { "webhook-id": "msg_1", "webhook-timestamp": String(Math.floor(Date.now() / 1000)) };
      for (const headers of [{}, forged, { ...forged, "webhook-signature": "v1,AAAA" }])
        expect((await fetch(url, { method: "POST", headers, body: "{}" })).status).toBe(401);
      const body = { ...strokesJob, webhook: { url, secret } };
      const { id } = (await stack.ask("/v1/jobs", { body })).body as { id: string };
      await stack.ended(id);
      await expect.poll(() => lines).toContain(`job.succeeded ${id}`);
    } finally {
      const exit = once(receiver, "exit");
      receiver.kill();
      await exit;
    }
  });
});

/** A session against this stack; of MNIST, which every service has, with a set that takes less time. */
const asTried = (session: string): string =>
  session.replaceAll("localhost:3000", stack.api.url).replaceAll(/(?<![\w-])mnist\b/g, "small-set");

/** Blocks of a page that are marked as a session. */
async function sessions(page: string, language: "sh" | "js"): Promise<string[]> {
  const text = await readFile(join(root, "docs", page), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language} session\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(
    ([, block]) => block,
  );
}

describe.each(["BY-LUNCH.md", "EMBEDDING.md", "TEACHING.md"])("docs/%s", (page) => {
  it("says nothing that does not run", async () => {
    const place = join(folder, page);
    const shims = join(place, "bin");
    await mkdir(shims, { recursive: true });
    await writePictures(join(place, "pets"));
    await writeFile(join(place, "package.json"), '{"private":true,"type":"module"}');
    // What npx does in a clone, from here.
    await writeFile(
      join(shims, "npx"),
      `#!/bin/sh\nshift\nexec ${process.execPath} ${join(root, "scripts/feature-maps.mjs")} "$@"\n`,
    );
    await chmod(join(shims, "npx"), 0o755);
    const env = { ...environment, PATH: `${shims}:${process.env["PATH"] ?? ""}` };
    const blocks = await sessions(page, "sh");
    expect(blocks.length).toBeGreaterThan(1);
    const script = asTried(blocks.join("\n")).replaceAll("~/feature-maps", root);
    await run("bash", ["-euo", "pipefail", "-c", script], { cwd: place, env, maxBuffer: 64 * 1024 * 1024 });
    for (const [number, block] of (await sessions(page, "js")).entries()) {
      await writeFile(join(place, `session-${number}.js`), asTried(block));
      const { stdout } = await run(process.execPath, [`session-${number}.js`], { cwd: place, env });
      expect(stdout).toContain("succeeded");
    }
  });
});
