/**
 * Small PNGs whose pixels stand in the file as they are wanted: unpacked here in a tenth of a millisecond, where
 * setting up a decoder takes longer than decoding. Anything unusual, and anything wrong, is left to the decoder: it
 * knows how to convert, and says what is wrong.
 *
 *     signature │ length, type, data, CRC of each chunk; data of IDAT: zlib of rows, each behind the code of its filter
 *
 * Source: W3C, Portable Network Graphics (third edition), chapters 5, 9 and 11.
 */
import { crc32, inflateSync } from "node:zlib";

export interface PlainPng {
  /** Interleaved: [height][width][channels]. */
  pixels: Uint8Array<ArrayBuffer>;
  channels: 1 | 3;
  height: number;
  width: number;
}

/** Unpacking so many is no reason to leave the event loop. */
const mostPixels = 16_384;
const mostBytes = 65_536;
const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** The signature and the first chunk, its CRC included. */
const headerEnd = 33;
/** Bytes of a chunk besides its data. */
const frame = 12;
/** Colour types whose samples are the channels. */
const channelsOf: Partial<Record<number, 1 | 3>> = { 0: 1, 2: 3 };
/** What may stand between header and end without changing a pixel. */
const harmless: ReadonlySet<string> = new Set(["IDAT", "tEXt", "zTXt", "iTXt", "tIME", "pHYs", "gAMA", "cHRM", "sRGB"]);

type Header = Omit<PlainPng, "pixels">;

/** Null where the first chunk is of a picture that is none of ours. */
function readHeader(file: Buffer): Header | null {
  if (file.length < headerEnd + frame || file.length > mostBytes || !file.subarray(0, 8).equals(signature)) return null;
  if (file.readUInt32BE(8) !== 13 || file.toString("latin1", 12, 16) !== "IHDR") return null;
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  const [depth, colours, compression, filter, interlace] = file.subarray(24, 29);
  const channels = channelsOf[colours];
  if (depth !== 8 || channels === undefined || compression !== 0 || filter !== 0 || interlace !== 0) return null;
  if (width === 0 || height === 0 || width * height > mostPixels) return null;
  return { channels, height, width };
}

/** The data of the IDAT chunks; null where there is another chunk than the harmless ones, or one that is damaged. */
function packedRows(file: Buffer): Buffer | null {
  const found: Buffer[] = [];
  for (let at = 8; at + frame <= file.length;) {
    const length = file.readUInt32BE(at);
    const end = at + frame + length;
    if (end > file.length || crc32(file.subarray(at + 4, end - 4)) !== file.readUInt32BE(end - 4)) return null;
    const type = file.toString("latin1", at + 4, at + 8);
    if (type === "IEND") return end === file.length && length === 0 ? Buffer.concat(found) : null;
    if (at > 8 && !harmless.has(type)) return null;
    if (type === "IDAT") found.push(file.subarray(at + 8, end - 4));
    at = end;
  }
  return null;
}

/** Whichever of the three is nearest to left + above − corner. */
function paeth(left: number, above: number, corner: number): number {
  const estimate = left + above - corner;
  const [byLeft, byAbove, byCorner] = [
    Math.abs(estimate - left),
    Math.abs(estimate - above),
    Math.abs(estimate - corner),
  ];
  if (byLeft <= byAbove && byLeft <= byCorner) return left;
  return byAbove <= byCorner ? above : corner;
}

/** What a filter foresaw of a byte, by its code: `left`, `above` and `corner` are of the pixel before, zero outside. */
const filters: readonly ((left: number, above: number, corner: number) => number)[] = [
  () => 0,
  (left) => left,
  (_left, above) => above,
  (left, above) => (left + above) >> 1,
  paeth,
];

/** Undoes the filters; null where a row has one that there is not. */
function unfiltered(rows: Buffer, { channels, height, width }: Header): Uint8Array<ArrayBuffer> | null {
  const stride = width * channels;
  const pixels = new Uint8Array(height * stride);
  for (let row = 0; row < height; row++) {
    const from = row * (stride + 1);
    const foreseen = filters[rows[from]];
    if (!foreseen) return null;
    const to = row * stride;
    for (let at = 0; at < stride; at++) {
      const left = at < channels ? 0 : pixels[to + at - channels];
      const above = row === 0 ? 0 : pixels[to + at - stride];
      const corner = at < channels || row === 0 ? 0 : pixels[to + at - stride - channels];
      pixels[to + at] = rows[from + 1 + at] + foreseen(left, above, corner);
    }
  }
  return pixels;
}

/** A grey or RGB picture of 8 bits a channel, or null where it takes a decoder to read it. */
export function readPlainPng(bytes: Uint8Array): PlainPng | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(file);
  const packed = header && packedRows(file);
  if (!packed) return null;
  const length = header.height * (1 + header.width * header.channels);
  let rows: Buffer;
  try {
    rows = inflateSync(packed, { maxOutputLength: length, chunkSize: Math.max(64, length) });
  } catch {
    return null;
  }
  const pixels = rows.length === length ? unfiltered(rows, header) : null;
  return pixels && { ...header, pixels };
}
