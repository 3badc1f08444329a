import { afterAll, beforeAll, expect, test } from "vitest";
import { startConnectedRedis } from "../../../tests/support/redis.ts";
import type { Redis } from "../redis.ts";
import { createRecords } from "./index.ts";

let redis: Redis;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ redis, stop } = await startConnectedRedis());
});
afterAll(() => stop());

test("a rate is known until its kind of training has not been seen for long", async () => {
  const { rates } = createRecords(redis);
  const lives = async (): Promise<number[]> => Promise.all((await redis.keys("*")).map((key) => redis.ttl(key)));
  expect(await rates.read("7x5")).toBeNull();
  await rates.write("7x5", 1234.5);
  expect(await rates.read("7x5")).toBe(1234.5);
  expect(await lives()).toEqual([expect.toSatisfy((seconds: number) => seconds > 24 * 3600)]);
  await Promise.all((await redis.keys("*")).map((key) => redis.expire(key, 60)));
  await rates.write("7x5", 987.6);
  expect([await rates.read("7x5"), await rates.read("5x7")]).toEqual([987.6, null]);
  expect(await lives()).toEqual([expect.toSatisfy((seconds: number) => seconds > 60)]);
});
