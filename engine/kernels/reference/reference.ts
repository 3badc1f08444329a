/**
 * The oracle: every kernel of the contract in plain TypeScript over float32 or float64, sums in float64, slow on
 * purpose. It interprets recorded programs word by word and shares nothing with what it judges but the contract's names
 * and codes.
 */
import type { KernelName, Kernels, RealBytes } from "../kernels.ts";
import { callBytes, callWords, contract, kernelNames } from "../kernels.ts";
import * as combination from "./combination.ts";
import * as convolution from "./convolution.ts";
import * as dense from "./dense.ts";
import * as dropout from "./dropout.ts";
import * as elementwise from "./elementwise.ts";
import * as loss from "./loss.ts";
import type { ReferenceKernel, ReferenceMemory } from "./memory.ts";
import { viewMemory } from "./memory.ts";
import * as normalisation from "./normalisation.ts";
import * as optimisers from "./optimisers.ts";
import * as residual from "./residual.ts";
import * as subsampling from "./subsampling.ts";

const kernels: { [Name in KernelName]: ReferenceKernel<Name> } = {
  ...elementwise,
  ...convolution,
  ...dense,
  ...subsampling,
  ...dropout,
  ...normalisation,
  ...residual,
  ...loss,
  ...combination,
  ...optimisers,
};

/** Words of a call → the arguments by name, in the order of the contract. */
function decode(name: KernelName, words: Uint32Array): Record<string, number> {
  return Object.fromEntries(contract[name].map((argument, index) => [argument, words[index + 1]]));
}

function runCall(memory: ReferenceMemory, address: number): void {
  const words = memory.words(address).subarray(0, callWords);
  const name = kernelNames[words[0]];
  if (name === undefined)
    throw new RangeError(
      `the call at byte ${address} has opcode ${words[0]}; the contract has ${kernelNames.length} kernels`,
    );
  (kernels[name] as (memory: ReferenceMemory, call: Record<string, number>) => void)(memory, decode(name, words));
}

/** The oracle bound to one memory; reals are 4 or 8 bytes. */
export function createReference(options: { buffer: ArrayBufferLike; realBytes: RealBytes }): Kernels {
  const memory = viewMemory(options.buffer, options.realBytes);
  return {
    name: `reference-float${options.realBytes * 8}`,
    run(program, calls) {
      for (let call = 0; call < calls; call++) runCall(memory, program + call * callBytes);
    },
  };
}
