/**
 * Lays a case out in an implementation's memory, runs it, and brings back what stands in every array. Around each array
 * lies a fence of NaN: a kernel may look over it (the contract allows 64 bytes) but what it sees must reach no result,
 * and writing there is caught.
 */
import type { KernelName, Kernels, RealBytes } from "../../engine/kernels/kernels.ts";
import { addressArguments, callBytes, callWords, contract, opcodes } from "../../engine/kernels/kernels.ts";
import { createReference } from "../../engine/kernels/reference/reference.ts";
import { everyKernels, loadKernels } from "../../services/shared/kernels.ts";
import type { Contents, ElementType, KernelCase } from "./cases.ts";

const pageBytes = 65536;
const pages = 128;
const fenceBytes = 64;
/** A NaN with a payload, as float32 and, twice over, as float64. */
const fence = 0x7fc0fece;

export interface Workbench {
  name: string;
  realBytes: RealBytes;
  kernels: Kernels;
  buffer: ArrayBufferLike;
}

/** Every implementation that stands on this machine but the reference, each with a memory of its own. */
export function workbenches(): Workbench[] {
  return everyKernels()
    .filter(({ kind }) => kind !== "reference")
    .map((description) => {
      const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
      return { name: description.name, realBytes: 4, kernels: loadKernels(description, memory), buffer: memory.buffer };
    });
}

export function referenceBench(realBytes: RealBytes): Workbench {
  const buffer = new ArrayBuffer(pages * pageBytes);
  return {
    name: `reference-float${realBytes * 8}`,
    realBytes,
    kernels: createReference({ buffer, realBytes }),
    buffer,
  };
}

type View = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array;

function viewOf({ buffer, realBytes }: Workbench, type: ElementType, address: number, length: number): View {
  switch (type) {
    case "real":
      return realBytes === 8 ? new Float64Array(buffer, address, length) : new Float32Array(buffer, address, length);
    case "float32":
      return new Float32Array(buffer, address, length);
    case "double":
      return new Float64Array(buffer, address, length);
    case "int":
      return new Int32Array(buffer, address, length);
    case "word":
      return new Uint32Array(buffer, address, length);
    case "byte":
      return new Uint8Array(buffer, address, length);
  }
}

/** Arguments that a case counts in reals and the contract in bytes. */
const isByteCount = (kernel: KernelName, argument: string): boolean => kernel === "reduce" && argument === "stride";

/** Runs one case; the arrays as they stand afterwards. Throws where a fence was written over. */
export function runCase(
  bench: Workbench,
  kernel: KernelName,
  { arrays, numbers, tables = {}, places = {} }: KernelCase,
): Record<string, View> {
  let end = pageBytes + callBytes;
  const fences: { name: string; view: Uint32Array }[] = [];
  const putFence = (name: string): void => {
    const view = new Uint32Array(bench.buffer, end, fenceBytes / 4).fill(fence);
    fences.push({ name, view });
    end += fenceBytes;
  };
  putFence("the first array");
  const placed = Object.entries(arrays).map(([name, { type, values }]: [string, Contents]) => {
    const address = end;
    const view = viewOf(bench, type, address, values.length);
    view.set(values);
    const padded = Math.ceil(view.byteLength / 4) * 4;
    const rest = new Uint32Array(bench.buffer, address + padded, (Math.ceil(padded / 64) * 64 - padded) / 4).fill(
      fence,
    );
    fences.push({ name, view: rest });
    end = address + Math.ceil(padded / 64) * 64;
    putFence(name);
    return { name, address, view };
  });
  const addresses = new Map(placed.map(({ name, address }) => [name, address]));
  for (const [name, other] of Object.entries(places)) addresses.set(name, addresses.get(other)!);
  for (const [name, words] of Object.entries(tables)) {
    addresses.set(name, end);
    new Uint32Array(bench.buffer, end, words.length).set(
      words.map((word) => (typeof word === "string" ? addresses.get(word)! : word)),
    );
    end += Math.ceil((words.length * 4) / 64) * 64;
    putFence(name);
  }
  const words = contract[kernel].map((argument) => {
    if (addressArguments.has(argument) && !(argument in numbers)) return addresses.get(argument) ?? 0;
    const value = numbers[argument];
    if (value === undefined) throw new Error(`the case of ${kernel} has no '${argument}'`);
    return isByteCount(kernel, argument) ? value * bench.realBytes : value;
  });
  new Uint32Array(bench.buffer, pageBytes, callWords).fill(0).set([opcodes[kernel], ...words]);
  bench.kernels.run(pageBytes, 1);
  for (const { name, view } of fences)
    if (view.some((word) => word !== fence))
      throw new Error(`${bench.name} wrote over the fence behind ${name} in ${kernel} ${JSON.stringify(numbers)}`);
  return Object.fromEntries(placed.map(({ name, view }) => [name, view.slice()]));
}
