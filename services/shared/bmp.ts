/**
 * BMP pictures, which the other kinds' decoder does not read: uncompressed, of 1, 4, 8, 16, 24 or 32 bits a pixel, with
 * palettes and bit fields. Layout: file header (14 bytes), information header, masks or palette, then rows of whole
 * 4-byte words, the lowest first unless the height is negative. Little-endian throughout.
 */
import { PictureError } from "./picture-header.ts";

export interface BmpHeader {
  width: number;
  height: number;
  bits: number;
  topDown: boolean;
  pixelsAt: number;
  /** [blue, green, red] of each entry; empty where there is none. */
  palette: Uint8Array[];
  /** Masks of red, green, blue and alpha; null for whole bytes. */
  masks: number[] | null;
}

/** A raw picture, interleaved [row][column][channel]. */
export interface RawPicture {
  pixels: Uint8Array;
  width: number;
  height: number;
  channels: 3 | 4;
}

const broken = (what: string): never => {
  throw new PictureError(`found a BMP that cannot be read (${what}); expected a complete, uncompressed one`);
};
const compressions = ["none", "RLE of 8 bits", "RLE of 4 bits", "bit fields", "JPEG", "PNG", "bit fields with alpha"];
const usualMasks: Record<number, number[]> = { 16: [0x7c00, 0x03e0, 0x001f, 0] };

/** Masks stand in the header where it is long enough, and behind it where it has 40 bytes: at the same place. */
function masksOf(bytes: Buffer, { bits, compression, headerBytes }: Record<string, number>): number[] | null {
  if (compression !== 3 && compression !== 6) return usualMasks[bits] ?? null;
  if (bits !== 16 && bits !== 32) broken(`bit fields of ${bits} bits`);
  const alpha = headerBytes >= 56 || compression === 6 ? bytes.readUInt32LE(66) : 0;
  return [bytes.readUInt32LE(54), bytes.readUInt32LE(58), bytes.readUInt32LE(62), alpha];
}

/** Throws PictureError for a header that cannot be, or a compression that is not read. */
export function readBmpHeader(bytes: Buffer): BmpHeader {
  if (bytes.length < 70) broken("it breaks off in its header");
  const headerBytes = bytes.readUInt32LE(14);
  const old = headerBytes === 12;
  const width = old ? bytes.readUInt16LE(18) : bytes.readInt32LE(18);
  const rows = old ? bytes.readInt16LE(20) : bytes.readInt32LE(22);
  const bits = bytes.readUInt16LE(old ? 24 : 28);
  const compression = old ? 0 : bytes.readUInt32LE(30);
  if (![0, 3, 6].includes(compression)) broken(`compression: ${compressions[compression] ?? compression}`);
  if (![1, 4, 8, 16, 24, 32].includes(bits)) broken(`${bits} bits a pixel`);
  if (width < 1 || rows === 0) broken(`${width}×${rows} pixels`);
  const entryBytes = old ? 3 : 4;
  const stated = old ? 0 : bytes.readUInt32LE(46);
  const entries = bits > 8 ? 0 : Math.min(stated === 0 ? 2 ** bits : stated, 2 ** bits);
  const paletteAt = 14 + headerBytes + (headerBytes === 40 && compression === 3 ? 12 : 0);
  if (paletteAt + entries * entryBytes > bytes.length) broken("it breaks off in its palette");
  return {
    width,
    height: Math.abs(rows),
    bits,
    topDown: rows < 0,
    pixelsAt: bytes.readUInt32LE(10),
    palette: Array.from({ length: entries }, (_, at) => bytes.subarray(paletteAt + at * entryBytes).subarray(0, 3)),
    masks: masksOf(bytes, { bits, compression, headerBytes }),
  };
}

/** The value of a bit field, stretched to 0 … 255. */
function field(word: number, mask: number): number {
  if (mask === 0) return 255;
  const shift = Math.clz32(mask & -mask) ^ 31;
  const most = mask >>> shift;
  return Math.round((((word & mask) >>> shift) * 255) / most);
}

type ReadPixel = (row: number, column: number, into: Uint8Array, at: number) => void;

function pixelReader(bytes: Buffer, { bits, palette, masks }: BmpHeader): ReadPixel {
  if (bits <= 8)
    return (row, column, into, at) => {
      const place = column * bits;
      const index = (bytes[row + (place >> 3)] >> (8 - bits - (place & 7))) & (2 ** bits - 1);
      const colour = palette[index] ?? broken(`the colour ${index} of ${palette.length}`);
      for (let channel = 0; channel < 3; channel++) into[at + channel] = colour[2 - channel];
    };
  const step = bits / 8;
  if (masks)
    return (row, column, into, at) => {
      const word = bits === 16 ? bytes.readUInt16LE(row + 2 * column) : bytes.readUInt32LE(row + 4 * column);
      const channels = masks[3] === 0 ? 3 : 4;
      for (let channel = 0; channel < channels; channel++) into[at + channel] = field(word, masks[channel]);
    };
  return (row, column, into, at) => {
    for (let channel = 0; channel < 3; channel++) into[at + channel] = bytes[row + step * column + 2 - channel];
  };
}

const pixelsAtOnce = 1 << 20;

/** Lets other work go on between pieces of a large picture. Throws PictureError where it breaks off. */
export async function decodeBmp(bytes: Buffer, header: BmpHeader): Promise<RawPicture> {
  const { width, height, bits, topDown, pixelsAt, masks } = header;
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  if (pixelsAt + rowBytes * height > bytes.length) broken("it breaks off before its last row");
  const channels = masks && masks[3] !== 0 ? 4 : 3;
  const pixels = new Uint8Array(width * height * channels);
  const read = pixelReader(bytes, header);
  const rowsAtOnce = Math.max(1, Math.floor(pixelsAtOnce / width));
  for (let row = 0; row < height; row++) {
    const from = pixelsAt + (topDown ? row : height - 1 - row) * rowBytes;
    for (let column = 0; column < width; column++) read(from, column, pixels, (row * width + column) * channels);
    if (row % rowsAtOnce === rowsAtOnce - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return { pixels, width, height, channels };
}
