/**
 * Random distortions of a training sample, the same for training and for previews: shift, rotation, change of size, mirroring, and the elastic
 * distortion of Simard, Steinkraus & Platt (2003). All are composed into one map from output to input, so a sample is resampled once, bilinearly.
 *
 *     source(p) = centre + F · R(−θ) · (p − centre − t) / s + d(p),   output(p) = input at source(p)
 *
 *     p = (x to the right, y down), so a positive θ turns the picture clockwise;
 *     t ∈ ±shift pixels, θ ∈ ±rotate degrees, s ∈ 1 ± scale, F mirrors left and right for half of the samples, all uniform;
 *     d = alpha · (G_sigma ∗ ν), ν uniform in ±1 for each pixel and axis, zero outside the picture, G a Gaussian of sum 1.
 *
 * Samples lie as [channel][row][column] in the dataset's own range, before normalisation; what lies outside has the value `fill` of its channel.
 * Every draw is a hash of (seed, augment, epoch, sample, what): see random.ts. Never allocates after creation, never reads a clock.
 */
import type { Augmentation } from "../schemas/augmentation.ts";
import { sizeOf, type Shape } from "../schemas/shape.ts";
import { cos, exp, sin } from "./elementary.ts";
import { extend, hash, purposes, uniform } from "./random.ts";

export interface Augmenter {
  /** Distorts one sample into `output`; `input` and `output` must not overlap. Offsets count elements. */
  apply(options: { input: Uint8Array | Float32Array; inputOffset: number; output: Float32Array; outputOffset: number; epoch: number; sample: number }): void;
}

/** The last word of a draw's place. */
const draws = { row: 0, column: 1, angle: 2, size: 3, mirror: 4, field: 5 } as const;

const radiansPerDegree = 3.141592653589793 / 180;

/** Uniform in ±1. */
const around = (hashed: number): number => 2 * uniform(hashed) - 1;

/** Weights of a Gaussian of standard deviation sigma at 0, 1 … ⌈3·sigma⌉ pixels, such that both sides together sum to 1. */
function gaussian(sigma: number): Float64Array {
  const weights = new Float64Array(Math.ceil(3 * sigma) + 1);
  let sum = 0;
  for (let distance = 0; distance < weights.length; distance++) {
    weights[distance] = exp((-distance * distance) / (2 * sigma * sigma));
    sum += distance === 0 ? 1 : 2 * weights[distance];
  }
  return weights.map((weight) => weight / sum);
}

/**
 * One pass of the separable smoothing: `count` lines of `length` elements, `stride` apart within a line and `lineStride` from line to line.
 * What lies beyond the ends counts as zero.
 */
function smooth(options: { from: Float64Array; to: Float64Array; weights: Float64Array; lines: number; lineStride: number; length: number; stride: number }): void {
  const { from, to, weights, lines, lineStride, length, stride } = options;
  for (let line = 0; line < lines; line++) {
    const start = line * lineStride;
    for (let at = 0; at < length; at++) {
      const first = Math.max(0, at - weights.length + 1);
      const last = Math.min(length - 1, at + weights.length - 1);
      let sum = 0;
      for (let tap = first; tap <= at; tap++) sum += weights[at - tap] * from[start + tap * stride];
      for (let tap = at + 1; tap <= last; tap++) sum += weights[tap - at] * from[start + tap * stride];
      to[start + at * stride] = sum;
    }
  }
}

/** The displacement d of every pixel, in pixels: `fill` makes the field of one sample. */
interface Field {
  rows: Float64Array;
  columns: Float64Array;
  fill(place: number): void;
}

function createField(options: { height: number; width: number; alpha: number; sigma: number }): Field {
  const { height, width, alpha, sigma } = options;
  const pixels = height * width;
  const weights = gaussian(sigma);
  const noise = new Float64Array(pixels);
  const half = new Float64Array(pixels);
  const axes = [new Float64Array(pixels), new Float64Array(pixels)] as const;
  const acrossRows = { from: noise, to: half, weights, lines: height, lineStride: width, length: width, stride: 1 };
  const downColumns = axes.map((to) => ({ from: half, to, weights, lines: width, lineStride: 1, length: height, stride: width }));
  return {
    rows: axes[0],
    columns: axes[1],
    fill(place) {
      for (let axis = 0; axis < 2; axis++) {
        for (let pixel = 0; pixel < pixels; pixel++) noise[pixel] = alpha * around(extend(place, axis * pixels + pixel));
        smooth(acrossRows);
        smooth(downColumns[axis]);
      }
    },
  };
}

