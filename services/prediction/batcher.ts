/**
 * Micro-batching without waiting: what arrives for a model while its thread is busy goes together as soon as the thread
 * is free.
 */
import { ComputationError } from "./errors.ts";
import type { Outputs, Samples } from "./protocol.ts";

export interface BatcherOptions {
  /** Runs one batch of one model: samples [count][size]. */
  run: (key: string, samples: Samples, count: number) => Promise<Outputs>;
  /** Samples that go together at most; a single request may bring more. */
  mostTogether: number;
  /** Bytes of samples that may wait; more are refused as overloaded. */
  mostWaitingBytes: number;
}

interface Waiting {
  samples: Samples;
  count: number;
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
      found.waiting.push({ samples, count, resolve, reject });
      this.#lines.set(line, found);
      this.#waitingBytes += samples.byteLength;
      void this.#pump();
    });
  }

  #take(): { key: string; taken: Waiting[] } | null {
    const next = this.#lines.entries().next();
    if (next.done) return null;
    const [name, line] = next.value;
    let together = 0;
    let number = 0;
    for (const each of line.waiting) {
      if (number > 0 && together + each.count > this.#options.mostTogether) break;
      together += each.count;
      number += 1;
    }
    const taken = line.waiting.splice(0, number);
    this.#lines.delete(name);
    if (line.waiting.length > 0) this.#lines.set(name, line);
    return { key: line.key, taken };
  }

  async #pump(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    // One turn of the loop lets requests that came in the same moment join.
    await new Promise((resolve) => setImmediate(resolve));
    for (let batch = this.#take(); batch; batch = this.#take()) await this.#serve(batch.key, batch.taken);
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
