/**
 * From spooled samples to a dataset: classes settled, splits cut, one pass over every file for digest, statistics and
 * duplicates, and the revision.
 */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { splitNames } from "../../../schemas/dataset.ts";
import type { Conversion, Dtype, Interpretation, Split, ValueRange } from "../../../schemas/dataset.ts";
import { describeShape, sizeOf } from "../../../schemas/shape.ts";
import type { Shape } from "../../../schemas/shape.ts";
import { cut } from "./cut.ts";
import { SampleSet } from "./duplicates.ts";
import type { Intake } from "./intake.ts";
import type { SettledLabels } from "./labels.ts";
import { grouped } from "../../shared/dataset-limits.ts";
import { DatasetRefused, printable, refuse } from "./refused.ts";
import { FileWriter, LabelList, bytesOf, readPieces } from "./spool.ts";
import type { SpooledSplit } from "./spool.ts";
import { Statistics } from "./statistics.ts";
import type { Moment } from "./statistics.ts";

export interface CheckedSplit {
  count: number;
  /** On this machine's disk. */
  samplesPath: string;
  samplesSha256: string;
  labelsPath: string;
  labelsSha256: string;
}

/** A dataset that stands on local disk, ready to be stored. Plain data: it crosses from the checking process. */
export interface CheckedDataset {
  revision: string;
  classes: string[];
  shape: Shape;
  dtype: Dtype;
  conversion: Conversion;
  interpretation: Interpretation;
  statistics: Moment & { classCounts: Record<Split, number[]> };
  warnings: string[];
  bytes: number;
  splits: Partial<Record<Split, CheckedSplit>>;
}

interface Placed {
  path: string;
  labels: Int32Array;
}

function applyRemap(splits: Map<Split, SpooledSplit>, { remap }: SettledLabels): void {
  if (!remap) return;
  for (const { labels } of splits.values()) for (let at = 0; at < labels.length; at++) labels[at] = remap[labels[at]];
}

function countClasses(splits: ReadonlyMap<Split, Placed>, classes: number): Record<Split, number[]> {
  const counts = {
    train: new Array<number>(classes).fill(0),
    validation: new Array<number>(classes).fill(0),
    test: new Array<number>(classes).fill(0),
  };
  for (const [split, { labels }] of splits) for (const label of labels) counts[split][label] += 1;
  return counts;
}

/** Refuses what no classifier can be trained on. */
function refuseHopeless(intake: Intake, classes: readonly string[], counts: Record<Split, number[]>): void {
  const totals = classes.map((_, at) => splitNames.reduce((sum, split) => sum + counts[split][at], 0));
  const name = (at: number): string => `class ${at} ('${printable(classes[at], 40)}')`;
  const guess = intake.labelsGuessed === null ? "" : `; labels were read from ${intake.labelsGuessed}`;
  const present = totals.filter((total) => total > 0).length;
  if (counts.train.every((count) => count === 0))
    refuse(null, "found no samples to train on; expected some outside validation and test");
  if (present === 1)
    refuse(
      null,
      `found samples of one class only, ${name(totals.findIndex((total) => total > 0))}; expected at least two${guess}`,
    );
  const lonely = totals.findIndex((total) => total === 1);
  if (lonely >= 0)
    refuse(null, `${name(lonely)} has one sample; expected at least two of every class, or the class left out${guess}`);
  const empty = totals.length - present;
  const largest = intake.labels.largest;
  if (!intake.settings.classes && empty > totals.length / 2) {
    refuse(
      largest?.file ?? null,
      `found the label ${totals.length - 1}, but only ${present} of the labels 0 to ${totals.length - 1} have samples; expected labels without such gaps, or a list of \`classes\`${guess}`,
      largest?.row ?? null,
    );
  }
  if (empty > 0)
    intake.warn(`${empty} of ${totals.length} classes have no samples, such as ${name(totals.indexOf(0))}`);
  const untrained = classes.findIndex((_, at) => totals[at] > 0 && counts.train[at] === 0);
  if (untrained >= 0) intake.warn(`${name(untrained)} has no samples in the training split`);
}

