/**
 * The job of a trial: the base with its values, accepted as any other job is. The api looks at every trial that way
 * before it takes a sweep, the coordinator makes the same again when it begins one.
 */
import type { z } from "zod";
import { trialRequest, type Expand, type Plan } from "../../../search/index.ts";
import { withPreset } from "../../../schemas/complete.ts";
import type { jobRequest } from "../../../schemas/job.ts";
import type { ReadyDataset } from "../find.ts";
import { orderOn, type Order, type OrderDependencies } from "../jobs/order.ts";
import type { NewJob, SweepRecord } from "../records/index.ts";
import { Refusal } from "../refusal.ts";

/** What a job's own acceptance brings in below the fields that are given. */
export const expand: Expand = withPreset;

export interface TrialOrderOptions {
  plan: Plan;
  trial: number;
  dataset: ReadyDataset;
  /** The check of a body by its schema; throws Refusal. */
  read: (body: unknown) => z.output<typeof jobRequest>;
}

/** Throws MisplacedPointer, and Refusal with pointers into the job's request. */
export async function orderOfTrial(
  means: OrderDependencies,
  { plan, trial, dataset, read }: TrialOrderOptions,
): Promise<Order> {
  const made = trialRequest({ plan, trial, expand, classes: dataset.classes.length });
  if (made.problems !== null) throw new MisplacedPointer(made.problems);
  return orderOn(means, { read: read(made.body), asked: made.body }, dataset);
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
