/**
 * From a body to an order that a worker can carry out: completed, its dataset found, its network walked through, its
 * memory planned.
 */
import { z } from "zod";
import { completeRequest, contradictions } from "../../schemas/complete.ts";
import type { CompleteJobRequest, jobRequest } from "../../schemas/job.ts";
import { networkShape, trainingFlops, type LayerShape } from "../../schemas/shape.ts";
import { ComputationError } from "../prediction/index.ts";
import { rateKey, type ModelRecord, type Records } from "../shared/records/index.ts";
import type { Dependencies } from "./dependencies.ts";
import { findModel, findReadyDataset, type ReadyDataset } from "./http/find.ts";
import { Problem, doesNotFit, invalid } from "./http/problem.ts";

export interface Order {
  request: CompleteJobRequest;
  dataset: ReadyDataset;
  layers: LayerShape[];
  initialModel: ModelRecord | null;
  /** Of the shared memory of the training. */
  bytes: number;
}

/** A problem with a resource that a field of the request names: the field is pointed at. */
async function named<Found>(pointer: string, looking: Promise<Found>): Promise<Found> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof Problem)
      throw new Problem({ code: error.code, detail: error.message, errors: [{ pointer, detail: error.message }] });
    throw error;
  }
}

/** Weights can be carried over where every layer has the same shapes and as many parameters. */
async function findInitialModel(
  records: Records,
  reference: string,
  layers: readonly LayerShape[],
): Promise<ModelRecord> {
  const model = await named("/initialModel", findModel(records, reference));
  const theirs = networkShape(model.network.layers, model.input, null).layers;
  const differs = layers.findIndex((layer, index) => JSON.stringify(layer) !== JSON.stringify(theirs[index]));
  const at = differs >= 0 ? differs : theirs.length > layers.length ? layers.length : -1;
  if (at >= 0) {
    const detail = `model ${reference} has other weights: its network differs from this one at layer ${at}`;
    throw new Problem({
      code: "network-does-not-fit",
      detail: `/initialModel: ${detail}`,
      errors: [{ pointer: "/initialModel", detail }],
    });
  }
  return model;
}

/** Everything that can be wrong with a request is found here, before anything is queued. */
export async function makeOrder(
  { records, prediction }: Pick<Dependencies, "records" | "prediction">,
  body: z.output<typeof jobRequest>,
): Promise<Order> {
  const request = completeRequest(body);
  const [contradiction] = contradictions(request);
  if (contradiction) throw invalid(contradiction.pointer, contradiction.detail);
  const dataset = await named("/dataset", findReadyDataset(records, request.dataset));
  if (dataset.splits.train === 0) throw invalid("/dataset", `dataset ${request.dataset} has no training samples`);
  const { layers, problems } = networkShape(request.network.layers, dataset.shape, dataset.classes.length);
  if (problems.length > 0) throw doesNotFit(problems);
  const initialModel =
    request.initialModel === null ? null : await findInitialModel(records, request.initialModel, layers);
  const plan = {
    request,
    input: dataset.shape,
    classes: dataset.classes.length,
    dtype: dataset.dtype,
    counts: dataset.splits,
    statistics: dataset.statistics,
  };
  const { bytes } = await prediction.planBytes(plan).catch((error: unknown) => {
    if (error instanceof ComputationError && error.fault === "refused")
      throw doesNotFit([{ pointer: error.pointer ?? "", detail: error.message }]);
    throw error;
  });
  return { request, dataset, layers, initialModel, bytes };
}

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
