/**
 * Micro-batching without waiting: what arrives for a model while its thread is busy goes together as soon as the thread
 * is free.
 */
import { ComputationError } from "./errors.ts";
import type { Outputs, Samples } from "./protocol.ts";

export interface BatcherOptions {
  /** Runs one batch of one model: samples [count][size]. */
  run: (key: string, samples: Samples, count: number) => Promise<Outputs>;
  /** Samples, and bytes of them, that go together at most; a single request may bring more. */
  mostTogether: number;
  mostTogetherBytes: number;
  /** Bytes of samples that may wait; more are refused as overloaded. */
  mostWaitingBytes: number;
  /** Who waited longer when its turn came is refused as overloaded: nobody waits for that answer any more. */
  mostWaitMs: number;
}

interface Waiting {
  samples: Samples;
  count: number;
  since: number;
  resolve: (outputs: Outputs) => void;
  reject: (error: unknown) => void;
}

interface Line {
  key: string;
  waiting: Waiting[];
}

function join(parts: readonly Samples[]): Samples {
  const [first] = parts;
  if (!first || parts.length === 1) return first;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = first instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export class Batcher {
  readonly #options: BatcherOptions;
  /** In order of the oldest request: a line is served whole, then goes to the end. */
  readonly #lines = new Map<string, Line>();
  #waitingBytes = 0;
  #busy = false;
  batches = 0;

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /** `samples` is [count][…]; the same key always brings the same number of elements a sample. */
  predict(key: string, samples: Samples, count: number): Promise<Outputs> {
    return new Promise((resolve, reject) => {
      if (this.#waitingBytes + samples.byteLength > this.#options.mostWaitingBytes && this.#waitingBytes > 0) {
        return reject(
          new ComputationError({
            fault: "overloaded",
            detail: "too many predictions are waiting already; try again in a moment",
          }),
        );
      }
      const line = samples instanceof Uint8Array ? `${key} bytes` : `${key} reals`;
      const found = this.#lines.get(line) ?? { key, waiting: [] };
      found.waiting.push({ samples, count, since: performance.now(), resolve, reject });
      this.#lines.set(line, found);
      this.#waitingBytes += samples.byteLength;
      void this.#pump();
    });
  }

  #take(): { key: string; taken: Waiting[] } | null {
    const next = this.#lines.entries().next();
    if (next.done) return null;
    const [name, line] = next.value;
    this.#dismissLate(line);
    const { mostTogether, mostTogetherBytes } = this.#options;
    let together = 0;
    let bytes = 0;
    let number = 0;
    for (const each of line.waiting) {
      together += each.count;
      bytes += each.samples.byteLength;
      if (number > 0 && (together > mostTogether || bytes > mostTogetherBytes)) break;
      number += 1;
    }
    const taken = line.waiting.splice(0, number);
    this.#lines.delete(name);
    if (line.waiting.length > 0) this.#lines.set(name, line);
    return { key: line.key, taken };
  }

  #dismissLate(line: Line): void {
    const { mostWaitMs } = this.#options;
    const tooLong = performance.now() - mostWaitMs;
    const late = line.waiting.filter(({ since }) => since < tooLong);
    if (late.length === 0) return;
    line.waiting = line.waiting.filter(({ since }) => since >= tooLong);
    for (const each of late) {
      this.#waitingBytes -= each.samples.byteLength;
      each.reject(
        new ComputationError({
          fault: "overloaded",
          detail: `other predictions took longer than ${mostWaitMs / 1000} s; try again in a moment`,
        }),
      );
    }
  }

  async #pump(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    // One turn of the loop lets requests that came in the same moment join.
    await new Promise((resolve) => setImmediate(resolve));
    for (let batch = this.#take(); batch; batch = this.#take())
      if (batch.taken.length > 0) await this.#serve(batch.key, batch.taken);
    this.#busy = false;
  }

  async #serve(key: string, taken: readonly Waiting[]): Promise<void> {
    const count = taken.reduce((sum, each) => sum + each.count, 0);
    this.batches += 1;
    try {
      const all = await this.#options.run(key, join(taken.map((each) => each.samples)), count);
      const classes = all.outputs.length / count;
      let from = 0;
      for (const each of taken) {
        const to = from + each.count * classes;
        each.resolve({ outputs: all.outputs.slice(from, to), probabilities: all.probabilities.slice(from, to) });
        from = to;
      }
    } catch (error) {
      for (const each of taken) each.reject(error);
    } finally {
      for (const each of taken) this.#waitingBytes -= each.samples.byteLength;
    }
  }
}
