/**
 * A training's memory is up to hundreds of megabytes that V8 does not count as its own: it would be let go only when
 * some heap happens to be collected, in every thread that saw it. So each collects when trainings are over: at once
 * after a large one, and once for several small ones, since a collection takes as long as some of them.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const largeBytes = 64 * 1024 * 1024;
/** A memory reserves addresses far beyond its size. */
const mostUncollected = 8;
const collectWithinMs = 5000;

setFlagsFromString("--expose-gc");
const collectNow = runInNewContext("gc") as () => void;

export class Collection {
  readonly #afterMs: number;
  readonly #collect: () => void;
  #bytes = 0;
  #memories = 0;
  #timer: NodeJS.Timeout | null = null;

  /** `afterMs`: until nothing refers to a memory any more; 0: it is collected in the call that says so. */
  constructor({ afterMs, collect = collectNow }: { afterMs: number; collect?: () => void }) {
    this.#afterMs = afterMs;
    this.#collect = collect;
  }

  /** Work with a memory of so many bytes is over. */
  over(bytes: number): void {
    this.#bytes += bytes;
    this.#memories++;
    const isDue = this.#bytes >= largeBytes || this.#memories >= mostUncollected;
    if (isDue && this.#afterMs === 0) return this.#run();
    if (isDue) {
      this.#schedule(this.#afterMs);
      this.#bytes = 0;
      this.#memories = 0;
    } else if (this.#timer === null) this.#schedule(collectWithinMs);
  }

  #schedule(ms: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), ms);
    this.#timer.unref();
  }

  #run(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#bytes = 0;
    this.#memories = 0;
    this.#collect();
  }
}
