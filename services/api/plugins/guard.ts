/**
 * What stands between the network and the routes: security headers, a limit of requests where one is set, and 503
 * before the process chokes.
 */
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import Fastify from "fastify";
import plugin from "fastify-plugin";
import type { Redis } from "../../shared/redis.ts";
import { Pressure } from "../http/pressure.ts";
import { Problem } from "../http/problem.ts";
import { isProbe } from "../http/probes.ts";
import type { App } from "../http/types.ts";

const mostLateMs = 3000;
const mostHeapBytes = 3 * 1024 ** 3;
const retrySeconds = 5;
const yearSeconds = 31_536_000;

export interface GuardOptions {
  redis: Redis;
  perMinute: number | null;
  /** What the process may hold by its settings, besides its heap. */
  memoryBytes: number;
}

/** What helmet says is the same in every answer: it is asked once. */
async function securityHeaders(): Promise<Record<string, string>> {
  const asked = Fastify();
  await asked.register(helmet, { contentSecurityPolicy: false, strictTransportSecurity: false });
  asked.get("/", async () => "");
  const { headers } = await asked.inject("/");
  await asked.close();
  const own = ["content-type", "content-length", "date", "connection"];
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      own.includes(name) || value === undefined ? [] : [[name, String(value)]],
    ),
  );
}

export const guard = plugin(async (app: App, { redis, perMinute, memoryBytes }: GuardOptions) => {
  const always = await securityHeaders();
  app.addHook("onRequest", (request, reply, done) => {
    reply.headers(always);
    // A promise about TLS is made over TLS alone: ours, or that of a proxy that we were told to trust.
    if (request.protocol === "https") reply.header("strict-transport-security", `max-age=${yearSeconds}`);
    done();
  });
  const pressure = new Pressure({
    lateMs: mostLateMs,
    heapBytes: mostHeapBytes,
    // What is held outside of the heap counts as well: bodies, weights, memories of models.
    residentBytes: mostHeapBytes + memoryBytes,
  });
  const endWatch = pressure.watch();
  app.addHook("onClose", async () => endWatch());
  app.addHook("onRequest", (request, _reply, done) => {
    if (pressure.isHigh && !isProbe(request.url))
      throw new Problem({
        code: "overloaded",
        detail: "the service has more to do than it can answer in time; try again in a moment",
        retryAfter: retrySeconds,
      });
    done();
  });
  if (perMinute === null) return;
  await app.register(rateLimit, {
    global: false,
    max: perMinute,
    timeWindow: 60_000,
    redis,
    nameSpace: "maps:rate:",
    skipOnError: true,
    allowList: (request) => isProbe(request.url),
    errorResponseBuilder: (_request, context) =>
      new Problem({
        code: "too-many-requests",
        detail: `more than ${context.max} requests in a minute; try again in ${Math.ceil(context.ttl / 1000)} s`,
        retryAfter: context.ttl / 1000,
      }),
  });
  // Not route by route: what is asked of no route counts as well.
  app.addHook("onRequest", app.rateLimit());
});
