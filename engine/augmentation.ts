/**
 * Random distortions of a training sample, the same for training and for previews: shift, rotation, change of size,
 * mirroring, and the elastic distortion of Simard, Steinkraus & Platt (2003). All are composed into one map from output
 * to input, so a sample is resampled once, bilinearly.
 *
 *     source(p) = centre + F · R(−θ) · (p − centre − t) / s + d(p),   output(p) = input at source(p)
 *
 *     p = (x to the right, y down), so a positive θ turns the picture clockwise;
 *     t ∈ ±shift pixels, θ ∈ ±rotate degrees, s ∈ 1 ± scale, F mirrors left and right for half of the samples, all
 *     uniform; d = alpha · (G_sigma ∗ ν), ν uniform in ±1 for each pixel and axis, zero outside the picture, G a
 *     Gaussian of sum 1.
 *
 * Samples lie as [channel][row][column] in the dataset's own range, before normalisation; what lies outside has the
 * value `fill` of its channel. Every draw is a hash of (seed, augment, epoch, sample, what): see random.ts. Never
 * allocates after creation, never reads a clock.
 */
import type { Augmentation } from "../schemas/augmentation.ts";
import { sizeOf, type Shape } from "../schemas/shape.ts";
import { cos, exp, sin } from "./elementary.ts";
import { extend, hash, purposes, uniform } from "./random.ts";

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
const draws = { row: 0, column: 1, angle: 2, size: 3, mirror: 4, field: 5 } as const;

const radiansPerDegree = 3.141592653589793 / 180;

/** Uniform in ±1. */
const around = (hashed: number): number => 2 * uniform(hashed) - 1;

/** Weights of a Gaussian of standard deviation sigma at −⌈3·sigma⌉ … ⌈3·sigma⌉ pixels, of sum 1, between two zeros. */
function gaussian(sigma: number): Float64Array {
  const reach = Math.ceil(3 * sigma);
  const weights = new Float64Array(2 * reach + 3);
  let sum = 0;
  for (let distance = 0; distance <= reach; distance++) {
    const weight = exp((-distance * distance) / (2 * sigma * sigma));
    weights[reach + 1 - distance] = weight;
    weights[reach + 1 + distance] = weight;
    sum += distance === 0 ? 1 : 2 * weight;
  }
  return weights.map((weight) => weight / sum);
}

/**
 * One pass of the separable smoothing: along the columns of `from` [length][lines] into the rows of `to`
 * [lines][length]; what lies beyond the ends counts as zero. Each sum runs along its column, in order: one long chain
 * of additions. So eight are on their way at once, of two neighbours in each of four columns; a tap that only one of
 * the two has is zero for the other, which changes no sum. Where columns or neighbours are too few the last is passed
 * again.
 */
function smooth({
  from,
  to,
  weights,
  lines,
  length,
}: {
  from: Float64Array;
  to: Float64Array;
  weights: Float64Array;
  lines: number;
  length: number;
}): void {
  const reach = (weights.length - 3) / 2;
  for (let line = 0; line < lines; line += 4) {
    const others = lines - 1 - line;
    const [b, c, d] = [Math.min(1, others), Math.min(2, others), Math.min(3, others)];
    for (let at = 0; at < length; at += 2) {
      const step = Math.min(1, length - 1 - at);
      const first = Math.max(0, at - reach);
      const last = Math.min(length - 1, at + step + reach);
      let [a0, a1, b0, b1, c0, c1, d0, d1] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (
        let tap = first, place = first * lines + line, weightAt = first - at + reach + 1;
        tap <= last;
        tap++, place += lines, weightAt++
      ) {
        const w0 = weights[weightAt];
        const w1 = weights[weightAt - step];
        const xa = from[place];
        const xb = from[place + b];
        const xc = from[place + c];
        const xd = from[place + d];
        a0 += w0 * xa;
        a1 += w1 * xa;
        b0 += w0 * xb;
        b1 += w1 * xb;
        c0 += w0 * xc;
        c1 += w1 * xc;
        d0 += w0 * xd;
        d1 += w1 * xd;
      }
      const into = line * length + at;
      to[into] = a0;
      to[into + step] = a1;
      to[into + b * length] = b0;
      to[into + b * length + step] = b1;
      to[into + c * length] = c0;
      to[into + c * length + step] = c1;
      to[into + d * length] = d0;
      to[into + d * length + step] = d1;
    }
  }
}

/** The displacement d of every pixel, in pixels, as [column][row]: `fill` makes the field of one sample. */
interface Field {
  rows: Float64Array;
  columns: Float64Array;
  fill(place: number): void;
}

function createField({
  height,
  width,
  alpha,
  sigma,
}: {
  height: number;
  width: number;
  alpha: number;
  sigma: number;
}): Field {
  const pixels = height * width;
  const weights = gaussian(sigma);
  // [column][row], turned by each pass.
  const noise = new Float64Array(pixels);
  const half = new Float64Array(pixels);
  const [rows, columns] = [new Float64Array(pixels), new Float64Array(pixels)];
  const acrossRows = { from: noise, to: half, weights, lines: height, length: width };
  const downColumns = [rows, columns].map((to) => ({ from: half, to, weights, lines: width, length: height }));
  return {
    rows,
    columns,
    fill(place) {
      for (let axis = 0; axis < 2; axis++) {
        for (let pixel = axis * pixels, row = 0; row < height; row++) {
          for (let column = 0; column < width; column++, pixel++)
            noise[column * height + row] = alpha * around(extend(place, pixel));
        }
        smooth(acrossRows);
        smooth(downColumns[axis]);
      }
    },
  };
}

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
  augmentation.shift === 0 &&
  augmentation.rotate === 0 &&
  augmentation.scale === 0 &&
  !augmentation.flip &&
  (augmentation.elastic === null || augmentation.elastic.alpha === 0);

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
  const { augmentation, shape, seed } = options;
  const { channels, height, width } = shape;
  const size = sizeOf(shape);
  const pixels = height * width;
  if (options.fill.length !== channels)
    throw new Error(`${options.fill.length} values to fill ${channels} channels with`);
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
  const beginning = hash(seed, purposes.augment);
  // The sample within a frame of `fill` two pixels wide: a neighbour is always there, and whoever lies farther out sees
  // what the frame shows.
  const framedWidth = width + 4;
  const framedPixels = (height + 4) * framedWidth;
  const framed = new Float64Array(channels * framedPixels);
  for (const [channel, value] of options.fill.entries())
    framed.fill(value, channel * framedPixels, (channel + 1) * framedPixels);

  const frame = (input: Samples, inputOffset: number): void => {
    for (let channel = 0, from = inputOffset; channel < channels; channel++) {
      for (let row = 0; row < height; row++) {
        const into = channel * framedPixels + (row + 2) * framedWidth + 2;
        for (let column = 0; column < width; column++, from++) framed[into + column] = input[from];
      }
    }
  };

  return {
    apply({ input, inputOffset, output, outputOffset, epoch, sample }) {
      const place = extend(extend(beginning, epoch), sample);
      drawAffine(affine, { augmentation, height, width, place });
      field?.fill(extend(place, draws.field));
      frame(input, inputOffset);
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
    },
  };
}
