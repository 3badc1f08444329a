import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Collection } from "./collect.ts";

const [small, large] = [1_000_000, 200_000_000];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a large memory is let go at once, or when nothing refers to it any more", () => {
  const collect = vi.fn<() => void>();
  new Collection({ afterMs: 0, collect }).over(large);
  expect(collect).toHaveBeenCalledTimes(1);
  new Collection({ afterMs: 100, collect }).over(large);
  expect(collect).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(100);
  expect(collect).toHaveBeenCalledTimes(2);
});

test.each([0, 100])("small ones together, after %i ms: some at a time, and the last when it is quiet", (afterMs) => {
  const collect = vi.fn<() => void>();
  const collection = new Collection({ afterMs, collect });
  for (let memory = 0; memory < 20; memory++) {
    collection.over(small);
    vi.advanceTimersByTime(150);
  }
  expect(collect).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(5000);
  expect(collect).toHaveBeenCalledTimes(3);
  vi.advanceTimersByTime(60_000);
  expect(collect).toHaveBeenCalledTimes(3);
});

test("small ones that are much together are large", () => {
  const collect = vi.fn<() => void>();
  const collection = new Collection({ afterMs: 0, collect });
  for (let memory = 0; memory < 3; memory++) collection.over(30_000_000);
  expect(collect).toHaveBeenCalledTimes(1);
});
