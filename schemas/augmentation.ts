/** Random distortions of training samples; every draw is a hash of (seed, epoch, sample), so a run can be repeated. */
import { z } from "zod";

export const elastic = z.strictObject({
  alpha: z.number().min(0).max(200).default(34).describe("strength of the displacement, in pixels before smoothing"),
  sigma: z.number().min(0.01).max(50).default(4).describe("standard deviation of the smoothing Gaussian, in pixels"),
});

const jitter = (what: string) =>
  z.number().min(0).max(1).default(0).describe(`largest relative change either way ${what}`);

export const augmentation = z.strictObject({
  shift: z.number().min(0).max(64).default(0).describe("largest shift along each axis, in pixels"),
  rotate: z.number().min(0).max(180).default(0).describe("largest rotation either way, in degrees"),
  scale: z.number().min(0).max(0.9).default(0).describe("largest relative change of size either way"),
  elastic: elastic
    .nullable()
    .default(null)
    .describe("elastic distortion (Simard et al. 2003), as of an unsteady hand; null: none"),
  flip: z.boolean().default(false).describe("mirror left and right for half of the samples"),
  crop: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe("cut out at random after so many pixels were added on every side: a shift by whole pixels"),
  brightness: jitter("of the distance from black"),
  contrast: jitter("of the distance from the picture's mean grey"),
  saturation: jitter("of the distance from each pixel's own grey, in pictures of three channels"),
});
export type Augmentation = z.infer<typeof augmentation>;
