/** Bytes of trainings that were planned: orders of one network come in numbers. */
import type { Calls } from "./protocol.ts";

type Planned = Calls["planBytes"]["output"];
const mostPlans = 256;

export class Plans {
  readonly #plan: (of: Calls["planBytes"]["input"]) => Promise<Planned>;
  /** The newest. */
  readonly #known = new Map<string, Promise<Planned>>();

  /** `plan` is asked for what is not known. */
  constructor(plan: (of: Calls["planBytes"]["input"]) => Promise<Planned>) {
    this.#plan = plan;
  }

  bytesOf(of: Calls["planBytes"]["input"]): Promise<Planned> {
    const {
      name: _name,
      seed: _seed,
      metadata: _metadata,
      webhook: _webhook,
      priority: _priority,
      dataset: _dataset,
      ...planned
    } = of.request;
    const key = JSON.stringify([planned, of.input, of.classes, of.dtype, of.counts]);
    const known = this.#known.get(key);
    if (known) return known;
    const planning = this.#plan(of);
    this.#known.set(key, planning);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= mostPlans) break;
      this.#known.delete(oldest);
    }
    planning.catch(() => this.#known.delete(key));
    return planning;
  }
}
