/** What every command of a fresh clone begins with: packages installed, dist/ built, nothing done twice. */
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { ensureInstalled } from "./install.mjs";

export async function prepare(options) {
  ensureInstalled();
  await build(options);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await prepare();
  } catch (error) {
    console.error(`build: ${error.message}`);
    process.exitCode = 1;
  }
}
