/** The client's package, installed in a folder of its own as others install it. */
import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Answers the folder of the installed package. */
export async function installClient(folder: string): Promise<string> {
  await run(process.execPath, ["scripts/build-client.mjs"], { cwd: root });
  const archive = (await readdir(join(root, "dist"))).find((name) => /^feature-maps-client-.*\.tgz$/.test(name));
  if (archive === undefined) throw new Error("npm run client has left no archive in dist/");
  await writeFile(join(folder, "package.json"), '{"private":true,"type":"module"}');
  await run("npm", ["install", "--no-audit", "--no-fund", "--offline", join(root, "dist", archive)], { cwd: folder });
  return join(folder, "node_modules", "feature-maps-client");
}
