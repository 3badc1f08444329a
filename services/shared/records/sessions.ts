/** Sessions of browsers: a random word in a cookie, kept as its SHA-256, that stands for a key. */
import { createHash, randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { channels, keys } from "../redis-keys.ts";

export interface SessionRecord {
  /** The key that it stands for. */
  key: string;
  expiresAt: string;
}

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

export class SessionRecords {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Answers the word for the cookie. */
  async create(record: SessionRecord): Promise<string> {
    const text = randomBytes(32).toString("base64url");
    const seconds = Math.max(1, Math.ceil((Date.parse(record.expiresAt) - Date.now()) / 1000));
    await this.#redis.set(keys.session(digestOf(text)), JSON.stringify(record), "EX", seconds);
    return text;
  }

  async find(text: string): Promise<SessionRecord | null> {
    const found = await this.#redis.get(keys.session(digestOf(text)));
    return found === null ? null : (JSON.parse(found) as SessionRecord);
  }

  async delete(text: string): Promise<void> {
    const digest = digestOf(text);
    await this.#redis.del(keys.session(digest));
    await this.#redis.publish(channels.changed, `session:${digest}`);
  }
}
