/** What stands in jobs/{id}/manifest.json when a job has ended: enough to rebuild its records. */
import { z } from "zod";
import { defaultProject, projectId } from "../../../schemas/access.ts";
import { event } from "../../../schemas/event.ts";
import { insideRow } from "../../../schemas/inside.ts";
import { job } from "../../../schemas/job.ts";
import { metricRow } from "../../../schemas/metrics.ts";
import { reschedulings } from "../../../schemas/optimiser.ts";
import { checkpointRecord } from "./checkpoints.ts";

export const jobManifest = z.strictObject({
  version: z.literal(1),
  /** Where it belongs. */
  project: projectId.default(defaultProject),
  job,
  stopAtStep: z.int().nullable(),
  rescheduled: reschedulings,
  /** The model that its first weights came from: the request may name it by an alias. */
  initialModelId: z.string().nullable().default(null),
  checkpoints: z.array(checkpointRecord),
  metrics: z.strictObject({
    step: z.array(metricRow),
    epoch: z.array(metricRow),
    inside: z.array(insideRow).default([]),
  }),
  events: z.array(event),
});
export type JobManifest = z.infer<typeof jobManifest>;
