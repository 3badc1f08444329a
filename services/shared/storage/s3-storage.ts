/**
 * Storage in an S3-compatible bucket. An upload appears when it is complete, so the object is written once, the digest
 * before it.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { newUlid } from "../ids.ts";
import { Copies } from "./copies.ts";
import { agrees, comparing, damaged, digestOf, meter } from "./digesting.ts";
import { readRange } from "./range.ts";
import { Sharing } from "./sharing.ts";
import { StorageError, checkKey, digestSuffix, readDigests, writeDigests } from "./storage.ts";
import { NoSpace, holdingSpace } from "./space.ts";
import type { Digest, Listed, Room, Storage, Stored } from "./storage.ts";

const isMissing = (error: unknown): boolean =>
  error instanceof S3ServiceException &&
  (error.name === "NoSuchKey" || error.name === "NotFound" || error.$metadata.httpStatusCode === 404);

function storageError(error: unknown, key: string, doing: string): StorageError {
  if (error instanceof StorageError) return error;
  if (error instanceof NoSpace || (error instanceof Error && "code" in error && error.code === "ENOSPC"))
    return new StorageError("full", key, `there is no space left to ${doing} ${key}: ${error.message}`, error);
  if (isMissing(error)) return new StorageError("missing", key, `there is no object ${key}`, error);
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new StorageError("unavailable", key, `the storage could not ${doing} ${key}: ${detail}`, error);
}

export class S3Storage implements Storage {
  readonly description: string;
  readonly onDisk = false;
  readonly #client: S3Client;
  readonly #bucket: string;
  /** Objects on their way into the cache. */
  readonly #fetching = new Sharing<string>();
  readonly #prefix: string;
  readonly #copies: Copies;
  /** Where streams wait for their length to be known. */
  readonly #spool: string;
  readonly #leaveBytes: number;

  /** `leaveBytes`: of the disk of the cache, by what users send. */
  constructor(options: { url: string; cacheDir: string; leaveBytes: number }) {
    this.#leaveBytes = options.leaveBytes;
    const url = new URL(options.url);
    this.#bucket = url.hostname;
    this.#prefix = url.pathname.replace(/^\/+|\/+$/g, "");
    if (this.#prefix !== "") this.#prefix += "/";
    this.#spool = options.cacheDir;
    this.#copies = new Copies({ folder: options.cacheDir, leaveBytes: options.leaveBytes / 4 });
    this.description = `s3://${this.#bucket}/${this.#prefix}`;
    const endpoint = url.searchParams.get("endpoint");
    this.#client = new S3Client({
      region: url.searchParams.get("region") ?? "us-east-1",
      ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    });
  }

  #name(key: string): string {
    checkKey(key.endsWith(digestSuffix) ? key.slice(0, -digestSuffix.length) : key);
    return this.#prefix + key;
  }

  async #send(key: string, body: Uint8Array | Readable, bytes: number): Promise<void> {
    await this.#client.send(
      new PutObjectCommand({ Bucket: this.#bucket, Key: this.#name(key), Body: body, ContentLength: bytes }),
    );
  }

  async put(key: string, content: Uint8Array | Readable, room: Room = "made"): Promise<Stored> {
    let spool: string | null = null;
    try {
      let digest: Digest;
      if (content instanceof Readable) {
        spool = await this.#copies.temporary();
        const counted = meter();
        const leaveBytes = room === "sent" ? this.#leaveBytes : this.#leaveBytes / 4;
        const holding = room === "held" ? [] : [holdingSpace({ folder: this.#spool, leaveBytes })];
        await pipeline([content, ...holding, counted.stream, createWriteStream(spool, { flags: "wx" })]);
        digest = counted.digest();
      } else digest = await digestOf(content);
      const before = await this.#digests(key);
      await this.#putDigests(key, [digest, ...before]);
      await this.#send(key, spool === null ? content : createReadStream(spool), digest.bytes);
      if (before.length > 0) await this.#putDigests(key, [digest]);
      return { key, ...digest };
    } catch (error) {
      throw storageError(error, key, "write");
    } finally {
      if (spool !== null) await rm(spool, { force: true });
    }
  }

  async #putDigests(key: string, digests: readonly Digest[]): Promise<void> {
    const text = Buffer.from(writeDigests(digests));
    await this.#send(key + digestSuffix, text, text.byteLength);
  }

  async #body(key: string, range?: string): Promise<Readable> {
    const answer = await this.#client.send(
      new GetObjectCommand({ Bucket: this.#bucket, Key: this.#name(key), Range: range }),
    );
    if (!(answer.Body instanceof Readable))
      throw new StorageError("unavailable", key, `the storage answered ${key} without a body`);
    return answer.Body;
  }

  async #digests(key: string): Promise<Digest[]> {
    try {
      return readDigests(key, Buffer.concat(await (await this.#body(key + digestSuffix)).toArray()).toString("utf8"));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async get(key: string): Promise<Uint8Array> {
    try {
      const content = Buffer.concat(await (await this.#body(key)).toArray());
      const expected = await this.#digests(key);
      const found = await digestOf(content);
      if (!agrees(found, expected)) throw damaged(key, found, expected);
      return content;
    } catch (error) {
      throw storageError(error, key, "read");
    }
  }

  async stream(key: string): Promise<Readable> {
    try {
      const passing = comparing(key, await this.#digests(key));
      const body = await this.#body(key);
      pipeline(body, passing).catch((error: unknown) => passing.destroy(storageError(error, key, "read")));
      return passing;
    } catch (error) {
      throw storageError(error, key, "read");
    }
  }

  async range(key: string, offset: number, length: number): Promise<Uint8Array> {
    return readRange(await this.local(key), offset, length);
  }

  local(key: string): Promise<string> {
    return this.#fetching.do(key, () => this.#fetch(key));
  }

  async #fetch(key: string): Promise<string> {
    try {
      const [digest] = await this.#digests(key);
      if (!digest) throw new StorageError("missing", key, `there is no object ${key}`);
      return (await this.#copies.find(digest)) ?? (await this.#copies.add(digest, () => this.stream(key)));
    } catch (error) {
      throw storageError(error, key, "read");
    }
  }

  async exists(key: string): Promise<boolean> {
    return (await this.stat(key)) !== null;
  }

  async version(key: string): Promise<string | null> {
    try {
      const answer = await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: this.#name(key) }));
      return `${answer.ETag}:${answer.ContentLength}`;
    } catch (error) {
      if (isMissing(error)) return null;
      throw storageError(error, key, "read");
    }
  }

  async stat(key: string): Promise<Stored | null> {
    try {
      const answer = await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: this.#name(key) }));
      const digest = (await this.#digests(key)).find((each) => each.bytes === answer.ContentLength);
      return digest ? { key, ...digest } : null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw storageError(error, key, "read");
    }
  }

  async *list(prefix: string): AsyncIterable<Listed> {
    for await (const each of this.#everything(prefix)) if (!each.key.endsWith(digestSuffix)) yield each;
  }

  async *#everything(prefix: string): AsyncIterable<Listed> {
    let token: string | undefined;
    do {
      const page = await this.#client
        .send(
          new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix + prefix, ContinuationToken: token }),
        )
        .catch((error: unknown) => Promise.reject(storageError(error, prefix, "list")));
      for (const each of page.Contents ?? []) {
        if (each.Key !== undefined)
          yield {
            key: each.Key.slice(this.#prefix.length),
            bytes: each.Size ?? 0,
            modifiedAt: each.LastModified ?? new Date(0),
          };
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async delete(key: string): Promise<void> {
    try {
      await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#name(key) }));
      if (!key.endsWith(digestSuffix))
        await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#name(key + digestSuffix) }));
    } catch (error) {
      if (!isMissing(error)) throw storageError(error, key, "delete");
    }
  }

  async deleteAll(prefix: string): Promise<number> {
    let count = 0;
    const found: string[] = [];
    for await (const { key } of this.#everything(prefix)) found.push(key);
    for (const key of found) {
      await this.delete(key);
      if (!key.endsWith(digestSuffix)) count++;
    }
    return count;
  }

  async check(): Promise<void> {
    const key = `check/${newUlid()}`;
    await this.put(key, Buffer.from("ok"));
    await this.get(key);
    await this.delete(key);
  }

  async sweep(olderThanMs: number): Promise<number> {
    return this.#copies.sweep(olderThanMs);
  }
}
