/**
 * The field of an elastic distortion (Simard, Steinkraus & Platt 2003): d = alpha · (G_sigma ∗ ν), ν uniform in ±1 for
 * each pixel and axis, zero outside the picture, G a Gaussian of sum 1. Every draw is a hash of its place (random.ts).
 * Never allocates after creation.
 */
import { exp } from "./elementary.ts";
import { around, extend } from "./random.ts";

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
export interface Field {
  rows: Float64Array;
  columns: Float64Array;
  fill(place: number): void;
}

export function createField({
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
