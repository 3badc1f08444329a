import fc from "fast-check";
import { expect, test } from "vitest";
import { cutBatch, share, shardsOf, threadOf } from "./batches.ts";

test("min(⌈n/8⌉, 16) shards", () => expect([1, 8, 9, 50, 64, 128, 129, 60_000].map(shardsOf)).toEqual([1, 1, 2, 7, 8, 16, 16, 16]));

test("every sample is in exactly one block, in order, and shards are runs of blocks", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), (samples) => {
      const { blocks, shards } = cutBatch(samples);
      let next = 0;
      let shard = 0;
      for (const block of blocks) {
        expect(block.first).toBe(next);
        expect(block.count).toBe(Math.min(8, samples - next));
        expect(block.shard - shard).toBeGreaterThanOrEqual(0);
        next += block.count;
        shard = block.shard;
      }
      expect([next, shard]).toEqual([samples, shards - 1]);
    }),
  );
});

test("threads share shards out in runs, none twice, sizes differing by one at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 16 }), (shards, threads) => {
      const taken = Array.from({ length: shards }, (_, shard) => threadOf(shard, shards, threads));
      expect(taken).toEqual(taken.toSorted((a, b) => a - b));
      for (let thread = 0; thread < threads; thread++) {
        const { from, to } = share(shards, threads, thread);
        expect(taken.filter((each) => each === thread)).toHaveLength(to - from);
      }
    }),
  );
});
