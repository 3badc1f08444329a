/**
 * Mean, deviation, smallest and largest of samples, per channel, in one pass. Deviations are taken from a running mean:
 * a sum of squares would lose the digits that matter.
 */
import type { Dtype } from "../../../schemas/dataset.ts";
import type { Shape } from "../../../schemas/shape.ts";

interface Moments {
  count: number;
  mean: number;
  /** Sum of squared deviations from the mean. */
  spread: number;
}

export interface Moment {
  mean: number[];
  std: number[];
  minimum: number;
  maximum: number;
}

/** Chan, Golub and LeVeque's rule for joining two parts. */
function join(left: Moments, right: Moments): Moments {
  if (right.count === 0) return left;
  const count = left.count + right.count;
  const apart = right.mean - left.mean;
  return {
    count,
    mean: left.mean + (apart * right.count) / count,
    spread: left.spread + right.spread + (apart * apart * left.count * right.count) / count,
  };
}

/** Takes pieces [n][channels][height][width]; population statistics. */
export class Statistics {
  readonly #shape: Shape;
  readonly #dtype: Dtype;
  readonly #histograms: Float64Array[];
  readonly #moments: Moments[];
  #minimum = Number.POSITIVE_INFINITY;
  #maximum = Number.NEGATIVE_INFINITY;

  constructor(shape: Shape, dtype: Dtype) {
    this.#shape = shape;
    this.#dtype = dtype;
    this.#histograms = Array.from({ length: shape.channels }, () => new Float64Array(256));
    this.#moments = Array.from({ length: shape.channels }, () => ({ count: 0, mean: 0, spread: 0 }));
  }

  add(piece: Uint8Array): void {
    if (this.#dtype === "uint8") this.#addBytes(piece);
    else this.#addFloats(new Float32Array(piece.buffer, piece.byteOffset, piece.byteLength / 4));
  }

  #addBytes(piece: Uint8Array): void {
    const area = this.#shape.height * this.#shape.width;
    const { channels } = this.#shape;
    for (let plane = 0; plane * area < piece.length; plane++) {
      const histogram = this.#histograms[plane % channels];
      const end = (plane + 1) * area;
      for (let at = plane * area; at < end; at++) histogram[piece[at]] += 1;
    }
  }

  #addFloats(piece: Float32Array): void {
    const area = this.#shape.height * this.#shape.width;
    const { channels } = this.#shape;
    for (let plane = 0; plane * area < piece.length; plane++) {
      let sum = 0;
      for (let at = plane * area; at < (plane + 1) * area; at++) {
        const value = piece[at];
        sum += value;
        if (value < this.#minimum) this.#minimum = value;
        if (value > this.#maximum) this.#maximum = value;
      }
      const mean = sum / area;
      let spread = 0;
      for (let at = plane * area; at < (plane + 1) * area; at++) spread += (piece[at] - mean) ** 2;
      const channel = plane % channels;
      this.#moments[channel] = join(this.#moments[channel], {
        count: area,
        mean,
        spread,
      });
    }
  }

  #momentsOfBytes(histogram: Float64Array): Moments {
    let [count, sum, spread] = [0, 0, 0];
    for (const [value, times] of histogram.entries()) {
      count += times;
      sum += value * times;
      if (times > 0) {
        this.#minimum = Math.min(this.#minimum, value);
        this.#maximum = Math.max(this.#maximum, value);
      }
    }
    const mean = sum / Math.max(1, count);
    for (const [value, times] of histogram.entries()) spread += times * (value - mean) ** 2;
    return { count, mean, spread };
  }

  result(): Moment {
    const moments =
      this.#dtype === "uint8" ? this.#histograms.map((each) => this.#momentsOfBytes(each)) : this.#moments;
    return {
      mean: moments.map((each) => each.mean),
      std: moments.map((each) => Math.sqrt(each.spread / Math.max(1, each.count))),
      minimum: this.#minimum,
      maximum: this.#maximum,
    };
  }
}
