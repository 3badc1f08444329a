/**
 * Secrets are given in every place that takes one, and in places that do not; the service works with them, and fails.
 * Nothing that it then wrote or answered has one of them: no log at trace, no problem, no event, no trace.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, createServer as createProxy, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectRedis, type Redis } from "../../services/shared/redis.ts";
import { createLog } from "../../services/shared/log.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { startReceiver, type Receiver } from "../support/otlp/receiver.ts";
import { startTestS3, type TestS3 } from "../support/s3.ts";
import { run, startStack, until, type Answer, type Ask, type Service, type Stack } from "../support/stack.ts";
import { strokesForm, strokesJob } from "../support/strokes.ts";

const planted: Record<string, string> = {
  adminKey: `fm_${"Pl4ntedAdmin_".repeat(3)}`,
  unknownKey: `fm_${"Pl4ntedUnknown-".repeat(3)}`,
  redisPassword: "Pl4nted/redis+password=%",
  s3Secret: "Pl4nted/s3+secret=Pl4nted/s3+secret=",
  webhookSecret: "whsec_UGw0bnRlZFdlYmhvb2tTZWNyZXQ=",
  shortSecret: "Pl4ntedShort",
  hookPassword: "Pl4ntedHookPassword",
  basicPassword: "Pl4ntedBasicPassword",
  malformedKey: "fm_Pl4nted.Malformed.Pl4nted.Malformed",
  cookie: "Pl4ntedCookieOfNobody",
  collectorKey: "Pl4ntedCollectorKey",
};
/** What is answered on purpose, once: a new key, a session. */
const given = new Set<string>();
const answers: string[] = [];
const services: Service[] = [];
const sockets = new Set<Socket>();
let redis: TestRedis;
let admin: Redis;
let proxy: ReturnType<typeof createProxy>;
let s3: TestS3;
let stack: Stack;
let receiver: Server;
let collector: Receiver;

