/** The processor of the sweeps queue: has a sweep coordinated. The work stands in ../sweeps. */
import { DelayedError, WaitingError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import { waitingMs } from "../datasets/awaited.ts";
import type { Coordinators } from "../sweeps/coordinators.ts";

export async function coordinateSweep(
  delivery: Pick<Delivery<QueuePayload<"sweeps">>, "data" | "moveToDelayed" | "moveToWait">,
  token: string | undefined,
  coordinators: Coordinators,
): Promise<void> {
  const { sweepId, run } = queuePayloads.sweeps.parse(delivery.data);
  const next = await coordinators.coordinate(sweepId, run);
  if (next === "done") return;
  if (next === "waits") {
    await delivery.moveToDelayed(Date.now() + waitingMs, token);
    throw new DelayedError();
  }
  await delivery.moveToWait(token);
  throw new WaitingError();
}
