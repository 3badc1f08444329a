/** Whether the service answers, and whether it wants a key. Comes back by itself. */
import { signal } from "@preact/signals";

export const isLost = signal(false);
/** The service answered 401: it wants to know who asks. */
export const wantsKey = signal(false);

const mostMs = 5000;
const returned = new Set<() => void>();
let isTrying = false;

/** Calls when the connection is there again, or a key was given; answers how to stop that. */
export function onReturn(call: () => void): () => void {
  returned.add(call);
  return () => returned.delete(call);
}

export function answered(): void {
  if (!isLost.peek()) return;
  isLost.value = false;
  for (const call of returned) call();
}

async function tryUntilThere(): Promise<void> {
  for (let waitMs = 500; isLost.peek(); waitMs = Math.min(mostMs, waitMs * 1.5)) {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    await fetch("/health/live").then(
      (answer) => answer.ok && answered(),
      () => undefined,
    );
  }
}

export function unreachable(): void {
  isLost.value = true;
  if (isTrying) return;
  isTrying = true;
  void tryUntilThere().finally(() => {
    isTrying = false;
  });
}

export function keyMissing(): void {
  wantsKey.value = true;
}

export function keyGiven(): void {
  wantsKey.value = false;
  for (const call of returned) call();
}
