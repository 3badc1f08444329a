/**
 * Who a key or a session's cookie belongs to. Copies of the records are kept in the process (mirror.ts), so that a
 * request makes no trip to Redis; a key that was revoked is refused within the mirror's time.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Log } from "../../shared/log.ts";
import { isOver, type KeyRecord, type Records } from "../../shared/records/index.ts";
import type { Copies, Mirror } from "../mirror.ts";

const mostKept = 10_000;
const lifeMs = 60_000;
/** When keys were last used is written so often, all at once. */
const noteEveryMs = 5000;

/** A key, and until when the session that stands for it lives. */
export interface Bearer {
  key: KeyRecord;
  sessionEnds: string | null;
}

interface Found<Value> {
  digest: string;
  found: Value | null;
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

export class Keyring {
  readonly #records: Pick<Records, "keys" | "sessions">;
  readonly #log: Log;
  readonly #keys: Copies<KeyRecord | null>;
  readonly #sessions: Copies<Found<{ key: string; expiresAt: string }>>;
  readonly #used = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;

  constructor({ records, mirror, log }: { records: Pick<Records, "keys" | "sessions">; mirror: Mirror; log: Log }) {
    this.#records = records;
    this.#log = log;
    this.#keys = mirror.copies({
      most: mostKept,
      lifeMs,
      kinds: ["key"],
      // What is not known is not kept: whoever guesses must not push out what is.
      topicsOf: (key) => (key === null ? null : [`key:${key.id}`]),
    });
    this.#sessions = mirror.copies({
      most: mostKept,
      lifeMs,
      kinds: ["session"],
      topicsOf: ({ digest, found }) => (found === null ? null : [`session:${digest}`]),
    });
    this.#timer = setInterval(() => void this.flush(), noteEveryMs);
    this.#timer.unref();
  }

  /** The key with this text; null where there is none. At once where it is at hand. */
  key(text: string): KeyRecord | null | Promise<KeyRecord | null> {
    const digest = digestOf(text);
    const name = digest.toString("hex");
    const same = (found: KeyRecord | null): KeyRecord | null =>
      found !== null && timingSafeEqual(Buffer.from(found.digest, "hex"), digest) ? found : null;
    const found = this.#keys.get(name, () => this.#records.keys.findByDigest(name));
    return found instanceof Promise ? found.then(same) : same(found);
  }

  /** The key that a session's cookie stands for. */
  async session(text: string): Promise<Bearer | null> {
    const digest = digestOf(text).toString("hex");
    const { found } = await this.#sessions.get(digest, async () => ({
      digest,
      found: await this.#records.sessions.find(text),
    }));
    if (found === null || Date.parse(found.expiresAt) <= Date.now()) return null;
    const key = await this.#keys.get(found.key, () => this.#records.keys.read(found.key));
    return key && { key, sessionEnds: found.expiresAt };
  }

  /** Whether a key that was good still is. */
  async isStillGood({ id, digest }: KeyRecord): Promise<boolean> {
    const now = await this.#keys.get(id, () => this.#records.keys.read(id));
    return now?.digest === digest && !isOver(now.expiresAt);
  }

  used({ id }: KeyRecord): void {
    this.#used.set(id, new Date().toISOString());
  }

  /** When a key was last used, as far as this process has not written it yet. */
  lastUse(id: string): string | null {
    return this.#used.get(id) ?? null;
  }

  async flush(): Promise<void> {
    const times = new Map(this.#used);
    this.#used.clear();
    await this.#records.keys
      .used(times)
      .catch((error: unknown) => this.#log.warn({ err: error }, "when keys were last used could not be written"));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }
}
