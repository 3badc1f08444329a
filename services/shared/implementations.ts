/** Every implementation of the kernels that stands on this machine: what `golden` and the tests walk. */
import { createReference } from "../../engine/index.ts";
import type { Implementation } from "../../engine/index.ts";
import { everyKernels, loadKernels } from "./kernels.ts";

const oracle: Implementation = { name: "reference-float64", realBytes: 8, kernels: (memory) => createReference({ buffer: memory.buffer, realBytes: 8 }) };

export const implementations = (): Implementation[] => [
  oracle,
  ...everyKernels().map((description): Implementation => ({ name: description.name, realBytes: 4, kernels: (memory) => loadKernels(description, memory) })),
];
