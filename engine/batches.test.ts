import fc from "fast-check";
import { expect, test } from "vitest";
import { cutBatch, cutForward, share, threadsOf } from "./batches.ts";

const piecesOf = (samples: number): string =>
  cutBatch(samples)
    .blocks.map(({ lanes, count }) => (lanes === 1 ? "s" : count))
    .join(" ");

test("blocks of eight; three samples or fewer that are left over pass one by one", () => {
  expect([1, 3, 4, 8, 9, 11, 12, 50].map(piecesOf)).toEqual([
    "s",
    "s s s",
    "4",
    "8",
    "8 s",
    "8 s s s",
    "8 4",
    "8 8 8 8 8 8 s s",
  ]);
  expect(cutForward(10).blocks).toEqual([
    { shard: 0, first: 0, count: 8, lanes: 8 },
    { shard: 1, first: 8, count: 2, lanes: 8 },
  ]);
});

test("a piece a shard, sixteen shards at most", () =>
  expect([1, 3, 8, 9, 50, 64, 128, 129, 60_000].map((samples) => cutBatch(samples).shards)).toEqual([
    1, 3, 1, 2, 8, 8, 16, 16, 16,
  ]));

test("every sample is in exactly one block, in order, and shards are runs of blocks", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.constantFrom(cutBatch, cutForward), (samples, cut) => {
      const { blocks, shards } = cut(samples);
      let next = 0;
      let shard = -1;
      for (const block of blocks) {
        expect(block.first).toBe(next);
        expect(block.count).toBe(Math.min(block.lanes, samples - next));
        expect(block.shard - shard).toBeGreaterThanOrEqual(0);
        expect(block.shard - shard).toBeLessThanOrEqual(1);
        next += block.count;
        shard = block.shard;
      }
      expect([next, shard]).toEqual([samples, shards - 1]);
    }),
  );
});

test("threads share blocks out in runs, none twice, sizes differing by one at most; single samples go where there is least to do", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 130 }), fc.integer({ min: 1, max: 17 }), (samples, threads) => {
      const cut = cutBatch(samples);
      const owners = threadsOf(cut, threads);
      expect(owners).toHaveLength(cut.shards);
      const large = new Set(cut.blocks.filter(({ lanes }) => lanes === 8).map(({ shard }) => shard)).size;
      const taken = owners.slice(0, large);
      expect(taken).toEqual(taken.toSorted((a, b) => a - b));
      for (let thread = 0; thread < threads; thread++) {
        const { from, to } = share(large, threads, thread);
        expect(taken.filter((each) => each === thread)).toHaveLength(to - from);
      }
      for (const owner of owners) expect(owner >= 0 && owner < threads).toBe(true);
    }),
  );
  expect(threadsOf(cutBatch(50), 2)).toEqual([0, 0, 0, 1, 1, 1, 1, 0]);
  expect(threadsOf(cutBatch(57), 2)).toEqual([0, 0, 0, 1, 1, 1, 1, 0]);
});
