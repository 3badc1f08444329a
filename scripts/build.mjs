/**
 * Builds what runs into dist/: TypeScript, then the AssemblyScript kernels, then the native ones, then files that are
 * only copied. Each step is stamped with a hash of what it reads, so a second build does nothing. Installs nothing and
 * uses no package itself.
 *
 *     node scripts/build.mjs            build what changed
 *     node scripts/build.mjs --force    build everything
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, extname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { root } from "./install.mjs";

const dist = join(root, "dist");
const stampsFile = join(dist, ".stamps.json");
const rooms = ["engine", "schemas", "search", "services", "client", "cli", "scripts", "bench", "tests/support", "web"];
/** Kernels that other compilers read; TypeScript leaves them alone. */
const assembly = join("engine", "kernels", "assembly");
const native = join("engine", "kernels", "native");

/** Every file below a folder of the project, as paths relative to its root, sorted. */
function filesBelow(folder) {
  const found = [];
  const walk = (at) => {
    for (const entry of readdirSync(join(root, at), { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.name === "node_modules" || path === join("bench", "results")) continue;
      if (entry.isDirectory()) walk(path);
      else found.push(path);
    }
  };
  if (existsSync(join(root, folder))) walk(folder);
  return found.sort();
}

/** What the lock file says of packages: the kernels are built again where these change, not where any other does. */
function locked(...names) {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return names.map((name) => `${name} ${packages[`node_modules/${name}`]?.version}`).join(" ");
}

const exists = (path) => existsSync(join(root, path));
const isCode = (path) =>
  extname(path) === ".ts" && !path.endsWith(".test.ts") && !path.startsWith(assembly) && !path.startsWith("web");
const isAsset = (path) => path.startsWith("services") && ![".ts", ".md"].includes(extname(path));

function digest(paths, ...words) {
  const hash = createHash("sha256").update(JSON.stringify([process.version, process.arch, ...words]));
  for (const path of paths) hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  return hash.digest("hex");
}

/** A step's exit code for: it could not be made here, others serve, try again at the next build. */
const triedInVain = 75;

async function run(label, args) {
  const [status] = await once(spawn(process.execPath, args, { cwd: root, stdio: "inherit" }), "exit");
  if (status === triedInVain) return false;
  if (status !== 0) throw new Error(`${label} failed (exit code ${status}); what it said stands above`);
  return true;
}

/** The first C compiler on PATH: a build made without one is made again once there is one. */
function compiler() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const named = [process.env.CC, "cc", "gcc", "clang"].filter(Boolean);
  return (
    named
      .flatMap((name) => [name, ...folders.map((folder) => join(folder, name))])
      .find((path) => path.includes("/") && existsSync(path)) ?? ""
  );
}

/** Deletes JavaScript whose TypeScript is gone: a file that was renamed must not live on in dist/. */
function sweep(code) {
  const kept = new Set(code.map((path) => path.replace(/\.ts$/, ".js")));
  // What stands in dist/web was bundled, not compiled.
  for (const path of rooms.filter((room) => room !== "web").flatMap((room) => filesBelow(join("dist", room)))) {
    const output = relative("dist", path).replace(/\.map$/, "");
    if (output.endsWith(".js") && !kept.has(output)) rmSync(join(root, path));
  }
}

function copy(assets) {
  for (const path of assets) {
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    copyFileSync(join(root, path), join(dist, path));
  }
}

function steps() {
  const files = rooms.flatMap(filesBelow);
  const code = files.filter(isCode);
  const assets = files.filter(isAsset);
  const contract = ["engine/kernels/kernels.ts", "scripts/kernels/contract.mjs"];
  const manifest = ["package.json", "package-lock.json"];
  const all = [
    {
      name: "typescript",
      inputs: [...code, ...manifest, "tsconfig.json", "tsconfig.build.json"],
      work: async () => {
        await run("tsc", [join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json"]);
        sweep(code);
      },
    },
    {
      name: "assembly",
      script: "scripts/build-assembly.mjs",
      inputs: [...files.filter((path) => path.startsWith(assembly)), ...contract, "scripts/kernels/expand.mjs"],
      words: [locked("assemblyscript", "binaryen")],
    },
    {
      name: "native",
      script: "scripts/build-native.mjs",
      inputs: [...files.filter((path) => path.startsWith(native)), ...contract],
      words: [compiler(), process.env.CFLAGS ?? "", locked("node-api-headers")],
    },
    { name: "assets", inputs: assets, work: async () => copy(assets) },
    {
      name: "pages",
      script: "scripts/build-pages.mjs",
      // A page holds the kernels and the engine that runs them.
      inputs: [...files.filter((path) => /^(web\/export|engine|schemas)/.test(path)), "package-lock.json"],
      after: "assembly",
    },
    {
      name: "dashboard",
      script: "scripts/build-dashboard.mjs",
      // A page knows shapes and connection tables, and reads weights as the engine does.
      inputs: [...files.filter((path) => /^(web\/dashboard|client|engine|schemas)\//.test(path)), "package-lock.json"],
    },
  ];
  return all
    .filter(({ script }) => !script || exists(script))
    .map((step) =>
      step.script
        ? { ...step, inputs: [...step.inputs, step.script], work: () => run(step.name, [step.script]) }
        : step,
    );
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** One build at a time in one folder: a demo and a test started together must not write over each other. */
async function alone(work) {
  const lock = join(tmpdir(), `feature-maps-build-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`);
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    let holder = 0;
    try {
      holder = Number(readFileSync(lock, "utf8"));
      if (holder === 0 ? Date.now() - statSync(lock).mtimeMs > 5000 : !isAlive(holder)) rmSync(lock, { force: true });
    } catch {
      // The holder finished between our two looks.
    }
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/**
 * Builds what changed since the last build, TypeScript first (the kernels' builds read the contract that it wrote),
 * then the others side by side. Returns the names of the steps that ran; throws where one fails, once the others have
 * ended.
 */
export function build({ force = false } = {}) {
  return alone(async () => {
    mkdirSync(dist, { recursive: true });
    const stamps = !force && existsSync(stampsFile) ? JSON.parse(readFileSync(stampsFile, "utf8")) : {};
    const stale = steps()
      .map((step) => ({ ...step, stamp: digest(step.inputs, step.name, ...(step.words ?? [])) }))
      .filter(({ name, stamp }) => stamps[name] !== stamp);
    const make = async ({ name, stamp, work }) => {
      const started = performance.now();
      console.log(`build: ${name} …`);
      if ((await work()) === false) return;
      stamps[name] = stamp;
      writeFileSync(stampsFile, `${JSON.stringify(stamps, null, 2)}\n`);
      console.log(`build: ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    };
    if (stale.length > 0 && Object.keys(stamps).length === 0)
      console.log("build: the first takes half a minute to a few; later ones do what changed");
    for (const step of stale.filter(({ name }) => name === "typescript")) await make(step);
    const begun = new Map();
    for (const step of stale.filter(({ name }) => name !== "typescript")) {
      // A step that reads what another wrote waits for it; that one's failure is reported as its own.
      const before = begun.get(step.after)?.catch(() => undefined);
      begun.set(
        step.name,
        Promise.resolve(before).then(() => make(step)),
      );
    }
    const ended = await Promise.allSettled(begun.values());
    const failed = ended.find(({ status }) => status === "rejected");
    if (failed) throw failed.reason;
    return stale.map(({ name }) => name);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const ran = await build({ force: process.argv.includes("--force") });
    if (ran.length === 0) console.log("build: up to date");
  } catch (error) {
    console.error(`build: ${error.message}`);
    process.exitCode = 1;
  }
}
