/**
 * Live events for many readers over one connection: the channel of a job or sweep is subscribed once however many read
 * it, what a wake-up brings is read once and shared by all who stand at the same place. A reader that was away asks
 * from its last id; nothing is lost or repeated.
 */
import type { Redis } from "ioredis";
import { channels } from "../redis-keys.ts";
import type { Logger } from "../log.ts";
import { readEvents, type Sequence } from "./read.ts";

const pageSize = 200;
/** A wake-up may be lost with a connection: look anyway after this long. */
const lookAgainMs = 5000;

interface Reader<Each> {
  after: string;
  /** It has not yet taken what it was given; the others do not wait for it. */
  busy: boolean;
  deliver: (events: Each[]) => void | Promise<void>;
  gone: () => void;
}

interface Topic<Each> {
  readers: Set<Reader<Each>>;
  reading: boolean;
  woken: boolean;
}

export class EventFeed<Each extends { id: string }> {
  readonly #sequence: Sequence<Each>;
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  readonly #log: Logger;
  readonly #topics = new Map<string, Topic<Each>>();
  readonly #timer: NodeJS.Timeout;

  /**
   * `commands`: any connection; `subscriber`: one in the role `listening`, which feeds may share. Both are the caller's
   * to close.
   */
  constructor(options: { sequence: Sequence<Each>; commands: Redis; subscriber: Redis; log: Logger }) {
    this.#sequence = options.sequence;
    this.#commands = options.commands;
    this.#subscriber = options.subscriber;
    this.#log = options.log;
    this.#subscriber.on("message", (_channel: string, id: string) => this.#wake(id));
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
   * `deliver` settles). `gone`: it was deleted, nothing will come any more. Answers how to end it.
   */
  subscribe(id: string, after: string, deliver: Reader<Each>["deliver"], gone: Reader<Each>["gone"]): () => void {
    const reader: Reader<Each> = { after, deliver, gone, busy: false };
    let topic = this.#topics.get(id);
    if (!topic) {
      topic = { readers: new Set(), reading: false, woken: false };
      this.#topics.set(id, topic);
      this.#subscriber
        .subscribe(channels.events(id))
        .catch((error: unknown) => this.#log.debug({ err: error }, "a subscription waits for Redis"));
    }
    topic.readers.add(reader);
    this.#wake(id);
    return () => {
      const standing = this.#topics.get(id);
      if (!standing?.readers.delete(reader) || standing.readers.size > 0) return;
      this.#topics.delete(id);
      this.#subscriber.unsubscribe(channels.events(id)).catch(() => {});
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#topics.clear();
  }

  #wakeAll(): void {
    for (const id of this.#topics.keys()) this.#wake(id);
  }

  #wake(id: string): void {
    const topic = this.#topics.get(id);
    if (!topic) return;
    topic.woken = true;
    if (!topic.reading) void this.#pump(id, topic);
  }

  async #pump(id: string, topic: Topic<Each>): Promise<void> {
    topic.reading = true;
    try {
      while (topic.woken && topic.readers.size > 0) {
        topic.woken = false;
        if (await this.#round(id, topic)) topic.woken = true;
      }
    } catch (error) {
      this.#log.debug({ err: error, of: id }, "events could not be read; trying again");
    } finally {
      topic.reading = false;
    }
  }

  /** One reading for each place where readers stand. Answers whether there may be more. */
  async #round(id: string, topic: Topic<Each>): Promise<boolean> {
    const places = new Map<string, Reader<Each>[]>();
    for (const reader of topic.readers)
      if (!reader.busy) places.set(reader.after, [...(places.get(reader.after) ?? []), reader]);
    let more = false;
    let news = false;
    for (const [after, readers] of places) {
      const events = await readEvents(this.#commands, this.#sequence, id, { after, limit: pageSize });
      const last = events.at(-1);
      if (!last) continue;
      news = true;
      more ||= events.length === pageSize;
      for (const reader of readers) if (topic.readers.has(reader)) this.#give(id, reader, events, last.id);
    }
    if (!news && places.size > 0 && (await this.#commands.exists(this.#sequence.record(id))) === 0)
      for (const reader of topic.readers) reader.gone();
    return more;
  }

  #give(id: string, reader: Reader<Each>, events: Each[], last: string): void {
    reader.after = last;
    const taken = reader.deliver(events);
    if (!(taken instanceof Promise)) return;
    reader.busy = true;
    const free = (): void => {
      reader.busy = false;
      this.#wake(id);
    };
    taken.then(free, free);
  }
}
