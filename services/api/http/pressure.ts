/**
 * Whether this process has more to do than it can answer in time: found out once a second, asked with every request.
 * The event loop is too late where a timer came too late twice in a row: a machine that stood still for a moment, or a
 * start that took long, is over by the second time.
 */

/** How often it is looked. */
export const everyMs = 1000;

export interface PressureLimits {
  /** How late a timer may come. */
  lateMs: number;
  heapBytes: number;
  /** Of the whole process. */
  residentBytes: number;
}

export class Pressure {
  readonly #most: PressureLimits;
  #dueMs = Infinity;
  #isLate = false;
  #isHigh = false;

  constructor(most: PressureLimits) {
    this.#most = most;
  }

  get isHigh(): boolean {
    return this.#isHigh;
  }

  look(nowMs: number, { heapUsed, rss }: { heapUsed: number; rss: number }): void {
    const wasLate = this.#isLate;
    this.#isLate = nowMs - this.#dueMs > this.#most.lateMs;
    this.#dueMs = nowMs + everyMs;
    this.#isHigh = (wasLate && this.#isLate) || heapUsed > this.#most.heapBytes || rss > this.#most.residentBytes;
  }

  /** Looks until the answer is called. */
  watch(): () => void {
    const look = (): void => this.look(performance.now(), process.memoryUsage());
    look();
    const timer = setInterval(look, everyMs).unref();
    return () => clearInterval(timer);
  }
}
