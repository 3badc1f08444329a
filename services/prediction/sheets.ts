/**
 * Grids of small grey or coloured pictures as one PNG: filters, feature maps, samples. Encoding happens in sharp's own
 * threads.
 */
import { setImmediate as others } from "node:timers/promises";
import sharp from "sharp";

export interface Tile {
  /** uint8 [channels][height][width]. */
  pixels: Uint8Array;
}

export interface Sheet {
  tiles: readonly Tile[];
  channels: 1 | 3;
  height: number;
  width: number;
  columns: number;
  /** Side in pixels of one pixel of a tile. */
  scale?: number;
}

const gap = 1;
const gapShade = 64;
/** Pixels that are laid out before others have a turn: about a millisecond. */
const pixelsAtOnce = 250_000;

/** Pixels of a sheet before it is scaled. A single tile comes without a border. */
export function sheetSize({ tiles, height, width, columns }: Sheet): { height: number; width: number } {
  const rows = Math.max(1, Math.ceil(tiles.length / columns));
  const border = tiles.length > 1 ? gap : 0;
  return { height: rows * (height + border) + border, width: columns * (width + border) + border };
}

/** Tiles row by row with a line of grey between them: uint8 [row][column][channel]. */
async function layOut(of: Sheet): Promise<Uint8Array> {
  const { tiles, channels, height, width, columns } = of;
  const { height: sheetHeight, width: sheetWidth } = sheetSize(of);
  const border = tiles.length > 1 ? gap : 0;
  const sheet = new Uint8Array(sheetWidth * sheetHeight * channels).fill(gapShade);
  let pixelsLaid = 0;
  for (const [index, { pixels }] of tiles.entries()) {
    const left = border + (index % columns) * (width + border);
    const top = border + Math.floor(index / columns) * (height + border);
    for (let channel = 0; channel < channels; channel++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++)
          sheet[((top + y) * sheetWidth + left + x) * channels + channel] = pixels[(channel * height + y) * width + x];
      }
    }
    pixelsLaid += pixels.length;
    if (pixelsLaid < pixelsAtOnce) continue;
    pixelsLaid = 0;
    await others();
  }
  return sheet;
}

/** The sheet as a PNG. */
export async function encodeSheet(of: Sheet): Promise<Uint8Array> {
  const { channels, scale = 1 } = of;
  const { height: sheetHeight, width: sheetWidth } = sheetSize(of);
  const sheet = await layOut(of);
  const image = sharp(sheet, { raw: { width: sheetWidth, height: sheetHeight, channels } });
  const sized = scale === 1 ? image : image.resize(sheetWidth * scale, sheetHeight * scale, { kernel: "nearest" });
  return new Uint8Array(
    await sized
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .png()
      .toBuffer(),
  );
}

/** Numbers to shades: 0 is middle grey, the largest absolute value black or white. */
export function signedShades(values: Float32Array): Uint8Array {
  const most = values.reduce((found, value) => Math.max(found, Math.abs(value)), 0) || 1;
  return Uint8Array.from(values, (value) => Math.round(127.5 + 127.5 * (value / most)));
}

/** Numbers to shades: the least is black, the largest white. */
export function stretchedShades(values: Float32Array): Uint8Array {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const range = most - least || 1;
  return Uint8Array.from(values, (value) => Math.round((255 * (value - least)) / range));
}

/**
 * A picture [channels][height][width] in grey (in its colours where it has three channels) with values [height][width]
 * over it: red where they are largest, the picture alone where they are 0 or less. → uint8 [3][height][width]
 */
export function heatOver(
  picture: Float32Array | Uint8Array,
  values: Float32Array,
  { channels }: { channels: number },
): Uint8Array {
  const pixels = values.length;
  const shades = stretchedShades(Float32Array.from(picture));
  const most = values.reduce((found, value) => Math.max(found, value), 0) || 1;
  return Uint8Array.from({ length: 3 * pixels }, (_, at) => {
    const [colour, pixel] = [Math.floor(at / pixels), at % pixels];
    const heat = Math.max(0, values[pixel] / most);
    const shade = shades[(channels === 3 ? colour : 0) * pixels + pixel];
    return Math.round(shade * (1 - heat) + (colour === 0 ? 255 * heat : 0));
  });
}
