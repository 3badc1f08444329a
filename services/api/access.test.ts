/** Keys, sessions and projects over a real Redis. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "../shared/ids.ts";
import { createRecords } from "../shared/records/index.ts";
import { datasetRecord, startTestApp, type TestApp } from "../../tests/support/app.ts";
import { makeJob, makeModel } from "../../tests/support/made-records.ts";
import { builtinId } from "../shared/builtins.ts";
import { strokesNetwork } from "../../tests/support/strokes.ts";
import type { Key, MadeKey, Project } from "../../schemas/access.ts";

const adminKey = `fm_${"a1b2c3d4".repeat(6)}`;
let test: TestApp;

interface Asking {
  key?: string;
  method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  body?: object;
  headers?: Record<string, string>;
}
const ask = (url: string, { key, method = "GET", body, headers = {} }: Asking = {}) =>
  test.app.inject({
    method,
    url,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });

async function makeKey(fields: object = {}): Promise<MadeKey> {
  const made = await ask("/v1/keys", { key: adminKey, method: "POST", body: { name: "k", ...fields } });
  expect(made.statusCode).toBe(201);
  return made.json<MadeKey>();
}

async function makeProject(name: string): Promise<{ project: Project; key: string }> {
  const made = await ask("/v1/projects", { key: adminKey, method: "POST", body: { name } });
  expect(made.statusCode).toBe(201);
  const project = made.json<Project>();
  return { project, key: (await makeKey({ project: project.id, scope: "admin" })).key };
}

interface Operation {
  method: NonNullable<Asking["method"]>;
  path: string;
  security: Record<string, string[]>[];
}

/** A path of nothing that there is. */
const filled = (path: string): string => path.replaceAll(/\{(index|layer|epoch)\}/g, "0").replaceAll(/\{[^}]*\}/g, "x");

async function operations(): Promise<Operation[]> {
  const { paths } = (await ask("/openapi.json", { key: adminKey })).json<{
    paths: Record<string, Record<string, { security: Operation["security"] }>>;
  }>();
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      method: method.toUpperCase() as Operation["method"],
      path,
      security,
    })),
  );
}

beforeAll(async () => {
  test = await startTestApp({ AUTH: "keys", ADMIN_KEY: adminKey });
  await test.dependencies.records.keys.putAdmin(adminKey);
});
afterAll(() => test.stop());