/** The Redis has a socket of its own; this is it on a port, which alone asks for a password. */
async function onPort(path: string): Promise<number> {
  proxy = createProxy((near) => {
    const far = connect(path);
    for (const each of [near, far]) {
      sockets.add(each);
      each.on("error", () => undefined).on("close", () => (near.destroy(), far.destroy()));
    }
    near.pipe(far).pipe(near);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return (proxy.address() as AddressInfo).port;
}

const passwordIs = (password: string): Promise<unknown> => admin.config("SET", "requirepass", password);

beforeAll(async () => {
  redis = await startTestRedis();
  admin = connectRedis({ url: redis.url, role: "working", log: createLog({ level: "silent", service: "test" }) });
  const port = await onPort(new URL(redis.url).pathname);
  s3 = await startTestS3(planted["s3Secret"]);
  receiver = createServer((_request, response) => response.writeHead(500).end());
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  await passwordIs(planted["redisPassword"]);
  collector = await startReceiver();
  stack = await startStack({
    environment: {
      AUTH: "keys",
      ADMIN_KEY: planted["adminKey"],
      REDIS_URL: `redis://:${encodeURIComponent(planted["redisPassword"])}@127.0.0.1:${port}`,
      STORAGE_URL: s3.url,
      WEBHOOK_ALLOW_PRIVATE: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `api-key=${planted["collectorKey"]}`,
      LOG_LEVEL: "trace",
    },
  });
});
afterAll(async () => {
  await stack.stop();
  receiver.close();
  await collector.stop();
  await s3.stop();
  admin.disconnect();
  for (const each of sockets) each.destroy();
  proxy.close();
  await redis.stop();
});

async function ask(path: string, how: Ask = {}): Promise<Answer> {
  const answer = await stack.ask(path, how);
  // A new key and a session's cookie are for whoever asked.
  if (!given.has(`${how.method ?? "POST"} ${path}`))
    answers.push(JSON.stringify([...answer.headers]), Buffer.from(answer.bytes).toString("utf8"));
  return answer;
}
const as = (authorization: string, how: Ask = {}): Ask => ({ ...how, headers: { ...how.headers, authorization } });
const asAdmin = (how: Ask = {}): Ask => as(`Bearer ${planted["adminKey"]}`, how);

async function keysAndSessions(): Promise<void> {
  given.add("POST /v1/keys").add("POST /v1/session");
  await until(
    () => ask("/v1/jobs", asAdmin()),
    ({ status }) => status === 200,
    "the first key",
  );
  const made = await ask("/v1/keys", asAdmin({ body: { name: "planted", scope: "read" } }));
  planted["madeKey"] = made.body.key as string;
  const begun = await ask("/v1/session", { body: { key: planted["madeKey"] } });
  const [, word = ""] = /fm_session=([^;]+)/.exec(begun.headers.get("set-cookie") ?? "") ?? [];
  planted["session"] = word;
  expect([made.status, begun.status, word.length > 30]).toEqual([201, 201, true]);
  given.delete("POST /v1/session");
  given.delete("POST /v1/keys");
  const requests: [path: string, how: Ask, succeeds: boolean][] = [
    ["/v1/jobs", as(`Bearer ${planted["madeKey"]}`), true],
    ["/v1/jobs", as(`Bearer ${planted["madeKey"]}`, { body: {} }), false],
    ["/v1/jobs", as(`Bearer ${planted["unknownKey"]}`), false],
    ["/v1/jobs", as(`Bearer ${planted["malformedKey"]}`), false],
    ["/v1/jobs", as(`Basic ${Buffer.from(`user:${planted["basicPassword"]}`).toString("base64")}`), false],
    ["/v1/jobs", { headers: { cookie: `fm_session=${word}` } }, true],
    ["/v1/jobs", { body: {}, headers: { cookie: `fm_session=${word}`, "sec-fetch-site": "same-site" } }, false],
    ["/v1/jobs", { headers: { cookie: `fm_session=${planted["cookie"]}` } }, false],
    ["/v1/session", { body: { key: planted["unknownKey"] } }, false],
    ["/v1/session", { body: { key: planted["malformedKey"] } }, false],
    ["/v1/session", { body: { password: planted["shortSecret"] } }, false],
    [`/v1/jobs?key=${planted["madeKey"]}`, asAdmin(), false],
    [`/v1/jobs?after=${planted["madeKey"]}`, asAdmin(), false],
    [`/v1/keys/${planted["madeKey"]}`, asAdmin({ method: "DELETE" }), false],
    [`/v1/jobs/${planted["madeKey"]}`, asAdmin(), false],
    [`/nothing/${planted["madeKey"]}`, asAdmin(), false],
  ];
  for (const [path, how, succeeds] of requests)
    expect([path, how, (await ask(path, how)).status < 300]).toEqual([path, how, succeeds]);
}

async function webhooks(): Promise<void> {
  const { port } = receiver.address() as AddressInfo;
  await ask("/v1/datasets", asAdmin({ body: strokesForm({ train: 60, test: 21 }) }));
  const ofUser = `user:${planted["hookPassword"]}@127.0.0.1`;
  const urls = [`http://${ofUser}:${port}/hook`, `http://${ofUser}:9/hook`];
  const jobs: string[] = [];
  for (const url of urls) {
    const body = { ...strokesJob, epochs: 1, webhook: { url, secret: planted["webhookSecret"] } };
    const made = await ask("/v1/jobs", asAdmin({ body }));
    expect(made.status).toBe(202);
    jobs.push(made.body.id as string);
  }
  for (const secret of [planted["shortSecret"], 1, [planted["webhookSecret"]], { a: planted["webhookSecret"] }]) {
    const body = { ...strokesJob, webhook: { url: urls[0], secret } };
    expect((await ask("/v1/jobs", asAdmin({ body }))).status).toBe(400);
  }
  const broken = `{"webhook":{"secret":"${planted["webhookSecret"]}"`;
  await ask("/v1/jobs", asAdmin({ body: broken, headers: { "content-type": "application/json" } }));
  const wrong = { webhook: { url: `ftp://user:${planted["hookPassword"]}@host`, secret: planted["webhookSecret"] } };
  await ask("/v1/jobs", asAdmin({ body: { ...strokesJob, ...wrong } }));
  const sweep = {
    base: {
      ...strokesJob,
      epochs: 1,
      validation: { fraction: 0.1 },
      webhook: { url: urls[0], secret: planted["webhookSecret"] },
    },
    space: { "/optimiser/learningRate": { log: [0.01, 0.3] } },
    search: { kind: "random", trials: 1 },
  };
  for (const id of jobs) {
    await until(
      () => ask(`/v1/jobs/${id}`, asAdmin()),
      ({ body }) => body.status === "succeeded",
      "a job",
    );
    await until(
      () => ask(`/v1/jobs/${id}/webhooks`, asAdmin()),
      ({ body }) => body.data[0]?.tries > 0,
      "a webhook",
    );
    await ask(`/v1/jobs/${id}/events?limit=1000`, asAdmin());
    await ask(`/v1/jobs/${id}/events`, asAdmin({ headers: { accept: "text/event-stream" } }));
  }
  expect((await ask("/v1/sweeps", asAdmin({ body: sweep }))).status).toBe(202);
  for (const path of ["/v1/jobs?view=full", "/v1/sweeps", "/v1/keys", "/v1/session", "/v1/system", "/metrics"])
    await ask(path, asAdmin());
}

/** What the service is started with turns out wrong, and what it works with goes away. */
async function failures(): Promise<void> {
  const wrong: Record<string, string>[] = [
    { REDIS_URL: `redis://user:${planted["redisPassword"]}@`, PORT: "x" },
    { ADMIN_KEY: planted["malformedKey"] },
    { STORAGE_URL: `ftp://user:${planted["hookPassword"]}@host` },
  ];
  for (const entry of ["services/api/main.js", "services/worker/main.js", "services/stack/main.js"])
    for (const environment of wrong) {
      const service = run(entry, { ...stack.environment, ...environment });
      services.push(service);
      await once(service.process, "close");
      expect(service.process.exitCode).toBe(78);
    }
  await passwordIs("another");
  for (const each of sockets) each.destroy();
  await until(
    () => ask("/v1/jobs", asAdmin()),
    ({ status }) => status === 503,
    "a refusal by Redis",
  );
  await until(
    async () => stack.workers[0].lines,
    (lines) => lines.some((line) => line.includes("Redis cannot be reached")),
    "the worker's word of it",
  );
  await passwordIs(planted["redisPassword"]);
  await until(
    () => ask("/v1/jobs", asAdmin()),
    ({ status }) => status === 200,
    "Redis again",
  );
  await s3.stop();
  await until(
    () => ask("/health/ready", asAdmin()),
    ({ body }) => String(body.detail).includes("storage"),
    "storage away",
  );
}

const spellings = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString("base64").replace(/=+$/, ""),
  Buffer.from(secret).toString("base64url"),
];

it("keeps what was planted to itself", async () => {
  await keysAndSessions();
  await webhooks();
  await failures();
  const written = [stack.api, ...stack.workers, ...services].flatMap(({ lines, told }) => [...lines, ...told]);
  expect(written.some((line) => line.includes('"level":10'))).toBe(true);
  await until(
    async () => collector.bodies.join(""),
    (bodies) => bodies.includes("call webhook"),
    "a trace of a webhook",
  );
  const found = [...written, ...answers, ...collector.bodies].flatMap((text) =>
    Object.entries(planted).flatMap(([name, secret]) =>
      spellings(secret).some((each) => text.includes(each)) ? [{ name, text: text.slice(0, 600) }] : [],
    ),
  );
  expect(found).toEqual([]);
  // There was something to hide.
  expect(written.filter((line) => line.includes("(hidden)")).length).toBeGreaterThan(0);
});
