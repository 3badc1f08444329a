/**
 * How the oracle sees the one memory: typed views of the same bytes. *Reals* are float32, or float64 when the oracle is
 * asked for twice the precision; addresses are always bytes. Never allocates, never copies.
 */
import type { KernelArguments, KernelName, RealBytes } from "../kernels.ts";

export type Reals = Float32Array | Float64Array;

export interface ReferenceMemory {
  /** Reals from `address` to the end of the memory. */
  reals(address: number): Reals;
  doubles(address: number): Float64Array;
  float32s(address: number): Float32Array;
  ints(address: number): Int32Array;
  words(address: number): Uint32Array;
  bytes(address: number): Uint8Array;
}

/** One kernel of the oracle: the memory, and the arguments by the names of the contract. */
export type ReferenceKernel<Name extends KernelName> = (memory: ReferenceMemory, call: KernelArguments<Name>) => void;

export function viewMemory(buffer: ArrayBufferLike, realBytes: RealBytes): ReferenceMemory {
  const whole = <View>(
    create: (buffer: ArrayBufferLike, offset: number, length: number) => View,
    elementBytes: number,
  ): View => create(buffer, 0, Math.floor(buffer.byteLength / elementBytes));
  const reals: Reals =
    realBytes === 8
      ? whole((...part) => new Float64Array(...part), 8)
      : whole((...part) => new Float32Array(...part), 4);
  const doubles = whole((...part) => new Float64Array(...part), 8);
  const float32s = whole((...part) => new Float32Array(...part), 4);
  const ints = whole((...part) => new Int32Array(...part), 4);
  const words = whole((...part) => new Uint32Array(...part), 4);
  const bytes = whole((...part) => new Uint8Array(...part), 1);
  return {
    reals: (address) => reals.subarray(address / realBytes),
    doubles: (address) => doubles.subarray(address / 8),
    float32s: (address) => float32s.subarray(address / 4),
    ints: (address) => ints.subarray(address / 4),
    words: (address) => words.subarray(address / 4),
    bytes: (address) => bytes.subarray(address),
  };
}
