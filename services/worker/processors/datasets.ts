/** The processor of the datasets queue: checks an upload. The parsing stands in ../datasets. */
import type { Job as Delivery } from "bullmq";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import type { UploadProcessor } from "../datasets/process-upload.ts";

/** `signal`: the worker ends. The check is given up and asked again of another. */
export async function checkDataset(
  delivery: Pick<Delivery<QueuePayload<"datasets">>, "data" | "attemptsMade" | "opts">,
  uploads: UploadProcessor,
  signal: AbortSignal,
): Promise<void> {
  const { datasetId } = queuePayloads.datasets.parse(delivery.data);
  await uploads.process({ datasetId, signal, last: delivery.attemptsMade + 1 >= (delivery.opts.attempts ?? 1) });
}