/** Distributes the training spool over new files. `assigned` holds places in `splitNames`. */
function distribute(
  source: SpooledSplit,
  assigned: Uint8Array,
  options: { directory: string; unit: number; leaveBytes: number },
): Map<Split, Placed> {
  const targets = splitNames.map((split) => ({
    split,
    writer: new FileWriter(join(options.directory, `${split}.cut`), options.leaveBytes),
    labels: new LabelList(),
  }));
  let index = 0;
  for (const piece of readPieces(source.path, options.unit)) {
    for (let at = 0; at < piece.length; at += options.unit, index++) {
      const target = targets[assigned[index]];
      target.writer.write(piece.subarray(at, at + options.unit));
      target.labels.push(source.labels[index]);
    }
  }
  rmSync(source.path);
  const placed = new Map<Split, Placed>();
  for (const { split, writer, labels } of targets) {
    writer.close();
    if (labels.length > 0) placed.set(split, { path: writer.path, labels: labels.values });
    else rmSync(writer.path);
  }
  return placed;
}

function cutSplits(
  intake: Intake,
  spooled: Map<Split, SpooledSplit>,
  context: { classes: readonly string[]; directory: string; unit: number },
): Map<Split, Placed> {
  const { splits: fractions, seed } = intake.settings;
  const train = spooled.get("train");
  if (!fractions || !train || (fractions.validation === 0 && fractions.test === 0)) return spooled;
  for (const split of ["validation", "test"] as const) {
    if (fractions[split] > 0 && intake.brought.has(split))
      refuse(
        null,
        `found a ${split} split in the upload and the wish to cut one from the rest; expected one or the other: leave \`splits.${split}\` out`,
      );
  }
  const assigned = cut({ labels: train.labels, classes: context.classes, fractions, seed });
  return new Map([
    ...spooled,
    ...distribute(train, assigned, { ...context, leaveBytes: intake.limits.MIN_FREE_BYTES }),
  ]);
}

/** One reading of a split's file serves all that is asked of it. */
function passOver(
  path: string,
  unit: number,
  takers: { piece: (piece: Buffer) => void; sample: ((sample: Uint8Array) => void) | null },
): string {
  const digest = createHash("sha256");
  for (const piece of readPieces(path, unit)) {
    digest.update(piece);
    takers.piece(piece);
    if (takers.sample) for (let at = 0; at < piece.length; at += unit) takers.sample(piece.subarray(at, at + unit));
  }
  return digest.digest("hex");
}

function writeLabels(path: string, labels: Int32Array, leaveBytes: number): string {
  const bytes = new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength);
  const writer = new FileWriter(path, leaveBytes);
  writer.write(bytes);
  writer.close();
  return createHash("sha256").update(bytes).digest("hex");
}

export interface FinishOptions {
  directory: string;
  onProgress: (fraction: number) => void;
}

interface Examined {
  splits: Partial<Record<Split, CheckedSplit>>;
  moment: Moment;
}

/** Test and validation first, so that the training samples can be looked up in them. */
function examine(
  intake: Intake,
  placed: ReadonlyMap<Split, Placed>,
  options: FinishOptions & { unit: number; shape: Shape; dtype: Dtype },
): Examined {
  const { unit, shape, dtype } = options;
  const statistics = new Statistics(shape, dtype);
  const known: { split: Split; set: SampleSet }[] = [];
  const splits: Partial<Record<Split, CheckedSplit>> = {};
  const total = [...placed.values()].reduce((sum, each) => sum + each.labels.length, 0);
  let done = 0;
  for (const split of ["test", "validation", "train"] as const) {
    const place = placed.get(split);
    if (!place || place.labels.length === 0) continue;
    const own = split === "train" ? null : new SampleSet(place.labels.length);
    const samplesSha256 = passOver(place.path, unit, {
      piece: (piece) => {
        if (split === "train") statistics.add(piece);
        done += piece.length / unit;
        options.onProgress(done / total);
      },
      sample: own
        ? (sample) => own.add(sample)
        : known.length > 0
          ? (sample) => known.forEach(({ set }) => set.meet(sample))
          : null,
    });
    if (own) known.push({ split, set: own });
    const labelsPath = join(options.directory, `${split}.labels`);
    splits[split] = {
      count: place.labels.length,
      samplesPath: place.path,
      samplesSha256,
      labelsPath,
      labelsSha256: writeLabels(labelsPath, place.labels, intake.limits.MIN_FREE_BYTES),
    };
  }
  for (const { split, set } of known) {
    const { met } = set;
    if (met > 0)
      intake.warn(
        `${grouped(met)} sample${met === 1 ? "" : "s"} of the ${split} split also stand${met === 1 ? "s" : ""} in the training split: what is measured on them says less`,
      );
  }
  return { splits, moment: statistics.result() };
}

