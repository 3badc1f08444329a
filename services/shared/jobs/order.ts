/**
 * From a body to an order that a worker can carry out: completed, its dataset found, its network walked through, its
 * memory planned.
 */
import type { z } from "zod";
import { completeRequest, contradictions } from "../../../schemas/complete.ts";
import type { DatasetStatistics, Dtype, Split } from "../../../schemas/dataset.ts";
import type { CompleteJobRequest, jobRequest } from "../../../schemas/job.ts";
import type { PresetName } from "../../../schemas/network.ts";
import { describeMisfit } from "../../../schemas/presets.ts";
import { type Shape } from "../../../schemas/shape.ts";
import { networkShape, type LayerShape } from "../../../schemas/network-shape.ts";
import { trainedCounts, validationProblems, validationWarnings, validationFacts } from "../../../schemas/validation.ts";
import { warningsOf } from "../../../schemas/warnings.ts";
import { findDataset, findModel, findReadyDataset, type ReadyDataset } from "../find.ts";
import type { DatasetRecord, ModelRecord, Records } from "../records/index.ts";
import { Refusal, doesNotFit, invalid, validationDoesNotFit } from "../refusal.ts";
import { refuseWebhook } from "../webhooks/refuse.ts";

/** Of a preset for a dataset whose classes are not known yet. */
const usualClasses = 10;

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

/** What is wrong with a request whatever its dataset holds. */
async function refuseContradictions(request: CompleteJobRequest, allowPrivate: boolean): Promise<void> {
  const [contradiction] = contradictions(request);
  if (contradiction) throw invalid(contradiction.pointer, contradiction.detail);
  await refuseWebhook(request.webhook, { allowPrivate });
}

const presetOf = ({ network }: z.output<typeof jobRequest>): PresetName | null =>
  typeof network === "string" ? network : null;

/** A job whose dataset is still being made: what can be told without it. */
export interface AwaitingOrder {
  request: CompleteJobRequest;
  dataset: DatasetRecord;
  preset: PresetName | null;
  initialModel: ModelRecord | null;
}

/** Where the dataset is still being received or checked: the order that waits for it. null where it is not. */
export async function makeAwaitingOrder(
  { records, allowPrivateWebhooks }: Pick<OrderDependencies, "records" | "allowPrivateWebhooks">,
  body: z.output<typeof jobRequest>,
): Promise<AwaitingOrder | null> {
  const dataset = await named("/dataset", findDataset(records, body.dataset));
  if (dataset.terminal) return null;
  const request = completeRequest(body, dataset.classes.length || usualClasses);
  await refuseContradictions(request, allowPrivateWebhooks);
  const initialModel =
    request.initialModel === null ? null : await named("/initialModel", findModel(records, request.initialModel));
  return { request, dataset, preset: presetOf(body), initialModel };
}

/** Walks a network through its dataset, and looks for what judges it. Throws Refusal where something does not fit. */
export function fitToDataset(
  request: CompleteJobRequest,
  { dataset, preset }: { dataset: ReadyDataset; preset: PresetName | null },
): { layers: LayerShape[]; warnings: string[] } {
  if (dataset.splits.train === 0) throw invalid("/dataset", `dataset ${request.dataset} has no training samples`);
  const { shape, classes } = dataset;
  const { layers, problems } = networkShape(request.network.layers, shape, classes.length);
  if (problems.length > 0)
    throw doesNotFit(
      preset === null ? problems : [{ pointer: "", detail: describeMisfit(preset, shape, classes.length) }],
    );
  const facts = validationFacts(dataset);
  const misfits = validationProblems(request, facts);
  if (misfits.length > 0) throw validationDoesNotFit(misfits);
  return {
    layers,
    warnings: [
      ...validationWarnings(request.validation, { classes, ...facts }),
      ...warningsOf({ request, classes, trainingCounts: trainedCounts(request.validation, facts.trainingCounts) }),
    ],
  };
}

/** Everything that can be wrong with a request is found here, before anything is queued. */
export async function makeOrder(
  { records, planBytes, allowPrivateWebhooks }: OrderDependencies,
  body: z.output<typeof jobRequest>,
): Promise<Order> {
  const dataset = await named("/dataset", findReadyDataset(records, body.dataset));
  const classes = dataset.classes.length;
  const request = completeRequest(body, classes);
  await refuseContradictions(request, allowPrivateWebhooks);
  const { layers, warnings } = fitToDataset(request, { dataset, preset: presetOf(body) });
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
  return { request, dataset, layers, initialModel, bytes, warnings };
}