describe("keys", () => {
  it("are asked for on every route but those that show nothing of anybody's", async () => {
    const open: string[] = [];
    for (const { method, path, security } of await operations()) {
      const answer = await ask(filled(path), { method });
      if (security.length === 0) open.push(`${method} ${path}`);
      else {
        expect([method, path, answer.statusCode, answer.json<{ code: string }>().code]).toEqual([
          method,
          path,
          401,
          "unauthorized",
        ]);
        expect(answer.headers["www-authenticate"]).toMatch(/^Bearer /);
        expect(answer.json<{ detail: string }>().detail).toContain("Authorization: Bearer fm_");
      }
    }
    expect(open.filter((each) => !/ \/(health|v2\/health|problems)\/| \/$/.test(each)).toSorted()).toEqual([
      "DELETE /v1/session",
      "POST /v1/session",
    ]);
    for (const path of ["/docs", "/docs/", "/openapi.json", "/metrics", "/v1/jobs/x/events"])
      expect([path, (await ask(path)).statusCode]).toEqual([path, 401]);
    for (const path of ["/health/live", "/v2/health/live"]) expect((await ask(path)).statusCode).toBe(200);
    expect((await ask("/metrics", { key: (await makeKey({ scope: "read" })).key })).statusCode).toBe(200);
  });

  it("do what their scope allows, and the document says which that is", async () => {
    const { key } = await makeKey({ scope: "read" });
    const writer = (await makeKey({ scope: "write" })).key;
    for (const { method, path, security } of await operations()) {
      const needed = security[0]?.["key"]?.[0];
      if (needed === undefined) continue;
      const url = filled(path);
      const refused = (await ask(url, { method, key })).statusCode === 403;
      expect([method, path, refused]).toEqual([method, path, needed !== "read"]);
      if (needed === "admin") expect([path, (await ask(url, { method, key: writer })).statusCode]).toEqual([path, 403]);
    }
    const refusal = await ask("/v1/jobs", { method: "POST", key, body: {} });
    expect(refusal.json()).toMatchObject({
      code: "forbidden",
      detail: expect.stringContaining("scope write") as string,
    });
    expect(refusal.headers["www-authenticate"]).toContain('error="insufficient_scope", scope="write"');
  });

  it("are refused in a sentence where they are unknown, of another kind, or at their end", async () => {
    const detail = async (authorization: string) =>
      (await ask("/v1/jobs", { headers: { authorization } })).json<{ detail: string }>().detail;
    expect(await detail(`Bearer fm_${"0".repeat(43)}`)).toContain("mistyped, or revoked");
    expect(await detail("Basic dXNlcjpwYXNz")).toContain("send Authorization: Bearer fm_");
    const expiresAt = new Date(Date.now() + 3600_000).toISOString();
    const { key, id } = await makeKey({ expiresAt });
    expect((await ask("/v1/jobs", { key })).statusCode).toBe(200);
    await test.dependencies.redis.hset(`maps:key:${id}`, "expiresAt", JSON.stringify("2020-01-01T00:00:00.000Z"));
    await test.dependencies.redis.publish("maps:changed", `key:${id}`);
    await test.dependencies.mirror.caughtUp();
    expect(await detail(`Bearer ${key}`)).toContain(`${id} ended at 2020-01-01`);
    const late = await ask("/v1/keys", {
      key: adminKey,
      method: "POST",
      body: { name: "late", expiresAt: "2020-01-01T00:00:00.000Z" },
    });
    expect([late.statusCode, late.json<{ errors: unknown }>().errors]).toEqual([
      400,
      [{ pointer: "/expiresAt", detail: expect.stringContaining("expected a time to come") as string }],
    ]);
  });

  it("are revoked at once, and are nowhere in Redis", async () => {
    const { key, id } = await makeKey();
    expect((await ask("/v1/jobs", { key })).statusCode).toBe(200);
    const { redis } = test.dependencies;
    const texts: string[] = [];
    for (const name of await redis.keys("*")) {
      const type = await redis.type(name);
      if (type === "hash") texts.push(JSON.stringify(await redis.hgetall(name)));
      if (type === "string") texts.push((await redis.get(name)) ?? "");
    }
    expect(texts.filter((text) => text.includes(id)).length).toBeGreaterThan(0);
    expect(texts.filter((text) => text.includes(key) || text.includes(adminKey))).toEqual([]);
    expect((await ask(`/v1/keys/${id}`, { key: adminKey, method: "DELETE" })).statusCode).toBe(204);
    expect((await ask("/v1/jobs", { key })).statusCode).toBe(401);
    expect((await ask(`/v1/keys/${id}`, { key: adminKey, method: "DELETE" })).statusCode).toBe(404);
  });

  it("say when they were last used, and are listed without themselves", async () => {
    const { key, id } = await makeKey({ name: "used" });
    const found = async () =>
      (await ask("/v1/keys?limit=1000", { key: adminKey }))
        .json<{ data: Key[] }>()
        .data.find((each) => each.id === id) as Key;
    expect((await found()).lastUsedAt).toBeNull();
    await ask("/v1/jobs", { key });
    expect((await found()).lastUsedAt).not.toBeNull();
    await test.dependencies.keyring.flush();
    expect((await test.dependencies.records.keys.read(id))?.lastUsedAt).not.toBeNull();
    expect(Object.keys(await found())).not.toContain("digest");
  });

  it("from the environment: one, in place of the one before", async () => {
    const other = `fm_${"z9y8x7w6".repeat(6)}`;
    await test.dependencies.records.keys.putAdmin(other);
    await test.dependencies.mirror.caughtUp();
    expect([
      (await ask("/v1/keys", { key: other })).statusCode,
      (await ask("/v1/keys", { key: adminKey })).statusCode,
    ]).toEqual([200, 401]);
    await test.dependencies.records.keys.putAdmin(adminKey);
    await test.dependencies.mirror.caughtUp();
    expect((await ask("/v1/keys", { key: adminKey })).statusCode).toBe(200);
  });
});

