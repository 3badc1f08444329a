import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dealInto } from "./samples.ts";

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "samples-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const flags = Uint8Array.of(0, 1, 1, 0, 0, 0, 1);

test("rows go where their flags say, in their order", async () => {
  const path = join(folder, "rows");
  await writeFile(
    path,
    Uint8Array.from({ length: 35 }, (_, at) => Math.floor(at / 5) * 10 + (at % 5)),
  );
  const [kept, held] = [new Uint8Array(20), new Uint8Array(15)];
  dealInto(path, flags, [kept, held]);
  const rows = (indices: readonly number[]): number[] =>
    indices.flatMap((row) => Array.from({ length: 5 }, (_, at) => row * 10 + at));
  expect([[...kept], [...held]]).toEqual([rows([0, 3, 4, 5]), rows([1, 2, 6])]);
});

test("a file of another size is refused", async () => {
  const path = join(folder, "short");
  await writeFile(path, new Uint8Array(34));
  expect(() => dealInto(path, flags, [new Uint8Array(20), new Uint8Array(15)])).toThrow(/has 34 bytes.*says 35/);
});
