/** A job that was accepted while its dataset was still being made: it waits, and then learns what it could not know. */
import { completeNetwork, completeRequest } from "../../../schemas/complete.ts";
import type { Failure, FailureCode } from "../../../schemas/failure.ts";
import type { CompleteJobRequest } from "../../../schemas/job.ts";
import { presetNetwork } from "../../../schemas/presets.ts";
import type { ReadyDataset } from "../../shared/find.ts";
import { chooseFor } from "../../shared/jobs/automatic.ts";
import { fitToDataset, planOf, type OrderDependencies } from "../../shared/jobs/order.ts";
import type { JobRecord, ModelRecord, Records } from "../../shared/records/index.ts";
import { Refusal } from "../../shared/refusal.ts";
import { awaitedDataset } from "../datasets/awaited.ts";

/** `waits`: the dataset is still being made. `failed`: the job cannot be trained with it. */
export type Settled = { kind: "settled"; job: JobRecord } | { kind: "waits" } | { kind: "failed"; error: Failure };

/** What of the request waited for the dataset: all that the user did not give, or the outputs of a preset. */
async function choose(
  { request, preset, asked }: JobRecord,
  { records, ...known }: { dataset: ReadyDataset; initialModel: ModelRecord | null; records: Records },
): Promise<{ request: CompleteJobRequest; reasons: string[]; warnings: string[] }> {
  const classes = known.dataset.classes.length;
  if (asked) {
    const chosen = await chooseFor(records, { asked, ...known });
    return { ...chosen, request: { ...completeRequest(chosen.request, classes), webhook: request.webhook } };
  }
  const network = preset === null ? request.network : completeNetwork(presetNetwork(preset, classes));
  return { request: { ...request, network }, reasons: [], warnings: [] };
}

interface Means {
  records: Records;
  planBytes: OrderDependencies["planBytes"];
}

/** A job from before its memory was told, now with it. */
async function measure(job: JobRecord, dataset: ReadyDataset, { records, planBytes }: Means): Promise<JobRecord> {
  const { bytes } = await planBytes(planOf(job.request, dataset));
  await records.jobs.measure(job.id, bytes);
  return { ...job, bytes };
}

export async function settle(job: JobRecord, { records, planBytes }: Means): Promise<Settled> {
  const failed = (code: FailureCode, detail: string): Settled => ({
    kind: "failed",
    error: { code, detail, step: null },
  });
  if (job.dataset.revision !== null && job.bytes !== null) return { kind: "settled", job };
  const awaited = await awaitedDataset(records, job.dataset.id);
  if (awaited.kind === "waits") return awaited;
  if (awaited.kind === "failed") return failed(awaited.code, awaited.detail);
  const { dataset } = awaited;
  try {
    if (job.dataset.revision !== null)
      return { kind: "settled", job: await measure(job, dataset, { records, planBytes }) };
    const initialModel = job.initialModelId === null ? null : await records.models.read(job.initialModelId);
    const chosen = await choose(job, { dataset, initialModel, records });
    const { request } = chosen;
    const fitted = fitToDataset(request, { dataset, preset: job.preset, initialModel });
    const { bytes } = await planBytes(planOf(request, dataset));
    const known = {
      request,
      bytes,
      warnings: [...fitted.warnings, ...chosen.warnings],
      reasons: [...chosen.reasons, ...fitted.reasons],
      dataset: { id: dataset.id, revision: dataset.revision },
    };
    await records.jobs.settle(job.id, known);
    return { kind: "settled", job: { ...job, ...known } };
  } catch (error) {
    if (error instanceof Refusal) return failed(error.code, error.message);
    throw error;
  }
}
