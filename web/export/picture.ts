/**
 * A picture in the browser made into a sample, as the service makes it: laid on the conversion's background where it is
 * transparent or does not reach, grey or RGB, fitted, cropped or stretched to the network's size. A picture that has
 * that size and those channels already comes out with the service's very numbers; others are scaled by the mean over
 * areas, where the service has a finer filter.
 */
import type { ExportedModel } from "../../schemas/exported-model.ts";

export type Form = Pick<ExportedModel, "input" | "conversion" | "range">;

/** Rows of RGBA, as a canvas keeps them. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

/** Red, green and blue of a background: black, white or #rrggbb. */
function colourOf(background: Form["conversion"]["background"]): [number, number, number] {
  if (background === "black") return [0, 0, 0];
  if (background === "white") return [255, 255, 255];
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(background.slice(at, at + 2), 16));
  return [red, green, blue];
}

/** Whether strokes are light on dark, as in the training data; where its mean is not kept, by its background. */
export function isLightOnDark({
  conversion,
  range,
  normalisation: { mean, kind },
}: Pick<ExportedModel, "conversion" | "range" | "normalisation">): boolean {
  const [light, half] =
    kind === "standardise" ? [mean, (range.minimum + range.maximum) / 2] : [colourOf(conversion.background), 255 / 2];
  return light.reduce((sum, each) => sum + each, 0) / light.length < half;
}

/** Where the source lands in the target: `fit` leaves edges, `crop` cuts, `stretch` fills. */
function placing(from: Pixels, to: { width: number; height: number }, fit: Form["conversion"]["fit"]) {
  const [across, down] = [to.width / from.width, to.height / from.height];
  const both = fit === "fit" ? Math.min(across, down) : Math.max(across, down);
  const [x, y] = fit === "stretch" ? [across, down] : [both, both];
  return { x, y, left: (to.width - from.width * x) / 2, top: (to.height - from.height * y) / 2 };
}

/** Shares of the source's cells in one cell of the target: [first, …shares], which sum to the part that is covered. */
function cover(cell: number, scale: number, start: number, length: number): { first: number; shares: number[] } {
  const [low, high] = [(cell - start) / scale, (cell + 1 - start) / scale];
  const [begin, end] = [Math.max(0, low), Math.min(length, high)];
  const first = Math.floor(begin);
  const shares: number[] = [];
  for (let at = first; at < end; at++) shares.push((Math.min(at + 1, end) - Math.max(at, begin)) / (high - low));
  return { first, shares };
}

/** [channel][row][column], 0 … 255, rounded to whole numbers as the service's are. */
function shrink(
  from: Pixels,
  to: { width: number; height: number },
  { fit, background }: Form["conversion"],
): Uint8Array {
  const behind = colourOf(background);
  const size = to.width * to.height;
  const planes = new Uint8Array(3 * size);
  const at = placing(from, to, fit);
  const columns = Array.from({ length: to.width }, (_, column) => cover(column, at.x, at.left, from.width));
  for (let row = 0; row < to.height; row++) {
    const rows = cover(row, at.y, at.top, from.height);
    for (const [column, { first, shares }] of columns.entries()) {
      const sum = [0, 0, 0];
      let covered = 0;
      for (const [down, rowShare] of rows.shares.entries())
        for (const [across, columnShare] of shares.entries()) {
          const pixel = 4 * ((rows.first + down) * from.width + first + across);
          const weight = rowShare * columnShare * (from.data[pixel + 3] / 255);
          covered += weight;
          for (let channel = 0; channel < 3; channel++) sum[channel] += weight * from.data[pixel + channel];
        }
      for (const [channel, value] of sum.entries())
        planes[channel * size + row * to.width + column] = Math.round(value + (1 - covered) * behind[channel]);
    }
  }
  return planes;
}

/** Luminance of linear light, as the service's picture library weighs it; a grey pixel stays what it is. */
function grey(red: number, green: number, blue: number): number {
  if (red === green && green === blue) return red;
  const linear = (value: number): number =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  const light = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
}

/** Whole numbers 0 … 255, [channels][height][width]: what the page shows, saves and asks about. */
export function toSample(pixels: Pixels, { input, conversion }: Form): Uint8Array {
  const planes = shrink(pixels, input, conversion);
  if (input.channels === 3) return planes;
  const size = input.width * input.height;
  return planes.subarray(0, size).map((red, pixel) => grey(red, planes[size + pixel], planes[2 * size + pixel]));
}

/** The sample in the dataset's own range, as the network takes it. */
export const inRange = (sample: Uint8Array, { range }: Form): Float32Array =>
  range.minimum === 0 && range.maximum === 255
    ? Float32Array.from(sample)
    : Float32Array.from(sample, (pixel) => range.minimum + (pixel / 255) * (range.maximum - range.minimum));

/** The sample as a picture of the network's own size. */
export function toPixels(sample: Uint8Array, { input: { channels, height, width } }: Form): Pixels {
  const data = new Uint8ClampedArray(4 * height * width);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++)
      data[4 * pixel + channel] = sample[(channels === 3 ? channel : 0) * height * width + pixel];
    data[4 * pixel + 3] = 255;
  }
  return { width, height, data };
}
