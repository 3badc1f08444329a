/** Which training samples an epoch takes; engine/order.ts draws them. */
import { z } from "zod";

export const sampling = z
  .enum(["natural", "balanced"])
  .describe(
    "natural: an epoch takes each sample once; balanced: it draws as many samples, of each class equally often",
  );
export type Sampling = z.infer<typeof sampling>;
