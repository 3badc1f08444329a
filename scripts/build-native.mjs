/**
 * Builds the native kernels: one object for each instruction-set level and kind of numerics, all linked with the
 * Node-API door into dist/engine/kernels/native/kernels.node. Needs what tsc wrote (the contract) and a C compiler;
 * without one it says so and the assembly kernels serve. Says in one line what it did.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "./install.mjs";
import { contractForC } from "./kernels/contract.mjs";

const execute = promisify(execFile);
const sources = join(root, "engine", "kernels", "native");
const folder = join(root, "dist", "engine", "kernels", "native");
const target = join(folder, "kernels.node");

/**
 * Levels by architecture, as in addon.c. x86-64-v4 stands there twice: tiles of sixteen floats a vector (PAIRS), and of
 * eight. x86-64-v2 has no fused multiply-add, so its strict object serves both.
 */
const levels = {
  x64: [
    { name: "x86_64_v4_512", flags: ["-march=x86-64-v4", "-DPAIRS=1", "-DLEVEL_X86_64_V4"], fuses: true },
    { name: "x86_64_v4", flags: ["-march=x86-64-v4", "-DLEVEL_X86_64_V4"], fuses: true },
    { name: "x86_64_v3", flags: ["-march=x86-64-v3", "-DLEVEL_X86_64_V3"], fuses: true },
    { name: "x86_64_v2", flags: ["-march=x86-64-v2", "-DLEVEL_X86_64_V2"], fuses: false },
  ],
  arm64: [{ name: "arm_neon", flags: ["-DLEVEL_ARM_NEON"], fuses: true }],
}[process.arch];

/**
 * Never -ffast-math: loading such an object makes the whole thread flush denormals. The two -fno- leave every result as
 * it is.
 */
const common = [
  "-std=gnu11",
  "-O3",
  "-fPIC",
  "-fvisibility=hidden",
  "-fno-strict-aliasing",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-Wall",
  "-Wextra",
  "-Wno-unused-function",
  "-Wno-psabi",
];

/**
 * What gcc must not do: turn short loops into calls of memcpy, and make a second tile for strides of 1. clang knows
 * neither word.
 */
const ofGcc = ["-fno-tree-loop-distribute-patterns", "-fno-version-loops-for-strides"];

async function findCompiler() {
  for (const name of [process.env.CC, "cc", "gcc", "clang"].filter(Boolean)) {
    try {
      const { stdout } = await execute(name, ["--version"]);
      return { name, version: stdout.split("\n")[0], flags: /clang/i.test(stdout) ? ["-Wno-pass-failed"] : ofGcc };
    } catch {
      // Not there, or not a compiler.
    }
  }
  return undefined;
}

function objectsOf(temporary) {
  const kernels = levels.flatMap((level) =>
    (level.fuses ? ["strict", "fast"] : ["strict"]).map((numerics) => ({
      output: join(temporary, `${level.name}_${numerics}.o`),
      args: [
        ...level.flags,
        `-ffp-contract=${numerics === "fast" ? "fast" : "off"}`,
        `-DFAST=${numerics === "fast" ? 1 : 0}`,
        `-DRUN=run_${level.name}_${numerics}`,
        join(sources, "level.c"),
      ],
    })),
  );
  const headers = join(root, "node_modules", "node-api-headers", "include");
  return [
    ...kernels,
    { output: join(temporary, "addon.o"), args: ["-DNAPI_VERSION=8", `-I${headers}`, join(sources, "addon.c")] },
  ];
}

/** Runs the work over the items, as many at a time as there are processors. */
async function inParallel(items, work) {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

async function compile(compiler, temporary) {
  writeFileSync(join(temporary, "contract.h"), contractForC());
  const objects = objectsOf(temporary);
  const extra = (process.env.CFLAGS ?? "").split(/\s+/).filter(Boolean);
  await inParallel(objects, ({ output, args }) =>
    execute(compiler.name, [...common, ...compiler.flags, ...extra, `-I${temporary}`, "-c", ...args, "-o", output], {
      maxBuffer: 1 << 26,
    }),
  );
  const undefinedLookup = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
  const linked = join(temporary, "kernels.node");
  await execute(compiler.name, ["-shared", ...undefinedLookup, ...objects.map(({ output }) => output), "-o", linked]);
  // A loaded file must not change under its readers: the new one takes the name in one step.
  mkdirSync(folder, { recursive: true });
  const beside = `${target}.${process.pid}`;
  copyFileSync(linked, beside);
  renameSync(beside, target);
}

async function main() {
  if (!levels) {
    rmSync(target, { force: true });
    console.log(`native kernels: none for ${process.arch}; the assembly kernels serve`);
    return;
  }
  const compiler = await findCompiler();
  if (!compiler) {
    rmSync(target, { force: true });
    console.log("native kernels: no C compiler (CC, cc, gcc, clang); the assembly kernels serve");
    return;
  }
  const temporary = mkdtempSync(join(tmpdir(), "native-kernels-"));
  try {
    await compile(compiler, temporary);
    console.log(
      `native kernels: ${levels.map(({ name }) => name).join(", ")}, strict and fast, by ${compiler.version}`,
    );
  } catch (error) {
    rmSync(target, { force: true });
    const said = String(error.stderr ?? error.message)
      .split("\n")
      .slice(0, 12)
      .join("\n");
    console.error(
      `native kernels: ${compiler.version} could not build them; the assembly kernels serve. It said:\n${said}`,
    );
    // No stamp for this: the next build tries again.
    process.exitCode = 75;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

await main();
