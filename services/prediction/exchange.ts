/**
 * One batch in memory, which the api and a prediction thread share, so that nothing is copied to cross:
 *
 *     samples [count][C][H][W], uint8 or float32 │ outputs [count][classes] float32 │ probabilities, likewise
 */
import type { BatchShape, Outputs, Samples } from "./protocol.ts";

const realBytes = 4;

function places({ count, elements, classes, dtype }: BatchShape): {
  outputs: number;
  probabilities: number;
  end: number;
} {
  const sampleBytes = count * elements * (dtype === "uint8" ? 1 : realBytes);
  const outputs = Math.ceil(sampleBytes / realBytes) * realBytes;
  const probabilities = outputs + count * classes * realBytes;
  return { outputs, probabilities, end: probabilities + count * classes * realBytes };
}

export const exchangeBytes = (shape: BatchShape): number => places(shape).end;

/** The parts of a batch in its memory. */
export function exchangeViews(memory: ArrayBufferLike, shape: BatchShape): Outputs & { samples: Samples } {
  const { count, elements, classes, dtype } = shape;
  const { outputs, probabilities } = places(shape);
  return {
    samples:
      dtype === "uint8" ? new Uint8Array(memory, 0, count * elements) : new Float32Array(memory, 0, count * elements),
    outputs: new Float32Array(memory, outputs, count * classes),
    probabilities: new Float32Array(memory, probabilities, count * classes),
  };
}
