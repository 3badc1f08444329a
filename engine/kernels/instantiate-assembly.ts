/**
 * Binds the compiled AssemblyScript module (assembly/) to one memory, for one thread. Reads no file and compiles
 * nothing: the module comes from services/shared/kernels. Each thread makes its own instance; instances share nothing
 * but the memory.
 */
import type { Kernels } from "./kernels.ts";
import { callBytes } from "./kernels.ts";

export interface AssemblyOptions {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** assembly, or assembly-relaxed for the build that fuses multiply and add. */
  name: string;
}

/**
 * Throws a LinkError of the platform where the memory is not shared or larger than the module declares (65536 pages).
 */
export function instantiateAssembly({ module, memory, name }: AssemblyOptions): Kernels {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const run = instance.exports["run"] as (program: number, calls: number) => number;
  return {
    name,
    run(program, calls) {
      const done = run(program, calls);
      if (done < calls)
        throw new RangeError(
          `the call at byte ${program + done * callBytes} has an opcode that is not in the contract of the kernels, or not in that of ${name}: build them again`,
        );
    },
  };
}
