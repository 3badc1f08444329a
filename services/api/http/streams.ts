/** All open event streams of this process: one heartbeat for all, and a proper end when the service ends. */
import type { ServerResponse } from "node:http";

const heartbeatMs = 15_000;

export class EventStreams {
  readonly #open = new Set<ServerResponse>();
  readonly #timer: NodeJS.Timeout;
  ending = false;

  constructor() {
    this.#timer = setInterval(() => {
      // A reader that has not taken what it was given gets no more.
      for (const each of this.#open) if (!each.writableNeedDrain) each.write(":\n\n");
    }, heartbeatMs);
    this.#timer.unref();
  }

  get open(): number {
    return this.#open.size;
  }

  /** Answers how to take it out. */
  add(stream: ServerResponse): () => void {
    this.#open.add(stream);
    return () => this.#open.delete(stream);
  }

  /** Ends every stream; a reader comes back with Last-Event-ID and misses nothing. */
  close(): void {
    this.ending = true;
    clearInterval(this.#timer);
    for (const each of this.#open) each.end(": the service is ending\n\n");
  }
}
