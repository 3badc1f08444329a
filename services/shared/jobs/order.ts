/**
 * From a body to an order that a worker can carry out: completed, its dataset found, its network walked through, its
 * memory planned.
 */
import type { z } from "zod";
import { completeRequest, contradictions } from "../../../schemas/complete.ts";
import type { DatasetStatistics, Dtype, Split } from "../../../schemas/dataset.ts";
import type { CompleteJobRequest, jobRequest } from "../../../schemas/job.ts";
import { describeMisfit } from "../../../schemas/presets.ts";
import { type Shape } from "../../../schemas/shape.ts";
import { networkShape, type LayerShape } from "../../../schemas/network-shape.ts";
import { warningsOf } from "../../../schemas/warnings.ts";
import { findModel, findReadyDataset, type ReadyDataset } from "../find.ts";
import type { ModelRecord, Records } from "../records/index.ts";
import { Refusal, doesNotFit, invalid } from "../refusal.ts";
import { refuseWebhook } from "../webhooks/refuse.ts";

/** What the memory of a training follows from. */
export interface TrainingToPlan {
  request: CompleteJobRequest;
  input: Shape;
  classes: number;
  dtype: Dtype;
  counts: Record<Split, number>;
  statistics: DatasetStatistics;
}

export interface OrderDependencies {
  records: Records;
  /** Bytes of the shared memory that a training would take. Throws Refusal where it cannot be. */
  planBytes: (plan: TrainingToPlan) => Promise<{ bytes: number }>;
  /** Whether a webhook may be at a private address. */
  allowPrivateWebhooks: boolean;
}

export interface Order {
  request: CompleteJobRequest;
  dataset: ReadyDataset;
  layers: LayerShape[];
  initialModel: ModelRecord | null;
  /** Of the shared memory of the training. */
  bytes: number;
  /** What is legal and likely wrong. */
  warnings: string[];
}

/** What is wrong with a resource that a field of the request names: the field is pointed at. */
async function named<Found>(pointer: string, looking: Promise<Found>): Promise<Found> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof Refusal)
      throw new Refusal({ code: error.code, detail: error.message, errors: [{ pointer, detail: error.message }] });
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
    throw new Refusal({
      code: "network-does-not-fit",
      detail: `/initialModel: ${detail}`,
      errors: [{ pointer: "/initialModel", detail }],
    });
  }
  return model;
}

/** Everything that can be wrong with a request is found here, before anything is queued. */
export async function makeOrder(
  { records, planBytes, allowPrivateWebhooks }: OrderDependencies,
  body: z.output<typeof jobRequest>,
): Promise<Order> {
  const dataset = await named("/dataset", findReadyDataset(records, body.dataset));
  if (dataset.splits.train === 0) throw invalid("/dataset", `dataset ${body.dataset} has no training samples`);
  const classes = dataset.classes.length;
  const request = completeRequest(body, classes);
  const [contradiction] = contradictions(request);
  if (contradiction) throw invalid(contradiction.pointer, contradiction.detail);
  await refuseWebhook(request.webhook, { allowPrivate: allowPrivateWebhooks });
  const { layers, problems } = networkShape(request.network.layers, dataset.shape, classes);
  if (problems.length > 0)
    throw doesNotFit(
      typeof body.network === "string"
        ? [{ pointer: "", detail: describeMisfit(body.network, dataset.shape, classes) }]
        : problems,
    );
  const initialModel =
    request.initialModel === null ? null : await findInitialModel(records, request.initialModel, layers);
  const { bytes } = await planBytes({
    request,
    input: dataset.shape,
    classes,
    dtype: dataset.dtype,
    counts: dataset.splits,
    statistics: dataset.statistics,
  });
  const warnings = warningsOf({
    request,
    classes: dataset.classes,
    trainingCounts: dataset.statistics.classCounts.train,
  });
  return { request, dataset, layers, initialModel, bytes, warnings };
}
