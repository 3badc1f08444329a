import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createStorage, type Storage } from "../../shared/storage/index.ts";
import { StoredPredictions } from "./stored-predictions.ts";

/** Twenty thousand and one samples of three classes: truth by turns, every seventh prediction wrong. */
const count = 20_001;
const classes = 3;
const file = { file: "models/m/predictions-test.bin", count, classes };
let dir: string;
let stored: StoredPredictions;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "maps-"));
  const storage = createStorage({ dataDir: dir, storageUrl: pathToFileURL(join(dir, "storage")).href });
  const probabilities = new Float32Array(count * classes);
  const truth = Int32Array.from({ length: count }, (_, index) => index % classes);
  for (let index = 0; index < count; index++) {
    const confidence = 0.5 + ((index * 7919) % count) / (2 * count);
    const predicted = index % 7 === 0 ? (index + 1) % classes : index % classes;
    for (let each = 0; each < classes; each++)
      probabilities[index * classes + each] = each === predicted ? confidence : (1 - confidence) / 2;
  }
  await storage.put(file.file, Buffer.concat([Buffer.from(probabilities.buffer), Buffer.from(truth.buffer)]));
  stored = new StoredPredictions(storage);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const select = {
  only: "all",
  class: null,
  predicted: null,
  sort: "index",
  order: "asc",
  limit: 5,
  after: null,
} as const;

describe("StoredPredictions", () => {
  it("gives rows by index, page by page", async () => {
    const first = await stored.page(file, select);
    expect(first.data.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(first.data[3]).toMatchObject({ class: 0, predicted: 0, correct: true });
    expect(first.data[0].probabilities.reduce((sum, each) => (sum ?? 0) + (each ?? 0), 0)).toBeCloseTo(1, 5);
    expect(first).toMatchObject({ hasMore: true, nextAfter: "4" });
    expect((await stored.page(file, { ...select, after: count - 3 })).data.map(({ index }) => index)).toEqual([
      count - 2,
      count - 1,
    ]);
    expect((await stored.page(file, { ...select, order: "desc", limit: 2 })).data.map(({ index }) => index)).toEqual([
      count - 1,
      count - 2,
    ]);
    expect(await stored.page(file, { ...select, after: count })).toEqual({ data: [], hasMore: false, nextAfter: null });
  });
  it("gives one cell of the confusion matrix", async () => {
    const wrong = { ...select, class: 1, predicted: 2, limit: 1000, sort: "confidence", order: "desc" } as const;
    const { data, hasMore } = await stored.page(file, wrong);
    const expected = Array.from({ length: count }, (_, index) => index).filter(
      (index) => index % 7 === 0 && index % 3 === 1,
    );
    expect(hasMore).toBe(false);
    expect(data.map(({ index }) => index).sort((one, other) => one - other)).toEqual(expected);
    expect(data.every((row) => row.class === 1 && row.predicted === 2)).toBe(true);
    expect((await stored.page(file, { ...select, class: 1, predicted: 0 })).data).toEqual([]);
  });
  it("gives errors alone, every one of them once", async () => {
    const seen: number[] = [];
    for (let after: number | null = null; ;) {
      const page = await stored.page(file, { ...select, only: "errors", limit: 1000, after });
      seen.push(...page.data.map(({ index }) => index));
      if (!page.hasMore) break;
      after = Number(page.nextAfter);
    }
    expect(seen).toEqual(Array.from({ length: Math.ceil(count / 7) }, (_, index) => index * 7));
  });
  it("sorts by confidence, and pages through that", async () => {
    const all = await stored.page(file, { ...select, sort: "confidence", order: "desc", limit: 1000 });
    const confidences = all.data.map(({ confidence }) => confidence);
    expect(confidences).toEqual([...confidences].sort((left, right) => (right ?? 0) - (left ?? 0)));
    const rest = await stored.page(file, {
      ...select,
      sort: "confidence",
      order: "desc",
      limit: 10,
      after: all.data[4].index,
    });
    expect(rest.data[0]).toEqual(all.data[5]);
    const least = await stored.page(file, { ...select, sort: "confidence", limit: 1 });
    expect(least.data[0].confidence).toBeCloseTo(0.5, 3);
    expect(all.data[0].probabilities[all.data[0].predicted]).toBe(all.data[0].confidence);
  });
  it("keeps as many as there is room for, and forgets no more", async () => {
    const reads: string[] = [];
    const range: Storage["range"] = async (name, _offset, length) => {
      reads.push(name);
      return new Uint8Array(length);
    };
    const kept = new StoredPredictions({ range } as Storage);
    const large = (name: string) => ({ file: name, count: 1_600_000, classes: 1 });
    for (const name of ["a", "b", "c"]) await kept.page(large(name), select);
    for (const name of ["b", "c"]) {
      reads.length = 0;
      await kept.page(large(name), select);
      // Its rows alone.
      expect(reads).toEqual([name]);
    }
    reads.length = 0;
    await kept.page(large("a"), select);
    expect(reads.length).toBeGreaterThan(1);
  });
});
