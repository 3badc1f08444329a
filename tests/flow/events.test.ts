import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readStream, type Sent } from "../support/event-stream.ts";
import { ask, until, type Stack } from "../support/stack.ts";
import { endless, startStackWithStrokes, strokesJob } from "../support/strokes.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStackWithStrokes();
});
afterAll(() => stack.stop());

const start = async (fields: object = {}): Promise<string> =>
  (await stack.ask("/v1/jobs", { body: { ...strokesJob, ...fields } })).body.id as string;
/** All of them, page after page. */
async function page(id: string): Promise<Sent[]> {
  const all: Sent[] = [];
  for (;;) {
    const { data, hasMore } = (await stack.ask(`/v1/jobs/${id}/events?limit=1000&after=${all.at(-1)?.id ?? "0"}`))
      .body as { data: Sent[]; hasMore: boolean };
    all.push(...data);
    if (!hasMore) return all;
  }
}
const bare = (events: readonly Sent[]) => events.map(({ id, type, data }) => ({ id, type, data: data as unknown }));

describe("an api that ends", () => {
  it("answers what it accepted, and nothing is left of it", async () => {
    const other = await stack.startApi();
    const slow = {
      network: {
        layers: [
          { kind: "convolution", maps: 8, size: 5, activation: "tanh" },
          { kind: "dense", units: 10, activation: "softmax" },
        ],
      },
      input: { channels: 1, height: 20, width: 20 },
      sample: 40,
    };
    let answered = false;
    const check = ask(other.url, "/v1/gradient-checks", { body: slow }).finally(() => (answered = true));
    await until(
      () => ask(other.url, "/metrics"),
      ({ body }) => answered || /^predictions_waiting [1-9]/m.test(body as string),
      "the check to begin",
    );
    const order = (url: string, number: number) =>
      ask(url, "/v1/jobs", {
        body: { ...strokesJob, epochs: 1 },
        headers: { "idempotency-key": `while-ending-${number}` },
      });
    const orders = Array.from({ length: 20 }, (_, number) => order(other.url, number));
    await Promise.race(orders);
    const [ended, first] = await Promise.all([other.end(), Promise.allSettled(orders)]);
    expect([ended, (await check).status]).toEqual([undefined, 200]);
    // What the end cut off before it was taken is asked again, with the same key, at another api: nothing is lost,
    // nothing doubled.
    const again = await Promise.all(
      first.map(async (each, number) =>
        each.status === "fulfilled" && each.value.status === 202 ? each.value : order(stack.api.url, number),
      ),
    );
    expect(again.map(({ status }) => status)).toEqual(Array(20).fill(202));
    const ids = again.map(({ body }) => body.id as string);
    expect(
      (await stack.ask("/v1/jobs?limit=1000")).body.data.map((each: { id: string }) => each.id).toSorted(),
    ).toEqual(ids.toSorted());
    for (const id of ids) await stack.ask(`/v1/jobs/${id}/cancel`, { method: "POST" });
    expect(other.lines.filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
  });
});

describe("the events of a job", () => {
  it("come live, in the order of the page, and end with the job", async () => {
    const id = await start();
    const { events, ended } = await readStream(`${stack.api.url}/v1/jobs/${id}/events`);
    expect(ended).toBe(true);
    expect(bare(events)).toEqual(bare(await page(id)));
    expect(events.map((each) => each.id)).toEqual(events.map((_, index) => String(index + 1)));
    expect(events.filter(({ type }) => type === "status").map(({ data }) => data.status)).toEqual([
      "queued",
      "running",
      "succeeded",
    ]);
    expect(events.filter(({ type }) => type === "epoch").map(({ data }) => data.epoch)).toEqual([1, 2, 3, 4]);
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(["status", "attempt", "progress", "epoch", "checkpoint", "model"]),
    );
  });
  it("go on after Last-Event-ID without gap or repeat, however often a reader falls off", async () => {
    const id = await start({ epochs: 12 });
    const seen: Sent[] = [];
    for (let falls = 0; falls < 200; falls++) {
      const before = seen.length;
      const { ended } = await readStream(`${stack.api.url}/v1/jobs/${id}/events`, {
        after: seen.at(-1)?.id ?? "0",
        enough: (all) => all.length >= before + 1 + (falls % 3),
        seen,
      });
      if (ended) break;
    }
    await stack.ended(id);
    expect(bare(seen)).toEqual(bare(await page(id)));
    expect((await readStream(`${stack.api.url}/v1/jobs/${id}/events`, { after: seen.at(-1)?.id ?? "" })).status).toBe(
      204,
    );
  });
  it("are ended properly when the api ends, and go on at another", async () => {
    const other = await stack.startApi();
    const id = await start(endless);
    const first: Sent[] = [];
    const reading = readStream(`${other.url}/v1/jobs/${id}/events`, { seen: first });
    await until(
      async () => first.length,
      (count) => count > 3,
      "some events",
    );
    await other.end();
    expect((await reading).ended).toBe(true);
    expect(other.process.exitCode).toBe(0);
    await stack.ask(`/v1/jobs/${id}/cancel`, { method: "POST" });
    const { events } = await readStream(`${stack.api.url}/v1/jobs/${id}/events`, {
      after: first.at(-1)?.id ?? "0",
      seen: first,
    });
    expect(bare(events)).toEqual(bare(await page(id)));
    expect(events.at(-1)?.data).toMatchObject({ status: "cancelled", terminal: true });
  });
  it("do not run for HEAD", async () => {
    const id = await start({ epochs: 1 });
    expect(
      (await stack.ask(`/v1/jobs/${id}/events`, { method: "HEAD", headers: { accept: "text/event-stream" } })).status,
    ).toBe(200);
  });
  it("stay cheap for a thousand readers", async () => {
    const id = await start({ epochs: 60 });
    const began = performance.now();
    // A thousand at the same moment may be more than the api takes at once: who is told to come back does.
    const read = async (): Promise<Sent[]> => {
      const { status, events } = await readStream(`${stack.api.url}/v1/jobs/${id}/events`);
      return status === 503 ? sleep(1000).then(read) : events;
    };
    const readers = await Promise.all(Array.from({ length: 1000 }, read));
    const counts = new Set(readers.map((events) => events.length));
    expect(counts.size).toBe(1);
    expect((await page(id)).length).toBe([...counts][0]);
    const clients = Number(/connected_clients:(\d+)/.exec(await redisInfo())?.[1]);
    expect(clients).toBeLessThan(40);
    process.stdout.write(
      `a thousand readers of ${[...counts][0]} events: ${((performance.now() - began) / 1000).toFixed(1)} s, ${clients} connections to Redis\n`,
    );
  });
  it.each([
    ["/v1/jobs/job_x/events", 404],
    ["?after=x", 400],
    ["?limit=0", 400],
  ])("refuse %s", async (path, status) => {
    const at = path.startsWith("/") ? path : `/v1/jobs/${await start()}/events${path}`;
    expect((await stack.ask(at, { headers: { accept: "text/event-stream" } })).status).toBe(status);
  });
});

async function redisInfo(): Promise<string> {
  const { connectRedis } = await import("../../services/shared/redis.ts");
  const { createLog } = await import("../../services/shared/log.ts");
  const redis = connectRedis({
    url: stack.redis.url,
    role: "working",
    log: createLog({ level: "silent", service: "test" }),
  });
  try {
    return await redis.info("clients");
  } finally {
    redis.disconnect();
  }
}
