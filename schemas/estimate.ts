/** The answer to a dry run: the request with everything filled in, what it makes and what it would cost. */
import { z } from "zod";
import { completeJobRequest } from "./job.ts";
import { shortcutKind } from "./layer.ts";

const extent = z.strictObject({ channels: z.int(), height: z.int(), width: z.int() });

const layerRow = z.strictObject({ kind: z.string(), input: extent, output: extent, parameters: z.int() });

export const estimate = z.strictObject({
  request: completeJobRequest,
  layers: z.array(
    layerRow.extend({
      shortcut: shortcutKind.optional().describe("residual blocks: what carries x past the block's layers"),
      layers: z.array(layerRow).optional().describe("residual blocks: the block's own layers"),
    }),
  ),
  parameters: z.int(),
  bytes: z.int().describe("of the shared memory of the training"),
  flopsPerSample: z.int().describe("forward and backward"),
  secondsPerEpoch: z
    .number()
    .nullable()
    .describe("from the rate workers last reported for such a network; null where none has"),
  warnings: z.array(z.string()).describe("what is legal in the request and likely wrong"),
});
export type Estimate = z.infer<typeof estimate>;
