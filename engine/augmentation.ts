/**
 * Random distortions of a training sample, the same for training and for previews: shift, rotation, change of size,
 * mirroring, cropping, and the elastic distortion of Simard, Steinkraus & Platt (2003). All are composed into one map
 * from output to input, so a sample is resampled once, bilinearly; then its colours are changed (colour.ts).
 *
 *     source(p) = centre + F · R(−θ) · (p − centre − t) / s + d(p),   output(p) = input at source(p)
 *
 *     p = (x to the right, y down), so a positive θ turns the picture clockwise;
 *     t ∈ ±shift pixels, and whole pixels in ±crop besides; θ ∈ ±rotate degrees, s ∈ 1 ± scale, F mirrors left and
 *     right for half of the samples, all uniform; d = alpha · (G_sigma ∗ ν), ν uniform in ±1 for each pixel and axis,
 *     zero outside the picture, G a Gaussian of sum 1.
 *
 * Samples lie as [channel][row][column] in the dataset's own range, before normalisation; what lies outside has the
 * value `fill` of its channel. Every draw is a hash of (seed, augment, epoch, sample, what): see random.ts. Never
 * allocates after creation, never reads a clock.
 */
import type { Augmentation } from "../schemas/augmentation.ts";
import { sizeOf, type Shape } from "../schemas/shape.ts";
import { cos, sin } from "./elementary.ts";
import { changesColours, createColours } from "./colour.ts";
import { createField } from "./elastic.ts";
import type { Field } from "./elastic.ts";
import { around, extend, hash, purposes, uniform } from "./random.ts";

type Samples = Uint8Array | Float32Array | Float64Array;

export interface Augmenter {
  /** Distorts one sample into `output`; `input` and `output` must not overlap. Offsets count elements. */
  apply(options: {
    input: Samples;
    inputOffset: number;
    output: Float32Array;
    outputOffset: number;
    epoch: number;
    sample: number;
  }): void;
}

/** The last word of a draw's place. */
const draws = {
  ...{ row: 0, column: 1, angle: 2, size: 3, mirror: 4, field: 5, cropRow: 6, cropColumn: 7 },
  ...{ brightness: 8, contrast: 9, saturation: 10 },
} as const;

const radiansPerDegree = 3.141592653589793 / 180;

/**
 * The map without its displacement: source row = rowAtOrigin + row·rowPerRow + column·rowPerColumn, the column
 * likewise. Written anew for each sample.
 */
interface Affine {
  rowAtOrigin: number;
  rowPerRow: number;
  rowPerColumn: number;
  columnAtOrigin: number;
  columnPerRow: number;
  columnPerColumn: number;
}

function drawAffine(
  affine: Affine,
  options: { augmentation: Augmentation; height: number; width: number; place: number },
): void {
  const { augmentation, height, width, place } = options;
  const angle = augmentation.rotate * radiansPerDegree * around(extend(place, draws.angle));
  const size = 1 + augmentation.scale * around(extend(place, draws.size));
  const cropped = (draw: number): number =>
    Math.floor(uniform(extend(place, draw)) * (2 * augmentation.crop + 1)) - augmentation.crop;
  const shiftRows = augmentation.shift * around(extend(place, draws.row)) + cropped(draws.cropRow);
  const shiftColumns = augmentation.shift * around(extend(place, draws.column)) + cropped(draws.cropColumn);
  const mirror = augmentation.flip && uniform(extend(place, draws.mirror)) < 0.5 ? -1 : 1;
  const straight = cos(angle) / size;
  const across = sin(angle) / size;
  const middleRow = (height - 1) / 2;
  const middleColumn = (width - 1) / 2;
  affine.rowPerRow = straight;
  affine.rowPerColumn = -across;
  affine.columnPerRow = mirror * across;
  affine.columnPerColumn = mirror * straight;
  const fromRow = -middleRow - shiftRows;
  const fromColumn = -middleColumn - shiftColumns;
  affine.rowAtOrigin = middleRow + fromRow * affine.rowPerRow + fromColumn * affine.rowPerColumn;
  affine.columnAtOrigin = middleColumn + fromRow * affine.columnPerRow + fromColumn * affine.columnPerColumn;
}

/** True where no draw could change a sample. */
export const isIdentity = (augmentation: Augmentation): boolean =>
  augmentation.shift === 0 &&
  augmentation.rotate === 0 &&
  augmentation.scale === 0 &&
  !augmentation.flip &&
  augmentation.crop === 0 &&
  !changesColours(augmentation) &&
  (augmentation.elastic === null || augmentation.elastic.alpha === 0);

