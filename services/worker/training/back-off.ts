/** Waiting between tries: from a fifth of a second, doubled, at most ten seconds. */
import { setTimeout as sleep } from "node:timers/promises";

export const backOffMs = (tries: number): number => Math.min(10_000, 200 * 2 ** Math.min(tries, 10));

/** Ends early, without an error, when the signal is given. */
export async function backOff(tries: number, signal?: AbortSignal): Promise<void> {
  await sleep(backOffMs(tries), undefined, { ...(signal ? { signal } : {}), ref: false }).catch(() => {});
}
