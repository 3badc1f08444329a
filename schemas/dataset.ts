/** Labelled images: what was uploaded, what was found in it, how it is cut into splits. */
import { z } from "zod";
import { file } from "./binary.ts";
import { alias, datasetId, sha256, timestamp } from "./ids.ts";
import { pageOf } from "./page.ts";
import { shape } from "./shape.ts";

export const split = z.enum(["train", "validation", "test"]);
export type Split = z.infer<typeof split>;
export const splitNames: readonly Split[] = split.options;

export const datasetStatus = z.enum(["receiving", "checking", "ready", "rejected"]);
export type DatasetStatus = z.infer<typeof datasetStatus>;

export const dtype = z.enum(["uint8", "float32"]);
export type Dtype = z.infer<typeof dtype>;

export const datasetProblem = z.strictObject({
  file: z.string().nullable(),
  row: z.int().nullable().describe("row, line or sample, counted as the file's own tools count"),
  detail: z.string(),
});
export type DatasetProblem = z.infer<typeof datasetProblem>;

/** How pictures were made into samples: kept so that new inputs are converted the same way. */
export const conversion = z.strictObject({
  channels: z.union([z.literal(1), z.literal(3)]),
  height: z.int().min(1),
  width: z.int().min(1),
  fit: z.enum(["fit", "crop", "stretch"]),
});
export type Conversion = z.infer<typeof conversion>;

export const datasetStatistics = z.strictObject({
  mean: z.array(z.number()),
  std: z.array(z.number()),
  minimum: z.number(),
  maximum: z.number(),
  classCounts: z.strictObject({ train: z.array(z.int()), validation: z.array(z.int()), test: z.array(z.int()) }),
});
export type DatasetStatistics = z.infer<typeof datasetStatistics>;

export const dataset = z.strictObject({
  id: datasetId,
  object: z.literal("dataset"),
  name: z.string(),
  alias: alias.nullable(),
  revision: sha256.nullable(),
  status: datasetStatus,
  terminal: z.boolean(),
  fraction: z.number().min(0).max(1).describe("progress of receiving or checking"),
  classes: z.array(z.string()),
  splits: z.strictObject({ train: z.int(), validation: z.int(), test: z.int() }),
  shape: shape.nullable(),
  dtype: dtype.nullable(),
  conversion: conversion.nullable(),
  statistics: datasetStatistics.nullable(),
  warnings: z.array(z.string()),
  problems: z.array(datasetProblem),
  bytes: z.int().nullable(),
  createdAt: timestamp,
});
export type Dataset = z.infer<typeof dataset>;

/** The smallest fractions that make sense; what is left is the training split, and `train` may say so. */
export const splitFractions = z
  .strictObject({
    train: z.number().gt(0).max(1).optional(),
    validation: z.number().min(0).max(0.9).default(0),
    test: z.number().min(0).max(0.9).default(0),
  })
  .refine((each) => each.validation + each.test < 1, "the fractions must leave something to train on")
  .refine(
    ({ train, validation, test }) => train === undefined || Math.abs(train + validation + test - 1) < 1e-6,
    "train, validation and test must add up to 1; leave train out to have what remains",
  );

/** The form fields of an upload, besides its files. */
export const uploadSettings = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  alias: alias.optional(),
  classes: z.array(z.string().min(1).max(100)).min(1).max(65_536).optional(),
  splits: splitFractions.optional(),
  seed: z.int().min(0).max(4_294_967_295).default(1),
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  size: z
    .union([
      z.int().min(1).max(1024),
      z.strictObject({ height: z.int().min(1).max(1024), width: z.int().min(1).max(1024) }),
    ])
    .optional(),
  fit: z.enum(["fit", "crop", "stretch"]).default("fit"),
});
export type UploadSettings = z.infer<typeof uploadSettings>;

/** The whole form of an upload, as the document shows it: in the process, files are read as streams. */
export const uploadForm = uploadSettings.partial().extend({
  file: file.optional().describe("ZIP or TAR of pictures in one folder per class, NPZ, CSV or JSON lines"),
  images: file.optional().describe("IDX, with labels"),
  labels: file.optional(),
  testImages: file.optional(),
  testLabels: file.optional(),
});

export const datasetChanges = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  alias: alias.nullable().optional(),
});
export type DatasetChanges = z.infer<typeof datasetChanges>;

/**
 * The manifest that stands in storage beside the split files and suffices to rebuild the record.
 * Split files: `samples` [count][channels][height][width] of dtype, then `labels` int32 [count], little-endian.
 */
export const datasetManifest = z.strictObject({
  version: z.literal(1),
  id: datasetId,
  name: z.string(),
  alias: alias.nullable(),
  revision: sha256,
  classes: z.array(z.string()),
  shape,
  dtype,
  conversion,
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

export const datasetPage = pageOf(dataset);
export type DatasetPage = z.infer<typeof datasetPage>;
