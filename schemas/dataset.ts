/** Labelled images: what was uploaded, what was found in it, how it is cut into splits. */
import { z } from "zod";
import { projectId } from "./access.ts";
import { file } from "./binary.ts";
import { alias, datasetId, sha256, timestamp } from "./ids.ts";
import { nameFilter, pageOf, pageQuery } from "./page.ts";
import { queryFlag } from "./query.ts";
import { shape } from "./shape-schema.ts";

export const split = z
  .enum(["train", "validation", "test"])
  .describe("a part of a dataset: what is learned from, what decides on the way, what judges at the end");
export type Split = z.infer<typeof split>;
export const splitNames: readonly Split[] = split.options;

export const datasetStatus = z
  .enum(["receiving", "checking", "ready", "rejected"])
  .describe("receiving: the upload still arrives; checking: it is read; ready: it can be used; rejected: see problems");
export type DatasetStatus = z.infer<typeof datasetStatus>;

export const dtype = z
  .enum(["uint8", "float32"])
  .describe("as what a number of a sample is kept: a byte from 0 to 255, or a 32-bit float");
export type Dtype = z.infer<typeof dtype>;

export const datasetProblem = z.strictObject({
  file: z.string().nullable().describe("the file at fault, as the upload names it; null: the upload as a whole"),
  row: z
    .int()
    .nullable()
    .describe("row, line or sample at fault, counted as the file's own tools count; null: the file as a whole"),
  detail: z.string().describe("what was found, and what was expected"),
});
export type DatasetProblem = z.infer<typeof datasetProblem>;

export const valueRange = z.strictObject({
  minimum: z.number().describe("what 0 of a picture becomes: black"),
  maximum: z.number().describe("what 255 of a picture becomes: white"),
});
export type ValueRange = z.infer<typeof valueRange>;

