/** The kernels of this process, bound to a memory. */
import { createReference, type Kernels } from "../../engine/index.ts";

export const bindKernels = (_setting: string, memory: WebAssembly.Memory): Kernels => createReference({ buffer: memory.buffer, realBytes: 4 });
