/** What a delivery stands for is decided when a worker takes it: whose turn it is, and what there is room for here. */
import { setTimeout as sleep } from "node:timers/promises";
import { DelayedError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import type { Records, TurnQueue } from "../../shared/records/index.ts";

/** A worker for which there is nothing rests so long; the delivery is free for others at once. */
const restMs = 500;
const putOffMs = 50;

export type Ticket = Pick<Delivery, "id" | "moveToDelayed" | "changePriority">;

export interface TurnOptions {
  turns: Records["turns"];
  /** That one may need here. */
  most: number;
  /** Of Redis. */
  redisRun: string;
  /** The worker ends. */
  ending: AbortSignal;
}

/** Nothing may run now, or nothing that fits here: another worker may have the ticket. */
async function giveWay(delivery: Ticket, token: string | undefined, ending: AbortSignal): Promise<never> {
  await delivery.changePriority({ priority: 1 });
  await delivery.moveToDelayed(Date.now() + putOffMs, token);
  await sleep(restMs, undefined, { signal: ending }).catch(() => undefined);
  throw new DelayedError();
}

/**
 * What the delivery stands for; null: for nothing any more. `named`: what it was made for. Throws DelayedError where
 * nothing may be taken here now.
 */
export async function takeTurn(
  queue: TurnQueue,
  { delivery, token, named }: { delivery: Ticket; token: string | undefined; named: string },
  { turns, most, redisRun, ending }: TurnOptions,
): Promise<{ id: string; run: number } | null> {
  const turn = await turns.take(queue, delivery.id ?? named, { most, redisRun });
  if (turn.kind === "none") return null;
  if (turn.kind === "wait") return giveWay(delivery, token, ending);
  // From here on it stands for one: if it comes back, it goes before those for which that is still to be decided.
  await delivery.changePriority({ priority: 0 });
  return turn;
}