/** What stands behind a picture where it is transparent or does not reach. */
const background = z
  .string()
  .regex(/^(black|white|#[0-9a-fA-F]{6})$/, "expected black, white or a colour such as #ffcc00")
  .default("black");

/** How pictures were made into samples: kept so that new inputs are converted the same way. */
export const conversion = z.strictObject({
  channels: z.union([z.literal(1), z.literal(3)]).describe("1: pictures are made grey; 3: red, green and blue"),
  height: z.int().min(1).describe("rows that a picture is resized to"),
  width: z.int().min(1).describe("columns that a picture is resized to"),
  fit: z
    .enum(["fit", "crop", "stretch"])
    .describe("how a picture of other proportions is resized: whole on the background, filled and cut, or distorted"),
  background: background.describe("what lies behind transparency, and beside a picture that is fitted"),
  range: valueRange
    .nullable()
    .default(null)
    .describe("the values that 0 and 255 of a picture become; null in a dataset that was made before this was kept"),
});
export type Conversion = z.infer<typeof conversion>;

/** Where the values of a colour pixel stand: each channel a plane of its own, or the three side by side. */
export const channelOrder = z.enum(["chw", "hwc"]);
export type ChannelOrder = z.infer<typeof channelOrder>;

const guessed = z.boolean().describe("whether the upload left it open and it was guessed");
const decided = <Value extends z.ZodType>(value: Value) =>
  z.strictObject({ value: value.describe("what was decided"), guessed });
const columnName = z.string().nullable().describe("the column's name in the header; null where there is no header");

/** What was decided about an upload. null where there was nothing to decide. */
export const interpretation = z.strictObject({
  format: decided(z.string()).describe("what the upload was read as, such as csv, npz or folders"),
  delimiter: decided(z.string())
    .nullable()
    .describe("what separates the columns of a table; null where it is no table"),
  header: decided(z.boolean())
    .nullable()
    .describe("whether the first row of a table names its columns; null where it is no table"),
  labelColumn: decided(z.int())
    .extend({ name: columnName })
    .nullable()
    .describe("the column of the labels, counted from 0, and its name in the header; null where it is no table"),
  splitColumn: decided(z.int())
    .extend({ name: columnName })
    .nullable()
    .describe("the column that says to which split a row belongs; null where there is none"),
  skippedColumns: decided(z.array(z.int()))
    .nullable()
    .describe("columns that are neither label nor pixel, counted from 0; null where there are none"),
  order: decided(channelOrder)
    .nullable()
    .describe("where the values of a colour pixel stand: chw or hwc; null where nothing has colour"),
  labels: decided(z.string())
    .nullable()
    .describe("where the labels of pictures stand: in their folders, or in a table; null where there are no pictures"),
  range: decided(valueRange)
    .nullable()
    .describe("the values that 0 and 255 of a picture sent to a model become; null where it was not decided"),
});
export type Interpretation = z.infer<typeof interpretation>;

export const datasetStatistics = z.strictObject({
  mean: z.array(z.number()).describe("mean of each channel over the training split"),
  std: z.array(z.number()).describe("standard deviation of each channel over the training split"),
  minimum: z.number().describe("least value of the training split"),
  maximum: z.number().describe("largest value of the training split"),
  classCounts: z
    .strictObject({
      train: z.array(z.int()).describe("of the training split"),
      validation: z.array(z.int()).describe("of the validation split"),
      test: z.array(z.int()).describe("of the test split"),
    })
    .describe("samples of each class in each split, in the order of `classes`"),
});
export type DatasetStatistics = z.infer<typeof datasetStatistics>;

export const dataset = z.strictObject({
  id: datasetId,
  object: z.literal("dataset").describe("what this is: always dataset"),
  name: z.string().describe("what you called it; otherwise the name of the file"),
  alias: alias.nullable().describe("a short unique name to use in jobs instead of the id; null where it has none"),
  revision: sha256
    .nullable()
    .describe("SHA-256 digest of its samples, labels and classes: the same data, the same revision; null until ready"),
  status: datasetStatus,
  terminal: z.boolean().describe("whether it is ready or rejected, and will not change by itself"),
  fraction: z.number().min(0).max(1).describe("how much of receiving or checking is done, from 0 to 1"),
  classes: z
    .array(z.string())
    .describe("names of the classes, in the order of their indices; empty until they are known"),
  splits: z
    .strictObject({
      train: z.int().describe("samples to learn from"),
      validation: z.int().describe("samples by which stops and the best epoch go"),
      test: z.int().describe("samples that judge the finished model"),
    })
    .describe("samples of each split; 0 until they are known"),
  shape: shape.nullable().describe("channels, height and width of every sample; null until they are known"),
  dtype: dtype.nullable().describe("as what a number is kept: uint8 (0 to 255) or float32; null until it is known"),
  conversion: conversion
    .nullable()
    .describe("how pictures are made into samples, in the upload and in predictions; null until ready"),
  interpretation: interpretation
    .nullable()
    .default(null)
    .describe("what was decided about the upload; null until ready, and in datasets of before this was kept"),
  statistics: datasetStatistics.nullable().describe("means, deviations and counts; null until ready"),
  warnings: z.array(z.string()).describe("what was guessed or is likely wrong, in sentences"),
  problems: z.array(datasetProblem).describe("why it was rejected; empty where it was not"),
  bytes: z.int().nullable().describe("size in storage, in bytes; null until ready"),
  createdAt: timestamp.describe("when the upload began, ISO 8601 in UTC"),
});
export type Dataset = z.infer<typeof dataset>;

/** The smallest fractions that make sense; what is left is the training split, and `train` may say so. */
export const splitFractions = z
  .strictObject({
    train: z.number().gt(0).max(1).optional().describe("share that stays; by default what the others leave"),
    validation: z.number().min(0).max(0.9).default(0).describe("share for stops and the best epoch"),
    test: z.number().min(0).max(0.9).default(0).describe("share that judges the finished model"),
  })
  .refine((each) => each.validation + each.test < 1, "the fractions must leave something to train on")
  .refine(
    ({ train, validation, test }) => train === undefined || Math.abs(train + validation + test - 1) < 1e-6,
    "train, validation and test must add up to 1; leave train out to have what remains",
  );

const side = z.int().min(1).max(1024);

/** The form fields of an upload, besides its files. */
export const uploadSettings = z.strictObject({
  name: z.string().min(1).max(200).optional().describe("what you call the dataset; otherwise the file's name"),
  alias: alias.optional().describe("a short unique name to use in jobs instead of the id"),
  classes: z
    .array(z.string().min(1).max(100))
    .min(1)
    .max(65_536)
    .optional()
    .describe('class names as a JSON list, in the order of their indices, such as ["cat","dog"]'),
  splits: splitFractions
    .optional()
    .describe("fractions to cut from the training samples class by class, as JSON; otherwise splits are used as given"),
  seed: z.int().min(0).max(4_294_967_295).default(1).describe("decides the cut: the same seed, the same cut"),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .optional()
    .describe("1 or grey, 3 or rgb; otherwise as the files are"),
  size: z
    .union([
      side,
      z.strictObject({
        height: side.describe("rows in pixels"),
        width: side.describe("columns in pixels"),
      }),
    ])
    .optional()
    .describe(
      "one side, or height and width as JSON: pictures are resized to it, flat rows of so many values are read as it",
    ),
  fit: z
    .enum(["fit", "crop", "stretch"])
    .default("fit")
    .describe("how a picture of other proportions is resized: whole on the background, filled and cut, or distorted"),
  labelColumn: z
    .union([z.int().min(-1_000_000).max(1_000_000), z.string().min(1).max(200)])
    .optional()
    .describe("the column of a table that holds the labels: its name, or its number from 0, or from the end as -1"),
  header: z
    .boolean()
    .optional()
    .describe("whether the first row of a table names its columns; otherwise it is guessed"),
  order: channelOrder
    .optional()
    .describe("where the values of a colour pixel stand in rows and arrays: chw (planes) or hwc (side by side)"),
  background: background.describe("behind transparency and beside fitted pictures: black, white or #rrggbb"),
  onError: z
    .enum(["refuse", "skip"])
    .default("refuse")
    .describe("what a bad picture or row does: refuses the upload, or is skipped and listed in the warnings"),
});
export type UploadSettings = z.infer<typeof uploadSettings>;

/** The whole form of an upload, as the document shows it: in the process, files are read as streams. */
export const uploadForm = uploadSettings.partial().extend({
  file: file
    .optional()
    .describe("pictures in a ZIP or TAR (in class folders or with a table of labels), NPZ, CSV or JSON lines"),
  testFile: file.optional().describe("the test split, in a file of the same kind as `file`"),
  validationFile: file.optional().describe("the validation split, in a file of the same kind as `file`"),
  images: file.optional().describe("an array of samples, IDX or .npy, with `labels`"),
  labels: file.optional().describe("the labels of `images`: IDX, .npy, or text with one label a line"),
  testImages: file.optional().describe("as `images`, for the test split"),
  testLabels: file.optional().describe("as `labels`, for the test split"),
});

export const datasetChanges = z
  .strictObject({
    name: z.string().min(1).max(200).optional().describe("what to call it from now on"),
    alias: alias.nullable().optional().describe("the alias from now on; null takes it away"),
  })
  .meta({ examples: [{ name: "Digits, second try", alias: "digits-v2" }] });
export type DatasetChanges = z.infer<typeof datasetChanges>;

/**
 * The manifest that stands in storage beside the split files and suffices to rebuild the record.
 * Split files: `samples` [count][channels][height][width] of dtype, then `labels` int32 [count], little-endian.
 */
export const datasetManifest = z.strictObject({
  version: z.literal(1),
  project: projectId.optional().describe("where it belongs; absent in those from before there were projects"),
  id: datasetId,
  name: z.string(),
  alias: alias.nullable(),
  revision: sha256,
  classes: z.array(z.string()),
  shape,
  dtype,
  conversion,
  interpretation: interpretation.nullable().default(null),
  statistics: datasetStatistics,
  warnings: z.array(z.string()),
  createdAt: timestamp,
  splits: z.partialRecord(
    split,
    z.strictObject({
      count: z.int(),
      samples: z.string(),
      samplesSha256: sha256,
      labels: z.string(),
      labelsSha256: sha256,
    }),
  ),
});
export type DatasetManifest = z.infer<typeof datasetManifest>;

export const deleteDatasetQuery = z.strictObject({
  cascade: queryFlag
    .optional()
    .describe("also the jobs and models made with it and the evaluations of those; all must have ended"),
});
export const datasetsQuery = pageQuery.extend({ name: nameFilter });
export const datasetPage = pageOf(dataset);
export type DatasetPage = z.infer<typeof datasetPage>;