/** SHA-256 over what the samples are, not over what they came in. */
function revisionOf(dataset: Pick<CheckedDataset, "shape" | "dtype" | "classes" | "conversion" | "splits">): string {
  const { shape, dtype, classes, conversion } = dataset;
  const splits = splitNames.flatMap((split) => {
    const found = dataset.splits[split];
    return found ? [[split, found.count, found.samplesSha256, found.labelsSha256]] : [];
  });
  return createHash("sha256")
    .update(
      JSON.stringify([
        "dataset",
        1,
        [shape.channels, shape.height, shape.width],
        dtype,
        conversion.fit,
        classes,
        splits,
        ...(conversion.background === "black" ? [] : [conversion.background]),
      ]),
    )
    .digest("hex");
}

/** Ranges that data usually have, the narrowest first. */
const usualRanges: readonly ValueRange[] = [
  { minimum: 0, maximum: 1 },
  { minimum: -1, maximum: 1 },
  { minimum: 0, maximum: 255 },
];
/** Values that stay in the lower half of a range may have another one. */
const leastShare = 0.5;

/**
 * The range of the values, to which pictures are brought that are sent to a model later. Numbers in an unusual range,
 * such as the 0 to 16 of some digits, are taken for all that there is, and that is said.
 */
function decideRange(intake: Intake, dtype: Dtype, { minimum, maximum }: Moment): NonNullable<Interpretation["range"]> {
  const usual = usualRanges.find(
    (range) =>
      minimum >= range.minimum &&
      maximum <= range.maximum &&
      maximum > range.maximum * leastShare &&
      (range.minimum === 0 || minimum < range.minimum * leastShare),
  );
  if (intake.arePictures) return { value: { minimum: 0, maximum: 255 }, guessed: false };
  // A picture of 0 and 1 alone, in whole numbers, is black and white.
  if (usual) return { value: usual, guessed: false };
  const value = dtype === "uint8" ? { minimum: 0, maximum: Math.max(1, maximum) } : { minimum, maximum };
  if (minimum < maximum)
    intake.warn(
      `the values go from ${minimum} to ${maximum}: a picture that is sent to a model later has its 0 to 255 brought to ${value.minimum} to ${value.maximum}`,
    );
  return { value, guessed: true };
}

/** Ends a check. Throws DatasetRefused where the samples make no dataset. */
export function finish(intake: Intake, options: FinishOptions): CheckedDataset {
  intake.complaints.settle();
  intake.warnOfMixture();
  const { shape, dtype } = intake.spool;
  const spooled = intake.spool.close();
  if (!shape || spooled.size === 0) {
    if (intake.complaints.faults.length > 0) throw new DatasetRefused(intake.complaints.faults);
    refuse(null, "found no samples");
  }
  for (const sentence of intake.complaints.skipped()) intake.warn(sentence);
  const settled = intake.labels.settle();
  const { classes } = settled;
  applyRemap(spooled, settled);
  refuseHopeless(intake, classes, countClasses(spooled, classes.length));
  const unit = sizeOf(shape) * bytesOf[dtype];
  const placed = cutSplits(intake, spooled, { classes, directory: options.directory, unit });
  const { splits, moment } = examine(intake, placed, { ...options, unit, shape, dtype });
  const samples = Object.values(splits).reduce((sum, each) => sum + each.count, 0);
  const range = decideRange(intake, dtype, moment);
  const conversion = intake.conversion(shape, range.value);
  if (moment.minimum === moment.maximum)
    intake.warn(`every value of the training split (${describeShape(shape)}) is ${moment.minimum}`);
  return {
    revision: revisionOf({ shape, dtype, classes, conversion, splits }),
    classes,
    shape,
    dtype,
    conversion,
    interpretation: intake.interpretation(range),
    statistics: { ...moment, classCounts: countClasses(placed, classes.length) },
    warnings: intake.warnings,
    bytes: samples * (unit + 4),
    splits,
  };
}
