/**
 * Equal samples in two splits, found by 64 bits of a SHA-256 in a table of numbers: 16 bytes for a sample, none of them
 * in the JavaScript heap.
 */
import { hash } from "node:crypto";

export class SampleSet {
  readonly #mask: number;
  readonly #slots: Uint32Array;
  /** How many were added with this digest; the top bit says that another split has it. */
  readonly #counts: Uint32Array;

  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(4, capacity * 1.5)));
    this.#mask = size - 1;
    this.#slots = new Uint32Array(size * 2);
    this.#counts = new Uint32Array(size);
  }

  #find(sample: Uint8Array): number {
    const digest = hash("sha256", sample, "buffer");
    const [high, low] = [digest.readUInt32LE(0), digest.readUInt32LE(4)];
    let at = high & this.#mask;
    while (this.#counts[at] !== 0 && (this.#slots[2 * at] !== high || this.#slots[2 * at + 1] !== low))
      at = (at + 1) & this.#mask;
    if (this.#counts[at] === 0) {
      this.#slots[2 * at] = high;
      this.#slots[2 * at + 1] = low;
    }
    return at;
  }

  add(sample: Uint8Array): void {
    const at = this.#find(sample);
    this.#counts[at] += 1;
  }

  /** Marks a sample of another split. */
  meet(sample: Uint8Array): void {
    const at = this.#find(sample);
    const count = this.#counts[at];
    if (count > 0) this.#counts[at] = (count | 0x80000000) >>> 0;
  }

  /** How many of the added ones were met. */
  get met(): number {
    let total = 0;
    for (const count of this.#counts) if (count >= 0x80000000) total += count & 0x7fffffff;
    return total;
  }
}
