/**
 * The module's one door: runs recorded calls of the contract (../kernels.ts). Which opcode is which kernel stands in
 * dispatch.ts, and each kernel's record of arguments in contract.ts: the build makes both of the contract
 * (scripts/kernels/contract.mjs). Never allocates.
 */
import { callBytes } from "./contract";
import { dispatch } from "./dispatch";

/**
 * Runs `calls` calls beginning at byte address `program`. Returns the calls done: fewer than asked where an opcode is
 * unknown.
 */
export function run(program: usize, calls: u32): u32 {
  for (let call: u32 = 0; call < calls; call++) if (!dispatch(program + call * callBytes)) return call;
  return calls;
}
