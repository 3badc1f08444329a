import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { json, refusal, startScriptedServer, type ScriptedServer } from "../tests/support/scripted-server.ts";
import { Client, Problem, Unreachable } from "./index.ts";

let server: ScriptedServer;
let client: Client;
beforeAll(async () => {
  server = await startScriptedServer();
  client = new Client(`${server.url}/`, { key: "fm_key" });
});
afterAll(() => server.stop());

const caught = async (asked: Promise<unknown>): Promise<unknown> => {
  try {
    await asked;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
};
const request = { dataset: "pets", network: "lenet-5" } as const;
const keys = () => server.heard.map(({ headers }) => headers["idempotency-key"]);

describe("a refusal", () => {
  it("is a Problem with its code, status and pointers, and is not repeated", async () => {
    server.script(refusal(400, "invalid-request"));
    const error = await caught(client.jobs.create(request));
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({
      code: "invalid-request",
      status: 400,
      message: "refused: invalid-request",
      errors: [{ pointer: "/epochs", detail: "expected a number" }],
    });
    expect(server.heard.length).toBe(1);
  });

  it("of something in between is told apart", async () => {
    server.script((response) => void response.writeHead(404, { "content-type": "text/html" }).end("<h1>nginx</h1>"));
    expect(await caught(client.jobs.get("job_1"))).toMatchObject({
      code: "unexpected-answer",
      status: 404,
      message: expect.stringContaining("<h1>nginx</h1>") as string,
    });
  });
});

describe("a service that is busy", () => {
  it.each([
    [429, "too-many-requests"],
    [503, "overloaded"],
    [409, "idempotency-in-flight"],
  ])("is asked again after %i %s, with the key of the first try", async (status, code) => {
    const busy = refusal(status, code, { "retry-after": "0" });
    server.script(busy, busy, json({ id: "job_1" }, 202));
    expect(await client.jobs.create(request)).toEqual({ id: "job_1" });
    expect(server.heard.length).toBe(3);
    expect(new Set(keys()).size).toBe(1);
    expect(keys()[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("gets another key for another call, and the caller's where there is one", async () => {
    server.script(json({}));
    await client.jobs.create(request);
    await client.jobs.create(request, { idempotencyKey: "mine" });
    await client.jobs.create(request);
    expect(new Set(keys()).size).toBe(3);
    expect(keys()[1]).toBe("mine");
  });

  it("is not waited for where it wants more patience than a minute", async () => {
    server.script(refusal(429, "too-many-requests", { "retry-after": "3600" }));
    expect(await caught(client.jobs.get("job_1"))).toMatchObject({ code: "too-many-requests", retryAfter: 3600 });
    expect(server.heard.length).toBe(1);
  });

  it("is given up after as many tries as were allowed", async () => {
    server.script(refusal(503, "overloaded", { "retry-after": "0" }));
    expect(await caught(new Client(server.url, { retries: 1 }).jobs.get("j"))).toMatchObject({ status: 503 });
    expect(server.heard.length).toBe(2);
  });
});

describe("a connection", () => {
  it("that breaks, before or within the answer, is made again", async () => {
    server.script(
      (response) => void response.destroy(),
      (response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": "100" }).write('{"id":');
        setTimeout(() => response.destroy(), 20);
      },
      json({ id: "job_1" }),
    );
    expect(await client.jobs.get("job_1")).toEqual({ id: "job_1" });
    expect(server.heard.length).toBe(3);
  });

  it("to nobody says which address does not answer", async () => {
    const gone = await startScriptedServer();
    await gone.stop();
    const error = await caught(new Client(gone.url, { retries: 0 }).service.live());
    expect(error).toBeInstanceOf(Unreachable);
    expect(error).toMatchObject({
      url: `${gone.url}/health/live`,
      message: expect.stringContaining(gone.url) as string,
    });
  });

  it("ends with the signal, also while it waits for another try", async () => {
    const reason = new Error("enough");
    const ending = new AbortController();
    server.script((response, heard) => {
      void refusal(503, "overloaded", { "retry-after": "30" })(response, heard);
      setTimeout(() => ending.abort(reason), 50);
    });
    expect(await caught(client.jobs.get("job_1", { signal: ending.signal }))).toBe(reason);
    expect(await caught(client.jobs.get("job_1", { signal: ending.signal }))).toBe(reason);
  });
});

describe("a request", () => {
  it("carries the key, and what its query says as text", async () => {
    server.script(json({ data: [], hasMore: false, nextAfter: null }));
    await client.jobs.list({ limit: 2, status: undefined, metadata: { team: "a&b" } });
    expect(server.heard[0]).toMatchObject({ method: "GET", url: "/v1/jobs?limit=2&metadata.team=a%26b" });
    expect(server.heard[0].headers).toMatchObject({ authorization: "Bearer fm_key", accept: "application/json" });
    expect(server.heard[0].headers["idempotency-key"]).toBeUndefined();
  });

  it("that asks and changes nothing has no Idempotency-Key", async () => {
    server.script(json({}));
    await client.jobs.estimate(request);
    await client.models.predict("digits@production", { instances: [[1]] });
    expect(keys()).toEqual([undefined, undefined]);
    expect(server.heard[1].url).toBe("/v1/models/digits%40production/predictions");
  });

  it.each(["", ".", ".."])("never names another route because an id is '%s'", (id) => {
    expect(() => client.jobs.get(id)).toThrow(/expected an id/);
  });
});

it("walks a list page after page", async () => {
  server.script(
    json({ data: [1, 2], hasMore: true, nextAfter: "b" }),
    json({ data: [3], hasMore: false, nextAfter: null }),
  );
  const found: unknown[] = [];
  for await (const each of client.jobs.all({ limit: 2 })) found.push(each);
  expect(found).toEqual([1, 2, 3]);
  expect(server.heard.map(({ url }) => url)).toEqual(["/v1/jobs?limit=2", "/v1/jobs?limit=2&after=b"]);
});
