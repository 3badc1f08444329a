/**
 * The job of a trial: the base with its values, accepted as any other job is. Every trial is looked at that way before
 * any is queued (check.ts), and made again when the coordinator begins it.
 */
import { trialRequest, type Expand, type Plan } from "../../../search/index.ts";
import { withPreset } from "../../../schemas/complete.ts";
import { jobRequest } from "../../../schemas/job.ts";
import type { JobBody, Order } from "../jobs/order.ts";
import { parseOrThrow } from "../parse.ts";
import type { NewJob, SweepRecord } from "../records/index.ts";
import { Refusal } from "../refusal.ts";

/** What a job's own acceptance brings in below the fields that are given. */
export const expand: Expand = withPreset;

/**
 * The body of a trial's job; `classes` are those of its dataset, null where nobody knows them yet. Throws
 * MisplacedPointer, and Refusal with pointers into the job's request.
 */
export function bodyOfTrial(of: { plan: Plan; trial: number; classes: number | null }): JobBody {
  const made = trialRequest({ ...of, expand });
  if (made.problems !== null) throw new MisplacedPointer(made.problems);
  return { read: parseOrThrow(jobRequest, made.body), asked: made.body };
}

/** A pointer of the space that names nothing; its problems point into the sweep's request. */
export class MisplacedPointer extends Refusal {
  override name = "MisplacedPointer";
  constructor(problems: readonly { pointer: string; detail: string }[]) {
    super({
      code: "invalid-request",
      detail: problems.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("; "),
      errors: problems,
    });
  }
}

const mostName = 200;

export function jobOfTrial(
  id: string,
  { sweep, trial, order }: { sweep: SweepRecord; trial: number; order: Order },
): Omit<NewJob, "trial"> {
  const { request, dataset, initialModel, bytes, warnings, reasons } = order;
  const suffix = ` · trial ${trial}`;
  const name = `${(request.name ?? sweep.name ?? "sweep").slice(0, mostName - suffix.length)}${suffix}`;
  const { webhook } = request;
  const secret = sweep.webhookSecret === null ? {} : { secret: sweep.webhookSecret };
  return {
    id,
    name,
    project: sweep.project,
    origin: sweep.origin,
    dataset: { id: dataset.id, revision: dataset.revision },
    request: {
      ...request,
      name,
      priority: sweep.request.priority,
      webhook: webhook && { url: webhook.url, ...secret },
    },
    metadata: request.metadata,
    initialModelId: initialModel?.id ?? null,
    bytes,
    warnings,
    reasons,
  };
}
