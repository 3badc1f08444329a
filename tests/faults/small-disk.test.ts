/**
 * A disk that fills, on a file system of 480 MiB of its own: uploads and imports share what is left, and where another
 * program takes the rest, things can still be deleted. Needs to mount, so it runs where the tests run as root on Linux.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSafetensors } from "../../engine/index.ts";
import { ask, until } from "../support/stack.ts";
import { strokesForm } from "../support/strokes.ts";

const mebibyte = 1024 * 1024;
const minFree = 96 * mebibyte;
const entry = fileURLToPath(new URL("../../dist/services/stack/main.js", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "small-disk-"));
function mounted(): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=480m", "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    process.stderr.write("small-disk.test.ts is skipped: this user may not mount a small file system\n");
    return false;
  }
}
const hasDisk = mounted();
const freeBytes = (): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

let stack: ChildProcess;
let url: string;
beforeAll(async () => {
  if (!hasDisk) return;
  stack = spawn(process.execPath, [entry], {
    env: {
      ...process.env,
      DATA_DIR: folder,
      PORT: "0",
      MIN_FREE_BYTES: String(minFree),
      PREDICTION_CACHE_MIB: "1024",
      LOG_LEVEL: "error",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { stdout } = stack;
  if (!stdout) throw new Error("the stack has no stdout");
  url = await new Promise((resolve) =>
    createInterface({ input: stdout }).on("line", (line) => {
      const found = /^listening on (http:\S+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    }),
  );
});
afterAll(async () => {
  if (hasDisk) {
    const ended = once(stack, "exit");
    stack.kill("SIGTERM");
    await ended;
    execFileSync("umount", [folder]);
  }
  rmSync(folder, { recursive: true, force: true });
});

const upload = (bytes: number): FormData => {
  const form = new FormData();
  form.append("file", new Blob([new Uint8Array(bytes).fill(65)]), "a.csv");
  return form;
};

test.skipIf(!hasDisk)("uploads at the same time do not take the same room", async () => {
  let least = Infinity;
  const watching = setInterval(() => (least = Math.min(least, freeBytes())), 5);
  const answers = await Promise.all(
    Array.from({ length: 16 }, () => ask(url, "/v1/datasets", { body: upload(24 * mebibyte) })),
  );
  clearInterval(watching);
  const refused = answers.filter(({ status }) => status === 507);
  // What was taken first may be given back before the last one comes.
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(14);
  expect(refused[0].body.detail).toMatch(/MIN_FREE_BYTES/);
  // A piece of each writing may be under way when the disk is asked.
  expect(least).toBeGreaterThan(minFree - 16 * mebibyte);
});

/** A file of the test's that leaves so much of the disk. */
function fill(leave: number): string {
  const filler = join(folder, "filler");
  const piece = Buffer.alloc(mebibyte, 1);
  try {
    while (freeBytes() - piece.length > leave) writeFileSync(filler, piece, { flag: "a" });
    if (leave === 0) for (;;) writeFileSync(filler, piece.subarray(0, 4096), { flag: "a" });
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" });
  }
  return filler;
}

test.skipIf(!hasDisk)("an import leaves what uploads leave", async () => {
  // What the uploads before took is given back when they are rejected.
  await until(
    () => ask(url, "/v1/datasets?limit=100"),
    ({ body }) => body.data.every(({ terminal }: { terminal: boolean }) => terminal),
    "the checks before",
  );
  const filler = fill(minFree + 20 * mebibyte);
  const size = { channels: 1, height: 2000, width: 1700 };
  const tensors = new Map([
    ["layers.0.weight", { dtype: "F32" as const, shape: [3, 3_400_000], data: new Float32Array(3 * 3_400_000) }],
    ["layers.0.bias", { dtype: "F32" as const, shape: [3], data: new Float32Array(3) }],
  ]);
  const form = new FormData();
  form.append("name", "large");
  form.append("network", JSON.stringify({ layers: [{ kind: "dense", units: 3, activation: "softmax" }] }));
  form.append("input", JSON.stringify(size));
  form.append("weights", new Blob([writeSafetensors({ tensors })]), "w.safetensors");
  const refused = await ask(url, "/v1/models", { body: form });
  expect([refused.status, refused.body.code]).toEqual([507, "insufficient-storage"]);
  rmSync(filler);
  expect((await ask(url, "/v1/models", { body: form })).status).toBe(201);
});

test.skipIf(!hasDisk)("where nothing is left, a dataset can be deleted all the same", async () => {
  const made = await ask(url, "/v1/datasets", { body: strokesForm() });
  expect(made.status).toBeLessThan(300);
  const id = made.body.id as string;
  await until(
    () => ask(url, `/v1/datasets/${id}`),
    ({ body }) => body.terminal === true,
    "the check of a dataset",
  );
  const filler = fill(0);
  expect(freeBytes()).toBeLessThan(mebibyte);
  const gone = await until(
    () => ask(url, `/v1/datasets/${id}`, { method: "DELETE" }),
    ({ status }) => status !== 503,
    "a deletion on a full disk",
  );
  expect(gone.status).toBe(204);
  expect((await ask(url, `/v1/datasets/${id}`)).status).toBe(404);
  rmSync(filler);
  const again = await until(
    () => ask(url, "/v1/datasets", { body: strokesForm({ fields: { alias: "again" } }) }),
    ({ status }) => status < 500,
    "an upload once there is room",
  );
  expect(again.status).toBeLessThan(300);
});
