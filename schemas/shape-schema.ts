/** The schema of shapes. What they are and how one reckons with them: shape.ts. */
import { z } from "zod";
import type { Shape } from "./shape.ts";

export const shape = z
  .strictObject({
    channels: z
      .int()
      .min(1)
      .max(65_536)
      .describe("feature maps; of a picture 1 (grey) or 3 (colour), of a vector its units"),
    height: z.int().min(1).max(4096).describe("rows, in pixels"),
    width: z.int().min(1).max(4096).describe("columns, in pixels"),
  })
  .describe("channels × height × width of one sample or of what a layer answers") satisfies z.ZodType<Shape>;
