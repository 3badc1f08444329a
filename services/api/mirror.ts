/**
 * Copies of records, kept in the process while they are right. Whoever changes a record says so through Redis (the
 * scripts of services/shared/records), and its copy is dropped. A pulse proves that nothing was missed: we send
 * ourselves numbers through Redis, and one that comes back has every earlier message before it. So a copy is never more
 * than `mostStaleMs` behind when it is used, whatever hangs; without a pulse, as while Redis is away, there are none.
 */
import type { Logger } from "../shared/log.ts";
import { newUlid } from "../shared/ids.ts";
import { channels } from "../shared/redis-keys.ts";
import type { Redis } from "../shared/redis.ts";

/** What a change elsewhere may take at most until it is felt here. */
export const mostStaleMs = 2000;
const pulseMs = 500;
/** The pulse rests where nobody asked for so long. */
const restMs = 30_000;

interface Copy<Value> {
  reading: Promise<Value> | null;
  value: Value | null;
  /** Read again after this, for what changes without a word: files. */
  until: number;
  topics: readonly string[];
}

export interface CopiesOptions<Value> {
  /** Copies at most; the oldest goes first. */
  most: number;
  /** Milliseconds after which a copy is read again although nobody said that it changed. */
  lifeMs: number;
  /**
   * Whose changes drop it: `model:{id}`, `dataset:{id}`, `job:{id}`, `sweep:{id}`, or a kind alone for all of that
   * kind; null: it is not kept.
   */
  topicsOf: (value: Value) => readonly string[] | null;
  /** Kinds that a copy may depend on: while one is read, a change of any of them may be too late for it. */
  kinds: readonly string[];
}

export class Copies<Value> {
  readonly #mirror: Mirror;
  readonly #options: CopiesOptions<Value>;
  readonly #copies = new Map<string, Copy<Value>>();

  constructor(mirror: Mirror, options: CopiesOptions<Value>) {
    this.#mirror = mirror;
    this.#options = options;
  }

  /** The copy, at once, where it is right; else what `read` answers. Failures are not kept. */
  get(key: string, read: () => Promise<Value>): Value | Promise<Value> {
    const right = this.#mirror.isRight();
    const copy = this.#copies.get(key);
    if (copy && right) {
      if (copy.reading) return copy.reading;
      if (performance.now() < copy.until) return copy.value as Value;
    }
    return right ? this.#read(key, read) : read();
  }

  #read(key: string, read: () => Promise<Value>): Promise<Value> {
    const copy: Copy<Value> = {
      reading: null,
      value: null,
      until: performance.now() + this.#options.lifeMs,
      topics: [],
    };
    this.#copies.delete(key);
    this.#copies.set(key, copy);
    for (const oldest of this.#copies.keys()) {
      if (this.#copies.size <= this.#options.most) break;
      this.#copies.delete(oldest);
    }
    copy.reading = read().then(
      (value) => {
        const topics = this.#options.topicsOf(value);
        if (topics) Object.assign(copy, { value, reading: null, topics });
        else if (this.#copies.get(key) === copy) this.#copies.delete(key);
        return value;
      },
      (error: unknown) => {
        if (this.#copies.get(key) === copy) this.#copies.delete(key);
        throw error;
      },
    );
    return copy.reading;
  }

  /** Something changed: what is being read may be from before. */
  drop(topic: string): void {
    const kind = topic.slice(0, topic.indexOf(":"));
    if (!this.#options.kinds.includes(kind)) return;
    for (const [key, { reading, topics }] of this.#copies)
      if (reading || topics.includes(topic) || topics.includes(kind)) this.#copies.delete(key);
  }

  clear(): void {
    this.#copies.clear();
  }
}

export class Mirror {
  readonly #commands: Redis;
  readonly #listener: Redis;
  readonly #log: Logger;
  readonly #channel = channels.pulse(newUlid());
  readonly #all: { drop: (topic: string) => void; clear: () => void }[] = [];
  readonly #timer: NodeJS.Timeout;
  /** Since when everything is listened to; Infinity: it is not. */
  #listeningSince = Infinity;
  /** All that was said until then has been heard. */
  #provenUntil = -Infinity;
  #askedAt = -Infinity;
  #heard: { number: number; resolve: () => void }[] = [];

  /** `commands`: any connection; `listener`: one of its own in the role `listening`. Both are the caller's to close. */
  constructor({ commands, listener, log }: { commands: Redis; listener: Redis; log: Logger }) {
    this.#commands = commands;
    this.#listener = listener;
    this.#log = log;
    listener.on("message", (channel: string, message: string) => this.#hear(channel, message));
    listener.on("pmessage", (_pattern: string, _channel: string, id: string) =>
      this.#drop(`${id.startsWith("swp_") ? "sweep" : "job"}:${id}`),
    );
    listener.on("close", () => this.#lose());
    listener.on("ready", () => void this.#listen());
    if (listener.status === "ready") void this.#listen();
    this.#timer = setInterval(() => {
      if (performance.now() - this.#askedAt < restMs) this.#pulse();
    }, pulseMs);
    this.#timer.unref();
  }

  copies<Value>(options: CopiesOptions<Value>): Copies<Value> {
    const made = new Copies(this, options);
    this.#all.push(made);
    return made;
  }

  /** Whether copies may be used now. To ask keeps the pulse going. */
  isRight(): boolean {
    const now = performance.now();
    if (now - this.#askedAt >= restMs) this.#pulse();
    this.#askedAt = now;
    return now - this.#provenUntil < mostStaleMs;
  }

  /** Settles when everything that was changed before has been heard here: our own writes are felt by our own readers. */
  async caughtUp(): Promise<void> {
    if (this.#provenUntil === -Infinity) return;
    const number = performance.now();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#heard.push({ number, resolve });
      timer = setTimeout(() => this.#forget(), pulseMs);
      this.#pulse(number);
    });
    clearTimeout(timer);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#lose();
  }

  /** In this order on one connection: a pulse that is heard proves that the others are listened to. */
  async #listen(): Promise<void> {
    try {
      await this.#listener.psubscribe(channels.events("*"));
      await this.#listener.subscribe(channels.changed);
      await this.#listener.subscribe(this.#channel);
      this.#listeningSince = performance.now();
      this.#pulse();
    } catch (error) {
      this.#log.debug({ err: error }, "no copies of records are kept until Redis is listened to");
    }
  }

  #pulse(number = performance.now()): void {
    if (number < this.#listeningSince) return;
    this.#commands.publish(this.#channel, String(number)).catch((error: unknown) => {
      this.#log.debug({ err: error }, "a pulse was not sent");
    });
  }

  #hear(channel: string, message: string): void {
    if (channel !== this.#channel) return this.#drop(message);
    const number = Number(message);
    if (number < this.#listeningSince) return;
    this.#provenUntil = Math.max(this.#provenUntil, number);
    const waiting = this.#heard;
    this.#heard = waiting.filter((each) => each.number > number);
    for (const each of waiting) if (each.number <= number) each.resolve();
  }

  #drop(topic: string): void {
    for (const copies of this.#all) copies.drop(topic);
  }

  #lose(): void {
    this.#listeningSince = Infinity;
    this.#forget();
  }

  #forget(): void {
    this.#provenUntil = -Infinity;
    for (const copies of this.#all) copies.clear();
    for (const { resolve } of this.#heard.splice(0)) resolve();
  }
}
