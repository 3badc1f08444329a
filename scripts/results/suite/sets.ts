/**
 * The sets on which the rule of `network: "auto"` was found and is judged. Each can be had or made on any Debian
 * machine; what is made is kept in a folder, in the form that practitioner.py reads too.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isPresent, readSplit, type LabelledSamples } from "../collections.ts";
import type { LabelledSplits } from "../training.ts";
import { pick } from "./collect.ts";
import { emojiCategories, makeEmoji } from "./emoji.ts";
import { makeGlyphs } from "./glyphs.ts";
import { readDigits, readFaces } from "./python-sets.ts";
import type { Shape } from "../../../schemas/shape.ts";

export interface SuiteSet {
  name: string;
  title: string;
  /** Seconds of one processor that each contender has. */
  seconds: number;
  /** Names of the classes; by default their numbers. */
  classes?: readonly string[];
  make: (sources: Sources) => LabelledSplits | Promise<LabelledSplits>;
  /** What must be on the machine. */
  needs?: (sources: Sources) => string | null;
}

export interface Sources {
  /** Folders with fonts. */
  fonts: readonly string[];
  /** Where what is made is kept. */
  cache: string;
}

const python = "/usr/lib/python3/dist-packages";
const digitsFile = `${python}/sklearn/datasets/data/digits.csv.gz`;
const facesFile = `${python}/skimage/data/lfw_subset.npy`;
const emojiPackage = "emoji-datasource-twitter@15.1.2";

const missing = (path: string, from: string) => (): string | null => (existsSync(path) ? null : `needs ${from}`);
const needsFashion = (): string | null => (isPresent("fashion-mnist") ? null : "needs dataset-fashion-mnist");

/** The package's folder, fetched by npm once. */
function emojiFolder({ cache }: Sources): string {
  const folder = join(cache, "package");
  if (!existsSync(folder)) {
    const said = execFileSync("npm", ["pack", "--silent", emojiPackage], { cwd: cache, encoding: "utf8" });
    const file = said.trim().split("\n").at(-1) ?? "";
    const kept = ["package/emoji.json", "package/img/twitter/64"];
    execFileSync("tar", ["-xzf", file, ...kept], { cwd: cache });
    rmSync(join(cache, file));
  }
  return folder;
}

/** Places of the first `counts[i]` samples whose label is `labels[i]`. */
function firstOf(labels: Int32Array, wanted: ReadonlyMap<number, number>): number[] {
  const left = new Map(wanted);
  return [...labels.keys()].filter((at) => {
    const more = left.get(labels[at]) ?? 0;
    left.set(labels[at], more - 1);
    return more > 0;
  });
}

/** Some classes of a collection, so many of each for training; they are counted anew from 0. */
function someOf(
  collection: "mnist" | "fashion-mnist",
  { train, test }: { train: Record<number, number>; test: Record<number, number> },
): LabelledSplits {
  const labels = Object.keys(train).map(Number);
  const part = (split: "train" | "test", counts: Record<number, number>): LabelledSamples => {
    const whole = readSplit(collection, split);
    const wanted = new Map(labels.map((label) => [label, counts[label] ?? 0]));
    return pick(whole, firstOf(whole.labels, wanted), (label) => labels.indexOf(label));
  };
  return { classes: labels.length, train: part("train", train), test: part("test", test) };
}

const capitals = "A B C D E F G H I J".split(" ");
/** What can be printed of ASCII, and six more letters. */
const hundred = [...Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)), ..."ä ö ü ß é ñ".split(" ")];

export const suiteSets: readonly SuiteSet[] = [
  {
    name: "mnist",
    title: "MNIST",
    seconds: 90,
    make: () => ({ classes: 10, train: readSplit("mnist", "train"), test: readSplit("mnist", "test") }),
  },
  {
    name: "fashion-mnist",
    title: "Fashion-MNIST",
    seconds: 600,
    needs: needsFashion,
    make: () => ({ classes: 10, train: readSplit("fashion-mnist", "train"), test: readSplit("fashion-mnist", "test") }),
  },
  {
    name: "glyphs",
    title: "glyphs A–J of unseen fonts",
    seconds: 60,
    classes: capitals,
    make: ({ fonts }) => makeGlyphs(fonts, { letters: capitals, perFamily: 12, most: 1000 }),
  },
  {
    name: "hundred",
    title: "a hundred characters of unseen fonts",
    seconds: 90,
    classes: hundred,
    make: ({ fonts }) => makeGlyphs(fonts, { letters: hundred, perFamily: 2, most: 150 }),
  },
  {
    name: "emoji-32",
    title: "emoji by category, 32×32",
    seconds: 60,
    classes: emojiCategories,
    make: (sources) => makeEmoji(emojiFolder(sources), 32),
  },
  {
    name: "emoji-64",
    title: "emoji by category, 64×64",
    seconds: 120,
    classes: emojiCategories,
    make: (sources) => makeEmoji(emojiFolder(sources), 64),
  },
  {
    name: "digits",
    title: "scikit-learn's digits, 8×8",
    seconds: 20,
    needs: missing(digitsFile, "python3-sklearn"),
    make: () => readDigits(digitsFile),
  },
  {
    name: "faces",
    title: "scikit-image's faces, 25×25",
    seconds: 20,
    classes: ["something else", "face"],
    needs: missing(facesFile, "python3-skimage"),
    make: () => readFaces(facesFile),
  },
  {
    name: "tiny",
    title: "tiny: 20 threes and 20 eights",
    seconds: 20,
    make: () => someOf("mnist", { train: { 3: 20, 8: 20 }, test: { 3: 1000, 8: 1000 } }),
  },
  {
    name: "lopsided",
    title: "lopsided: T-shirts against shirts, 95 : 5",
    seconds: 40,
    classes: ["T-shirt", "shirt"],
    needs: needsFashion,
    make: () => someOf("fashion-mnist", { train: { 0: 3800, 6: 200 }, test: { 0: 950, 6: 50 } }),
  },
];

interface Meta {
  shape: Shape;
  classes: number;
}

function write(folder: string, { classes, train, test }: LabelledSplits): void {
  const made = `${folder}.new`;
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  for (const [name, { samples, labels }] of Object.entries({ train, test })) {
    writeFileSync(join(made, `${name}.x`), samples);
    writeFileSync(join(made, `${name}.y`), new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength));
  }
  writeFileSync(join(made, "meta.json"), JSON.stringify({ shape: train.shape, classes } satisfies Meta));
  renameSync(made, folder);
}

function read(folder: string): LabelledSplits {
  const { shape, classes } = JSON.parse(readFileSync(join(folder, "meta.json"), "utf8")) as Meta;
  const part = (name: string): LabelledSamples => {
    const labels = Uint8Array.from(readFileSync(join(folder, `${name}.y`)));
    return { shape, samples: readFileSync(join(folder, `${name}.x`)), labels: new Int32Array(labels.buffer) };
  };
  return { classes, train: part("train"), test: part("test") };
}

export const folderOf = (set: SuiteSet, { cache }: Sources): string => join(cache, "sets", set.name);

/** The set, made on the first call. */
export async function readSet(set: SuiteSet, sources: Sources): Promise<LabelledSplits> {
  const folder = folderOf(set, sources);
  if (!existsSync(folder)) write(folder, await set.make(sources));
  return read(folder);
}
