import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildApp } from "./app.ts";
import type { App } from "./types.ts";

let app: App;
const lines: string[] = [];
beforeAll(async () => {
  app = await buildApp({ version: "0.0.0", log: pino({ level: "warn" }, { write: (line: string) => void lines.push(line) }) });
});
afterAll(() => app.close());

describe("problems", () => {
  it("answers an unknown route with 404 and a sentence", async () => {
    const answer = await app.inject("/v1/nothing");
    expect(answer.statusCode).toBe(404);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.json()).toMatchObject({ code: "not-found", status: 404, instance: "/v1/nothing", errors: [] });
  });
  it("answers a wrong method with 405 and the right ones", async () => {
    const answer = await app.inject({ method: "PUT", url: "/health/live" });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
  });
  it("logs nothing as an error for either", () => expect(lines).toEqual([]));
});
