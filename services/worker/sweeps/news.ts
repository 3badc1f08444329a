/** What a coordinator has been told and has not looked at yet; it sleeps until there is something. */

/** A message may be lost: everything is looked at anyway after this long. */
const lookAgainMs = 5000;

export class News {
  #trials = new Set<number>();
  #told = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | null = null;

  /** Of a trial, or with null of the sweep. */
  tell(trial: number | null): void {
    if (trial !== null) this.#trials.add(trial);
    this.#told = true;
    this.#wake?.();
  }

  /** Nobody knows what was missed: all is looked at again. */
  tellAll(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
    this.tell(null);
  }

  /** The trials that were told of since the last time; null: any may have changed. */
  take(): ReadonlySet<number> | null {
    const taken = this.#trials;
    this.#trials = new Set();
    if (performance.now() - this.#lookedAt < lookAgainMs) return taken;
    this.#lookedAt = performance.now();
    return null;
  }

  /** Until there is something, but no longer than so many milliseconds. */
  async wait(ms: number): Promise<void> {
    if (!this.#told) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, Math.min(ms, lookAgainMs));
      });
      clearTimeout(timer);
      this.#wake = null;
    }
    this.#told = false;
  }
}
