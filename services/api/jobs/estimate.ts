/** The answer to a dry run: what a training would be, and how long it would take. */
import type { Estimate } from "../../../schemas/estimate.ts";
import { trainingFlops, type LayerShape } from "../../../schemas/network-shape.ts";
import { splitsOf, validationFacts } from "../../../schemas/validation.ts";
import type { Order } from "../../shared/jobs/order.ts";
import { rateKey, type Records } from "../../shared/records/index.ts";
import { presentWorkers, wantedWorker } from "./show.ts";

const rowOf = ({ kind, input, output, parameters, flops }: LayerShape) => ({ kind, input, output, parameters, flops });

export async function estimateOf(
  records: Records,
  { request, dataset, layers, bytes, warnings, reasons }: Order,
): Promise<Estimate> {
  const wanted = wantedWorker(bytes, await presentWorkers(records));
  const rate = await records.rates.read(rateKey(request, dataset.shape));
  return {
    request: { ...request, webhook: request.webhook && { url: request.webhook.url } },
    layers: layers.map((layer) => ({
      ...rowOf(layer),
      ...(layer.layers && { shortcut: layer.shortcut, layers: layer.layers.map(rowOf) }),
    })),
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
    bytes,
    flopsPerSample: trainingFlops(request.network.layers, layers),
    secondsPerEpoch:
      rate === null || rate <= 0 ? null : splitsOf(request.validation, validationFacts(dataset)).train / rate,
    warnings: wanted === null ? warnings : [...warnings, `the job would wait for ${wanted}`],
    reasons,
  };
}
