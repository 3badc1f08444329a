/** Samples of a dataset as the interface shows them: rows of pixels, pictures, contact sheets, distorted copies. */
import { z } from "zod";
import { split } from "./dataset.ts";
import { pageOf } from "./page.ts";
import { queryDecimal, queryFlag, queryInteger, sheetScale, usually } from "./query.ts";

/** One row of `GET /v1/datasets/{id}/samples`. Pixels in C,H,W order, in the dataset's own range. */
export const sample = z.strictObject({
  index: z.int().describe("place in its split, counted from 0"),
  label: z.int().describe("index of its class"),
  pixels: z.array(z.number()).describe("its values in C,H,W order, in the dataset's own range"),
});
export type Sample = z.infer<typeof sample>;
export const samplePage = pageOf(sample);
export type SamplePage = z.infer<typeof samplePage>;

const ofClass = z.string().max(100).optional().describe("only samples of this class, by name or index; by default all");
const filter = { split: usually(split, "train").describe("train by default"), label: ofClass };

export const samplesQuery = z.strictObject({
  ...filter,
  limit: usually(queryInteger(1, 1000), 20).describe("rows of a page; 20 by default"),
  after: queryInteger(0, 1_000_000_000).optional().describe("nextAfter of the page before: an index"),
});

export const sampleSheetQuery = z.strictObject({
  ...filter,
  limit: usually(queryInteger(1, 1000), 100).describe("samples on the sheet, spread over the split; 100 by default"),
  columns: usually(queryInteger(1, 100), 10).describe("samples side by side; 10 by default"),
  scale: usually(sheetScale, 1).describe("side in pixels of one pixel of a sample"),
});

export const samplePictureParams = z.strictObject({
  id: z.string().describe("id or alias of the dataset"),
  split: z.string().describe("train, validation or test"),
  index: z.string().describe("place in the split, counted from 0"),
});
export const samplePictureQuery = z.strictObject({
  scale: usually(sheetScale, 1).describe("side in pixels of one pixel of the sample"),
});

export const augmentationSheetQuery = z.strictObject({
  shift: queryDecimal.optional().describe("largest shift along each axis, in pixels; 0 by default"),
  rotate: queryDecimal.optional().describe("largest rotation either way, in degrees; 0 by default"),
  scale: queryDecimal.optional().describe("largest relative change of size either way; 0 by default"),
  flip: queryFlag.optional().describe("mirror left and right for half of the copies"),
  elastic: z
    .string()
    .max(100)
    .optional()
    .describe('elastic distortion: true, or its strength and smoothness as {"alpha":34,"sigma":4}'),
  seed: usually(queryInteger(0, 4_294_967_295), 1).describe("decides the distortions; 1 by default"),
  ...filter,
  limit: usually(queryInteger(1, 32), 8).describe("samples, a row each; 8 by default"),
  copies: usually(queryInteger(1, 32), 8).describe("distorted copies of each, beside the original; 8 by default"),
  zoom: usually(sheetScale, 1).describe("side in pixels of one pixel of a sample: `scale` of other sheets"),
});
