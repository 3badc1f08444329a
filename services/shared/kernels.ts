/**
 * Chooses an implementation of the kernels for this process and loads it in each thread. The files are those that `npm
 * run build` wrote.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { instantiateKernels, nameOfKernels } from "../../engine/index.ts";
import type { Kernels, KernelsSource, NativeAddon } from "../../engine/index.ts";
import type { Numerics } from "../../schemas/job.ts";
import { built } from "./built.ts";
import { CannotStart } from "./start.ts";

/** Plain data: travels to worker threads as it is. */
export type KernelsDescription = {
  /** Fuses multiply and add. */
  fast: boolean;
  name: string;
  /** Of the file that holds the kernels. */
  sha256: string;
} & (
  | { kind: "reference" }
  /** The module is compiled once, in the process that chose; threads share the code. */
  | { kind: "assembly"; module: WebAssembly.Module }
  /** `level`: the set of instructions. */
  | { kind: "native"; level: string }
);

/** The kernels that were asked for are not there. The message names those that are. */
export class KernelsError extends CannotStart {
  override name = "KernelsError";
}

const files = {
  native: fileURLToPath(built("engine/kernels/native/kernels.node")),
  assembly: fileURLToPath(built("engine/kernels/assembly/kernels.wasm")),
  relaxed: fileURLToPath(built("engine/kernels/assembly/kernels-relaxed.wasm")),
  reference: fileURLToPath(built("engine/kernels/reference/reference.js")),
};

const hashes = new Map<string, string>();
function hashOf(path: string): string {
  const hash =
    hashes.get(path) ??
    createHash("sha256")
      .update(existsSync(path) ? readFileSync(path) : "")
      .digest("hex");
  hashes.set(path, hash);
  return hash;
}

let addon: NativeAddon | null | undefined;
/** The native kernels, or null where the build made none or this machine cannot load them. */
function nativeAddon(): NativeAddon | null {
  if (addon === undefined) {
    try {
      addon = createRequire(import.meta.url)(files.native) as NativeAddon;
    } catch {
      addon = null;
    }
  }
  return addon;
}

/**
 * Levels of the native kernels that this processor runs, best first; empty without native kernels. The first call in a
 * process takes a millisecond or two where two widths of vectors are timed.
 */
export const nativeLevels = (): string[] => nativeAddon()?.levels() ?? [];

/** (module (func (result v128) (i8x16.splat (i32.const 0)))), behind it i8x16.popcnt. */
const simdModule = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  10,
  1,
  8,
  0,
  65,
  0,
  253,
  15,
  253,
  98,
  11,
);
const hasSimd = (): boolean => WebAssembly.validate(simdModule);

const modules = new Map<string, WebAssembly.Module | null>();
/** The compiled module in this file, or null where it is missing or this Node cannot run it. */
function moduleOf(path: string): WebAssembly.Module | null {
  const known = modules.get(path);
  if (known !== undefined) return known;
  const bytes = existsSync(path) ? readFileSync(path) : null;
  const module = bytes && WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;
  modules.set(path, module);
  return module;
}

let relaxed: WebAssembly.Module | null | undefined;
/** Node 20 has relaxed SIMD behind a flag, and newer ones do not know the flag. */
function relaxedModule(): WebAssembly.Module | null {
  if (relaxed === undefined) {
    relaxed = moduleOf(files.relaxed);
    if (!relaxed && existsSync(files.relaxed)) {
      modules.delete(files.relaxed);
      setFlagsFromString("--experimental-wasm-relaxed-simd");
      relaxed = moduleOf(files.relaxed);
    }
  }
  return relaxed;
}

/** Everything that can be asked for here, in the words of the KERNELS setting. */
function available(): string[] {
  const levels = nativeLevels();
  return [
    "auto",
    ...(levels.length > 0 ? ["native"] : []),
    ...levels.map((level) => `native-${level}`),
    ...(hasSimd() && moduleOf(files.assembly) ? ["assembly"] : []),
    "reference",
  ];
}

