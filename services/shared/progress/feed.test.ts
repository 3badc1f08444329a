import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestRedis } from "../../../tests/support/redis.ts";
import type { TestRedis } from "../../../tests/support/redis.ts";
import type { Event } from "../../../schemas/event.ts";
import { channels, keys } from "../redis-keys.ts";
import { createLog } from "../log.ts";
import { closeRedis, connectRedis } from "../redis.ts";
import type { Redis } from "../redis.ts";
import { EventFeed } from "./feed.ts";
import { jobSequence } from "./read.ts";

let server: TestRedis;
let commands: Redis;
let subscriber: Redis;
let feed: EventFeed<Event>;
let written = 0;

const job = "job_01J9ZQ80000000000000000000";
async function write(count: number): Promise<void> {
  for (let each = 0; each < count; each++) {
    written++;
    await commands.xadd(
      keys.jobEvents(job),
      `${written}-0`,
      "type",
      "warning",
      "at",
      new Date().toISOString(),
      "data",
      JSON.stringify({ code: "c", detail: String(written) }),
    );
  }
  await commands.publish(channels.events(job), job);
}
const stays = (): void => undefined;
const all = (): string[] => Array.from({ length: written }, (_, at) => String(at + 1));
async function settled(seen: string[], count: number): Promise<void> {
  await expect.poll(() => seen.length).toBeGreaterThanOrEqual(count);
}

beforeAll(async () => {
  server = await startTestRedis();
  const log = createLog({ level: "silent", service: "test" });
  commands = connectRedis({ url: server.url, role: "working", log });
  subscriber = connectRedis({ url: server.url, role: "listening", log });
  feed = new EventFeed({ sequence: jobSequence, commands, subscriber, log });
});
afterAll(async () => {
  feed.close();
  await Promise.all([closeRedis(commands), closeRedis(subscriber)]);
  await server.stop();
});

test("readers get all events in order, from where they stand, however slow another is", async () => {
  await write(450);
  const [fromStart, fromMiddle, slow]: string[][] = [[], [], []];
  const ends = [
    feed.subscribe(job, "0", (events) => void fromStart?.push(...events.map(({ id }) => id)), stays),
    feed.subscribe(job, "440", (events) => void fromMiddle?.push(...events.map(({ id }) => id)), stays),
    feed.subscribe(
      job,
      "0",
      async (events) => {
        await sleep(150);
        slow?.push(...events.map(({ id }) => id));
      },
      stays,
    ),
  ];
  await settled(fromStart, 450);
  await write(3);
  await settled(fromStart, 453);
  await settled(fromMiddle, 13);
  expect(fromStart).toEqual(all());
  expect(fromMiddle).toEqual(all().slice(440));
  await settled(slow, 453);
  expect(slow).toEqual(all());
  expect(feed.readers).toBe(3);
  for (const end of ends) end();
  expect(feed.readers).toBe(0);
});

test("a reader misses nothing while the connection that wakes it is broken", async () => {
  const seen: string[] = [];
  const end = feed.subscribe(job, String(written), (events) => void seen.push(...events.map(({ id }) => id)), stays);
  await sleep(100);
  const before = written;
  subscriber.disconnect(true);
  await write(2);
  await settled(seen, 2);
  expect(seen).toEqual(all().slice(before));
  end();
});

test("a reader is told when the job is gone", async () => {
  await commands.hset(keys.job(job), "status", "succeeded");
  let gone = 0;
  const end = feed.subscribe(job, String(written), stays, () => (gone += 1));
  await sleep(100);
  expect(gone).toBe(0);
  await commands.del(keys.job(job), keys.jobEvents(job));
  await commands.publish(channels.events(job), job);
  await expect.poll(() => gone).toBeGreaterThan(0);
  end();
});
