/**
 * Letters as the fonts of this machine draw them: each glyph centred and scaled to fill the picture. The splits share
 * no family of fonts, so that a test letter is one that nobody has seen.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
// oxlint-disable-next-line import/default -- a CommonJS module: all that it exports is its default
import opentype, { type Font, type Path } from "opentype.js";
import sharp from "sharp";
import type { LabelledSplits } from "../training.ts";
import { collect, type Labelled } from "./collect.ts";

const side = 28;
const margin = 2;
const shape = { channels: 1, height: side, width: side };

interface Face {
  family: string;
  font: Font;
}

const fontFiles = (folders: readonly string[]): string[] =>
  folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)))
    .filter((path) => /\.(otf|ttf)$/i.test(path))
    .sort();

/** Null for what is no font that we can read. */
function faceOf(path: string): Face | null {
  try {
    const file = readFileSync(path);
    const font = opentype.parse(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
    const [family = path] = Object.values(font.names.fontFamily ?? {});
    // Faces of one family are often named as families of their own: "Inter Light", "Inter Black".
    return { family: family.split(" ")[0] ?? family, font };
  } catch {
    return null;
  }
}

/** The letter's outline; null where the font has none. */
function outlineOf({ font }: Face, letter: string): Path | null {
  if (font.charToGlyphIndex(letter) <= 0) return null;
  const path = font.getPath(letter, 0, 0, 100);
  const { x1, x2, y1, y2 } = path.getBoundingBox();
  return x2 > x1 && y2 > y1 ? path : null;
}

/** White on black, [height][width] bytes. */
async function drawn(path: Path): Promise<Uint8Array> {
  const { x1, x2, y1, y2 } = path.getBoundingBox();
  const scale = (side - 2 * margin) / Math.max(x2 - x1, y2 - y1);
  const [left, top] = [(side - scale * (x2 - x1)) / 2 - scale * x1, (side - scale * (y2 - y1)) / 2 - scale * y1];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><rect width="100%" height="100%"/>` +
    `<path fill="white" transform="translate(${left} ${top}) scale(${scale})" d="${path.toPathData(3)}"/></svg>`;
  return sharp(Buffer.from(svg)).greyscale().raw().toBuffer();
}

/** Families are dealt out by a hash of their name: three in ten are for the test. */
const isTested = (family: string): boolean => createHash("sha256").update(family).digest().readUInt8(0) < 77;

/** Every face that has all the letters, at most `perFamily` of a family and `most` in all. */
export async function makeGlyphs(
  folders: readonly string[],
  { letters, perFamily, most }: { letters: readonly string[]; perFamily: number; most: number },
): Promise<LabelledSplits> {
  const found: Record<"train" | "test", Labelled[]> = { train: [], test: [] };
  const taken = new Map<string, number>();
  let faces = 0;
  for (const path of fontFiles(folders)) {
    const face = faces < most ? faceOf(path) : null;
    if (!face || (taken.get(face.family) ?? 0) >= perFamily) continue;
    const outlines = letters.flatMap((letter) => outlineOf(face, letter) ?? []);
    if (outlines.length < letters.length) continue;
    faces++;
    taken.set(face.family, (taken.get(face.family) ?? 0) + 1);
    const into = found[isTested(face.family) ? "test" : "train"];
    for (const [label, outline] of outlines.entries()) into.push({ label, sample: await drawn(outline) });
  }
  return { classes: letters.length, train: collect(shape, found.train), test: collect(shape, found.test) };
}
