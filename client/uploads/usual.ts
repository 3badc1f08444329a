/** What people mean who give a folder of pictures and say no more. */
import { filesOf, type Folder } from "./folder.ts";
import { extentOf, headBytes, type Extent } from "./picture-size.ts";
import { piecesOf } from "./segments.ts";
import type { FolderFile } from "./tar.ts";

const picture = /\.(png|jpe?g|gif|bmp|webp)$/i;
const split = /^(train|test|val|valid|dev)/i;
const looked = 200;
const largestSide = 64;
const usualTest = 0.2;

export interface UsualSettings {
  /** Left out where the pictures agree and are small. */
  size?: number;
  /** Left out where folders name the splits. */
  splits?: { test: number };
}

async function headOf({ content }: FolderFile): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content.subarray(0, headBytes);
  if (content instanceof Blob) return new Uint8Array(await content.slice(0, headBytes).arrayBuffer());
  const head = new Uint8Array(headBytes);
  let length = 0;
  for await (const piece of piecesOf(content.open())) {
    const taken = piece.subarray(0, headBytes - length);
    head.set(taken, length);
    length += taken.length;
    if (length === headBytes) break;
  }
  return head.subarray(0, length);
}

/** The size to fit pictures to. Looks at some of them, spread over all; one that cannot be read is told of later. */
async function sizeFor(pictures: readonly FolderFile[]): Promise<number | null> {
  const every = Math.max(1, Math.floor(pictures.length / looked));
  const extents: Extent[] = [];
  for (const file of pictures.filter((_, at) => at % every === 0)) {
    const extent = await headOf(file).then(extentOf, () => null);
    if (extent) extents.push(extent);
  }
  if (extents.length === 0) return null;
  const largest = Math.max(...extents.map(({ width, height }) => Math.max(width, height)));
  const agree = extents.every(({ width, height }) => width === extents[0].width && height === extents[0].height);
  return agree && largest <= largestSide ? null : Math.min(largest, largestSide);
}

/** Whether a folder above those of the classes names a split. */
function namesSplits(paths: readonly string[]): boolean {
  const parts = paths.map((path) => path.split("/"));
  // One folder around everything is called as its owner pleases.
  const around = parts.every((each) => each.length > 2 && each[0] === parts[0][0]) ? 1 : 0;
  return parts.some((each) => each.slice(around, -2).some((part) => split.test(part)));
}

/**
 * Pictures that differ in size, or are larger, are fitted to at most 64×64; a fifth of each class is kept for the test,
 * where no folder names a split. Nothing for a folder without pictures.
 */
export async function usualSettings(folder: Folder): Promise<UsualSettings> {
  const pictures = (await filesOf(folder)).filter(({ path }) => picture.test(path));
  if (pictures.length === 0) return {};
  const size = await sizeFor(pictures);
  return {
    ...(size === null ? {} : { size }),
    ...(namesSplits(pictures.map(({ path }) => path)) ? {} : { splits: { test: usualTest } }),
  };
}
