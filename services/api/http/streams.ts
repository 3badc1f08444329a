/** All open event streams of this process: one heartbeat for all, and a proper end when the service ends. */
import type { ServerResponse } from "node:http";

const heartbeatMs = 15_000;
const checkEveryMs = 2000;

/** Whether a reader may still read: keys end, and are revoked. */
export type StillAllowed = () => Promise<boolean>;

/** While nobody can say, as while Redis is away, a stream goes on: there is nothing new to read then either. */
async function endUnlessAllowed(stream: ServerResponse, isAllowed: StillAllowed): Promise<void> {
  if (!(await isAllowed().catch(() => true))) stream.end(": the key or session has ended\n\n");
}

export class EventStreams {
  readonly #open = new Map<ServerResponse, StillAllowed>();
  readonly #timer: NodeJS.Timeout;
  readonly #checks: NodeJS.Timeout;
  ending = false;

  constructor() {
    this.#timer = setInterval(() => {
      // A reader that has not taken what it was given gets no more.
      for (const each of this.#open.keys()) if (!each.writableNeedDrain) each.write(":\n\n");
    }, heartbeatMs);
    this.#timer.unref();
    this.#checks = setInterval(() => {
      for (const [each, isAllowed] of this.#open) void endUnlessAllowed(each, isAllowed);
    }, checkEveryMs);
    this.#checks.unref();
  }

  get open(): number {
    return this.#open.size;
  }

  /** Answers how to take it out. */
  add(stream: ServerResponse, isAllowed: StillAllowed): () => void {
    this.#open.set(stream, isAllowed);
    return () => this.#open.delete(stream);
  }

  /** Ends every stream; a reader comes back with Last-Event-ID and misses nothing. */
  close(): void {
    this.ending = true;
    clearInterval(this.#timer);
    clearInterval(this.#checks);
    for (const each of this.#open.keys()) each.end(": the service is ending\n\n");
  }
}
