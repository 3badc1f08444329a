/** The project's own files, as git knows them: what the laws read. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Paths of all files that are or are about to be in the repository, relative to its root. */
export const files: readonly string[] = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"],
  { cwd: root, encoding: "utf8" },
)
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)));

export const read = (path: string): string => readFileSync(join(root, path), "utf8");

export const isTest = (path: string): boolean => path.endsWith(".test.ts");

/** TypeScript that runs: no tests, no declarations. */
export const code: readonly string[] = files.filter(
  (path) => path.endsWith(".ts") && !path.endsWith(".d.ts") && !isTest(path),
);
