import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { files, read, root } from "./tree.ts";

const documents = files.filter((path) => path.endsWith(".md") && !path.startsWith("bench/results/"));
const rooms =
  /^(?:\.ci|\.github|bench|cli|client|docker|docs|engine|examples|schemas|scripts|search|services|tests|web)\//;
const prose = (path: string): string => read(path).replace(/^(```|~~~)[^\n]*\n[\s\S]*?^\1/gm, "");

/** A path with `*` and `{a,b}` as an expression. */
const pattern = (path: string): RegExp =>
  new RegExp(
    `^${path
      .replace(/[.+^$()|[\]\\]/g, "\\$&")
      .replace(/\{([^}]*)\}/g, (_, words: string) => `(${words.split(",").join("|")})`)
      .replace(/\*+/g, (stars) => (stars.length > 1 ? ".*" : "[^/]*"))}`,
  );

/** `engine/layers/{dense,dropout}.ts`, `tests/laws/*.test.ts`, and modules named without their ending. */
function isThere(path: string): boolean {
  const exact = join(root, path.replace(/\/$/, "").replace(/:\d+$/, ""));
  if (/[*{]/.test(path)) return files.some((file) => pattern(path).test(file));
  return existsSync(exact) || [".ts", ".mjs", ".c"].some((ending) => existsSync(exact + ending));
}

describe("documents", () => {
  test("name only files that exist", () => {
    const missing = documents.flatMap((path) =>
      [...prose(path).matchAll(/`([^`\n]+)`/g)]
        .map(([, quoted]) => quoted)
        .filter((quoted) => rooms.test(quoted) && !/[\s<>…]/.test(quoted))
        .filter((quoted) => !isThere(quoted))
        .map((quoted) => `${path}: ${quoted}`),
    );
    expect(missing).toEqual([]);
  });

  test("link only to what exists", () => {
    const broken = documents.flatMap((path) =>
      [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target]) => target)
        .filter((target) => !/^([a-z]+:|#)/.test(target))
        .filter((target) => !existsSync(join(root, normalize(join(dirname(path), target.split("#")[0])))))
        .map((target) => `${path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test("name only commands that exist", () => {
    const scripts = new Set(
      Object.keys((JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts),
    );
    const unknown = documents.flatMap((path) =>
      [...read(path).matchAll(/npm run (?:--silent )?([a-z][a-z:-]*)/g)]
        .filter(([, name]) => !scripts.has(name))
        .map(([found]) => `${path}: ${found}`),
    );
    expect(unknown).toEqual([]);
  });

  test("the change log speaks of the present version", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    expect(read("CHANGELOG.md")).toContain(`## ${version}`);
  });

  test("decisions say when they were made and whether they hold, and stand in the list", () => {
    const decisions = files.filter((path) => /^docs\/decisions\/(?!README)[^/]+\.md$/.test(path));
    expect(decisions.length).toBeGreaterThan(10);
    const status = /^# .+\n\n_(Accepted|Replaced by \[[^\]]+\]\([^)]+\)), \d{4}-\d{2}-\d{2}\b/;
    expect(decisions.filter((path) => !status.test(read(path)))).toEqual([]);
    const list = read("docs/decisions/README.md");
    expect(decisions.filter((path) => !list.includes(`(${path.split("/").at(-1)})`))).toEqual([]);
  });

  test("those that every project owes are there", () => {
    expect(
      ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md", "docs/ARCHITECTURE.md"].filter(
        (path) => !files.includes(path),
      ),
    ).toEqual([]);
  });
});
