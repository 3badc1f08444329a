/**
 * Brings what happens in an attempt to Redis, in order, fenced; while Redis is away it is kept, and the training goes
 * on.
 */
import type { WarningCode } from "../../../schemas/failure.ts";
import type { Progress } from "../../../schemas/progress.ts";
import type { Logger } from "../../shared/log.ts";
import type { Asked, Publication, Records } from "../../shared/records/index.ts";
import { backOff } from "./back-off.ts";

const mostItems = 400;

type Heed = (answer: Asked & { kind: "ok" | "fenced" | "missing" }) => void;

export class Publisher {
  readonly #records: Records;
  readonly #jobId: string;
  readonly #attempt: number;
  readonly #log: Logger;
  readonly #heed: Heed;
  #items: Publication[] = [];
  #progress: Progress | null = null;
  #batch = 0;
  #running: Promise<void> | null = null;
  #closed = false;

  /** `heed` hears what is asked of the job after each publication. */
  constructor(options: { records: Records; jobId: string; attempt: number; log: Logger; heed: Heed }) {
    this.#records = options.records;
    this.#jobId = options.jobId;
    this.#attempt = options.attempt;
    this.#log = options.log;
    this.#heed = options.heed;
  }

  publish(items: readonly Publication[], progress: Progress | null): void {
    if (this.#closed) return;
    this.#items.push(...items);
    if (progress) this.#progress = progress;
    this.#running ??= this.#send().finally(() => (this.#running = null));
  }

  warn(code: WarningCode, detail: string): void {
    this.publish([{ kind: "event", type: "warning", at: new Date().toISOString(), data: { code, detail } }], null);
  }

  async #send(): Promise<void> {
    while (!this.#closed && (this.#items.length > 0 || this.#progress !== null)) {
      const items = this.#items.splice(0, mostItems);
      const progress = this.#progress;
      this.#progress = null;
      const batch = ++this.#batch;
      for (let tries = 0; !this.#closed; tries++) {
        try {
          const answer = await this.#records.attempts.publish(this.#jobId, this.#attempt, batch, progress, items);
          if (answer.kind !== "ok") this.#closed = true;
          this.#heed(answer);
          break;
        } catch (error) {
          this.#log.warn({ err: error }, "progress could not be published; trying again");
          await backOff(tries);
        }
      }
    }
  }

  /** All that was published has arrived (or is fenced). */
  async flushed(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Nothing more goes out. */
  close(): void {
    this.#closed = true;
  }
}
