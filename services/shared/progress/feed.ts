/**
 * Live events for many readers over one connection: a job's channel is subscribed once however many read it, what a
 * wake-up brings is read once and shared by all who stand at the same place. A reader that was away asks from its last
 * id; nothing is lost or repeated.
 */
import type { Redis } from "ioredis";
import type { Event } from "../../../schemas/event.ts";
import { channels, keys } from "../redis-keys.ts";
import type { Logger } from "../log.ts";
import { readEvents } from "./read.ts";

const pageSize = 200;
/** A wake-up may be lost with a connection: look anyway after this long. */
const lookAgainMs = 5000;

interface Reader {
  after: string;
  /** It has not yet taken what it was given; the others do not wait for it. */
  busy: boolean;
  deliver: (events: Event[]) => void | Promise<void>;
  gone: () => void;
}

interface Topic {
  readers: Set<Reader>;
  reading: boolean;
  woken: boolean;
}

export class EventFeed {
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  readonly #log: Logger;
  readonly #topics = new Map<string, Topic>();
  readonly #timer: NodeJS.Timeout;

  /**
   * `commands`: any connection; `subscriber`: one of its own in the role `listening`. Both are the caller's to close.
   */
  constructor(options: { commands: Redis; subscriber: Redis; log: Logger }) {
    this.#commands = options.commands;
    this.#subscriber = options.subscriber;
    this.#log = options.log;
    this.#subscriber.on("message", (_channel: string, jobId: string) => this.#wake(jobId));
    this.#subscriber.on("ready", () => this.#wakeAll());
    this.#timer = setInterval(() => this.#wakeAll(), lookAgainMs);
    this.#timer.unref();
  }

  /** Number of open readers. */
  get readers(): number {
    let count = 0;
    for (const topic of this.#topics.values()) count += topic.readers.size;
    return count;
  }

  /**
   * Delivers all events after `after`, then each new one, in order, a batch at a time (the next after the promise of
   * `deliver` settles). `gone`: the job was deleted, nothing will come any more. Answers how to end it.
   */
  subscribe(jobId: string, after: string, deliver: Reader["deliver"], gone: Reader["gone"]): () => void {
    const reader: Reader = { after, deliver, gone, busy: false };
    let topic = this.#topics.get(jobId);
    if (!topic) {
      topic = { readers: new Set(), reading: false, woken: false };
      this.#topics.set(jobId, topic);
      this.#subscriber
        .subscribe(channels.events(jobId))
        .catch((error: unknown) => this.#log.debug({ err: error }, "a subscription waits for Redis"));
    }
    topic.readers.add(reader);
    this.#wake(jobId);
    return () => {
      const standing = this.#topics.get(jobId);
      if (!standing?.readers.delete(reader) || standing.readers.size > 0) return;
      this.#topics.delete(jobId);
      this.#subscriber.unsubscribe(channels.events(jobId)).catch(() => {});
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#topics.clear();
  }

  #wakeAll(): void {
    for (const jobId of this.#topics.keys()) this.#wake(jobId);
  }

  #wake(jobId: string): void {
    const topic = this.#topics.get(jobId);
    if (!topic) return;
    topic.woken = true;
    if (!topic.reading) void this.#pump(jobId, topic);
  }

  async #pump(jobId: string, topic: Topic): Promise<void> {
    topic.reading = true;
    try {
      while (topic.woken && topic.readers.size > 0) {
        topic.woken = false;
        if (await this.#round(jobId, topic)) topic.woken = true;
      }
    } catch (error) {
      this.#log.debug({ err: error, job: jobId }, "events could not be read; trying again");
    } finally {
      topic.reading = false;
    }
  }

  /** One reading for each place where readers stand. Answers whether there may be more. */
  async #round(jobId: string, topic: Topic): Promise<boolean> {
    const places = new Map<string, Reader[]>();
    for (const reader of topic.readers)
      if (!reader.busy) places.set(reader.after, [...(places.get(reader.after) ?? []), reader]);
    let more = false;
    let news = false;
    for (const [after, readers] of places) {
      const events = await readEvents(this.#commands, jobId, { after, limit: pageSize });
      const last = events.at(-1);
      if (!last) continue;
      news = true;
      more ||= events.length === pageSize;
      for (const reader of readers) if (topic.readers.has(reader)) this.#give(jobId, reader, events, last.id);
    }
    if (!news && places.size > 0 && (await this.#commands.exists(keys.job(jobId))) === 0)
      for (const reader of topic.readers) reader.gone();
    return more;
  }

  #give(jobId: string, reader: Reader, events: Event[], last: string): void {
    reader.after = last;
    const taken = reader.deliver(events);
    if (!(taken instanceof Promise)) return;
    reader.busy = true;
    const free = (): void => {
      reader.busy = false;
      this.#wake(jobId);
    };
    taken.then(free, free);
  }
}
