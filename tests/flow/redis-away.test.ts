import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { provideRedis } from "../../services/stack/redis.ts";
import { createLog } from "../../services/shared/log.ts";
import { until, type Stack } from "../support/stack.ts";
import { startStackWithStrokes, strokesJob } from "../support/strokes.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStackWithStrokes();
});
afterAll(() => stack.stop());

describe("while Redis is away", () => {
  it("the api says so with 503 and Retry-After, stays alive, and recovers by itself; no job is lost", async () => {
    const before = await stack.ask("/v1/jobs", { body: strokesJob });
    await stack.ended(before.body.id);
    await stack.redis.kill();
    const away = await until(
      () => stack.ask("/v1/jobs"),
      ({ status }) => status === 503,
      "a 503",
    );
    expect(away.body).toMatchObject({ code: "redis-unavailable", status: 503 });
    expect(Number(away.headers.get("retry-after"))).toBeGreaterThan(0);
    for (const [path, body] of [
      ["/v1/jobs", strokesJob],
      ["/v1/models", undefined],
      ["/v1/system", undefined],
      ["/v1/jobs/job_x/progress", undefined],
    ] as const) {
      expect((await stack.ask(path, { body, headers: { "idempotency-key": "while-away" } })).body).toMatchObject({
        status: 503,
        code: "redis-unavailable",
      });
    }
    expect((await stack.ask("/health/live")).status).toBe(200);
    expect((await stack.ask("/health/ready")).body).toMatchObject({
      status: 503,
      detail: expect.stringContaining("Redis does not answer") as string,
    });
    expect((await stack.ask("/metrics")).body).toMatch(/^redis_up 0$/m);
    const again = await provideRedis({
      dataDir: stack.redis.dir,
      log: createLog({ level: "silent", service: "test" }),
      durableOnly: true,
    });
    try {
      await until(
        () => stack.ask("/health/ready"),
        ({ status }) => status === 200,
        "readiness",
      );
      expect((await stack.ask(`/v1/jobs/${before.body.id}`)).body).toMatchObject({ status: "succeeded" });
      const after = await stack.ask("/v1/jobs", { body: strokesJob, headers: { "idempotency-key": "while-away" } });
      expect(after.status).toBe(202);
      expect(await stack.ended(after.body.id)).toMatchObject({ status: "succeeded" });
      expect(stack.api.lines.filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
    } finally {
      await Promise.all([...stack.workers, stack.api].map((service) => service.end()));
      await again.stop();
    }
  });
});
