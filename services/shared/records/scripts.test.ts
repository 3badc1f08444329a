/** The Lua files: each a form that can be read, all of them known, each accepted by a real Redis. */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startConnectedRedis } from "../../../tests/support/redis.ts";
import { orders } from "../outbox.ts";
import { channels, keys } from "../redis-keys.ts";
import type { Redis } from "../redis.ts";
import { scriptNames, scriptText } from "./scripts.ts";

const folder = new URL("./lua/", import.meta.url);
let redis: Redis;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ redis, stop } = await startConnectedRedis());
});
afterAll(() => stop());

test("every file is a script that has a name, and the other way round", () => {
  const files = readdirSync(folder).filter((name) => name !== "prelude.lua");
  expect(files.sort()).toEqual(scriptNames.map((name) => `${name}.lua`).sort());
});

describe.each(scriptNames)("%s", (name) => {
  const text = readFileSync(new URL(`${name}.lua`, folder), "utf8");

  test("opens as a form: what it does, keys, arguments, answers, events", () => {
    expect(text).toMatch(/^-- \S.*\n(?:-- .*\n)*?-- keys {7}\S/);
    for (const word of ["keys", "arguments", "answers", "events"])
      expect(text).toMatch(new RegExp(`^-- ${word} +\\S`, "m"));
  });

  test("makes no key and no member of the outbox by hand", () => {
    expect(text).not.toMatch(/maps:|'(?:training|datasets|evaluations|sweeps|webhooks):|KEYS/);
  });

  test("tells those who keep copies where it writes a dataset, a model, an alias, a key or a project", () => {
    const writes = /(?:set\(|'(?:HSET|HDEL|DEL)', )(?:keys\.(?:resource|aliases)\(|aliases)/;
    const resource = /local key = keys\.(?:resource|key|project)\([\s\S]*(?:set\(key|'DEL', key)/;
    const tells = /^\s*changed\(/m.test(text);
    expect(tells).toBe(writes.test(text) || resource.test(text));
  });

  test("is Lua that Redis takes", async () => {
    expect(await redis.script("LOAD", scriptText(name))).toMatch(/^[0-9a-f]{40}$/);
  });
});

test("scripts and TypeScript call a thing by the same name", async () => {
  const text = scriptText("warn-job").split("\n").slice(0, 4).join("\n");
  const lines = [
    `${text}`,
    "return { keys.jobMetrics('a', 'step'), keys.users('model', 'b'), keys.outbox, channels.events('c'), orders.training('d', 7) }",
  ];
  expect(await redis.eval(lines.join("\n"), 0)).toEqual([
    keys.jobMetrics("a", "step"),
    keys.users("model", "b"),
    keys.outbox,
    channels.events("c"),
    orders.training("d", 7),
  ]);
});
