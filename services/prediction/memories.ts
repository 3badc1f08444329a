/**
 * The shared memories of one thread. V8 returns a memory when it pleases, which may be gigabytes late, so none is ever
 * dropped: what a model gives back the next one takes, grown where it is too small. All together never exceed the
 * budget; where that cannot be kept, only a new thread helps, which returns all of them at once.
 */

const pageBytes = 65_536;
const pagesOf = (bytes: number): number => Math.ceil(bytes / pageBytes);
const sizeOfMemory = (memory: WebAssembly.Memory): number => memory.buffer.byteLength;

/** The budget is full of memories that do not fit: the call is made again in a new thread. */
export class MemoriesFull extends Error {
  override name = "MemoriesFull";
}

export class Memories {
  readonly #mostBytes: number;
  readonly #free: WebAssembly.Memory[] = [];
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Of all memories, used and free. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A memory of at least so many bytes, zeros where they will be used; null where the budget has no room for it. */
  take(bytes: number): WebAssembly.Memory | null {
    // The smallest that is large enough; otherwise the largest, grown.
    this.#free.sort((a, b) => sizeOfMemory(a) - sizeOfMemory(b));
    const fitting = this.#free.findIndex((memory) => sizeOfMemory(memory) >= bytes);
    const at = fitting >= 0 ? fitting : this.#free.length - 1;
    const found = this.#free[at];
    const more = pagesOf(bytes) * pageBytes - (found ? sizeOfMemory(found) : 0);
    if (more > 0 && this.#bytes + more > this.#mostBytes) return null;
    this.#bytes += Math.max(0, more);
    if (!found)
      return new WebAssembly.Memory({
        initial: pagesOf(bytes),
        maximum: Math.min(65_536, pagesOf(Math.max(this.#mostBytes, bytes))),
        shared: true,
      });
    this.#free.splice(at, 1);
    if (more > 0) found.grow(more / pageBytes);
    new Uint8Array(found.buffer, 0, bytes).fill(0);
    return found;
  }

  give(memory: WebAssembly.Memory): void {
    this.#free.push(memory);
  }
}
