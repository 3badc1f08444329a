/**
 * Where bytes lie that must outlive every process: datasets, checkpoints, models, predictions. Keys are relative paths
 * with `/`. An object is whole or absent: it is written under a temporary name and appears at once. Each has a digest
 * beside it, `<key>.sha256`, that is compared when the object is read.
 */
import type { Readable } from "node:stream";
import { z } from "zod";

export interface Stored {
  key: string;
  bytes: number;
  sha256: string;
}

export interface Listed {
  key: string;
  bytes: number;
  modifiedAt: Date;
}

/**
 * How much of the disk a writing must leave: what users send leaves MIN_FREE_BYTES, what trainings make a quarter of
 * it, so that Redis always has some. `held`: room for it was held before, or it is so small that it needs none.
 */
export type Room = "sent" | "made" | "held";

export interface Storage {
  /** For messages: file:///… or s3://…, without credentials. */
  readonly description: string;
  /** Whether objects are files of this machine: `local` then answers the object itself and no copy. */
  readonly onDisk: boolean;
  /**
   * Writes all of it or nothing. An object of that name is replaced. `room` is by default `made`. Throws StorageError
   * `full`, `unavailable`.
   */
  put(key: string, content: Uint8Array | Readable, room?: Room): Promise<Stored>;
  /** The whole object, its digest compared. Throws StorageError `missing`, `damaged`, `unavailable`. */
  get(key: string): Promise<Uint8Array>;
  /** The object as it comes; the stream ends with StorageError `damaged` where the digest does not agree. */
  stream(key: string): Promise<Readable>;
  /** Bytes from `offset`. The first reading of an object by this process compares its digest. */
  range(key: string, offset: number, length: number): Promise<Uint8Array>;
  /**
   * A path on this machine that holds the object, compared: itself, or a copy in the cache. For readers that need a
   * file.
   */
  local(key: string): Promise<string>;
  exists(key: string): Promise<boolean>;
  /** Another text when the object is another one; reads none of it. Null: there is none. */
  version(key: string): Promise<string | null>;
  /** Size and digest as recorded, or null. */
  stat(key: string): Promise<Stored | null>;
  /** Objects below `prefix`, digests and unfinished writes left out. */
  list(prefix: string): AsyncIterable<Listed>;
  /** Deletes an object and its digest; no error where there is none. */
  delete(key: string): Promise<void>;
  /** Deletes everything below `prefix`. Answers how many objects. */
  deleteAll(prefix: string): Promise<number>;
  /** Writes, reads and deletes a small object; throws StorageError where it cannot. */
  check(): Promise<void>;
  /** Unfinished writes older than `olderThanMs`: what a killed process left. Answers how many it deleted. */
  sweep(olderThanMs: number): Promise<number>;
}

export type StorageFault = "missing" | "damaged" | "full" | "unavailable" | "bad-key";

export class StorageError extends Error {
  override name = "StorageError";
  readonly fault: StorageFault;
  readonly key: string;
  constructor(fault: StorageFault, key: string, detail: string, cause?: unknown) {
    super(detail, { cause });
    this.fault = fault;
    this.key = key;
  }
}

export const isStorageFault = (error: unknown, ...faults: StorageFault[]): error is StorageError =>
  error instanceof StorageError && faults.includes(error.fault);

const keyForm = /^[A-Za-z0-9_-][A-Za-z0-9._@=-]*(\/[A-Za-z0-9_-][A-Za-z0-9._@=-]*)*$/;

/** A key must be a plain relative path: no `..`, no empty or hidden part. */
export function checkKey(key: string): void {
  if (key.length > 800 || !keyForm.test(key))
    throw new StorageError(
      "bad-key",
      key,
      `'${key}' is no storage key: expected parts of letters, digits and . _ @ = - joined by '/'`,
    );
}

export const digestSuffix = ".sha256";

/** What stands in `<key>.sha256`: while an object is replaced, both the new and the old digest. */
const digestLine = z.tuple([z.string().regex(/^[0-9a-f]{64}$/), z.coerce.number().int().min(0)]);
export interface Digest {
  sha256: string;
  bytes: number;
}
export const writeDigests = (digests: readonly Digest[]): string =>
  digests.map((each) => `${each.sha256} ${each.bytes}\n`).join("");
export function readDigests(key: string, text: string): Digest[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const parsed = digestLine.safeParse(line.split(" "));
    if (!parsed.success) throw new StorageError("damaged", key, `the digest beside ${key} cannot be read`);
    return { sha256: parsed.data[0], bytes: parsed.data[1] };
  });
}

/** Puts a JSON document: sorted nowhere, ended by a newline. */
export const putJson = (storage: Storage, key: string, value: unknown): Promise<Stored> =>
  storage.put(key, Buffer.from(`${JSON.stringify(value)}\n`), "held");
/** Reads a JSON document and parses it by its schema. */
export async function getJson<Schema extends z.ZodType>(
  storage: Storage,
  key: string,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const bytes = await storage.get(key);
  return schema.parse(JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")));
}
