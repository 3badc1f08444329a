/** Small sets that come with Debian's packages for Python. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Shape } from "../../../schemas/shape.ts";
import type { LabelledSplits } from "../training.ts";
import { collect, isTested, type Labelled } from "./collect.ts";

/** One sample in four is for the test, by a hash of its number. */
function dealt(shape: Shape, classes: number, all: readonly Labelled[]): LabelledSplits {
  const part = (tested: boolean): Labelled[] => all.filter((_, at) => isTested(String(at)) === tested);
  return { classes, train: collect(shape, part(false)), test: collect(shape, part(true)) };
}

/** scikit-learn's digits of 8×8: rows of 64 values from 0 to 16, the label last. */
export function readDigits(path: string): LabelledSplits {
  const rows = gunzipSync(readFileSync(path)).toString("utf8").trim().split("\n");
  const all = rows.map((row) => {
    const values = row.split(",").map(Number);
    return { label: values[64] ?? 0, sample: Uint8Array.from(values.slice(0, 64)) };
  });
  return dealt({ channels: 1, height: 8, width: 8 }, 10, all);
}

/** scikit-image's faces: float64 [200][25][25] in C order, from 0 to 1; a hundred faces, then a hundred others. */
export function readFaces(path: string): LabelledSplits {
  const file = readFileSync(path);
  const begin = 10 + file.readUInt16LE(8);
  const header = file.toString("latin1", 10, begin);
  if (!header.includes("'descr': '<f8'") || !header.includes("(200, 25, 25)"))
    throw new Error(`${path} is not the array of 200 faces that it should be: ${header}`);
  const all = Array.from({ length: 200 }, (_, at) => ({
    label: at < 100 ? 1 : 0,
    sample: Uint8Array.from({ length: 625 }, (_value, pixel) =>
      Math.round(255 * Math.min(1, Math.max(0, file.readDoubleLE(begin + 8 * (at * 625 + pixel))))),
    ),
  }));
  return dealt({ channels: 1, height: 25, width: 25 }, 2, all);
}
