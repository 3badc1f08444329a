/** Reads a stream of chunks by exact sizes. Holds one chunk and what was asked for, never the file. */

export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #ended = false;
  /** Bytes handed out so far. */
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #refill(): Promise<boolean> {
    while (!this.#ended && this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done) this.#ended = true;
      else this.#chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    return this.#chunk.length > 0;
  }

  /** Exactly `bytes` bytes, or fewer where the source ends. The result may share memory with the source's chunk. */
  async read(bytes: number): Promise<Buffer> {
    if (this.#chunk.length < bytes && this.#chunk.length > 0) return this.#gather(bytes);
    if (!(await this.#refill())) return Buffer.alloc(0);
    if (this.#chunk.length < bytes) return this.#gather(bytes);
    return this.#take(bytes);
  }

  #take(bytes: number): Buffer {
    const taken = this.#chunk.subarray(0, bytes);
    this.#chunk = this.#chunk.subarray(taken.length);
    this.position += taken.length;
    return taken;
  }

  /** Grows with what arrives, so that a size from a damaged header reserves nothing by itself. */
  async #gather(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = bytes;
    while (missing > 0 && (await this.#refill())) {
      const part = this.#take(missing);
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#refill());
  }

  /** How many bytes are left, counted by reading them, up to `most`. */
  async countRest(most: number): Promise<number> {
    let count = 0;
    while (count < most && (await this.#refill())) {
      count += this.#chunk.length;
      this.#chunk = Buffer.alloc(0);
    }
    return count;
  }

  /** Lets the source go before its end. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
