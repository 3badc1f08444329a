/**
 * The plan of the one shared memory: who owns which bytes, known before the memory exists. Nothing is allocated after
 * the start.
 *
 *   0        65,536                                                    plan.bytes
 *   ┌────────┬──────────────┬─────────┬───────────┬──────────┬────────┐
 *   │ static │ samples and  │ tensors │ gradients │ a slot's │ pro-   │   every region starts on a cache line (64
 *                                                                         bytes)
 *   │ data   │ labels       │         │ of shards │ maps …   │ grams  │
 *   └────────┴──────────────┴─────────┴───────────┴──────────┴────────┘
 *
 * The first 64 KiB belong to the WebAssembly module's static data. Never allocates by itself: `createMemory` makes the
 * memory once.
 */
import { EngineError } from "./errors.ts";
import type { RealBytes } from "./kernels/kernels.ts";

const pageBytes = 65_536;
const lineBytes = 64;
/** WebAssembly's addresses have 32 bits. */
export const mostBytes = 65_536 * pageBytes;

export type Element = "real" | "double" | "int" | "byte";

export interface Reservation {
  what: string;
  element: Element;
  count: number;
}

/** Hands out addresses. `real` is float32, or float64 for the reference. */
export class MemoryPlan {
  readonly realBytes: RealBytes;
  readonly #tables: { address: number; words: readonly number[] }[] = [];
  #next = pageBytes;

  constructor(realBytes: RealBytes) {
    this.realBytes = realBytes;
  }

  elementBytes(element: Element): number {
    return { real: this.realBytes, double: 8, int: 4, byte: 1 }[element];
  }

  /**
   * The address of `count` elements, 64-byte aligned and zero at the start. Throws EngineError `too-large` beyond 4
   * GiB.
   */
  reserve({ what, element, count }: Reservation): number {
    const address = this.#next;
    const end = address + count * this.elementBytes(element);
    if (end > mostBytes)
      throw new EngineError({
        code: "too-large",
        detail: `${what} would bring the memory to ${gibibytes(end)}; at most ${gibibytes(mostBytes)} can be addressed`,
      });
    this.#next = Math.ceil(end / lineBytes) * lineBytes;
    return address;
  }

  /** The address of words that stand there from the start and never change. */
  table({ what, words }: { what: string; words: readonly number[] }): number {
    const address = this.reserve({ what, element: "int", count: words.length });
    this.#tables.push({ address, words });
    return address;
  }

  /** Writes all tables, once. */
  install(views: Views): void {
    for (const { address, words } of this.#tables) views.words.set(words, address / 4);
  }

  /** All that is planned, in whole WebAssembly pages. */
  get bytes(): number {
    return Math.ceil(this.#next / pageBytes) * pageBytes;
  }
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB (${bytes} bytes)`;

/** A shared memory of exactly the planned size: initial = maximum. */
export function createMemory({ bytes }: { bytes: number }): WebAssembly.Memory {
  const pages = bytes / pageBytes;
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

export type Reals = Float32Array | Float64Array;

/** Typed views of the whole memory; an address becomes an index by division. */
export class Views {
  readonly buffer: ArrayBufferLike;
  readonly realBytes: RealBytes;
  readonly ints: Int32Array;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;

  constructor(buffer: ArrayBufferLike, realBytes: RealBytes) {
    this.buffer = buffer;
    this.realBytes = realBytes;
    this.ints = new Int32Array(buffer);
    this.words = new Uint32Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.floats = new Float32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  /** `count` reals from `address`. */
  reals(address: number, count: number): Reals {
    return this.realBytes === 8
      ? new Float64Array(this.buffer, address, count)
      : new Float32Array(this.buffer, address, count);
  }
}
