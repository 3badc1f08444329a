/**
 * From a body to an order that a worker can carry out: completed, its dataset found, its network walked through, its
 * memory planned.
 */
import { completeRequest, contradictions } from "../../../schemas/complete.ts";
import type { DatasetStatistics, Dtype, Split } from "../../../schemas/dataset.ts";
import type { CompleteJobRequest } from "../../../schemas/job.ts";
import type { PresetName } from "../../../schemas/network.ts";
import { describeMisfit } from "../../../schemas/presets.ts";
import { type Shape } from "../../../schemas/shape.ts";
import { networkShape, type LayerShape } from "../../../schemas/network-shape.ts";
import { trainedCounts, validationProblems, validationWarnings, validationFacts } from "../../../schemas/validation.ts";
import { warningsOf } from "../../../schemas/warnings.ts";
import { weightedLayers } from "../../../schemas/weights.ts";
import { findDataset, findReadyDataset, type ReadyDataset } from "../find.ts";
import type { DatasetRecord, ModelRecord, Records } from "../records/index.ts";
import { Refusal, doesNotFit, invalid, validationDoesNotFit } from "../refusal.ts";
import type { Storage } from "../storage/index.ts";
import { refuseWebhook } from "../webhooks/refuse.ts";
import { chooseFor, chosenLater, type ChosenRequest, type ReadRequest } from "./automatic.ts";
import { findInitialModel, startFrom } from "./initial-model.ts";

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
  storage: Storage;
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
  /** Why what was chosen for this job was chosen. */
  reasons: string[];
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

/** What is wrong with a request whatever its dataset holds. */
async function refuseContradictions(request: CompleteJobRequest, allowPrivate: boolean): Promise<void> {
  const [contradiction] = contradictions(request);
  if (contradiction) throw invalid(contradiction.pointer, contradiction.detail);
  await refuseWebhook(request.webhook, { allowPrivate });
}

const presetOf = ({ network }: ReadRequest): PresetName | null =>
  typeof network === "string" && network !== "auto" ? network : null;

/** A checked body, and as it came: what it leaves to the rule is what is not in it. */
export interface JobBody {
  read: ReadRequest;
  asked: unknown;
}

/** What the rule chooses, where a request leaves it anything. */
const chooseOr = async (
  read: ReadRequest,
  { records, ...of }: { records: Records } & Parameters<typeof chooseFor>[1],
): Promise<ChosenRequest> =>
  read.network === "auto" ? chooseFor(records, of) : { request: read, reasons: [], warnings: [] };

/** A job whose dataset is still being made: what can be told without it. */
export interface AwaitingOrder {
  request: CompleteJobRequest;
  dataset: DatasetRecord;
  preset: PresetName | null;
  /** What the user wrote, without secrets, where the rule chooses the rest. */
  asked: object | null;
  reasons: string[];
  initialModel: ModelRecord | null;
  warnings: string[];
}

/** What has no classes yet shows a preset's network as if it had the usual ones. */
const classesUnknown =
  `the dataset is still being made: until its classes are known, the preset's last layer is shown with ${usualClasses} ` +
  "units; when the job starts it has one for each class";

type AwaitingMeans = Pick<OrderDependencies, "records" | "storage" | "allowPrivateWebhooks">;

/** Where the dataset is still being received or checked: the order that waits for it. null where it is not. */
export async function makeAwaitingOrder(means: AwaitingMeans, body: JobBody): Promise<AwaitingOrder | null> {
  const dataset = await named("/dataset", findDataset(means.records, body.read.dataset));
  return dataset.terminal ? null : awaitingOrderOn(means, body, dataset);
}

/** The same where its dataset was found already. */
export async function awaitingOrderOn(
  { records, storage, allowPrivateWebhooks }: AwaitingMeans,
  { read, asked }: JobBody,
  dataset: DatasetRecord,
): Promise<AwaitingOrder> {
  const initialModel = await findInitialModel({ records, storage }, read);
  const isLeft = read.network === "auto";
  const ahead = expected(dataset);
  const chosen = await chooseOr(read, { records, asked, dataset: ahead, initialModel });
  const request = completeRequest(chosen.request, dataset.classes.length || usualClasses);
  await refuseContradictions(request, allowPrivateWebhooks);
  const preset = presetOf(read);
  const { shape, classes } = dataset;
  if (shape !== null && classes.length > 0) walk(request, { shape, classes, preset });
  const warnings = preset !== null && classes.length === 0 ? [classesUnknown] : [];
  const { webhook: _webhook, ...kept } = asked as { webhook?: unknown };
  const left = isLeft
    ? {
        asked: kept,
        reasons: ahead ? chosen.reasons : [chosenLater("network and settings are")],
        warnings: chosen.warnings,
      }
    : { asked: null, reasons: [], warnings: [] };
  return { request, dataset, preset, initialModel, ...left, warnings: [...warnings, ...left.warnings] };
}

