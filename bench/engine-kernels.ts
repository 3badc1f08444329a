/** The implementations of the kernels by the names that the bench uses. */
import type { Kernels } from "../engine/index.ts";
import type { Numerics } from "../schemas/job.ts";
import { chooseKernels, loadKernels } from "../services/shared/kernels.ts";

/** Makes kernels over a memory. Throws where this machine lacks them. */
export function findKernels(name: string, numerics: Numerics): (memory: WebAssembly.Memory) => Kernels {
  const description = chooseKernels({ wanted: name, numerics });
  if (numerics === "fast" && !description.fast) throw new Error(`there are no fast ${name} kernels on this machine`);
  return (memory) => loadKernels(description, memory);
}
