/** Aliases of models: moved in one step, several for one model, gone with it, back after a rebuild. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { rebuild } from "../../scripts/rebuild/rebuild.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { greyModel, importModel } from "../support/imported-model.ts";

let service: TestApp;
let first: string;
let second: string;
/** The same weights behind another activation: other answers. */
const other = {
  ...greyModel,
  classes: ["a", "b", "c"],
  network: { layers: [{ ...greyModel.network.layers[0], activation: "relu" }, ...greyModel.network.layers.slice(1)] },
};

beforeAll(async () => {
  service = await startTestApp();
});
afterAll(() => service.stop());
beforeEach(async () => {
  await service.dependencies.redis.flushall();
  first = await importModel(service, greyModel);
  second = await importModel(service, other);
});

async function ask(method: "GET" | "PUT" | "PATCH" | "DELETE" | "POST", url: string, payload?: object) {
  const answer = await service.app.inject({ method, url, ...(payload ? { payload } : {}) });
  return { status: answer.statusCode, body: answer.body === "" ? null : answer.json() };
}
const put = (alias: string, model: string) => ask("PUT", `/v1/aliases/models/${encodeURIComponent(alias)}`, { model });
const shown = async (id: string) => (await ask("GET", `/v1/models/${id}`)).body.alias as string | null;
const all = async () =>
  (await ask("GET", "/v1/aliases/models")).body.data.map((each: { alias: string; model: string }) => [
    each.alias,
    each.model,
  ]);

test("an alias is moved, and says what it named before; other names of a model stay", async () => {
  expect(await put("digits@staging", first)).toEqual({
    status: 200,
    body: { alias: "digits@staging", model: first, previous: null },
  });
  expect((await put("digits@production", second)).body.previous).toBeNull();
  // Promoted by its own alias.
  expect((await put("digits@production", "digits@staging")).body).toMatchObject({ model: first, previous: second });
  expect([await shown(first), await shown(second)]).toEqual(["digits@production", null]);
  expect(await all()).toEqual([
    ["digits@production", first],
    ["digits@staging", first],
  ]);
  expect((await ask("GET", "/v1/models/digits@staging")).body.id).toBe(first);
  expect((await put("digits@staging", first)).body.previous).toBe(first);
  expect(await shown(first)).toBe("digits@staging");
  const page = (await ask("GET", "/v1/aliases/models?limit=1&order=desc")).body;
  expect([page.data[0].alias, page.hasMore, page.nextAfter]).toEqual(["digits@staging", true, "digits@staging"]);
  expect((await ask("GET", "/v1/aliases/models?order=desc&after=digits@staging")).body).toMatchObject({
    data: [{ alias: "digits@production" }],
    hasMore: false,
  });
});

test("one is taken away, a model takes all of its own along", async () => {
  await put("a", first);
  await put("b", first);
  await ask("PATCH", `/v1/models/${first}`, { alias: "c" });
  expect(await all()).toEqual([
    ["a", first],
    ["c", first],
  ]);
  expect((await ask("DELETE", "/v1/aliases/models/c")).status).toBe(204);
  expect((await ask("DELETE", "/v1/aliases/models/c")).status).toBe(404);
  expect(await shown(first)).toBe("a");
  await put("c", second);
  await ask("PATCH", `/v1/models/${second}`, { alias: null });
  expect(await shown(second)).toBeNull();
  await put("d", first);
  expect((await ask("PATCH", `/v1/models/${second}`, { alias: "d" })).status).toBe(409);
  await ask("DELETE", `/v1/models/${first}`);
  expect(await all()).toEqual([]);
});

test("what is no alias, or names no model, is refused", async () => {
  for (const alias of [first, "UPPER", "-a", "a b", "x".repeat(64)])
    expect([alias, (await put(alias, second)).status]).toEqual([alias, 400]);
  expect((await put("a", "nothing")).status).toBe(404);
  expect((await ask("PUT", "/v1/aliases/models/a", { models: first })).status).toBe(400);
  expect(await all()).toEqual([]);
});

test("after Redis was lost they are what they were, also where a move had reached one manifest only", async () => {
  await put("digits@staging", first);
  await put("digits@production", first);
  const { redis, records, storage } = service.dependencies;
  const before = [await all(), await shown(first)];
  // Moved in Redis, and the process died before it wrote a manifest: the other one is written later.
  await records.models.name("digits@staging", second);
  await ask("PATCH", `/v1/models/${second}`, { name: "newer" });
  await redis.flushall();
  expect((await rebuild({ redis, records, storage })).models).toBeGreaterThanOrEqual(2);
  expect(before).toEqual([
    [
      ["digits@production", first],
      ["digits@staging", first],
    ],
    "digits@production",
  ]);
  expect(await all()).toEqual([
    ["digits@production", first],
    ["digits@staging", second],
  ]);
  expect([await shown(first), await shown(second)]).toEqual(["digits@production", "digits@staging"]);
});

test("under load an answer is one model's, whole", async () => {
  const instances = Array.from({ length: 9 }, (_, at) => Array.from({ length: 35 }, (__, pixel) => (pixel * at) % 251));
  const predict = async (model: string) => {
    const { body } = await ask("POST", `/v1/models/${model}/predictions`, { instances });
    return JSON.stringify([body.model, body.predictions]);
  };
  const whole = [await predict(first), await predict(second)];
  expect(whole[0]).not.toBe(whole[1]);
  await put("moving", first);
  let moves = 0;
  let isOver = false;
  const mover = (async () => {
    for (; !isOver; moves++) await put("moving", moves % 2 === 0 ? second : first);
  })();
  const seen = new Set<string>();
  for (let round = 0; round < 12 || seen.size < 2; round++)
    for (const answer of await Promise.all(Array.from({ length: 8 }, () => predict("moving")))) seen.add(answer);
  isOver = true;
  await mover;
  expect([...seen].filter((each) => !whole.includes(each))).toEqual([]);
  expect(seen.size).toBe(2);
});