/**
 * A sample within a frame of `fill` two pixels wide: a neighbour is always there, and whoever lies farther out sees
 * what the frame shows.
 */
class Framed {
  readonly #shape: Shape;
  readonly #width: number;
  readonly #pixels: number;
  readonly #values: Float64Array;

  constructor(shape: Shape, fill: readonly number[]) {
    this.#shape = shape;
    this.#width = shape.width + 4;
    this.#pixels = (shape.height + 4) * this.#width;
    this.#values = new Float64Array(shape.channels * this.#pixels);
    for (const [channel, value] of fill.entries())
      this.#values.fill(value, channel * this.#pixels, (channel + 1) * this.#pixels);
  }

  put(input: Samples, inputOffset: number): void {
    const { channels, height, width } = this.#shape;
    for (let channel = 0, from = inputOffset; channel < channels; channel++) {
      for (let row = 0; row < height; row++) {
        const into = channel * this.#pixels + (row + 2) * this.#width + 2;
        for (let column = 0; column < width; column++, from++) this.#values[into + column] = input[from];
      }
    }
  }

  /** Resamples the whole sample, pixel by pixel, all channels at once. */
  resample(affine: Affine, field: Field | null, output: Float32Array, outputOffset: number): void {
    const { channels, height, width } = this.#shape;
    const pixels = height * width;
    const framedWidth = this.#width;
    const framedPixels = this.#pixels;
    const framed = this.#values;
    const { rowPerColumn, columnPerColumn } = affine;
    for (let pixel = outputOffset, row = 0; row < height; row++) {
      const rowAtStart = affine.rowAtOrigin + row * affine.rowPerRow;
      const columnAtStart = affine.columnAtOrigin + row * affine.columnPerRow;
      for (let column = 0; column < width; column++, pixel++) {
        let sourceRow = rowAtStart + column * rowPerColumn;
        let sourceColumn = columnAtStart + column * columnPerColumn;
        if (field) {
          sourceRow += field.rows[column * height + row];
          sourceColumn += field.columns[column * height + row];
        }
        const top = Math.floor(sourceRow);
        const left = Math.floor(sourceColumn);
        const down = sourceRow - top;
        const right = sourceColumn - left;
        const at = (Math.min(Math.max(top, -2), height) + 2) * framedWidth + Math.min(Math.max(left, -2), width) + 2;
        for (let channel = 0; channel < channels; channel++) {
          const from = channel * framedPixels + at;
          const upper = framed[from] * (1 - right) + framed[from + 1] * right;
          const lower = framed[from + framedWidth] * (1 - right) + framed[from + framedWidth + 1] * right;
          output[channel * pixels + pixel] = upper * (1 - down) + lower * down;
        }
      }
    }
  }
}

/**
 * Plans the distortion of samples of one shape. `fill`: what lies outside, for each channel (the least value of the
 * data: 0 for bytes). With settings that distort nothing `apply` copies.
 */
export function createAugmenter(options: {
  augmentation: Augmentation;
  shape: Shape;
  seed: number;
  fill: readonly number[];
}): Augmenter {
  const { augmentation, shape, seed, fill } = options;
  const { channels, height, width } = shape;
  const size = sizeOf(shape);
  if (fill.length !== channels) throw new Error(`${fill.length} values to fill ${channels} channels with`);
  if (isIdentity(augmentation)) {
    return {
      apply({ input, inputOffset, output, outputOffset }) {
        for (let at = 0; at < size; at++) output[outputOffset + at] = input[inputOffset + at];
      },
    };
  }
  const affine: Affine = {
    rowAtOrigin: 0,
    rowPerRow: 1,
    rowPerColumn: 0,
    columnAtOrigin: 0,
    columnPerRow: 0,
    columnPerColumn: 1,
  };
  const { elastic } = augmentation;
  const field = elastic && elastic.alpha > 0 ? createField({ height, width, ...elastic }) : null;
  const framed = new Framed(shape, fill);
  const colours = changesColours(augmentation) ? createColours({ augmentation, shape, black: fill, draws }) : null;
  const beginning = hash(seed, purposes.augment);

  return {
    apply({ input, inputOffset, output, outputOffset, epoch, sample }) {
      const place = extend(extend(beginning, epoch), sample);
      drawAffine(affine, { augmentation, height, width, place });
      field?.fill(extend(place, draws.field));
      framed.put(input, inputOffset);
      framed.resample(affine, field, output, outputOffset);
      colours?.apply(output, outputOffset, place);
    },
  };
}
