/** The words of the interface, as types: none of `schemas/` is there at run time. */
import type {
  keyPage,
  keyRequest,
  keysQuery,
  projectChanges,
  projectPage,
  projectRequest,
  projectsQuery,
  sessionRequest,
} from "../schemas/access.ts";
import type { checkpointsQuery } from "../schemas/checkpoint.ts";
import type { datasetChanges, datasetsQuery, deleteDatasetQuery, uploadForm } from "../schemas/dataset.ts";
import type {
  evaluationPredictionsQuery,
  evaluationRequest,
  modelEvaluationPage,
  modelEvaluationsQuery,
} from "../schemas/evaluation.ts";
import type { eventsQuery } from "../schemas/event.ts";
import type { saliency, saliencyQuery, sensitivities, sensitivitiesQuery } from "../schemas/explanation.ts";
import type { gradientCheckRequest } from "../schemas/gradient-check.ts";
import type { inferenceModel, inferenceRequest, inferenceServer } from "../schemas/inference.ts";
import type {
  featureMapsQuery,
  filtersQuery,
  insidePage,
  insideQuery,
  jobFiltersQuery,
  networkQuery,
} from "../schemas/inside.ts";
import type { deleteJobQuery, jobsQuery } from "../schemas/job.ts";
import type { layer } from "../schemas/layer.ts";
import type { metricsQuery } from "../schemas/metrics.ts";
import type {
  aliasesQuery,
  aliasPage,
  aliasTarget,
  importForm,
  modelChanges,
  modelsQuery,
  movedAlias,
} from "../schemas/model.ts";
import type {
  jobPredictionsQuery,
  modelPredictionsQuery,
  predictionAnswer,
  predictionRequest,
  splitPredictionsQuery,
  evaluationQuery,
} from "../schemas/prediction.ts";
import type { network } from "../schemas/network.ts";
import type { augmentationSheetQuery, samplePictureQuery, sampleSheetQuery, samplesQuery } from "../schemas/sample.ts";
import type { deleteSweepQuery, sweepsQuery } from "../schemas/sweep.ts";
import type { trialsQuery } from "../schemas/trial.ts";
import type { entryPoints, live, ready } from "../schemas/system.ts";
import type { webhooksQuery } from "../schemas/webhook.ts";

export type { Key, MadeKey, Project, Session } from "../schemas/access.ts";
export type { Checkpoint, CheckpointPage } from "../schemas/checkpoint.ts";
export type { Dataset, DatasetPage, DatasetProblem, DatasetStatus, Split } from "../schemas/dataset.ts";
export type { Estimate } from "../schemas/estimate.ts";
export type { DetailedEvaluation, ModelEvaluation } from "../schemas/evaluation.ts";
export type { Event, EventPage } from "../schemas/event.ts";
export type { GradientCheck } from "../schemas/gradient-check.ts";
export type { InferenceAnswer } from "../schemas/inference.ts";
export type { FeatureMaps, NetworkView } from "../schemas/inside.ts";
export type {
  CompleteJobRequest,
  Job,
  JobPage,
  JobProgress,
  JobRequestInput as JobRequest,
  JobStatus,
  JobSummary,
} from "../schemas/job.ts";
export type { Layer } from "../schemas/layer.ts";
export type { MetricRow, Metrics } from "../schemas/metrics.ts";
export type { Model, ModelPage, ModelSummary } from "../schemas/model.ts";
export type { Network } from "../schemas/network.ts";
export type { Evaluation, Prediction, SplitPrediction, SplitPredictionPage } from "../schemas/prediction.ts";
export type { Problem as ProblemDocument, ProblemCode } from "../schemas/problem.ts";
export type { Progress } from "../schemas/progress.ts";
export type { Sample, SamplePage } from "../schemas/sample.ts";
export type { Sweep, SweepEstimate, SweepPage, SweepRequestInput as SweepRequest } from "../schemas/sweep.ts";
export type { Trial, TrialPage } from "../schemas/trial.ts";
export type { SweepEvent, SweepEventPage } from "../schemas/sweep-event.ts";
export type { System } from "../schemas/system.ts";
export type { WebhookDelivery, WebhookPage } from "../schemas/webhook.ts";

/** What a schema makes of what it reads, and what it reads. */
interface Schema {
  _zod: { output: unknown; input: unknown };
}
type Output<Each extends Schema> = Each["_zod"]["output"];
type Input<Each extends Schema> = Each["_zod"]["input"];
/** A query as code has it: numbers and flags instead of text, and nothing that must be there. */
type Query<Each extends Schema> = { [Name in keyof Output<Each>]?: Output<Each>[Name] | undefined };

