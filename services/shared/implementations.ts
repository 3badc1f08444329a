/** Every implementation of the kernels that stands on this machine: what `golden` and the tests walk. */
import { createReference } from "../../engine/index.ts";
import type { Implementation } from "../../engine/index.ts";
import { everyKernels, loadKernels } from "./kernels.ts";

const reference64: Implementation = {
  name: "reference-float64",
  realBytes: 8,
  kernels: (memory) => createReference({ buffer: memory.buffer, realBytes: 8 }),
};

/**
 * The reference in float64 first, then everything in float32: reference, assembly, native at every level, strict and
 * fused.
 */
export const implementations = (): Implementation[] => [
  reference64,
  ...everyKernels().map((description): Implementation => ({
    name: description.name,
    realBytes: 4,
    kernels: (memory) => loadKernels(description, memory),
  })),
];
