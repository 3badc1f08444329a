/**
 * Binds an implementation of the kernels to a memory. Whoever may read files brings the compiled module or the loaded
 * addon; this part is pure. Never reads, never chooses.
 */
import { instantiateAssembly } from "./instantiate-assembly.ts";
import type { Kernels } from "./kernels.ts";
import { createReference } from "./reference/reference.ts";

/** What native/addon.c exports. */
export interface NativeAddon {
  /** Instruction-set levels this processor can run, best first; of two vector widths the one measured as faster. */
  levels(): string[];
  /** All levels of the file, whether this processor can run them or not. */
  built: string[];
  /**
   * Kernels of one level over the whole memory; the function belongs to the thread that asked. Throws where the
   * processor lacks the level.
   */
  bind(memory: Uint8Array, level: string, fast: boolean): (program: number, calls: number) => void;
  /**
   * Which of two vector widths `levels` would put first after rounds that took so many seconds, [round][wider: forward,
   * gradient; narrower: forward, gradient]; only in files that have two.
   */
  judgeWidths?(seconds: Float64Array): "wider" | "narrower" | "undecided";
}

export type KernelsSource =
  | { kind: "reference" }
  | { kind: "assembly"; module: WebAssembly.Module; relaxed: boolean }
  | { kind: "native"; addon: NativeAddon; level: string; fast: boolean };

/** native-x86-64-v4-512, native-x86-64-v3-fast, assembly, assembly-relaxed, reference-float32. */
export function nameOfKernels(source: { kind: KernelsSource["kind"]; level?: string | null; fast: boolean }): string {
  if (source.kind === "native") return `native-${source.level}${source.fast ? "-fast" : ""}`;
  if (source.kind === "assembly") return source.fast ? "assembly-relaxed" : "assembly";
  return "reference-float32";
}

/** An implementation bound to one memory and the calling thread. */
export function instantiateKernels(source: KernelsSource, memory: WebAssembly.Memory): Kernels {
  switch (source.kind) {
    case "reference":
      return createReference({ buffer: memory.buffer, realBytes: 4 });
    case "assembly":
      return instantiateAssembly({
        module: source.module,
        memory,
        name: nameOfKernels({ kind: "assembly", fast: source.relaxed }),
      });
    case "native":
      return {
        name: nameOfKernels(source),
        run: source.addon.bind(new Uint8Array(memory.buffer), source.level, source.fast),
      };
  }
}
