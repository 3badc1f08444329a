/** Every route of the service, a folder a path segment (`_id` is a parameter). */
import type { Dependencies } from "../dependencies.ts";
import { WatchedJobs } from "../jobs/watched.ts";
import type { EventStreams } from "../http/streams.ts";
import type { App } from "../http/types.ts";
import { augmentationRoutes } from "./v1/datasets/_id/augmentations.ts";
import { datasetRoutes } from "./v1/datasets/_id/index.ts";
import { sampleRoutes } from "./v1/datasets/_id/samples.ts";
import { datasetsRoutes } from "./v1/datasets/index.ts";
import { healthRoutes } from "./health/index.ts";
import { problemRoutes } from "./problems/_code.ts";
import { gradientCheckRoutes } from "./v1/gradient-checks/index.ts";
import { checkpointRoutes } from "./v1/jobs/_id/checkpoints.ts";
import { eventRoutes } from "./v1/jobs/_id/events.ts";
import { jobRoutes } from "./v1/jobs/_id/index.ts";
import { watchRoutes } from "./v1/jobs/_id/watch.ts";
import { webhookRoutes } from "./v1/jobs/_id/webhooks.ts";
import { jobsRoutes } from "./v1/jobs/index.ts";
import { modelRoutes } from "./v1/models/_id/index.ts";
import { exportRoutes } from "./v1/models/_id/exports.ts";
import { insideRoutes } from "./v1/models/_id/inside.ts";
import { modelPredictionRoutes } from "./v1/models/_id/predictions.ts";
import { modelsRoutes } from "./v1/models/index.ts";
import { systemRoutes } from "./v1/system/index.ts";
import { inferenceProtocolRoutes } from "./v2/index.ts";

export function registerRoutes(app: App, dependencies: Dependencies, streams: EventStreams): void {
  healthRoutes(app, dependencies);
  problemRoutes(app);
  systemRoutes(app, dependencies);
  datasetsRoutes(app, dependencies);
  datasetRoutes(app, dependencies);
  sampleRoutes(app, dependencies);
  augmentationRoutes(app, dependencies);
  jobsRoutes(app, dependencies);
  const watched = new WatchedJobs(dependencies);
  jobRoutes(app, dependencies, watched);
  watchRoutes(app, dependencies, watched);
  eventRoutes(app, dependencies, streams);
  checkpointRoutes(app, dependencies);
  webhookRoutes(app, dependencies);
  gradientCheckRoutes(app, dependencies);
  modelsRoutes(app, dependencies);
  modelRoutes(app, dependencies);
  modelPredictionRoutes(app, dependencies);
  insideRoutes(app, dependencies);
  exportRoutes(app, dependencies);
  inferenceProtocolRoutes(app, dependencies);
}
