import { afterEach, expect, test, vi } from "vitest";
import { Turns } from "./turns.ts";

afterEach(() => void vi.restoreAllMocks());

/** Work that takes so long by a clock that nothing else moves. */
function clock() {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  return (milliseconds: number) => (now += milliseconds);
}

test("work that fills a turn leaves the next to whatever else waits", async () => {
  const pass = clock();
  const turns = new Turns();
  const order: string[] = [];
  const work = (name: string) =>
    turns.run(() => {
      pass(0.6);
      order.push(name);
    });
  setImmediate(() => order.push("others"));
  await Promise.all(["a", "b", "c"].map((name) => work(name)));
  expect(order).toEqual(["a", "b", "others", "c"]);
});

test("work that fails has been a part of its turn", () => {
  const pass = clock();
  const turns = new Turns();
  expect(() =>
    turns.now(() => {
      pass(2);
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(turns.hasTime).toBe(false);
});
