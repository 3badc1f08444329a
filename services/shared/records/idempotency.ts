/** Idempotency-Key: a write is done once, and its answer given again. */
import type { Redis } from "ioredis";
import { keys } from "../redis-keys.ts";
import { runScript } from "./scripts.ts";

export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** `fresh` gives the ULID to use for what will be made: the same one again when an earlier try died half-way. */
export type Claim =
  | { kind: "fresh"; ulid: string }
  | { kind: "in-flight" | "mismatch" }
  | { kind: "answered"; answer: StoredAnswer };

export class IdempotencyRecords {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** `scope`: method and path (and caller). `fingerprint`: digest of the body. */
  async claim(options: {
    scope: string;
    key: string;
    fingerprint: string;
    ulid: string;
    leaseSeconds: number;
    lifeSeconds: number;
  }): Promise<Claim> {
    const [kind, value] = (await runScript(this.#redis, "claim-idempotency", [
      options.scope,
      options.key,
      options.fingerprint,
      options.ulid,
      options.leaseSeconds * 1000,
      options.lifeSeconds * 1000,
      Date.now(),
    ])) as [Claim["kind"], string];
    if (kind === "fresh") return { kind, ulid: value };
    if (kind === "answered") return { kind, answer: JSON.parse(value) as StoredAnswer };
    return { kind };
  }

  /** The write is still under way. Nothing where the entry is gone, answered, or another's by now. */
  async renew(options: { scope: string; key: string; ulid: string; leaseSeconds: number }): Promise<void> {
    const { scope, key, ulid, leaseSeconds } = options;
    await runScript(this.#redis, "renew-idempotency", [scope, key, ulid, leaseSeconds * 1000, Date.now()]);
  }

  async answer(options: { scope: string; key: string; answer: StoredAnswer }): Promise<void> {
    await this.#redis.hset(keys.idempotency(options.scope, options.key), "answer", JSON.stringify(options.answer));
  }

  /** The write was refused before anything was made: the key is free again. */
  async forget(options: { scope: string; key: string }): Promise<void> {
    await this.#redis.del(keys.idempotency(options.scope, options.key));
  }
}
