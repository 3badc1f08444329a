/** From the paths of an archive to splits and classes: [wrapper/][train|validation|test/]class/picture. */
import type { Split } from "../../../../schemas/dataset.ts";
import { printable, refuse } from "../refused.ts";

export interface Placed {
  split: Split;
  className: string;
}

export interface Layout {
  /** Paths at the top, in no class folder, that are left out. */
  loose: string[];
  /** Whether the first folders name splits. */
  splits: boolean;
  place(path: string): Placed | null;
}

const splitWords: Record<string, Split> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
  test: "test",
  testing: "test",
};
const splitOf = (folder: string): Split | undefined =>
  Object.hasOwn(splitWords, folder.toLowerCase()) ? splitWords[folder.toLowerCase()] : undefined;

const shape = "expected [train|validation|test/]class/picture.png";

/** One folder around everything (as archives of a folder have) is taken off while classes remain below. */
function wrapperOf(paths: readonly (readonly string[])[]): number {
  for (let depth = 0; ; depth++) {
    const below = paths.filter((parts) => parts.length - depth >= 2);
    const first = below[0]?.[depth];
    if (first === undefined || splitOf(first)) return depth;
    if (!below.every((parts) => parts[depth] === first) || !below.some((parts) => parts.length - depth >= 3))
      return depth;
  }
}

/** Refuses a layout that could be read in two ways. */
export function arrange(archive: string, allPaths: readonly string[]): Layout {
  const parts = allPaths.map((path) => path.split("/"));
  const wrapper = wrapperOf(parts);
  const inner = parts.map((each) => each.slice(wrapper)).filter((each) => each.length >= 2);
  if (inner.length === 0)
    refuse(
      archive,
      `found ${
        allPaths.length === 0
          ? "no files"
          : `only ${allPaths
              .slice(0, 4)
              .map((path) => printable(path, 60))
              .join(", ")} and no class folders`
      } in the archive; ${shape} (a table or IDX files are sent as they are, without the archive)`,
    );
  const tops = [...new Set(inner.map(([top = ""]) => top))];
  const named = tops.filter((top) => splitOf(top) !== undefined);
  const splits = inner.some((each) => each.length >= 3 && splitOf(each[0] ?? "") !== undefined);
  if (splits && named.length !== tops.length) {
    const other = tops.find((top) => splitOf(top) === undefined) ?? "";
    refuse(
      archive,
      `found the folder '${printable(other, 60)}' beside '${named.join("', '")}'; expected only train, validation and test there, or only classes`,
    );
  }
  const levels = splits ? 3 : 2;
  const tooDeep = inner.find((each) => each.length > levels);
  if (tooDeep) refuse(`${archive}: ${tooDeep.join("/")}`, `found a folder within a class folder; ${shape}`);
  const place = (path: string): Placed | null => {
    const own = path.split("/").slice(wrapper);
    if (own.length !== levels) return null;
    return { split: splits ? (splitOf(own[0] ?? "") ?? "train") : "train", className: own[levels - 2] ?? "" };
  };
  return { splits, place, loose: allPaths.filter((path) => !place(path)) };
}
