/**
 * Brings node_modules up to the lock file, and does nothing where it already is. Uses no package: it runs before any is
 * there.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const packagesOf = (file) => JSON.parse(readFileSync(file, "utf8")).packages;

/** npm keeps a copy of the lock file beside what it installed: where the two agree, nothing is missing. */
export function isInstalled(folder = root) {
  const installedFile = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(installedFile)) return false;
  const installed = packagesOf(installedFile);
  return Object.entries(packagesOf(join(folder, "package-lock.json"))).every(
    ([path, wanted]) => path === "" || wanted.optional || installed[path]?.version === wanted.version,
  );
}

/**
 * Installs what package-lock.json names, development tools included (the build needs the compiler). Ends the process
 * where that fails.
 */
export function ensureInstalled(folder = root) {
  if (isInstalled(folder)) return;
  console.log("install: bringing node_modules up to package-lock.json …");
  const started = performance.now();
  const { status, error } = spawnSync("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    stdio: "inherit",
  });
  if (status !== 0) {
    console.error(`install: npm ci failed${error ? ` (${error.message})` : ` with exit code ${status}`}`);
    process.exit(1);
  }
  console.log(`install: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
