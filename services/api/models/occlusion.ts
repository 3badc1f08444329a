/**
 * Saliency by occlusion (Zeiler & Fergus 2014, §4.2): a patch of the picture's own mean is moved over it, and each
 * pixel gets what the probability of the class falls by, on average over the patches that lie on it. Positions are
 * predicted in batches like any other inputs.
 */
import { sizeOf, type Shape } from "../../../schemas/shape.ts";
import type { Prediction, Samples, Subject } from "../../prediction/index.ts";
import { Problem, invalid } from "../http/problem.ts";

export const mostPositions = 4096;
/** Numbers of all occluded pictures together. */
const mostOccluded = 64 * 1024 * 1024;
const togetherNumbers = 1024 * 1024;
const mostTogether = 64;

export interface Occlusion {
  /** Side in pixels, and from one position to the next. */
  patch: number;
  stride: number;
}

interface Position {
  top: number;
  left: number;
}

/** By default a seventh of the longer side, moved by half of itself. */
export function occlusionOf(
  { height, width }: Shape,
  asked: { [Name in keyof Occlusion]?: number | undefined },
): Occlusion {
  const longer = Math.max(height, width);
  const patch = asked.patch ?? Math.max(1, Math.round(longer / 7));
  if (patch > longer) throw invalid("/query/patch", `an input of ${height}×${width} takes a patch of 1 to ${longer}`);
  const stride = asked.stride ?? Math.max(1, Math.floor(patch / 2));
  if (stride > patch)
    throw invalid("/query/stride", `expected 1 to ${patch}, the patch: a longer stride would leave pixels out`);
  return { patch, stride };
}

/** Refuses more than one answer may cost. */
function positionsOf(shape: Shape, { stride }: Occlusion): Position[] {
  const [rows, columns] = [Math.ceil(shape.height / stride), Math.ceil(shape.width / stride)];
  const count = rows * columns;
  if (count > mostPositions || count * sizeOf(shape) > mostOccluded)
    throw new Problem({
      code: "payload-too-large",
      detail: `a stride of ${stride} makes ${count} occlusions of ${sizeOf(shape)} numbers; at most ${Math.min(mostPositions, Math.floor(mostOccluded / sizeOf(shape)))} are made for one answer: ask for a longer stride and a larger patch`,
      errors: [{ pointer: "/query/stride", detail: `${count} occlusions are too many` }],
    });
  return Array.from({ length: count }, (_, at) => ({
    top: Math.floor(at / columns) * stride,
    left: (at % columns) * stride,
  }));
}

/** Calls `each` with the place of every pixel of a channel that lies under a patch. */
function underPatch(
  { height, width }: Shape,
  patch: number,
  { top, left }: Position,
  each: (at: number) => void,
): void {
  for (let row = top; row < Math.min(height, top + patch); row++)
    for (let column = left; column < Math.min(width, left + patch); column++) each(row * width + column);
}

const meansOf = (sample: Samples, { channels, height, width }: Shape): number[] =>
  Array.from({ length: channels }, (_, channel) => {
    let sum = 0;
    for (let at = 0; at < height * width; at++) sum += sample[channel * height * width + at];
    return sum / (height * width);
  });

export interface OccludedOptions {
  prediction: Prediction;
  subject: Subject;
  sample: Samples;
  class: number | undefined;
  occlusion: Occlusion;
  /** Asked between two batches: whether nobody waits any more. */
  isAbandoned: () => boolean;
}

/** [height][width]; class: by default the predicted one. */
export async function occlude(options: OccludedOptions): Promise<{ class: number; values: Float32Array }> {
  const { prediction, subject, sample, occlusion, isAbandoned } = options;
  const { input, classes } = subject;
  const positions = positionsOf(input, occlusion);
  const whole = (await prediction.predict(subject, sample.slice(), 1)).probabilities;
  const of = options.class ?? whole.reduce((best, share, unit) => (share > whole[best] ? unit : best), 0);
  const means = meansOf(sample, input);
  const [size, pixels] = [sizeOf(input), input.height * input.width];
  const [falls, patches] = [new Float64Array(pixels), new Int32Array(pixels)];
  const together = Math.max(1, Math.min(mostTogether, Math.floor(togetherNumbers / size)));
  for (let from = 0; from < positions.length && !isAbandoned(); from += together) {
    const some = positions.slice(from, from + together);
    const samples = new Float32Array(some.length * size);
    for (const [index, position] of some.entries()) {
      samples.set(sample, index * size);
      for (const [channel, mean] of means.entries())
        underPatch(input, occlusion.patch, position, (at) => (samples[index * size + channel * pixels + at] = mean));
    }
    const { probabilities } = await prediction.predict(subject, samples, some.length);
    for (const [index, position] of some.entries())
      underPatch(input, occlusion.patch, position, (at) => {
        falls[at] += whole[of] - probabilities[index * classes + of];
        patches[at] += 1;
      });
  }
  return { class: of, values: Float32Array.from(falls, (fall, at) => fall / patches[at]) };
}
