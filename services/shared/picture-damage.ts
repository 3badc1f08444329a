/**
 * What is wrong with a picture that its decoder gave up on, in words for its owner: whether it breaks off and where, or
 * which part is damaged. Walks the parts that a file of its kind is made of; reads no pixel.
 *
 * Sources: W3C, Portable Network Graphics (third edition), chapter 5; ITU-T T.81, annex B; CompuServe, GIF89a; Google,
 * WebP Container Specification.
 */
import { crc32 } from "node:zlib";
import type { PictureKind } from "./picture-header.ts";

const breaksOff = (file: Buffer, where: string): string => `it breaks off after ${file.length} bytes, ${where}`;

const pngParts: Partial<Record<string, string>> = { IHDR: "its header", PLTE: "its palette", IDAT: "its pixels" };
const partOf = (chunk: string): string => pngParts[chunk] ?? `its part ${chunk}`;

/** Length, type, data and checksum of each chunk behind the signature. */
function walkPng(file: Buffer): string | null {
  let last = "its signature";
  for (let at = 8; at < file.length;) {
    if (at + 8 > file.length) return breaksOff(file, `behind ${last}`);
    const chunk = file.toString("latin1", at + 4, at + 8);
    if (!/^[A-Za-z]{4}$/.test(chunk)) return `at byte ${at}, behind ${last}, begins no part of a PNG`;
    const end = at + 12 + file.readUInt32BE(at);
    if (end > file.length) return breaksOff(file, `in ${partOf(chunk)}`);
    if (crc32(file.subarray(at + 4, end - 4)) !== file.readUInt32BE(end - 4))
      return `the checksum of ${partOf(chunk)} at byte ${at} is wrong`;
    if (chunk === "IEND") return null;
    last = partOf(chunk);
    at = end;
  }
  return breaksOff(file, `behind ${last}`);
}

/** The next marker behind entropy-coded data, in which 0xff is followed by 0 or a restart. */
function afterScan(file: Buffer, from: number): number {
  for (let at = file.indexOf(0xff, from); at >= 0 && at + 1 < file.length; at = file.indexOf(0xff, at + 1)) {
    const next = file[at + 1];
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
  }
  return file.length;
}

/** Segments of marker and length; behind the start of a scan its pixels, up to the next marker. */
function walkJpeg(file: Buffer): string | null {
  let hasPixels = false;
  let at = 2;
  while (at + 1 < file.length) {
    const marker = file[at + 1];
    if (file[at] !== 0xff) return `at byte ${at} begins no part of a JPEG`;
    if (marker === 0xd9) return hasPixels ? null : "it ends before its pixels";
    if (marker === 0xff) at += 1;
    else {
      const isScan = marker === 0xda;
      const end = at + 4 > file.length ? file.length + 1 : at + 2 + file.readUInt16BE(at + 2);
      if (end > file.length) return breaksOff(file, hasPixels || isScan ? "in its pixels" : "in its header");
      hasPixels ||= isScan;
      at = isScan ? afterScan(file, end) : end;
    }
  }
  return breaksOff(file, hasPixels ? "in its pixels" : "before its pixels");
}

/** The length of all that follows stands at the front. */
function walkWebp(file: Buffer): string | null {
  const length = 8 + file.readUInt32LE(4);
  return length > file.length ? breaksOff(file, `of ${length} that it says it has`) : null;
}

/** Behind a row of blocks, each with its length before it, the last of length 0. */
function afterBlocks(file: Buffer, from: number): number {
  let at = from;
  while (at < file.length && file[at] !== 0) at += 1 + file[at];
  return at + 1;
}

const colourTableBytes = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** Extensions and frames, and a byte that ends it. */
function walkGif(file: Buffer): string | null {
  if (file.length < 13) return breaksOff(file, "in its header");
  let frames = 0;
  for (let at = 13 + colourTableBytes(file[10]); at < file.length;) {
    const block = file[at];
    if (block === 0x3b) return frames > 0 ? null : "it ends before its pixels";
    if (block === 0x21) at = afterBlocks(file, at + 2);
    else if (block === 0x2c && at + 10 < file.length) {
      frames += 1;
      at = afterBlocks(file, at + 11 + colourTableBytes(file[at + 9]));
    } else if (block !== 0x2c) return `at byte ${at} begins no part of a GIF`;
    else break;
  }
  return breaksOff(file, frames > 0 ? "in its pixels" : "before its pixels");
}

const walks: Partial<Record<PictureKind, (file: Buffer) => string | null>> = {
  png: walkPng,
  jpeg: walkJpeg,
  webp: walkWebp,
  gif: walkGif,
};

/**
 * The fault as the second half of a sentence. `stage`: whether its header could not be read or, with that read, its
 * pixels, which is all there is to say where every part is there.
 */
export const damageOf = (file: Buffer, { kind, stage }: { kind: PictureKind; stage: "header" | "pixels" }): string =>
  walks[kind]?.(file) ?? `its ${stage === "header" ? "header is" : "pixels are"} damaged`;
