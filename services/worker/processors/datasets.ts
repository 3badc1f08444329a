/** The processor of the datasets queue: checks an upload. The parsing stands in ../datasets. */
import type { Job as Delivery } from "bullmq";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import type { UploadProcessor } from "../datasets/process-upload.ts";
import { takeTurn, type Ticket, type TurnOptions } from "./turns.ts";

/** An upload of so many bytes that are not packed is checked in a moment. */
const quickBytes = 1024 * 1024;

/**
 * Checks at once: so many of any kind, and one more that is quick. A small table never stands behind large archives,
 * however many of them there are.
 */
export class CheckPlaces {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** A place, with the most bytes that an upload may have there. There are never more takers than places. */
  take(): { most: number; leave: () => void } {
    if (this.#taken >= this.#most) return { most: quickBytes, leave: () => undefined };
    this.#taken += 1;
    return { most: Number.MAX_SAFE_INTEGER, leave: () => (this.#taken -= 1) };
  }
}

/** `ending`: the worker ends. The check is given up and asked again of another. */
export async function checkDataset(
  delivery: Ticket & Pick<Delivery<QueuePayload<"datasets">>, "data" | "attemptsMade" | "opts">,
  token: string | undefined,
  { uploads, places, ...turn }: { uploads: UploadProcessor; places: CheckPlaces } & Omit<TurnOptions, "most">,
): Promise<void> {
  const named = queuePayloads.datasets.parse(delivery.data).datasetId;
  const { most, leave } = places.take();
  try {
    const taken = await takeTurn("datasets", { delivery, token, named }, { ...turn, most });
    const last = delivery.attemptsMade + 1 >= (delivery.opts.attempts ?? 1);
    if (taken) await uploads.process({ datasetId: taken.id, signal: turn.ending, last });
  } finally {
    leave();
  }
}
