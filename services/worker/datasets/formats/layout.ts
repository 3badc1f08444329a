/** From the paths of an archive to splits and classes: [wrapper/][train|validation|test/]class/picture. */
import type { Split } from "../../../../schemas/dataset.ts";
import { grouped } from "../../../shared/dataset-limits.ts";
import { DatasetRefused, mostProblems, printable, refuse } from "../refused.ts";
import { splitOf } from "../split-words.ts";

interface Placed {
  /** null where no folder names one. */
  split: Split | null;
  className: string;
}

export interface Layout {
  /** Paths at the top, in no class folder, that are left out. */
  loose: string[];
  /** Whether the first folders name splits. */
  splits: boolean;
  place(path: string): Placed | null;
}

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

/** A folder that holds nothing but a folder of its own name, as some archivers make them, is one folder. */
function collapse(paths: readonly (readonly string[])[]): string[][] {
  const children = new Map<string, Set<string>>();
  for (const parts of paths)
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join("/");
      const known = children.get(folder) ?? new Set<string>();
      // A file is no folder, also where it has the same name.
      if (known.size < 2) known.add(depth === parts.length - 1 ? `${parts[depth]}/` : parts[depth]);
      children.set(folder, known);
    }
  const isDoubled = (parts: readonly string[], depth: number): boolean => {
    const known = children.get(parts.slice(0, depth).join("/"));
    return known?.size === 1 && known.has(parts[depth - 1]);
  };
  return paths.map((parts) => parts.filter((_, depth) => depth === 0 || !isDoubled(parts, depth)));
}

const quoted = (names: readonly string[]): string => names.map((name) => `'${printable(name, 60)}'`).join(" and ");

function refuseWithoutFolders(archive: string, paths: readonly string[]): never {
  const some = paths
    .slice(0, 4)
    .map((path) => printable(path, 60))
    .join(", ");
  return refuse(
    archive,
    `found ${paths.length === 0 ? "no files" : `only ${some} and no class folders`} in the archive; ${shape}, or a table that names each picture and its label`,
  );
}

interface Nesting {
  archive: string;
  /** Of the files in folders, and what lies around them all. */
  inner: readonly (readonly string[])[];
  around: readonly string[];
  /** Names of a path that leads to a picture in its class folder. */
  levels: number;
}

/** Names every folder within a class folder, with how much lies in it, up to as many as problems are listed. */
function refuseNested({ archive, inner, around, levels }: Nesting): void {
  const files = new Map<string, { className: string; count: number }>();
  for (const path of inner) {
    if (path.length <= levels) continue;
    const folder = [...around, ...path.slice(0, levels)].join("/");
    const known = files.get(folder) ?? { className: path[levels - 2], count: 0 };
    known.count += 1;
    files.set(folder, known);
  }
  if (files.size === 0) return;
  const listed = [...files].slice(0, mostProblems);
  const problems = listed.map(([folder, { className, count }]) => ({
    file: `${archive}: ${folder}`,
    row: null,
    detail: `found a folder with ${grouped(count)} file${count === 1 ? "" : "s"} within the class folder '${printable(className, 60)}'; ${shape}: move its pictures up, or make it a class of its own`,
  }));
  const more = files.size - listed.length;
  const rest = `${grouped(more)} more folder${more === 1 ? " lies" : "s lie"} within class folders`;
  throw new DatasetRefused(more > 0 ? [...problems, { file: archive, row: null, detail: rest }] : problems);
}

/** Refuses a layout that could be read in two ways. */
export function arrange(archive: string, allPaths: readonly string[]): Layout {
  const parts = collapse(allPaths.map((path) => path.split("/")));
  const wrapper = wrapperOf(parts);
  const own = new Map(allPaths.map((path, at) => [path, parts[at].slice(wrapper)]));
  const inner = [...own.values()].filter((each) => each.length >= 2);
  if (inner.length === 0) refuseWithoutFolders(archive, allPaths);
  const tops = [...new Set(inner.map(([top]) => top))];
  const named = tops.filter((top) => splitOf(top) !== undefined);
  const splits = inner.some((each) => each.length >= 3 && splitOf(each[0]) !== undefined);
  if (splits && named.length !== tops.length) {
    const others = tops.filter((top) => splitOf(top) === undefined);
    const more = others.length > 5 ? ` and ${grouped(others.length - 5)} more` : "";
    refuse(
      archive,
      `found the folder${others.length === 1 ? "" : "s"} ${quoted(others.slice(0, 5))}${more} beside '${named.join("', '")}'; expected only train, validation and test there, or only classes`,
    );
  }
  if (!splits && named.length === tops.length)
    refuse(
      archive,
      `found pictures right in ${quoted(named)}, which name${named.length === 1 ? "s a split" : " splits"}, and no class folders there; ${shape}, or a table that names each picture and its label`,
    );
  const levels = splits ? 3 : 2;
  refuseNested({
    archive,
    inner,
    around: parts.find((each) => each.length >= wrapper + 2)?.slice(0, wrapper) ?? [],
    levels,
  });
  const place = (path: string): Placed | null => {
    const found = own.get(path);
    if (found?.length !== levels) return null;
    return { split: splits ? (splitOf(found[0]) ?? null) : null, className: found[levels - 2] };
  };
  return { splits, place, loose: allPaths.filter((path) => !place(path)) };
}
