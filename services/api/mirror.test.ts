import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestRedis, type TestRedis } from "../../tests/support/redis.ts";
import { createLog } from "../shared/log.ts";
import { channels } from "../shared/redis-keys.ts";
import { closeRedis, connectRedis, type Redis } from "../shared/redis.ts";
import { Mirror, type Copies } from "./mirror.ts";

const log = createLog({ level: "silent", service: "test" });
let server: TestRedis;
let redis: Redis;
let listener: Redis;
let mirror: Mirror;
let copies: Copies<string>;
/** What the copies are of. */
let truth: string;
let reads: number;
const read = async (): Promise<string> => {
  reads += 1;
  return truth;
};
const get = (): string | Promise<string> => copies.get("a", read);
const change = (value: string): Promise<unknown> => {
  truth = value;
  return redis.publish(channels.changed, "model:a");
};
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  await expect.poll(holds, { interval: 10 }).toBe(true);
};

beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  redis = connectRedis({ url: server.url, role: "working", log });
  listener = connectRedis({ url: server.url, role: "listening", log });
  mirror = new Mirror({ commands: redis, listener, log });
  copies = mirror.copies({ most: 2, lifeMs: 60_000, kinds: ["model"], topicsOf: () => ["model:a"] });
  await until(() => mirror.isRight());
  truth = "first";
  reads = 0;
});
afterEach(async () => {
  mirror.close();
  await Promise.all([redis, listener].map(closeRedis));
});

describe("Mirror", () => {
  it("reads once, then answers at once", async () => {
    expect(await get()).toBe("first");
    expect(get()).toBe("first");
    expect(reads).toBe(1);
  });
  it("drops what changed, and keeps it where something else did", async () => {
    await get();
    await redis.publish(channels.changed, "model:b");
    await mirror.caughtUp();
    expect(get()).toBe("first");
    await change("second");
    await mirror.caughtUp();
    expect(await get()).toBe("second");
  });
  it("hears of jobs by the channels that wake their readers", async () => {
    const jobs = mirror.copies({ most: 2, lifeMs: 60_000, kinds: ["job"], topicsOf: () => ["job:a"] });
    await jobs.get("a", read);
    truth = "second";
    await redis.publish(channels.events("a"), "a");
    await mirror.caughtUp();
    expect(await jobs.get("a", read)).toBe("second");
  });
  it("does not keep what changed while it was read", async () => {
    let finish = (): void => undefined;
    const slow = copies.get("a", async () => {
      const found = truth;
      await new Promise<void>((resolve) => (finish = resolve));
      return found;
    });
    await change("second");
    await mirror.caughtUp();
    finish();
    expect(await slow).toBe("first");
    expect(await get()).toBe("second");
  });
  it("reads for all who ask at once, and keeps no failure", async () => {
    const failing = copies.get("a", () => Promise.reject(new Error("away")));
    expect(copies.get("a", read)).toBe(failing);
    await expect(failing).rejects.toThrow("away");
    expect(await get()).toBe("first");
  });
  it("keeps no more than it may, and nothing longer than its life", async () => {
    const short = mirror.copies({ most: 2, lifeMs: 0, kinds: ["model"], topicsOf: () => [] });
    await short.get("a", read);
    await short.get("a", read);
    expect(reads).toBe(2);
    for (const key of ["a", "b", "c"]) await copies.get(key, read);
    expect(copies.get("c", read)).toBe("first");
    expect(copies.get("a", read)).toBeInstanceOf(Promise);
  });
  it("has no copies without a pulse: neither when the connection breaks nor when it hangs", async () => {
    await get();
    listener.disconnect(true);
    await until(() => get() instanceof Promise);
    await until(async () => (await get(), !(get() instanceof Promise)));
    // Nothing is published any more, as on a network that hangs.
    const other = connectRedis({ url: server.url, role: "working", log });
    await other.client("PAUSE", 60_000, "WRITE");
    truth = "second";
    await until(() => get() instanceof Promise);
    expect(await get()).toBe("second");
    await other.client("UNPAUSE");
    await closeRedis(other);
  });
});
