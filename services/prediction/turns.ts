/** Short work on the event loop itself: so much of it in one turn of the loop, then others have theirs. */
import { setImmediate as others } from "node:timers/promises";

const mostMs = 1;

export class Turns {
  #spentMs = 0;

  /** Whether this turn has room for more. */
  get hasTime(): boolean {
    return this.#spentMs < mostMs;
  }

  /** Does it at once, whatever this turn has left. */
  now<Answer>(work: () => Answer): Answer {
    const began = performance.now();
    try {
      return work();
    } finally {
      if (this.#spentMs === 0) setImmediate(() => (this.#spentMs = 0));
      this.#spentMs += performance.now() - began;
    }
  }

  /** Does it in the first turn that has time for it. */
  async run<Answer>(work: () => Answer): Promise<Answer> {
    while (!this.hasTime) await others();
    return this.now(work);
  }
}