/** The map without its displacement: source row = rowAtOrigin + row·rowPerRow + column·rowPerColumn, the column likewise. Written anew for each sample. */
interface Affine {
  rowAtOrigin: number;
  rowPerRow: number;
  rowPerColumn: number;
  columnAtOrigin: number;
  columnPerRow: number;
  columnPerColumn: number;
}

function drawAffine(affine: Affine, options: { augmentation: Augmentation; height: number; width: number; place: number }): void {
  const { augmentation, height, width, place } = options;
  const angle = augmentation.rotate * radiansPerDegree * around(extend(place, draws.angle));
  const size = 1 + augmentation.scale * around(extend(place, draws.size));
  const shiftRows = augmentation.shift * around(extend(place, draws.row));
  const shiftColumns = augmentation.shift * around(extend(place, draws.column));
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
  augmentation.shift === 0 && augmentation.rotate === 0 && augmentation.scale === 0 && !augmentation.flip && (augmentation.elastic === null || augmentation.elastic.alpha === 0);

/**
 * Plans the distortion of samples of one shape. `fill`: what lies outside, for each channel (the least value of the data: 0 for bytes).
 * With settings that distort nothing `apply` copies.
 */
export function createAugmenter(options: { augmentation: Augmentation; shape: Shape; seed: number; fill: readonly number[] }): Augmenter {
  const { augmentation, shape, seed } = options;
  const { channels, height, width } = shape;
  const size = sizeOf(shape);
  const pixels = height * width;
  if (options.fill.length !== channels) throw new Error(`${options.fill.length} values to fill ${channels} channels with`);
  if (isIdentity(augmentation)) {
    return {
      apply({ input, inputOffset, output, outputOffset }) {
        for (let at = 0; at < size; at++) output[outputOffset + at] = input[inputOffset + at]!;
      },
    };
  }
  const fill = Float64Array.from(options.fill);
  const affine: Affine = { rowAtOrigin: 0, rowPerRow: 1, rowPerColumn: 0, columnAtOrigin: 0, columnPerRow: 0, columnPerColumn: 1 };
  const { elastic } = augmentation;
  const field = elastic && elastic.alpha > 0 ? createField({ height, width, ...elastic }) : null;
  const beginning = hash(seed, purposes.augment);

  /** The four neighbours of (row, column), each `fill` where it lies outside, blended. Slow path of the picture's edge. */
  const edgeValue = (input: Uint8Array | Float32Array, plane: number, row: number, column: number, down: number, right: number, outside: number): number => {
    const at = (r: number, c: number): number => (r >= 0 && r < height && c >= 0 && c < width ? input[plane + r * width + c] : outside);
    const upper = at(row, column) * (1 - right) + at(row, column + 1) * right;
    const lower = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right;
    return upper * (1 - down) + lower * down;
  };

  return {
    apply({ input, inputOffset, output, outputOffset, epoch, sample }) {
      const place = extend(extend(beginning, epoch), sample);
      drawAffine(affine, { augmentation, height, width, place });
      field?.fill(extend(place, draws.field));
      for (let pixel = 0, row = 0; row < height; row++) {
        for (let column = 0; column < width; column++, pixel++) {
          let sourceRow = affine.rowAtOrigin + row * affine.rowPerRow + column * affine.rowPerColumn;
          let sourceColumn = affine.columnAtOrigin + row * affine.columnPerRow + column * affine.columnPerColumn;
          if (field) {
            sourceRow += field.rows[pixel];
            sourceColumn += field.columns[pixel];
          }
          const top = Math.floor(sourceRow);
          const left = Math.floor(sourceColumn);
          const down = sourceRow - top;
          const right = sourceColumn - left;
          const inside = top >= 0 && top < height - 1 && left >= 0 && left < width - 1;
          for (let channel = 0; channel < channels; channel++) {
            const plane = inputOffset + channel * pixels;
            let value: number;
            if (inside) {
              const at = plane + top * width + left;
              const upper = input[at] * (1 - right) + input[at + 1] * right;
              const lower = input[at + width] * (1 - right) + input[at + width + 1] * right;
              value = upper * (1 - down) + lower * down;
            } else {
              value = edgeValue(input, plane, top, left, down, right, fill[channel]);
            }
            output[outputOffset + channel * pixels + pixel] = value;
          }
        }
      }
    },
  };
}
