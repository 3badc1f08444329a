import fc from "fast-check";
import { expect, test } from "vitest";
import { orderEpoch } from "./order.ts";

const classes = 7;
const labelled = fc
  .array(fc.integer({ min: 0, max: classes - 1 }), { minLength: 1, maxLength: 90 })
  .map((all) => Int32Array.from(all));
const settings = fc.record({
  seed: fc.integer({ min: 0, max: 0xffffffff }),
  epoch: fc.integer({ min: 1, max: 1000 }),
  shuffle: fc.boolean(),
});

function drawn(
  labels: Int32Array,
  of: { seed: number; epoch: number; shuffle: boolean; sampling: "natural" | "balanced" },
) {
  const into = new Uint32Array(labels.length);
  orderEpoch({ spec: { ...of, classes }, epoch: of.epoch, labels, into });
  return [...into];
}
const countsOf = (keys: readonly number[]): number[] => {
  const counts = new Map<number, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts.values()];
};

test("natural: every sample once", () => {
  fc.assert(
    fc.property(labelled, settings, (labels, of) => {
      const order = drawn(labels, { ...of, sampling: "natural" });
      expect([...order].sort((a, b) => a - b)).toEqual([...labels.keys()]);
      if (!of.shuffle) expect(order).toEqual([...labels.keys()]);
    }),
  );
});

test("balanced: as many places, each class equally often, within a class no sample twice more than another", () => {
  fc.assert(
    fc.property(labelled, settings, (labels, of) => {
      const order = drawn(labels, { ...of, sampling: "balanced" });
      expect(order).toHaveLength(labels.length);
      const present = new Set(labels).size;
      const perClass = countsOf(order.map((sample) => labels[sample]));
      // A split of fewer samples than classes cannot have all of them.
      if (labels.length >= present) expect(perClass).toHaveLength(present);
      expect(Math.max(...perClass) - Math.min(...perClass)).toBeLessThanOrEqual(1);
      for (const label of new Set(labels)) {
        const members = [...labels.keys()].filter((at) => labels[at] === label);
        const times = members.map((at) => order.filter((each) => each === at).length);
        expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test("balanced: the same for the same seed and epoch, another for others", () => {
  const labels = Int32Array.from({ length: 200 }, (_, at) => (at % 20 === 0 ? 1 : 0));
  const of = { seed: 7, epoch: 3, shuffle: true, sampling: "balanced" } as const;
  expect(drawn(labels, of)).toEqual(drawn(labels, of));
  expect(drawn(labels, of)).not.toEqual(drawn(labels, { ...of, epoch: 4 }));
  expect(drawn(labels, of)).not.toEqual(drawn(labels, { ...of, seed: 8 }));
});

test("balanced: over the epochs every sample of a large class is drawn", () => {
  const labels = Int32Array.from({ length: 60 }, (_, at) => (at < 6 ? 1 : 0));
  const seen = new Set<number>();
  for (let epoch = 1; epoch <= 20; epoch++)
    for (const each of drawn(labels, { seed: 1, epoch, shuffle: true, sampling: "balanced" })) seen.add(each);
  expect(seen.size).toBe(60);
});
