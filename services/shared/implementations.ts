/** Every implementation of the kernels that stands on this machine: what `golden` and the tests walk. */
import { createReference } from "../../engine/index.ts";
import type { Implementation } from "../../engine/index.ts";

const references: readonly Implementation[] = ([8, 4] as const).map((realBytes) => ({
  name: `reference-float${realBytes * 8}`,
  realBytes,
  kernels: (memory) => createReference({ buffer: memory.buffer, realBytes }),
}));

export const implementations = (): Implementation[] => [...references];