function native(level: string | undefined, fast: boolean): KernelsDescription | null {
  const chosen = level ?? nativeLevels()[0];
  if (chosen === undefined || !nativeLevels().includes(chosen)) return null;
  const source = { kind: "native" as const, level: chosen, fast };
  return { ...source, name: nameOfKernels(source), sha256: hashOf(files.native) };
}

function assembly(fast: boolean): KernelsDescription | null {
  const fused = fast ? relaxedModule() : null;
  const module = fused ?? moduleOf(files.assembly);
  if (!module) return null;
  const source = { kind: "assembly" as const, fast: fused !== null };
  return {
    ...source,
    name: nameOfKernels({ ...source, level: null }),
    sha256: hashOf(fused ? files.relaxed : files.assembly),
    module,
  };
}

function reference(): KernelsDescription {
  const source = { kind: "reference" as const, fast: false };
  return { ...source, name: nameOfKernels({ ...source, level: null }), sha256: hashOf(files.reference) };
}

/**
 * The implementation that `wanted` (the KERNELS setting) means on this machine: `auto` is native where it was built,
 * else assembly; a level may follow `native`, as in native-x86-64-v3. Throws KernelsError where it is not there, or
 * where WebAssembly lacks SIMD.
 */
export function chooseKernels({ wanted, numerics }: { wanted: string; numerics: Numerics }): KernelsDescription {
  const fast = numerics === "fast";
  const [, kind, level] = /^([a-z]+)(?:[-:](.+))?$/.exec(wanted) ?? [];
  if ((kind === "auto" || kind === "assembly") && !hasSimd())
    throw new KernelsError(
      "This Node's WebAssembly has no SIMD, which the assembly kernels need: use a processor with SSE4.1 or NEON and Node 20.19 or newer, or set KERNELS=native.",
    );
  const chosen =
    kind === "native"
      ? native(level, fast)
      : level !== undefined
        ? null
        : kind === "auto"
          ? (native(undefined, fast) ?? assembly(fast))
          : kind === "assembly"
            ? assembly(fast)
            : kind === "reference"
              ? reference()
              : null;
  if (!chosen) throw new KernelsError(whyNot({ wanted, built: nativeAddon()?.built ?? [], available: available() }));
  return chosen;
}

/** Why the KERNELS setting `wanted` cannot be had, where `built` are the native levels of the file that was built. */
export function whyNot(given: { wanted: string; built: string[]; available: string[] }): string {
  const level = given.built.find((name) => given.wanted === `native-${name}` || given.wanted === `native:${name}`);
  return level === undefined
    ? `KERNELS=${given.wanted} is not there; here are ${given.available.join(", ")}. \`npm run build\` makes the assembly kernels, and the native ones where it finds a C compiler.`
    : `KERNELS=${given.wanted} needs instructions that this processor lacks; here are ${given.available.join(", ")}.`;
}

/** The implementation in this thread. */
function sourceOf(description: KernelsDescription): KernelsSource {
  switch (description.kind) {
    case "reference":
      return { kind: "reference" };
    case "assembly":
      return { kind: "assembly", module: description.module, relaxed: description.fast };
    case "native": {
      const loaded = nativeAddon();
      if (!loaded)
        throw new KernelsError(
          "The native kernels were chosen but cannot be loaded in this thread; run `npm run build` and start again.",
        );
      return { kind: "native", addon: loaded, level: description.level, fast: description.fast };
    }
  }
}

/** Kernels over this memory, for the calling thread. */
export function loadKernels(description: KernelsDescription, memory: WebAssembly.Memory): Kernels {
  return instantiateKernels(sourceOf(description), memory);
}

/** Every implementation that this machine can run, strict and fused. */
export function everyKernels(): KernelsDescription[] {
  const kernels = (["reproducible", "fast"] as const).flatMap((numerics) => {
    const fast = numerics === "fast";
    return [...nativeLevels().map((level) => native(level, fast)), hasSimd() ? assembly(fast) : null].filter(
      (each) => each !== null,
    );
  });
  const distinct = new Map([reference(), ...kernels].map((each) => [each.name, each]));
  return [...distinct.values()];
}
