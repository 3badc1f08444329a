/**
 * Random changes of a picture's colours, after it was distorted (as torchvision's ColorJitter, in this order):
 *
 *     brightness   x' = black + b (x − black)            b ∈ 1 ± brightness
 *     contrast     x' = m + c (x − m)                    c ∈ 1 ± contrast, m the mean grey of the picture
 *     saturation   x' = g + s (x − g)                    s ∈ 1 ± saturation, g the grey of the pixel
 *
 * all uniform. Grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) of three channels, else the mean of all; without
 * three channels nothing is saturated. black: the least value of the data. Nothing is clipped: the network reads
 * numbers, not bytes. Every draw is a hash of its place (random.ts). Never allocates after creation.
 */
import type { Augmentation } from "../schemas/augmentation.ts";
import type { Shape } from "../schemas/shape.ts";
import { around, extend } from "./random.ts";

const rgb = [0.299, 0.587, 0.114] as const;

/** The last word of each draw's place. */
export interface ColourDraws {
  brightness: number;
  contrast: number;
  saturation: number;
}

export interface Colours {
  /** Changes one sample in place; `place` is the hash of what its draws have in common. */
  apply(output: Float32Array, offset: number, place: number): void;
}

export const changesColours = ({ brightness, contrast, saturation }: Augmentation): boolean =>
  brightness > 0 || contrast > 0 || saturation > 0;

export function createColours(options: {
  augmentation: Augmentation;
  shape: Shape;
  /** By channel. */
  black: readonly number[];
  draws: ColourDraws;
}): Colours {
  const { augmentation, shape, black, draws } = options;
  const { channels, height, width } = shape;
  const pixels = height * width;
  const weights = channels === 3 ? rgb : new Array<number>(channels).fill(1 / channels);
  const saturates = channels === 3 && augmentation.saturation > 0;

  const greyAt = (values: Float32Array, at: number): number => {
    let grey = 0;
    for (let channel = 0; channel < channels; channel++) grey += weights[channel] * values[at + channel * pixels];
    return grey;
  };
  const meanGrey = (values: Float32Array, offset: number): number => {
    let sum = 0;
    for (let pixel = 0; pixel < pixels; pixel++) sum += greyAt(values, offset + pixel);
    return sum / pixels;
  };

  return {
    apply(output, offset, place) {
      const factor = (name: keyof ColourDraws): number => 1 + augmentation[name] * around(extend(place, draws[name]));
      const [bright, contrast, saturation] = [factor("brightness"), factor("contrast"), factor("saturation")];
      for (let channel = 0; channel < channels; channel++) {
        const from = offset + channel * pixels;
        for (let at = from; at < from + pixels; at++)
          output[at] = black[channel] + bright * (output[at] - black[channel]);
      }
      if (augmentation.contrast > 0) {
        const mean = meanGrey(output, offset);
        for (let at = offset; at < offset + channels * pixels; at++) output[at] = mean + contrast * (output[at] - mean);
      }
      if (!saturates) return;
      for (let pixel = offset; pixel < offset + pixels; pixel++) {
        const grey = greyAt(output, pixel);
        for (let at = pixel; at < pixel + channels * pixels; at += pixels)
          output[at] = grey + saturation * (output[at] - grey);
      }
    },
  };
}
