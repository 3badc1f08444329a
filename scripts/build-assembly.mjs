/**
 * Compiles engine/kernels/assembly three times: strict (multiply, then add: the bits of `reproducible` numerics),
 * relaxed (fused multiply-add where the processor has it: `fast`), and strict for a page alone. The modules own no
 * memory: they import the engine's, which is shared but in a page.
 * Needs what tsc wrote (the contract). The compiler reads the sources from here, expanded (scripts/kernels/expand.mjs),
 * and with them the two files that are made of the contract. Called by scripts/build.mjs, which skips it when nothing
 * changed.
 *
 *     node scripts/build-assembly.mjs            compiles
 *     node scripts/build-assembly.mjs FOLDER     only writes what the compiler would read into the folder
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import asc from "assemblyscript/asc";
import { root } from "./install.mjs";
import { contractForAssembly, dispatchForAssembly } from "./kernels/contract.mjs";
import { expand, shapesIn } from "./kernels/expand.mjs";

const folder = join("engine", "kernels", "assembly");
const target = join("dist", folder);

const flags = [
  "--runtime stub --enable simd -O3 --noAssert",
  "--noExportMemory --importMemory --initialMemory 1 --maximumMemory 65536",
  // Addresses are 32 bits by the contract (201), and no vector crosses to JavaScript: only functions within the module
  // exchange them (112).
  "--disableWarning 201 --disableWarning 112",
].flatMap((line) => line.split(" "));

/** Threads of a training run over one shared memory; a page alone may have none that is shared. */
const shared = ["--enable", "threads", "--sharedMemory"];
const builds = {
  kernels: shared,
  "kernels-relaxed": [...shared, "--enable", "relaxed-simd"],
  "kernels-alone": [],
};

/** What the compiler reads: file name → AssemblyScript. */
function expandedSources() {
  const written = Object.fromEntries(
    readdirSync(join(root, folder))
      .filter((file) => file.endsWith(".ts"))
      .map((file) => [file, readFileSync(join(root, folder, file), "utf8")]),
  );
  const sources = {
    ...written,
    "contract.ts": contractForAssembly(),
    "dispatch.ts": dispatchForAssembly(written),
  };
  const shapes = new Map(Object.values(sources).flatMap((text) => [...shapesIn(text)]));
  return Object.fromEntries(
    Object.entries(sources).map(([file, text]) => {
      try {
        return [file, expand(text, shapes)];
      } catch (error) {
        throw new Error(`${join(folder, file)}: ${error.message}`, { cause: error });
      }
    }),
  );
}

async function compile(sources) {
  mkdirSync(join(root, target), { recursive: true });
  await Promise.all(
    Object.entries(builds).map(async ([name, more]) => {
      const { error, stdout, stderr } = await asc.main(
        [join(folder, "run.ts"), "--baseDir", root, "--outFile", join(target, `${name}.wasm`), ...flags, ...more],
        {
          readFile: (path) => (path.includes("assembly") ? (sources[basename(path)] ?? null) : null),
        },
      );
      const said = `${stdout.toString()}${stderr.toString()}`.trim();
      if (said) console.error(said);
      if (error) throw new Error(`the ${name} build of ${folder} failed: ${error.message}`);
    }),
  );
}

const sources = expandedSources();
const [only] = process.argv.slice(2);
if (only) {
  mkdirSync(only, { recursive: true });
  for (const [file, text] of Object.entries(sources)) writeFileSync(join(only, file), text);
} else await compile(sources);
