/** The pause before a process that died is started again: longer each time for one that never runs for long. */
const leastPauseMs = 500;
const mostPauseMs = 15_000;
const steadyMs = 20_000;
/** What dies sooner than this was never of use. */
const usefulMs = 3000;

export class Restarts {
  /** How often in a row it ended soon. */
  #hasty = 0;
  #count = 0;

  /** Whether a process that ended after so long would only end so again: it never ran for a moment. */
  isUseless({ ranMs, signal }: { ranMs: number; signal: string | null }): boolean {
    return this.#count === 0 && ranMs < usefulMs && signal === null;
  }

  /** Milliseconds until the next start. */
  pauseAfter(ranMs: number): number {
    this.#count += 1;
    this.#hasty = ranMs < steadyMs ? this.#hasty + 1 : 0;
    return Math.min(leastPauseMs * 2 ** this.#hasty, mostPauseMs);
  }
}
