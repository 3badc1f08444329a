/**
 * The bounds within which an upload is read: part of the configuration, and each is named in the refusal of whatever
 * crosses it.
 */
import { z } from "zod";

/** A number as the environment writes it. */
export function wholeNumber(least: number, most: number) {
  const error = `expected a whole number from ${least} to ${most}`;
  return z.string().regex(/^\d+$/, error).transform(Number).pipe(z.int(error).min(least, error).max(most, error));
}

const limit = (byDefault: number, most = Number.MAX_SAFE_INTEGER) => wholeNumber(1, most).default(byDefault);

const mebibyte = 1024 * 1024;

export const datasetLimits = z.object({
  MAX_UPLOAD_BYTES: limit(4096 * mebibyte).describe("bytes of one uploaded file, as it arrives"),
  MAX_DATASET_BYTES: limit(4096 * mebibyte).describe("bytes of a dataset's samples, and of what an archive unpacks to"),
  MAX_ENTRIES: limit(150_000).describe("files and folders in an archive"),
  MAX_ENTRY_BYTES: limit(64 * mebibyte, 512 * mebibyte).describe("bytes of one picture in an archive"),
  MAX_PIXELS: limit(40_000_000, 40_000_000).describe("width × height of a picture before it is resized"),
  MAX_DECODED_PIXELS: limit(4_000_000_000).describe(
    "pixels of all pictures of an upload before they are resized, besides 1,000 for each byte of theirs",
  ),
  MAX_SAMPLES: limit(10_000_000, 100_000_000).describe("samples of a dataset"),
  MAX_CLASSES: limit(10_000, 65_536).describe("classes of a dataset"),
  MAX_LINE_BYTES: limit(16 * mebibyte, 256 * mebibyte).describe("bytes of one line of a CSV or JSON lines file"),
  MAX_CHECK_SECONDS: limit(3600).describe("seconds the check of an upload may take"),
  MIN_FREE_BYTES: limit(256 * mebibyte).describe("bytes that stay free on the disk whatever is uploaded"),
});
export type DatasetLimits = z.infer<typeof datasetLimits>;
export type LimitName = keyof DatasetLimits;

export const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** `MAX_ENTRIES (150,000)`: how a refusal names the limit that was hit. */
export const nameLimit = (limits: DatasetLimits, name: LimitName): string => `${name} (${grouped(limits[name])})`;
