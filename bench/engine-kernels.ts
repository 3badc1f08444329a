/** The implementations of the kernels by the names that the bench uses. */
import type { Kernels } from "../engine/index.ts";
import type { Numerics } from "../schemas/job.ts";
import { implementations } from "../services/shared/implementations.ts";

/** Makes kernels over a memory. Throws where this machine lacks them. */
export function findKernels(name: string, numerics: Numerics): (memory: WebAssembly.Memory) => Kernels {
  const found = implementations().find((each) => each.realBytes === 4 && each.name.startsWith(name) && (numerics === "fast") === /fast|relaxed/.test(each.name));
  if (!found) throw new Error(`there are no ${numerics} ${name} kernels on this machine`);
  return found.kernels;
}
