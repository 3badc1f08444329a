import fc from "fast-check";
import { expect, test } from "vitest";
import { cutBatch, cutForward, share, tasksOf, threadsOf } from "./batches.ts";

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
      const owners = threadsOf(tasksOf(cut, { threads, together: 1 }), threads);
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
  for (const samples of [50, 57])
    expect(threadsOf(tasksOf(cutBatch(samples), { threads: 2, together: 1 }), 2)).toEqual([0, 0, 0, 1, 1, 1, 1, 0]);
});

test("a shard a task and a block a group, where no blocks go together", () => {
  const cut = cutBatch(150);
  const tasks = tasksOf(cut, { threads: 3, together: 1 });
  expect(tasks.map(({ shards }) => shards)).toEqual(Array.from({ length: cut.shards }, (_, shard) => [shard]));
  expect(tasks.flatMap(({ groups }) => groups)).toEqual(cut.blocks.map((_, block) => [block]));
});

test("blocks that go together: whole shards a task, a task for each thread, groups as large as may be and alike", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1500 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 2, max: 8 }),
      fc.constantFrom(cutBatch, cutForward),
      (samples, threads, together, cutOf) => {
        const cut = cutOf(samples);
        const tasks = tasksOf(cut, { threads, together });
        expect(tasks.flatMap(({ shards }) => shards)).toEqual(Array.from({ length: cut.shards }, (_, shard) => shard));
        expect(tasks.flatMap(({ groups }) => groups.flat())).toEqual([...cut.blocks.keys()]);
        for (const { shards, groups } of tasks) {
          expect(shards.length).toBeGreaterThan(0);
          const sizes = groups.map(({ length }) => length);
          expect(Math.max(...sizes)).toBeLessThanOrEqual(together);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          for (const block of groups.flat()) expect(shards).toContain(cut.blocks[block].shard);
        }
      },
    ),
  );
  const groupsOf = (samples: number, threads: number) =>
    tasksOf(cutBatch(samples), { threads, together: 8 }).map(({ groups }) => groups.map(({ length }) => length));
  expect(groupsOf(64, 1)).toEqual([[8]]);
  expect(groupsOf(64, 2)).toEqual([[4], [4]]);
  expect(groupsOf(64, 3)).toEqual([[3], [2], [3]]);
  expect(groupsOf(50, 2)).toEqual([[3], [5]]);
  expect(groupsOf(1, 4)).toEqual([[1]]);
  expect(groupsOf(1400, 2)[0]).toEqual([5, 5]);
});
