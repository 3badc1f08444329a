import Fastify from "fastify";
import { pino } from "pino";
import { expect, it } from "vitest";
import { audit } from "./audit.ts";

const secret = "fm_plantedplantedplantedplanted";

async function linesOf(ask: (app: ReturnType<typeof Fastify>) => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  const loggerInstance = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const app = Fastify({ loggerInstance, disableRequestLogging: true });
  app.decorateRequest("bearer", null);
  app.addHook("onRequest", async (request) => {
    (request as { bearer: unknown }).bearer = { project: "prj_a", key: { id: "key_b", hash: secret } };
  });
  await app.register(audit as never);
  app.get("/things/:id", async () => ({}));
  app.post("/things", async (_request, reply) => reply.code(202).header("location", "/things/7").send({}));
  app.delete("/things/:id", async (_request, reply) => reply.code(404).send({}));
  app.post("/questions", { config: { changesNothing: true } as never }, async () => ({}));
  await ask(app);
  await app.close();
  for (const line of lines) expect(line).not.toContain(secret);
  return lines.flatMap((line) => {
    const { audit: found } = JSON.parse(line) as { audit?: Record<string, unknown> };
    return found ? [found] : [];
  });
}

it("says who did what, to which, from where, and what came of it", async () => {
  const headers = { authorization: `Bearer ${secret}` };
  const lines = await linesOf(async (app) => {
    await app.inject({ method: "POST", url: `/things?token=${secret}`, headers, payload: { secret } });
    await app.inject({ method: "DELETE", url: "/things/8", headers, remoteAddress: "192.0.2.5" });
  });
  const who = { project: "prj_a", key: "key_b" };
  expect(lines).toEqual([
    { ...who, method: "POST", route: "/things", path: "/things", made: "/things/7", from: "127.0.0.1", status: 202 },
    { ...who, method: "DELETE", route: "/things/:id", path: "/things/8", made: null, from: "192.0.2.5", status: 404 },
  ]);
});

it("leaves out what changes nothing", async () => {
  const lines = await linesOf(async (app) => {
    await app.inject("/things/7");
    await app.inject({ method: "POST", url: "/questions", payload: {} });
  });
  expect(lines).toEqual([]);
});
