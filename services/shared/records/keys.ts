/** Records of keys. The key itself is nowhere: only its SHA-256, which is right for 256 random bits. */
import { createHash, randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { defaultProject, type Key, type Scope } from "../../../schemas/access.ts";
import { newId } from "../ids.ts";
import { keys } from "../redis-keys.ts";
import { fromFields, readHashes, toFields } from "./hash.ts";
import { readPage, type Page, type PageRequest } from "./paging.ts";
import { runScript } from "./scripts.ts";

export interface KeyRecord extends Key {
  /** SHA-256 of the key, hexadecimal. */
  digest: string;
}

export interface NewKey {
  name: string;
  project: string;
  scope: Scope;
  expiresAt: string | null;
}

/** Of the key that ADMIN_KEY gives: one, however often the service starts. */
export const adminKeyId = "key_00000000000000000000000000";

export const digestOfKey = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Of a key or a session. */
export const isOver = (expiresAt: string | null): boolean => expiresAt !== null && Date.parse(expiresAt) <= Date.now();

/** The resource of the API. */
export function presentKey({ digest: _digest, ...shown }: KeyRecord): Key {
  return shown;
}

export class KeyRecords {
  readonly #redis: Redis;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Answers the key itself too: nobody can read it again. */
  async create(entry: NewKey): Promise<{ record: KeyRecord; text: string }> {
    const text = `fm_${randomBytes(32).toString("base64url")}`;
    const record: KeyRecord = {
      id: newId("key"),
      object: "key",
      ...entry,
      createdAt: new Date().toISOString(),
      lastUsedAt: null,
      digest: digestOfKey(text),
    };
    await this.#put(record);
    return { record, text };
  }

  /** The operator's key of the environment, in place of the one that it gave before. */
  async putAdmin(text: string): Promise<void> {
    const digest = digestOfKey(text);
    const before = await this.read(adminKeyId);
    if (before?.digest === digest) return;
    await this.#put({
      id: adminKeyId,
      object: "key",
      name: "ADMIN_KEY",
      project: defaultProject,
      scope: "admin",
      createdAt: new Date().toISOString(),
      lastUsedAt: null,
      expiresAt: null,
      digest,
    });
  }

  /** A key as it was, under its own id, unless there is one. */
  async restore(record: KeyRecord): Promise<boolean> {
    if ((await this.read(record.id)) !== null) return false;
    await this.#put(record);
    return true;
  }

  async #put(record: KeyRecord): Promise<void> {
    await runScript(this.#redis, "put-key", [record.id, record.digest, ...toFields({ ...record })]);
  }

  async read(id: string): Promise<KeyRecord | null> {
    const [hash] = await readHashes(this.#redis, [keys.key(id)]);
    return hash ? (fromFields(hash) as unknown as KeyRecord) : null;
  }

  async findByDigest(digest: string): Promise<KeyRecord | null> {
    const id = await this.#redis.hget(keys.keyDigests, digest);
    return id === null ? null : this.read(id);
  }

  /** Those of a project; null: of all. */
  list(request: PageRequest, project: string | null): Promise<Page<KeyRecord>> {
    return readPage(this.#redis, request, {
      index: keys.allKeys,
      keyOf: keys.key,
      filter: project === null ? undefined : { project: (text) => text === JSON.stringify(project) },
      read: async (names) =>
        (await readHashes(this.#redis, names)).map(
          (hash) => hash && { item: fromFields(hash) as unknown as KeyRecord, bytes: 1 },
        ),
    });
  }

  async delete(id: string): Promise<"deleted" | "missing"> {
    return (await runScript(this.#redis, "delete-key", [id])) as "deleted" | "missing";
  }

  /** `times`: id → when it was used. */
  async used(times: ReadonlyMap<string, string>): Promise<void> {
    if (times.size === 0) return;
    const args = [...times].flatMap(([id, at]) => [id, JSON.stringify(at)]);
    await runScript(this.#redis, "use-keys", args);
  }
}
