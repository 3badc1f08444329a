/** The answer to a dry run: what a training would be, and how long it would take. */
import { z } from "zod";
import type { CompleteJobRequest } from "../../../schemas/job.ts";
import { trainingFlops } from "../../../schemas/shape.ts";
import type { Order } from "../../shared/jobs/order.ts";
import { rateKey, type Records } from "../../shared/records/index.ts";

const layerEstimate = z.strictObject({
  kind: z.string(),
  input: z.strictObject({ channels: z.int(), height: z.int(), width: z.int() }),
  output: z.strictObject({ channels: z.int(), height: z.int(), width: z.int() }),
  parameters: z.int(),
});

export const estimateAnswer = <Request extends z.ZodType>(request: Request) =>
  z.strictObject({
    request,
    layers: z.array(layerEstimate),
    parameters: z.int(),
    bytes: z.int().describe("of the shared memory of the training"),
    flopsPerSample: z.int().describe("forward and backward"),
    secondsPerEpoch: z
      .number()
      .nullable()
      .describe("from the rate workers last reported for such a network; null where none has"),
  });

/** The answer to a dry run. */
export async function estimate(
  records: Records,
  { request, dataset, layers, bytes }: Order,
): Promise<z.output<ReturnType<typeof estimateAnswer<z.ZodType<CompleteJobRequest>>>>> {
  const rate = await records.rates.read(rateKey(request, dataset.shape));
  return {
    request: { ...request, webhook: request.webhook && { url: request.webhook.url } },
    layers: layers.map(({ kind, input, output, parameters }) => ({ kind, input, output, parameters })),
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
    bytes,
    flopsPerSample: trainingFlops(layers),
    secondsPerEpoch: rate === null || rate <= 0 ? null : dataset.splits.train / rate,
  };
}
