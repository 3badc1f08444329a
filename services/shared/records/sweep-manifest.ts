/** What stands in sweeps/{id}/manifest.json when a sweep has ended: enough to rebuild its records. */
import { z } from "zod";
import { projectId } from "../../../schemas/access.ts";
import { sweep } from "../../../schemas/sweep.ts";
import { sweepEvent } from "../../../schemas/sweep-event.ts";

export const sweepManifest = z.strictObject({
  version: z.literal(1),
  /** Where it belongs. */
  project: projectId,
  sweep,
  /** The hash `sweep:{id}:trials`. */
  trials: z.record(z.string(), z.string()),
  events: z.array(sweepEvent),
});
export type SweepManifest = z.infer<typeof sweepManifest>;
