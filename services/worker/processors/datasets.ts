/** The processor of the datasets queue: checks an upload. The parsing stands in ../datasets. */
import { DelayedError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import type { UploadProcessor } from "../datasets/process-upload.ts";

const lookAgainMs = 500;

/**
 * Checks at once: so many of any kind, and one more that is quick. A small table never stands behind large archives,
 * however many of them there are.
 */
export class CheckPlaces {
  readonly #most: number;
  #taken = 0;
  #quickTaken = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** How to give the place back; null where there is none for this one. */
  take(isQuick: boolean): (() => void) | null {
    if (this.#taken < this.#most) {
      this.#taken += 1;
      return () => (this.#taken -= 1);
    }
    if (!isQuick || this.#quickTaken) return null;
    this.#quickTaken = true;
    return () => (this.#quickTaken = false);
  }
}

/** `signal`: the worker ends. The check is given up and asked again of another. */
export async function checkDataset(
  delivery: Pick<Delivery<QueuePayload<"datasets">>, "data" | "attemptsMade" | "opts" | "moveToDelayed">,
  token: string | undefined,
  { uploads, places, signal }: { uploads: UploadProcessor; places: CheckPlaces; signal: AbortSignal },
): Promise<void> {
  const { datasetId } = queuePayloads.datasets.parse(delivery.data);
  const leave = places.take(await uploads.isQuick(datasetId));
  if (!leave) {
    await delivery.moveToDelayed(Date.now() + lookAgainMs, token);
    throw new DelayedError();
  }
  try {
    await uploads.process({ datasetId, signal, last: delivery.attemptsMade + 1 >= (delivery.opts.attempts ?? 1) });
  } finally {
    leave();
  }
}