describe("sessions", () => {
  const begin = async (key: string, headers = {}) => {
    const made = await ask("/v1/session", { method: "POST", body: { key }, headers });
    return { made, cookie: String(made.headers["set-cookie"]) };
  };

  it("begin with a key and end with their cookie, which no script reads and no other site sends", async () => {
    const { key, id } = await makeKey();
    const { made, cookie } = await begin(key);
    expect([made.statusCode, made.json()]).toEqual([
      201,
      expect.objectContaining({ object: "session", auth: "keys", scope: "write" }) as unknown,
    ]);
    expect(cookie).toMatch(/^fm_session=[\w-]{43}; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
    const headers = { cookie: cookie.split(";")[0] };
    expect((await ask("/v1/session", { headers })).json()).toMatchObject({ key: { id } });
    expect((await ask("/v1/jobs", { headers })).statusCode).toBe(200);
    const ended = await ask("/v1/session", { method: "DELETE", headers });
    expect([ended.statusCode, String(ended.headers["set-cookie"])]).toEqual([
      204,
      expect.stringContaining("fm_session=;"),
    ]);
    await test.dependencies.mirror.caughtUp();
    expect((await ask("/v1/jobs", { headers })).statusCode).toBe(401);
  });

  it("write only from a page of this service", async () => {
    const { cookie } = await begin((await makeKey()).key);
    const write = async (headers: Record<string, string>) =>
      (
        await ask("/v1/jobs/x/cancel", {
          method: "POST",
          headers: { cookie: cookie.split(";")[0], host: "localhost:3000", ...headers },
        })
      ).statusCode;
    expect(await write({})).toBe(403);
    expect(await write({ "sec-fetch-site": "same-site" })).toBe(403);
    expect(await write({ "sec-fetch-site": "cross-site", origin: "https://evil.example" })).toBe(403);
    expect(await write({ origin: "http://localhost:5173" })).toBe(403);
    expect(await write({ "sec-fetch-site": "same-origin", origin: "http://localhost:3000" })).toBe(404);
    expect(await write({ origin: "http://localhost:3000" })).toBe(404);
  });

  it("end with their key", async () => {
    const { key, id } = await makeKey();
    const { cookie } = await begin(key);
    const headers = { cookie: cookie.split(";")[0] };
    expect((await ask("/v1/jobs", { headers })).statusCode).toBe(200);
    await ask(`/v1/keys/${id}`, { key: adminKey, method: "DELETE" });
    expect((await ask("/v1/jobs", { headers })).statusCode).toBe(401);
    expect((await begin(`fm_${"0".repeat(43)}`)).made.statusCode).toBe(401);
  });
});

describe("projects", () => {
  it("are made by the operator alone, and seen by their own", async () => {
    const { project, key } = await makeProject("vision");
    const shown = (await ask("/v1/projects", { key })).json<{ data: Project[] }>().data;
    expect(shown.map(({ id }) => id)).toEqual([project.id]);
    expect(shown[0].usage).toMatchObject({ queuedJobs: 0, storedBytes: 0 });
    const all = (await ask("/v1/projects", { key: adminKey })).json<{ data: Project[] }>().data.map(({ id }) => id);
    expect(all).toEqual(expect.arrayContaining([project.id, "prj_default"]));
    expect((await ask("/v1/projects", { key, method: "POST", body: { name: "mine" } })).statusCode).toBe(403);
    const body = { limits: { queuedJobs: 1_000_000 } };
    expect((await ask(`/v1/projects/${project.id}`, { key, method: "PATCH", body })).statusCode).toBe(403);
    expect((await ask("/v1/projects/prj_default", { key, method: "PATCH", body })).statusCode).toBe(404);
    expect((await ask("/v1/projects/prj_default", { key })).statusCode).toBe(404);
    const patched = await ask(`/v1/projects/${project.id}`, { key: adminKey, method: "PATCH", body });
    expect(patched.json()).toMatchObject({ name: "vision", limits: { queuedJobs: 1_000_000, runningJobs: null } });
    const keys = (await ask("/v1/keys", { key })).json<{ data: Key[] }>().data;
    expect(new Set(keys.map((each) => each.project))).toEqual(new Set([project.id]));
    const admin = (await makeKey({ scope: "admin" })).id;
    expect((await ask(`/v1/keys/${admin}`, { key, method: "DELETE" })).statusCode).toBe(404);
    const foreign = { name: "k", project: "prj_default", scope: "admin" };
    expect((await ask("/v1/keys", { key, method: "POST", body: foreign })).statusCode).toBe(404);
  });

  /** A project that has one of everything, on a dataset of its own that has the same alias as another's. */
  const furnish = async (project: string) => {
    const records = createRecords(test.dependencies.redis, project);
    const dataset = datasetRecord();
    expect(await records.datasets.create(dataset)).toBe("created");
    const model = await makeModel(records, { name: `model of ${project}`, dataset: dataset.id });
    expect((await records.models.name("best", model)).kind).toBe("named");
    const job = await makeJob(records, { name: `job of ${project}`, dataset: dataset.id, initialModelId: model });
    const evaluation = newId("evaluation");
    await records.evaluations.create(
      {
        id: evaluation,
        model,
        dataset: { id: dataset.id, revision: "a".repeat(64) },
        split: "test",
        progress: { fraction: 0, samples: 0, total: 9 },
        warnings: [],
      },
      3,
    );
    return { dataset: dataset.id, model, job, evaluation };
  };

  it("see nothing of each other, whichever route is asked", async () => {
    const [mine, theirs] = [await makeProject("mine"), await makeProject("theirs")];
    const [own, other] = [await furnish(mine.project.id), await furnish(theirs.project.id)];
    const secrets = [...Object.values(other), theirs.project.id, `model of ${theirs.project.id}`];
    const ids: Record<string, string> = { datasets: other.dataset, jobs: other.job, models: other.model };
    let asked = 0;
    for (const { method, path } of await operations()) {
      if (/^\/(health|v2\/health|docs|openapi|metrics|problems)/.test(path)) continue;
      const kind = /^\/v[12]\/(\w+)/.exec(path)?.[1] ?? "";
      const urlWith = (id: string, evaluation: string): string =>
        filled(path.replace("{evaluation}", evaluation).replace("{id}", id).replace("{split}", "test"));
      const id = kind === "projects" ? theirs.project.id : (ids[kind] ?? other.model);
      const references = { dataset: other.dataset, model: other.model, initialModel: other.model };
      const sent = method === "GET" || method === "DELETE" ? {} : { body: references };
      const answer = await ask(urlWith(id, other.evaluation), { key: mine.key, method, ...sent });
      asked += 1;
      // A refusal may say again what it was asked for.
      const { code, errors } = answer.statusCode < 400 ? {} : answer.json<{ code?: string; errors?: object[] }>();
      const told = answer.statusCode < 400 ? answer.body : JSON.stringify(errors?.length === 1 ? [] : errors);
      expect([method, path, answer.statusCode, secrets.filter((each) => told.includes(each))]).toEqual([
        method,
        path,
        expect.toSatisfy((status: number) => status < 500) as number,
        [],
      ]);
      if (!path.includes("{id}")) continue;
      const nothing = `${id.slice(0, id.indexOf("_"))}_${"0".repeat(26)}`;
      const ofNothing = await ask(urlWith(nothing, `evl_${"0".repeat(26)}`), { key: mine.key, method, ...sent });
      expect([method, path, answer.statusCode, code]).toEqual([
        method,
        path,
        ofNothing.statusCode,
        ofNothing.json<{ code: string }>().code,
      ]);
      expect([method, path, answer.statusCode >= 400]).toEqual([method, path, true]);
    }
    expect(asked).toBeGreaterThan(50);
    // And nothing of theirs was touched.
    const records = createRecords(test.dependencies.redis, theirs.project.id);
    expect(await records.jobs.read(other.job)).toMatchObject({ status: "queued" });
    expect(await records.models.read(other.model)).toMatchObject({ alias: "best" });
    expect((await records.datasets.find("strokes"))?.id).toBe(other.dataset);
    expect((await records.evaluations.read(other.evaluation))?.status).toBe("queued");
    // Their own they see.
    for (const url of [`/v1/jobs/${own.job}`, `/v1/models/best`, "/v1/datasets/strokes"])
      expect([url, (await ask(url, { key: mine.key })).statusCode]).toEqual([url, 200]);
  });

  it("have references, aliases, lists and filters of their own", async () => {
    const [a, b] = [await makeProject("a"), await makeProject("b")];
    const [own, other] = [await furnish(a.project.id), await furnish(b.project.id)];
    const idsOf = async (url: string) =>
      (await ask(url, { key: a.key })).json<{ data: { id: string }[] }>().data.map(({ id }) => id);
    expect(await idsOf("/v1/jobs")).toEqual([own.job]);
    expect(await idsOf("/v1/jobs?status=queued&view=full")).toEqual([own.job]);
    expect(await idsOf("/v1/models")).toEqual([own.model]);
    expect(await idsOf("/v1/datasets")).toEqual([own.dataset]);
    expect((await ask("/v1/aliases/models", { key: a.key })).json()).toMatchObject({
      data: [{ alias: "best", model: own.model }],
    });
    expect((await ask(`/v1/jobs?dataset=${other.dataset}`, { key: a.key })).statusCode).toBe(404);
    const order = { network: strokesNetwork, epochs: 1 };
    const post = async (body: object) => {
      const answer = await ask("/v1/jobs?dryRun=true", { key: a.key, method: "POST", body: { ...order, ...body } });
      return [answer.statusCode, answer.json<{ errors: { pointer: string }[] }>().errors[0]?.pointer];
    };
    expect(await post({ dataset: other.dataset })).toEqual([404, "/dataset"]);
    expect(await post({ dataset: own.dataset, initialModel: other.model })).toEqual([404, "/initialModel"]);
    const move = (model: string) => ask("/v1/aliases/models/best", { key: a.key, method: "PUT", body: { model } });
    expect((await move(other.model)).statusCode).toBe(404);
    const evaluate = { dataset: other.dataset, split: "test" };
    expect(
      (await ask(`/v1/models/${own.model}/evaluations`, { key: a.key, method: "POST", body: evaluate })).statusCode,
    ).toBe(404);
  });

  it("share what is built in, and only the operator's changes it", async () => {
    const { records } = test.dependencies;
    const before = await makeProject("before");
    const id = builtinId("mnist");
    await records.datasets.create(datasetRecord({ id, alias: "mnist", name: "MNIST" }));
    const after = await makeProject("after");
    for (const { key, project } of [before, after]) {
      expect((await ask("/v1/datasets/mnist", { key })).json()).toMatchObject({ id });
      expect(
        (await ask("/v1/datasets", { key })).json<{ data: { id: string }[] }>().data.map((each) => each.id),
      ).toEqual([id]);
      const refusal = await ask("/v1/datasets/mnist", { key, method: "DELETE" });
      expect([refusal.statusCode, refusal.json<{ detail: string }>().detail]).toEqual([
        403,
        expect.stringContaining("built in and everybody's"),
      ]);
      await makeJob(createRecords(test.dependencies.redis, project.id), { name: "j", dataset: id });
      expect((await ask("/v1/jobs?dataset=mnist", { key })).json<{ data: unknown[] }>().data).toHaveLength(1);
    }
    const inUse = await ask("/v1/datasets/mnist", { key: adminKey, method: "DELETE" });
    expect([inUse.statusCode, inUse.body.includes("job_")]).toEqual([409, false]);
  });

  it("keep their Idempotency-Keys apart", async () => {
    const [a, b] = [await makeProject("c"), await makeProject("d")];
    const headers = { "idempotency-key": "same" };
    const made = async (key: string) =>
      (await ask("/v1/keys", { key, method: "POST", body: { name: "n", scope: "read" }, headers })).json<Key>().project;
    expect([await made(a.key), await made(b.key)]).toEqual([a.project.id, b.project.id]);
  });
});

/** Everything that stands in Redis, as text. */
async function everythingKept(): Promise<string> {
  const { redis } = test.dependencies;
  const kept = await Promise.all(
    (await redis.keys("*")).map(async (name) => {
      const type = await redis.type(name);
      if (type === "string") return redis.get(name);
      return type === "hash" ? JSON.stringify(await redis.hgetall(name)) : "";
    }),
  );
  return kept.join("\n");
}

describe("what is shown once", () => {
  it("stands nowhere, also where the request had an Idempotency-Key", async () => {
    const make = () =>
      ask("/v1/keys", {
        key: adminKey,
        method: "POST",
        body: { name: "once", scope: "read" },
        headers: { "idempotency-key": "shown-once" },
      });
    const made = (await make()).json<MadeKey>();
    const kept = await everythingKept();
    expect([kept.includes(made.id), kept.includes(made.key)]).toEqual([true, false]);
    const again = await make();
    expect([again.statusCode, again.json<{ code: string; detail: string }>()]).toEqual([
      409,
      expect.objectContaining({ code: "conflict", detail: expect.stringContaining(made.id) as string }),
    ]);
    const { data } = (await ask("/v1/keys", { key: adminKey })).json<{ data: Key[] }>();
    expect(data.filter(({ name }) => name === "once")).toHaveLength(1);
  });

  it("is shown to nobody who repeats the beginning of a session without its key", async () => {
    const begin = (key?: string) =>
      ask("/v1/session", {
        ...(key === undefined ? {} : { key }),
        method: "POST",
        headers: { "idempotency-key": "in" },
      });
    expect((await begin(adminKey)).statusCode).toBe(201);
    expect((await begin()).statusCode).toBe(401);
    expect((await begin(adminKey)).cookies).toHaveLength(1);
  });
});

describe("pages of other origins", () => {
  let open: TestApp;
  const origin = "https://maps.example.org";
  const preflight = (from: string) => ({
    method: "OPTIONS" as const,
    url: "/v1/jobs",
    headers: {
      origin: from,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    },
  });
  beforeAll(async () => {
    open = await startTestApp({ AUTH: "keys", CORS_ORIGINS: `${origin}, http://localhost:5173` });
    await open.dependencies.records.keys.putAdmin(adminKey);
  });
  afterAll(() => open.stop());

  it("may ask where CORS_ORIGINS names them, with a key and without cookies", async () => {
    const asked = await open.app.inject(preflight(origin));
    expect([asked.statusCode, asked.headers["access-control-allow-origin"]]).toEqual([204, origin]);
    expect(asked.headers["access-control-allow-headers"]).toContain("Authorization");
    expect(asked.headers["access-control-allow-credentials"]).toBeUndefined();
    const headers = { origin, authorization: `Bearer ${adminKey}`, "sec-fetch-site": "cross-site" };
    const wrote = await open.app.inject({ method: "POST", url: "/v1/jobs/x/cancel", headers });
    expect([wrote.statusCode, wrote.headers["access-control-allow-origin"]]).toEqual([404, origin]);
    // A refusal can be read too.
    const refused = await open.app.inject({ url: "/v1/jobs", headers: { origin } });
    expect([refused.statusCode, refused.headers["access-control-allow-origin"]]).toEqual([401, origin]);
  });

  it("may not where it does not", async () => {
    const evil = "https://maps.example.org.evil.example";
    expect((await open.app.inject(preflight(evil))).headers["access-control-allow-origin"]).toBeUndefined();
    const headers = { origin: evil, authorization: `Bearer ${adminKey}` };
    expect((await open.app.inject({ method: "POST", url: "/v1/jobs/x/cancel", headers })).statusCode).toBe(403);
    expect((await ask("/v1/jobs", { key: adminKey, headers: { origin } })).headers["access-control-allow-origin"]).toBe(
      undefined,
    );
  });
});
