/** From the paths of an archive to splits and classes: [wrapper/][train|validation|test/]class/picture. */
import type { Split } from "../../../schemas/dataset.ts";
import { printable, refuse } from "./refused.ts";

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

const splitWords: Record<string, Split> = { train: "train", training: "train", validation: "validation", valid: "validation", val: "validation", dev: "validation", test: "test", testing: "test" };
const splitOf = (folder: string): Split | undefined => (Object.hasOwn(splitWords, folder.toLowerCase()) ? splitWords[folder.toLowerCase()] : undefined);

const shape = "expected [train|validation|test/]class/picture.png";

/** One folder around everything (as archives of a folder have) is taken off while classes remain below. */
function wrapperOf(paths: readonly (readonly string[])[]): number {
  let depth = 0;
  for (;;) {
    const first = paths[0]?.[depth];
    if (first === undefined || splitOf(first)) return depth;
    const alone = paths.every((parts) => parts[depth] === first && parts.length - depth >= 3);
    if (!alone) return depth;
    depth += 1;
  }
}

/** Refuses a layout that could be read in two ways. */
export function arrange(archive: string, allPaths: readonly string[]): Layout {
  const parts = allPaths.map((path) => path.split("/"));
  const deep = parts.filter((each) => each.length >= 2);
  if (deep.length === 0) refuse(archive, `found ${allPaths.length === 0 ? "no files" : "no folders"} in the archive; ${shape}`);
  const wrapper = wrapperOf(deep);
  const tops = new Set(deep.map((each) => each[wrapper] ?? ""));
  const named = [...tops].filter((top) => splitOf(top) !== undefined);
  const depths = (top: string): number[] => deep.filter((each) => each[wrapper] === top).map((each) => each.length - wrapper);
  const splits = named.length > 0 && [...tops].every((top) => depths(top).every((depth) => depth >= 3));
  if (splits && named.length !== tops.size) {
    const other = [...tops].find((top) => splitOf(top) === undefined) ?? "";
    refuse(archive, `found the folder '${printable(other, 60)}' beside '${named.join("', '")}'; expected only train, validation and test there, or only classes`);
  }
  const levels = splits ? 3 : 2;
  const tooDeep = deep.find((each) => each.length - wrapper > levels);
  if (tooDeep) refuse(`${archive}: ${tooDeep.join("/")}`, `found a folder within a class folder; ${shape}`);
  return {
    loose: parts.filter((each) => each.length - wrapper < 2 || each.length < 2).map((each) => each.join("/")),
    splits,
    place(path) {
      const own = path.split("/").slice(wrapper);
      if (own.length !== levels) return null;
      return { split: splits ? (splitOf(own[0] ?? "") ?? "train") : "train", className: own[levels - 2] ?? "" };
    },
  };
}
