/** Samples of a dataset as the interface shows them: rows of pixels, pictures, contact sheets, distorted copies. */
import { z } from "zod";
import { split } from "./dataset.ts";
import { pageOf } from "./page.ts";
import { queryDecimal, queryFlag, queryInteger, sheetScale, usually } from "./query.ts";

/** One row of `GET /v1/datasets/{id}/samples`. Pixels in C,H,W order, in the dataset's own range. */
export const sample = z.strictObject({ index: z.int(), label: z.int(), pixels: z.array(z.number()) });
export type Sample = z.infer<typeof sample>;
export const samplePage = pageOf(sample);
export type SamplePage = z.infer<typeof samplePage>;

const ofClass = z.string().max(100).optional().describe("a class, by name or index");
const filter = { split: usually(split, "train").describe("train by default"), label: ofClass };

export const samplesQuery = z.strictObject({
  ...filter,
  limit: usually(queryInteger(1, 1000), 20).describe("rows of a page; 20 by default"),
  after: queryInteger(0, 1_000_000_000).optional().describe("nextAfter of the page before"),
});

export const sampleSheetQuery = z.strictObject({
  ...filter,
  limit: usually(queryInteger(1, 1000), 100).describe("samples on the sheet, spread over the split; 100 by default"),
  columns: usually(queryInteger(1, 100), 10).describe("10 by default"),
  scale: usually(sheetScale, 1).describe("side in pixels of one pixel of a sample"),
});

export const samplePictureParams = z.strictObject({ id: z.string(), split: z.string(), index: z.string() });
export const samplePictureQuery = z.strictObject({
  scale: usually(sheetScale, 1).describe("side in pixels of one pixel of the sample"),
});

export const augmentationSheetQuery = z.strictObject({
  shift: queryDecimal.optional().describe("as in a job's augmentation, like the four that follow"),
  rotate: queryDecimal.optional(),
  scale: queryDecimal.optional(),
  flip: queryFlag.optional(),
  elastic: z.string().max(100).optional().describe('true, or {"alpha":34,"sigma":4}'),
  seed: usually(queryInteger(0, 4_294_967_295), 1).describe("1 by default"),
  ...filter,
  limit: usually(queryInteger(1, 32), 8).describe("samples, a row each; 8 by default"),
  copies: usually(queryInteger(1, 32), 8).describe("distorted copies of each, beside the original; 8 by default"),
  zoom: usually(sheetScale, 1).describe("side in pixels of one pixel of a sample: `scale` of other sheets"),
});
