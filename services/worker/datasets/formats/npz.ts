/**
 * Arrays in an archive: NPZ as NumPy writes it, .npy files in any ZIP or TAR, and IDX files packed together. Names say
 * what an array is, in the spellings of those who have made well-known sets.
 */
import { splitNames, type Split } from "../../../../schemas/dataset.ts";
import type { Archive, ArchiveEntry } from "../archives/archive.ts";
import type { Intake } from "../intake.ts";
import { printable, refuse } from "../refused.ts";
import { readPair } from "./arrays.ts";
import type { ArrayKind, Role } from "./arrays.ts";
import type { Format } from "./format.ts";
import { idx } from "./idx.ts";
import { npy } from "./npy.ts";
import { entryFile } from "./tables.ts";

/** What people call samples and labels; where several are there, the first is meant. */
const roleWords: Record<Role, readonly string[]> = {
  samples: ["x", "images", "image", "imgs", "pixels", "samples", "inputs", "data", "features"],
  labels: ["y", "labels", "label", "lbls", "targets", "target", "classes", "outputs"],
};
const splitWords: readonly (readonly [Split, readonly string[]])[] = [
  ["validation", ["validation", "valid", "val", "dev"]],
  ["train", ["training", "train", "tr"]],
  ["test", ["testing", "test", "t10k", "te"]],
];
const npyEnding = /\.npy$/i;
const idxEnding = /[-.]idx\d-ubyte(\.gz)?$/i;

interface Found {
  entry: ArchiveEntry;
  kind: ArrayKind;
  split: Split;
  role: Role;
  /** Place in `roleWords`: the smaller is preferred. */
  rank: number;
  /** Whether the name says no split. */
  bare: boolean;
}

/** `X_train`, `trainImages`, `test_labels`, `y`: the role and the split that a name says. */
function meaningOf(name: string): Pick<Found, "split" | "role" | "rank" | "bare"> | null {
  const compact = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  const ways: { rest: string; split: Split; bare: boolean }[] = [{ rest: compact, split: "train", bare: true }];
  for (const [split, words] of splitWords)
    for (const word of words) {
      if (compact.startsWith(word)) ways.push({ rest: compact.slice(word.length), split, bare: false });
      if (compact.endsWith(word)) ways.push({ rest: compact.slice(0, -word.length), split, bare: false });
    }
  for (const { rest, split, bare } of ways)
    for (const role of ["samples", "labels"] as const) {
      const rank = roleWords[role].indexOf(rest);
      if (rank >= 0) return { split, role, rank, bare };
    }
  return null;
}

const positional = /^arr_(\d+)$/;

function findArrays(intake: Intake, { entries }: Archive): Found[] {
  const found: Found[] = [];
  const unused: string[] = [];
  for (const entry of entries) {
    const file = entry.path.split("/").at(-1) ?? "";
    const kind = npyEnding.test(file) ? npy : idxEnding.test(file) ? idx : null;
    const name = file.replace(npyEnding, "").replace(idxEnding, "");
    const meaning = kind && meaningOf(name);
    if (kind && meaning) found.push({ entry, kind, ...meaning });
    else unused.push(entry.path);
  }
  for (const path of unused.filter((each) => !isPositional(each)))
    intake.warn(
      `the array '${printable(path.replace(npyEnding, ""), 60)}' was not used: only x_train, y_train, x_test, y_test, x_val and y_val are, or names such as train_images, images, labels, X and y`,
    );
  return found;
}

const isPositional = (path: string): boolean => positional.test(path.replace(npyEnding, ""));

/** Arrays that numpy.savez was given without names: samples and labels in turn, train before test. */
function byPosition(intake: Intake, { entries }: Archive): Found[] {
  const arrays = entries.filter(({ path }) => isPositional(path));
  if (arrays.length !== 2 && arrays.length !== 4) return [];
  const number = ({ path }: ArchiveEntry): number => Number(positional.exec(path.replace(npyEnding, ""))?.[1]);
  intake.warn(
    "the arrays have no names but arr_0, arr_1 …: they were read as samples and labels in turn, train before test; name them x_train and y_train in numpy.savez",
  );
  return arrays
    .sort((left, right) => number(left) - number(right))
    .map((entry, at) => ({
      entry,
      kind: npy,
      split: at < 2 ? "train" : "test",
      role: at % 2 === 0 ? "samples" : "labels",
      rank: 0,
      bare: false,
    }));
}

/** The array of a role and split: the one whose name is preferred; two of the same rank are refused. */
function choose(intake: Intake, found: readonly Found[], role: Role, split: Split): Found | null {
  const [first, second] = found
    .filter((each) => each.role === role && each.split === split)
    // A name with its split beats one without.
    .sort((left, right) => Number(left.bare) - Number(right.bare) || left.rank - right.rank);
  if (first === undefined) return null;
  if (second !== undefined && second.bare === first.bare && second.rank === first.rank)
    refuse(second.entry.path, "this split is there twice");
  for (const other of found)
    if (other.role === role && other.split === split && other !== first)
      intake.warn(
        `the array '${printable(other.entry.path, 60)}' was not used: '${printable(first.entry.path, 60)}' was`,
      );
  return first;
}

async function readArrays(intake: Intake, archive: Archive, split: Split): Promise<void> {
  const named = findArrays(intake, archive);
  const found = named.length === 0 ? byPosition(intake, archive) : named;
  const pairs = splitNames.map((each) => ({
    split: each,
    x: choose(intake, found, "samples", each),
    y: choose(intake, found, "labels", each),
  }));
  if (!pairs.some(({ split: each, x, y }) => each === "train" && (x ?? y)) || pairs.every(({ x, y }) => !x || !y))
    refuse(
      null,
      `found the arrays ${archive.entries
        .slice(0, 10)
        .map((each) => printable(each.path, 60))
        .join(", ")}; expected x_train and y_train, perhaps x_test and y_test`,
    );
  for (const { split: own, x, y } of pairs) {
    if (!x && !y) continue;
    if (!x || !y)
      refuse((x ?? y)?.entry.path ?? null, `stands alone; expected both samples and labels of the ${own} split`);
    const target = own === "train" ? split : own;
    if (target !== "train") intake.brought.add(target);
    await readPair(intake, {
      split: target,
      samples: { file: await fileOf(intake, archive, x), kind: x.kind },
      labels: { file: await fileOf(intake, archive, y), kind: y.kind },
    });
  }
}

/** Named as the array is, without the archive. */
const fileOf = async (intake: Intake, archive: Archive, { entry }: Found): ReturnType<typeof entryFile> => ({
  ...(await entryFile(intake, archive, entry)),
  name: entry.path,
});

export const npz: Format = {
  name: "npz",
  recognises: ({ archive }) => {
    const arrays = archive?.entries.filter(({ path }) => npyEnding.test(path) || idxEnding.test(path)).length ?? 0;
    return arrays > 0 && arrays * 2 >= (archive?.entries.length ?? 0);
  },
  read: async (intake, { archive, split }) => {
    if (archive) await readArrays(intake, archive, split);
  },
};
