import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import swc from "@swc/core";
import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import { beforeAll, describe, expect, test } from "vitest";
import law, { rooms } from "../../.dependency-cruiser.mjs";
import { files, root } from "./tree.ts";

// dependency-cruiser calls swc without saying that a .tsx file has tags in it.
const parseFile = swc.parseFileSync.bind(swc);
swc.parseFileSync = ((path: string, how: swc.ParseOptions) =>
  parseFile(path, { ...how, syntax: "typescript", tsx: path.endsWith(".tsx") })) as typeof swc.parseFileSync;

/** Those that may import anything; examples import what a stranger has installed. */
const free = ["tests", "bench", "examples"];
/** Every folder at the top that holds code. */
const folders = [
  ...new Set(
    files.filter((path) => /^[a-z][^/]*\/.*\.(ts|tsx|mts|mjs|js)$/.test(path)).map((path) => path.split("/")[0]),
  ),
];
/** The first parts of the rooms: `services` has one row for each service. */
const roomsAtTop = new Set(rooms.map(({ room }) => room.split("/")[0]));
const withoutRow = (tops: readonly string[]): string[] =>
  tops.filter((folder) => !free.includes(folder) && !roomsAtTop.has(folder));

async function cruiseIn(baseDir: string, roots: string[], options: ICruiseOptions = {}): Promise<ICruiseResult> {
  const { output } = await cruise(
    roots,
    { ...law.options, ...options, baseDir, validate: true, ruleSet: { forbidden: law.forbidden } },
    law.options.enhancedResolveOptions,
  );
  return output as ICruiseResult;
}

const broken = (result: ICruiseResult): string[] =>
  result.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);

/** Cruises a made-up tree with the real rules. */
async function planted(tree: Record<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "feature-maps-laws-"));
  try {
    for (const [path, text] of Object.entries(tree)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return broken(await cruiseIn(folder, [...new Set(Object.keys(tree).map((path) => path.split("/")[0]))]));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("walls", () => {
  let result: ICruiseResult;
  beforeAll(async () => {
    result = await cruiseIn(root, folders);
  });

  test("stand: nobody imports what the table does not give, and there is no cycle", () => {
    expect(broken(result)).toEqual([]);
  });

  test("enclose every folder at the top that holds code", () => {
    expect(withoutRow(folders)).toEqual([]);
    expect(withoutRow([...folders, "plugins"])).toEqual(["plugins"]);
  });

  test("enclose every service", () => {
    const services = new Set(
      files.filter((path) => /^services\/[^/]+\//.test(path)).map((path) => path.split("/").slice(0, 2).join("/")),
    );
    expect([...services].filter((service) => !rooms.some(({ room }) => room === service))).toEqual([]);
  });

  test("what services share is used by two rooms", () => {
    const users = new Map<string, Set<string>>();
    const room = (path: string): string =>
      path
        .split("/")
        .slice(0, path.startsWith("services/") ? 2 : 1)
        .join("/");
    const dependents = new Map(result.modules.map(({ source, dependents: by }) => [source, by]));
    // A thread is started by its path, from the file beside it.
    for (const path of files.filter((each) => /^services\/shared\/.*(?<!\.test|-thread)\.ts$/.test(each))) {
      const seen = new Set<string>([path]);
      const queue = [path];
      for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
        for (const by of dependents.get(at) ?? []) {
          if (seen.has(by) || (by.startsWith("services/") && by.endsWith(".test.ts"))) continue;
          seen.add(by);
          if (by.startsWith("services/shared/")) queue.push(by);
        }
      }
      users.set(path, new Set([...seen].map(room).filter((each) => each !== "services/shared")));
    }
    expect(
      [...users]
        .filter(([, by]) => by.size < 2)
        .map(([path, by]) => `${path} is used by ${[...by].join() || "nobody"}`),
    ).toEqual([]);
  });
});

describe("the rules bite:", () => {
  test("a layer that imports another", async () => {
    expect(
      await planted({
        "engine/layers/dense.ts": "export const a = 1;",
        "engine/layers/dropout.ts": 'import { a } from "./dense.ts"; export const b = a;',
      }),
    ).toEqual(["walls of engine/layers: engine/layers/dropout.ts → engine/layers/dense.ts"]);
  });

  test("an engine that reads files", async () => {
    expect(
      await planted({ "engine/trainer.ts": 'import { readFileSync } from "node:fs"; export const a = readFileSync;' }),
    ).toEqual(["walls of engine: engine/trainer.ts → fs"]);
  });

  test("an api that calls the engine, and a type import across a wall", async () => {
    expect(
      await planted({
        "engine/index.ts": "export type A = 1;",
        "services/api/app.ts": 'import type { A } from "../../engine/index.ts"; export type B = A;',
      }),
    ).toEqual(["walls of services/api: services/api/app.ts → engine/index.ts"]);
  });

  test("a client that needs Node, a page that reaches into services, a search that reads a clock of its own", async () => {
    expect(
      await planted({
        "services/shared/log.ts": "export const log = 1;",
        "client/index.ts": 'import { readFile } from "node:fs/promises"; export const a = readFile;',
        "web/main.tsx": 'import { log } from "../services/shared/log.ts"; export const b = <p>{log}</p>;',
        "search/halving.ts": 'import { performance } from "node:perf_hooks"; export const c = performance;',
        "engine/index.ts": "export const d = 1;",
        "cli/main.ts": 'import { d } from "../engine/index.ts"; export const e = d;',
      }),
    ).toEqual([
      "walls of cli: cli/main.ts → engine/index.ts",
      "walls of client: client/index.ts → fs/promises",
      "walls of search: search/halving.ts → perf_hooks",
      "walls of web: web/main.tsx → services/shared/log.ts",
    ]);
  });

  test("a cycle", async () => {
    expect(await planted({ "schemas/a.ts": 'import "./b.ts";', "schemas/b.ts": 'import "./a.ts";' })).toEqual([
      "no cycles: schemas/a.ts → schemas/b.ts",
    ]);
  });
});
