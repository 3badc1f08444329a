/** The processor of the sweeps queue: has a sweep coordinated. The work stands in ../sweeps. */
import { WaitingError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import type { Coordinators } from "../sweeps/coordinators.ts";

export async function coordinateSweep(
  delivery: Pick<Delivery<QueuePayload<"sweeps">>, "data" | "moveToWait">,
  token: string | undefined,
  coordinators: Coordinators,
): Promise<void> {
  const { sweepId, run } = queuePayloads.sweeps.parse(delivery.data);
  if ((await coordinators.coordinate(sweepId, run)) === "done") return;
  await delivery.moveToWait(token);
  throw new WaitingError();
}
