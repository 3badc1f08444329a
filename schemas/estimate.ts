/** The answer to a dry run: the request with everything filled in, what it makes and what it would cost. */
import { z } from "zod";
import { completeJobRequest } from "./job.ts";

const extent = z.strictObject({ channels: z.int(), height: z.int(), width: z.int() });

export const estimate = z.strictObject({
  request: completeJobRequest,
  layers: z.array(z.strictObject({ kind: z.string(), input: extent, output: extent, parameters: z.int() })),
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