/**
 * A dataset that is built in and still being read, as it will be but for its figures: those change no shape and no
 * size. null for any other. Every class counts as equally large.
 */
export function expected(dataset: DatasetRecord): ReadyDataset | null {
  const { terminal, shape, dtype, classes, splits } = dataset;
  if (terminal || shape === null || dtype === null || classes.length === 0) return null;
  const evenly = (samples: number): number[] => classes.map(() => Math.floor(samples / classes.length));
  const perChannel = (value: number): number[] => new Array<number>(shape.channels).fill(value);
  const classCounts = { train: evenly(splits.train), validation: evenly(splits.validation), test: evenly(splits.test) };
  const statistics = { mean: perChannel(0), std: perChannel(1), minimum: 0, maximum: 255, classCounts };
  return { ...dataset, shape, dtype, revision: "", statistics };
}

/** The shapes that a network makes. Throws Refusal where it does not fit. */
function walk(
  { network }: CompleteJobRequest,
  { shape, classes, preset }: { shape: Shape; classes: readonly string[]; preset: PresetName | null },
): LayerShape[] {
  const { layers, problems } = networkShape(network.layers, shape, classes.length);
  if (problems.length > 0)
    throw doesNotFit(
      preset === null ? problems : [{ pointer: "", detail: describeMisfit(preset, shape, classes.length) }],
    );
  return layers;
}

/**
 * Walks a network through its dataset, and looks for what judges it and what it starts from. Throws Refusal where
 * something does not fit.
 */
export function fitToDataset(
  request: CompleteJobRequest,
  {
    dataset,
    preset,
    initialModel,
  }: { dataset: ReadyDataset; preset: PresetName | null; initialModel: ModelRecord | null },
): Pick<Order, "layers" | "warnings" | "reasons"> {
  if (dataset.splits.train === 0) throw invalid("/dataset", `dataset ${request.dataset} has no training samples`);
  const { shape, classes } = dataset;
  const layers = walk(request, { shape, classes, preset });
  const facts = validationFacts(dataset);
  const misfits = validationProblems(request, facts);
  if (misfits.length > 0) throw validationDoesNotFit(misfits);
  const start = initialModel && startFrom(initialModel, { request, input: shape, classes });
  return {
    layers,
    reasons: start?.reasons ?? [],
    warnings: [
      ...(start?.warnings ?? []),
      ...validationWarnings(request.validation, { classes, ...facts }),
      ...warningsOf({
        request,
        classes,
        trainingCounts: trainedCounts(request.validation, facts.trainingCounts),
        weighted: weightedLayers(request.network.layers, layers),
        taken: start?.taken ?? [],
      }),
    ],
  };
}

export const planOf = (request: CompleteJobRequest, dataset: ReadyDataset): TrainingToPlan => ({
  request,
  input: dataset.shape,
  classes: dataset.classes.length,
  dtype: dataset.dtype,
  counts: dataset.splits,
  statistics: dataset.statistics,
});

/** Everything that can be wrong with a request is found here, before anything is queued. */
export async function makeOrder(dependencies: OrderDependencies, body: JobBody): Promise<Order> {
  const { records } = dependencies;
  const ahead = expected(await named("/dataset", findDataset(records, body.read.dataset)));
  const dataset = ahead ?? (await named("/dataset", findReadyDataset(records, body.read.dataset)));
  const order = await orderOn(dependencies, body, dataset);
  if (ahead === null) return order;
  const warning = "the dataset is still being read: its classes are taken for equally large";
  return { ...order, warnings: [warning, ...order.warnings] };
}

/** The same where its dataset was found already. */
export async function orderOn(
  { records, storage, planBytes, allowPrivateWebhooks }: OrderDependencies,
  { read, asked }: JobBody,
  dataset: ReadyDataset,
): Promise<Order> {
  const classes = dataset.classes.length;
  const initialModel = await findInitialModel({ records, storage }, read);
  const chosen = await chooseOr(read, { records, asked, dataset, initialModel });
  const request = completeRequest(chosen.request, classes);
  await refuseContradictions(request, allowPrivateWebhooks);
  const fitted = fitToDataset(request, { dataset, preset: presetOf(read), initialModel });
  const { bytes } = await planBytes(planOf(request, dataset));
  return {
    request,
    dataset,
    initialModel,
    bytes,
    layers: fitted.layers,
    warnings: [...fitted.warnings, ...chosen.warnings],
    reasons: [...chosen.reasons, ...fitted.reasons],
  };
}
