/** Random distortions of training samples; every draw is a hash of (seed, epoch, sample), so a run can be repeated. */
import { z } from "zod";

export const elastic = z.strictObject({
  alpha: z.number().min(0).max(200).default(34).describe("strength of the displacement, in pixels before smoothing"),
  sigma: z.number().min(0.01).max(50).default(4).describe("standard deviation of the smoothing Gaussian, in pixels"),
});

export const augmentation = z.strictObject({
  shift: z.number().min(0).max(64).default(0).describe("largest shift along each axis, in pixels"),
  rotate: z.number().min(0).max(180).default(0).describe("largest rotation either way, in degrees"),
  scale: z.number().min(0).max(0.9).default(0).describe("largest relative change of size either way"),
  elastic: elastic.nullable().default(null).describe("elastic distortion (Simard et al. 2003)"),
  flip: z.boolean().default(false).describe("mirror left and right for half of the samples"),
});
export type Augmentation = z.infer<typeof augmentation>;
