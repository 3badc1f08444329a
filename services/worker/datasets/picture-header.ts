/**
 * What a PNG or JPEG says of itself in its first bytes: enough to refuse, before any decoder sees it, what a dataset
 * should not hold.
 */
import { printable } from "./refused.ts";

export interface PictureHeader {
  channels: 1 | 3;
  width: number;
  height: number;
  palette: boolean;
  alpha: boolean;
}

/** The picture cannot be a sample: `message` says what was found and what was expected. */
export class PictureRefused extends Error {
  override readonly name = "PictureRefused";
}

const wanted = "expected a PNG or JPEG picture";

function pngHeader(bytes: Buffer): PictureHeader {
  if (bytes.length < 33 || bytes.toString("latin1", 12, 16) !== "IHDR")
    throw new PictureRefused("found a PNG that breaks off in its header; expected a complete picture");
  const [bits, colour] = [bytes[24], bytes[25]];
  if (bits === 16)
    throw new PictureRefused(
      "found 16 bits a channel; expected 8: convert it yourself, so that you decide how the range is cut",
    );
  let transparency = false;
  for (let at = 33; at + 8 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const chunk = bytes.toString("latin1", at + 4, at + 8);
    if (chunk === "acTL") throw new PictureRefused("found an animated PNG; expected a single picture");
    if (chunk === "tRNS") transparency = true;
    if (chunk === "IDAT") break;
  }
  return {
    width: bytes.readUInt32BE(16),
    height: bytes.readUInt32BE(20),
    channels: colour === 0 || colour === 4 ? 1 : 3,
    alpha: colour >= 4 || transparency,
    palette: colour === 3,
  };
}

const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function jpegHeader(bytes: Buffer): PictureHeader {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (isFrame(marker) && at + 10 <= bytes.length) {
      const [bits, components] = [bytes[at + 4], bytes[at + 9]];
      if (bits !== 8) throw new PictureRefused(`found a JPEG of ${bits} bits a channel; expected 8`);
      if (components === 4)
        throw new PictureRefused(
          "found a CMYK picture (four inks, for print); expected grey or RGB: convert it with its colour profile",
        );
      if (components !== 1 && components !== 3)
        throw new PictureRefused(`found a JPEG of ${components} channels; expected grey or RGB`);
      return {
        height: bytes.readUInt16BE(at + 5),
        width: bytes.readUInt16BE(at + 7),
        channels: components,
        alpha: false,
        palette: false,
      };
    }
    if (marker === 0xda || marker === 0xd9) break;
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  throw new PictureRefused("found a JPEG without a picture in it, or one that breaks off; expected a complete picture");
}

const others: readonly (readonly [string, RegExp])[] = [
  ["a GIF (perhaps animated)", /^GIF8/],
  ["a WebP picture", /^RIFF....WEBP/s],
  ["a TIFF picture", /^(II\*\0|MM\0\*)/],
  ["a BMP picture", /^BM/],
  ["a ZIP archive", /^PK\u0003\u0004/],
  ["gzip data", /^\u001f\u008b/],
  ["a HEIF or AVIF picture", /^....ftyp/s],
  ["an SVG or another markup file", /^\s*</],
  ["text", /^[\t\r\n\u0020-\u007e]{1,16}$/],
];

/** Throws PictureRefused for anything but an 8-bit, grey or RGB, single PNG or JPEG of at most `maxPixels` pixels. */
export function readPictureHeader(bytes: Buffer, maxPixels: number): PictureHeader {
  if (bytes.length === 0) throw new PictureRefused(`found an empty file; ${wanted}`);
  const start = bytes.toString("latin1", 0, 16);
  let header: PictureHeader;
  if (start.startsWith("\u0089PNG\r\n\u001a\n")) header = pngHeader(bytes);
  else if (start.startsWith("\u00ff\u00d8\u00ff")) header = jpegHeader(bytes);
  else
    throw new PictureRefused(
      `found ${others.find(([, pattern]) => pattern.test(start))?.[0] ?? `data that begins with ${printable(bytes.toString("hex", 0, 8))}`}; ${wanted}`,
    );
  if (header.width * header.height > maxPixels)
    throw new PictureRefused(
      `found ${header.width} × ${header.height} pixels; expected at most MAX_PIXELS (${maxPixels}) of them`,
    );
  return header;
}
