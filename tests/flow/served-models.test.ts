/**
 * What an api keeps of a model is right: an alias that moves, a model that is deleted, a file that is damaged are felt
 * by every api within the time that docs/PROTOCOLS.md states, while both are asked without a pause.
 */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mostStaleMs } from "../../services/api/mirror.ts";
import { formOfModel, greyModel } from "../support/imported-model.ts";
import { ask, startStack, until, type Answer, type Api, type Stack } from "../support/stack.ts";

let stack: Stack;
let apis: Api[];
const models: string[] = [];
const pixels = Uint8Array.from({ length: 35 }, (_, at) => at * 7);

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  apis = [stack.api, await stack.startApi()];
  for (let number = 0; number < 3; number++)
    models.push((await stack.ask("/v1/models", { body: formOfModel(greyModel) })).body.id as string);
});
afterAll(() => stack.stop());

interface Heard {
  api: number;
  /** When it was asked, and answered. */
  at: number;
  answeredAt: number;
  status: number;
  body: Answer["body"];
}

/** Asks every api by four clients each without a pause, until it is stopped. */
function hammer(reference: string): { heard: Heard[]; stop: () => Promise<void> } {
  const heard: Heard[] = [];
  let goesOn = true;
  const client = async (api: number): Promise<void> => {
    while (goesOn) {
      const at = performance.now();
      const { status, body } = await ask(apis[api].url, `/v1/models/${encodeURIComponent(reference)}/predictions`, {
        method: "POST",
        headers: { "content-type": "application/octet-stream" },
        body: pixels,
      });
      heard.push({ api, at, answeredAt: performance.now(), status, body });
    }
  };
  const clients = apis.flatMap((_, api) => Array.from({ length: 4 }, () => client(api)));
  return {
    heard,
    stop: async () => {
      goesOn = false;
      await Promise.all(clients);
    },
  };
}
/** Until every api has answered some that were asked after this moment. */
const heardAfter = (heard: readonly Heard[], moment: number) =>
  until(
    async () => apis.map((_, api) => heard.filter((each) => each.api === api && each.at > moment).length),
    (counts) => counts.every((count) => count > 5),
    "answers of every api",
  );
const name = (model: string) =>
  stack.ask("/v1/aliases/models/digits@live", { method: "PUT", body: { model } }).then(({ status }) => status);

test("an alias that moves", async () => {
  expect(await name(models[0])).toBe(200);
  const load = hammer("digits@live");
  for (const model of [models[1], models[0], models[1]]) {
    await sleep(500);
    expect(await name(model)).toBe(200);
    const moved = performance.now();
    await heardAfter(load.heard, moved + mostStaleMs);
    const later = load.heard.filter(({ at }) => at > moved);
    // The api that moved it knows at once.
    const wrong = later.filter(({ api, at, body }) => body.model !== model && (api === 0 || at > moved + mostStaleMs));
    expect(wrong.length).toBe(0);
  }
  await load.stop();
  expect(load.heard.filter(({ status }) => status !== 200).length).toBe(0);
});

test("a model that is deleted", async () => {
  const load = hammer(models[2]);
  await until(
    async () => load.heard.length,
    (count) => count > 40,
    "answers from both",
  );
  expect((await stack.ask(`/v1/models/${models[2]}`, { method: "DELETE" })).status).toBe(204);
  const deleted = performance.now();
  await heardAfter(load.heard, deleted + mostStaleMs);
  await load.stop();
  const later = load.heard.filter(({ at, api }) => at > deleted + (api === 0 ? 0 : mostStaleMs));
  expect(new Set(later.map(({ api, status }) => `${api}: ${status}`))).toEqual(new Set(["0: 404", "1: 404"]));
});

test("a file that is damaged", async () => {
  const load = hammer(models[0]);
  const folder = join(fileURLToPath(stack.environment.STORAGE_URL), "models", models[0]);
  const weights = (await readdir(folder)).find((file) => file.endsWith(".safetensors")) ?? "";
  await writeFile(join(folder, weights), Buffer.alloc(1000, 7));
  const isDamaged = ({ status, body }: Heard): boolean => status === 500 && body.code === "stored-damaged";
  await until(
    async () => apis.map((_, api) => load.heard.filter((each) => each.api === api).at(-1)),
    (last) => last.every((each) => each !== undefined && isDamaged(each)),
    "both to feel it",
  );
  await heardAfter(load.heard, performance.now());
  await load.stop();
  for (const api of apis.keys()) {
    const own = load.heard.filter((each) => each.api === api);
    const first = own.findIndex(isDamaged);
    // Whole answers before, none from what is damaged, and none as if nothing had happened later.
    expect(own.slice(0, first).every(({ status }) => status === 200)).toBe(true);
    expect(own.filter(({ at }) => at > own[first].answeredAt).every(isDamaged)).toBe(true);
  }
});