export interface Page<Item> {
  data: Item[];
  hasMore: boolean;
  /** Pass it as `after` to get the next page. */
  nextAfter: string | null;
}

export type DatasetsQuery = Query<typeof datasetsQuery>;
export type DatasetChanges = Input<typeof datasetChanges>;
export type DeleteDatasetQuery = Query<typeof deleteDatasetQuery>;
/** What an upload may say besides its files. */
export type UploadSettings = Omit<
  Input<typeof uploadForm>,
  "file" | "testFile" | "validationFile" | "images" | "labels" | "testImages" | "testLabels"
>;
export type SamplesQuery = Query<typeof samplesQuery>;
export type SamplePictureQuery = Query<typeof samplePictureQuery>;
export type SampleSheetQuery = Query<typeof sampleSheetQuery>;
export type AugmentationSheetQuery = Query<typeof augmentationSheetQuery>;

export type JobsQuery = Query<typeof jobsQuery>;
export type DeleteJobQuery = Query<typeof deleteJobQuery>;
export type EventsQuery = Query<typeof eventsQuery>;
export type MetricsQuery = Query<typeof metricsQuery>;
export type CheckpointsQuery = Query<typeof checkpointsQuery>;
export type InsideQuery = Query<typeof insideQuery>;
export type InsidePage = Output<typeof insidePage>;
export type WebhooksQuery = Query<typeof webhooksQuery>;
/** Layers as a request has them; what is left out gets its default. */
export type NetworkRequest = Input<typeof network>;
export type LayerRequest = Input<typeof layer>;
export type GradientCheckRequest = Input<typeof gradientCheckRequest>;

export type ModelsQuery = Query<typeof modelsQuery>;
export type ModelChanges = Input<typeof modelChanges>;
export type ImportSettings = Omit<Input<typeof importForm>, "weights">;
export type AliasesQuery = Query<typeof aliasesQuery>;
export type AliasPage = Output<typeof aliasPage>;
export type AliasTarget = Input<typeof aliasTarget>;
export type MovedAlias = Output<typeof movedAlias>;
export type PredictionRequest = Input<typeof predictionRequest>;
export type PredictionAnswer = Output<typeof predictionAnswer>;
export type ModelPredictionsQuery = Query<typeof modelPredictionsQuery>;
export type JobPredictionsQuery = Query<typeof jobPredictionsQuery>;
export type SplitPredictionsQuery = Query<typeof splitPredictionsQuery>;
export type EvaluationQuery = Query<typeof evaluationQuery>;
export type EvaluationRequest = Input<typeof evaluationRequest>;
export type EvaluationsQuery = Query<typeof modelEvaluationsQuery>;
export type EvaluationPage = Output<typeof modelEvaluationPage>;
export type EvaluationPredictionsQuery = Query<typeof evaluationPredictionsQuery>;
export type NetworkQuery = Query<typeof networkQuery>;
export type FiltersQuery = Query<typeof filtersQuery>;
export type JobFiltersQuery = Query<typeof jobFiltersQuery>;
export type FeatureMapsQuery = Query<typeof featureMapsQuery>;
export type Sensitivities = Output<typeof sensitivities>;
export type SensitivitiesQuery = Query<typeof sensitivitiesQuery>;
export type Saliency = Output<typeof saliency>;
export type SaliencyQuery = Query<typeof saliencyQuery>;

export type DeleteSweepQuery = Query<typeof deleteSweepQuery>;
export type SweepsQuery = Query<typeof sweepsQuery>;
export type TrialsQuery = Query<typeof trialsQuery>;

export type EntryPoints = Output<typeof entryPoints>;
export type Live = Output<typeof live>;
export type Ready = Output<typeof ready>;
export type InferenceServer = Output<typeof inferenceServer>;
export type InferenceModel = Output<typeof inferenceModel>;
export type InferenceRequest = Input<typeof inferenceRequest>;

export type KeyPage = Output<typeof keyPage>;
export type KeyRequest = Input<typeof keyRequest>;
export type KeysQuery = Query<typeof keysQuery>;
export type ProjectChanges = Input<typeof projectChanges>;
export type ProjectPage = Output<typeof projectPage>;
export type ProjectRequest = Input<typeof projectRequest>;
export type ProjectsQuery = Query<typeof projectsQuery>;
export type SessionRequest = Input<typeof sessionRequest>;
