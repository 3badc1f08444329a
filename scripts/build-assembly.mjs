/**
 * Compiles engine/kernels/assembly twice: strict (multiply, then add: the bits of `reproducible` numerics) and relaxed
 * (fused multiply-add where the processor has it: `fast`). The modules own no memory: they import the engine's, shared.
 * Called by scripts/build.mjs, which skips it when nothing changed.
 *
 *     node scripts/build-assembly.mjs
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import asc from "assemblyscript/asc";
import { root } from "./install.mjs";

const source = join("engine", "kernels", "assembly", "run.ts");
const target = join("dist", "engine", "kernels", "assembly");

const common = [
  "--runtime",
  "stub",
  "--enable",
  "simd",
  "-O3",
  "--noAssert",
  "--noExportMemory",
  "--importMemory",
  "--initialMemory",
  "1",
  "--maximumMemory",
  "65536",
  // Addresses are 32 bits by the contract (201), and no vector crosses to JavaScript: only functions within the module
  // exchange them (112).
  "--disableWarning",
  "201",
  "--disableWarning",
  "112",
];

/** Threads of a training run over one shared memory; a page alone may have none that is shared. */
const shared = ["--enable", "threads", "--sharedMemory"];
const builds = {
  kernels: shared,
  "kernels-relaxed": [...shared, "--enable", "relaxed-simd"],
  "kernels-alone": [],
};

mkdirSync(join(root, target), { recursive: true });
await Promise.all(
  Object.entries(builds).map(async ([name, flags]) => {
    const { error, stdout, stderr } = await asc.main([
      source,
      "--baseDir",
      root,
      "--outFile",
      join(target, `${name}.wasm`),
      ...common,
      ...flags,
    ]);
    const said = `${stdout.toString()}${stderr.toString()}`.trim();
    if (said) console.error(said);
    if (error) throw new Error(`the ${name} build of ${source} failed: ${error.message}`);
  }),
);
