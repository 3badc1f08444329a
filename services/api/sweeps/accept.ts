/** A sweep's request, looked at before anything is queued. */
import type { SweepRequest } from "../../../schemas/sweep.ts";
import { findDataset, findReadyDataset } from "../../shared/find.ts";
import { expected } from "../../shared/jobs/order.ts";
import type { DatasetRecord, Records } from "../../shared/records/index.ts";
import { checkSweep, type CheckedSweep } from "../../shared/sweeps/check.ts";
import type { Within } from "../dependencies.ts";
import { Refusal } from "../http/problem.ts";
import { planBytesWith } from "../jobs/planning.ts";

const pointer = "/base/dataset";

/** `waits`: one that is still being made will do. */
async function findDatasetOfBase(
  records: Records,
  { reference, waits }: { reference: string; waits: boolean },
): Promise<DatasetRecord> {
  try {
    const found = await findDataset(records, reference);
    return !found.terminal && (waits || expected(found) !== null) ? found : await findReadyDataset(records, reference);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code, message: detail } = error;
    throw new Refusal({ code, detail: `${pointer}: ${detail}`, errors: [{ pointer, detail }] });
  }
}

/**
 * Throws Refusal for anything that is wrong with any trial. A sweep waits for a dataset that is still being made, and
 * is looked at again when that is ready; a dry run tells of all trials or of none.
 */
export async function acceptSweep(
  { config, records, storage, prediction }: Within,
  request: SweepRequest,
  { isDry }: { isDry: boolean },
): Promise<CheckedSweep & { dataset: DatasetRecord }> {
  const dataset = await findDatasetOfBase(records, { reference: request.base.dataset, waits: !isDry });
  const allowPrivateWebhooks = config.webhooks.allowPrivate;
  const means = { records, storage, planBytes: planBytesWith(prediction), allowPrivateWebhooks };
  return { ...(await checkSweep(means, request, dataset)), dataset };
}
