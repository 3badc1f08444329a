/**
 * What a picture says of itself in its first bytes: enough to refuse, before any decoder sees it, what is no picture,
 * and to tell its owner what it is instead.
 */

/** A picture that cannot be used; the message says what was found and what would be right, the cause what its decoder said. */
export class PictureError extends Error {
  override readonly name = "PictureError";
}

export type PictureKind = "png" | "jpeg" | "webp" | "gif" | "bmp";
export const kindNames: Record<PictureKind, string> = {
  png: "PNG",
  jpeg: "JPEG",
  webp: "WebP",
  gif: "GIF",
  bmp: "BMP",
};
const readable = "neither a PNG nor a JPEG, WebP, GIF or BMP; expected a picture of one of these kinds";

const kinds: readonly (readonly [PictureKind, RegExp])[] = [
  ["png", /^\u0089PNG\r\n\u001a\n/],
  ["jpeg", /^\u00ff\u00d8\u00ff/],
  ["webp", /^RIFF[^]{4}WEBP/],
  ["gif", /^GIF8[79]a/],
  // Reserved words of zero, and a header of a size that there is: "BM" alone may begin a text.
  ["bmp", /^BM[^]{4}\0\0\0\0[^]{4}[\u000c\u0028\u0034\u0038\u0040\u006c\u007c]\0\0\0/],
];

/** What a file is that is no picture to be read, by its first 16 bytes. */
const others: readonly (readonly [string, RegExp])[] = [
  ["a TIFF picture", /^(II\*\0|MM\0\*)/],
  ["a ZIP archive", /^PK\u0003\u0004/],
  ["gzip data", /^\u001f\u008b/],
  ["a HEIF or AVIF picture", /^[^]{4}ftyp/],
  ["a PDF", /^%PDF/],
  ["an SVG or another markup file", /^\s*</],
  ["text", /^[\t\r\n\u0020-\u007e]{1,32}$/],
];

const startOf = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 32)).toString("latin1");

/** The kind of a picture that is read, told by its content; null for anything else. */
export const pictureKind = (bytes: Uint8Array): PictureKind | null => {
  const start = startOf(bytes);
  return kinds.find(([, pattern]) => pattern.test(start))?.[0] ?? null;
};

/** The kind, or a PictureError that says what the bytes are instead. */
export function requireKind(bytes: Uint8Array): PictureKind {
  if (bytes.length === 0) throw new PictureError(`found an empty file, ${readable}`);
  const kind = pictureKind(bytes);
  if (kind) return kind;
  const start = startOf(bytes);
  const other = others.find(([, pattern]) => pattern.test(start.slice(0, 16)));
  const begin = Buffer.from(bytes.subarray(0, 8)).toString("hex");
  throw new PictureError(`found ${other?.[0] ?? `data that begins with ${begin}`}, ${readable}`);
}

/** Whether a PNG is animated: its decoder shows the first picture without a word. */
export function isAnimatedPng(bytes: Buffer): boolean {
  for (let at = 33; at + 8 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const chunk = bytes.toString("latin1", at + 4, at + 8);
    if (chunk === "acTL") return true;
    if (chunk === "IDAT") return false;
  }
  return false;
}
