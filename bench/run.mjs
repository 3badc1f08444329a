/** `npm run bench`: brings the project and the peers' packages up to date, then measures. See bench/README.md. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { isInstalled, root } from "../scripts/install.mjs";
import { prepare } from "../scripts/prepare.mjs";

await prepare();
const bench = join(root, "bench");
const wanted = process.argv.slice(2);
/** Other parts of the bench than the engine's; only serving needs the peers. */
const part = ["dashboard", "fair", "serving", "soak", "sweep"].filter((name) => wanted.includes(`--${name}`));
if (!part.some((name) => name !== "serving") && !isInstalled(bench)) {
  console.log("bench: installing the peers …");
  // Its install step would look for CUDA libraries elsewhere; the processor's ones come in the package.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL_CUDA: "skip" };
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: bench,
    stdio: "inherit",
    env,
  });
  if (status !== 0)
    console.error("bench: the peers' packages could not be installed; those that need them are left out");
}
const main = join(root, "dist", "bench", ...part, "main.js");
process.exitCode =
  spawnSync(process.execPath, [main, ...wanted], {
    cwd: root,
    stdio: "inherit",
  }).status ?? 1;
