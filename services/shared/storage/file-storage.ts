/** Storage in a folder: temporary name, fsync, rename, fsync of the folder. */
import { createWriteStream, type Stats } from "node:fs";
import { constants, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { newUlid } from "../ids.ts";
import { digestOfFile } from "./digest-files.ts";
import { agrees, comparing, damaged, digestOf, meter } from "./digesting.ts";
import { readRange } from "./range.ts";
import { Sharing } from "./sharing.ts";
import { StorageError, checkKey, digestSuffix, readDigests, writeDigests } from "./storage.ts";
import { NoSpace, holdSpace, holdingSpace } from "./space.ts";
import { sweepFolder } from "./sweep.ts";
import type { Digest, Listed, Room, Storage, Stored } from "./storage.ts";

const temporaryFolder = ".unfinished";
const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");

/** What the operating system said, in our words. */
function storageError(error: unknown, key: string, doing: string): StorageError {
  if (error instanceof StorageError) return error;
  const code = codeOf(error);
  if (code === "ENOENT") return new StorageError("missing", key, `there is no object ${key}`, error);
  if (error instanceof NoSpace)
    return new StorageError("full", key, `there is no space left to ${doing} ${key}: ${error.message}`, error);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new StorageError("full", key, `there is no space left to ${doing} ${key}`, error);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new StorageError(
      "unavailable",
      key,
      `the folder of the storage does not allow us to ${doing} ${key} (${code})`,
      error,
    );
  return new StorageError(
    "unavailable",
    key,
    `the storage could not ${doing} ${key}: ${error instanceof Error ? error.message : String(error)}`,
    error,
  );
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const versionOf = ({ mtimeMs, size, ino }: Stats): string => `${mtimeMs}:${size}:${ino}`;

export class FileStorage implements Storage {
  readonly description: string;
  readonly onDisk = true;
  readonly #root: string;
  readonly #leaveBytes: number;
  /** Objects this process has compared: key → modification time and size. */
  readonly #compared = new Map<string, string>();
  readonly #comparing = new Sharing<void>();

  /** `leaveBytes`: of the disk, by what users send. */
  constructor(options: { root: string; description: string; leaveBytes: number }) {
    this.#root = options.root;
    this.#leaveBytes = options.leaveBytes;
    this.description = options.description;
  }

  #path(key: string): string {
    checkKey(key);
    return join(this.#root, key);
  }

  /** Writes under a temporary name, synced; nothing stays where it fails. */
  async #write(content: Uint8Array | Readable, room: Room): Promise<{ temporary: string; digest: Digest }> {
    const folder = join(this.#root, temporaryFolder);
    await mkdir(folder, { recursive: true });
    const temporary = join(folder, newUlid());
    const leaveBytes = room === "held" ? null : room === "sent" ? this.#leaveBytes : this.#leaveBytes / 4;
    const isBytes = !(content instanceof Readable);
    const hold =
      isBytes && leaveBytes !== null ? await holdSpace({ folder, bytes: content.byteLength, leaveBytes }) : null;
    try {
      if (!isBytes) {
        const counted = meter();
        const holding = leaveBytes === null ? [] : [holdingSpace({ folder, leaveBytes })];
        await pipeline([
          content,
          ...holding,
          counted.stream,
          createWriteStream(temporary, { flags: "wx", flush: true }),
        ]);
        return { temporary, digest: counted.digest() };
      }
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      return { temporary, digest: await digestOf(content) };
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    } finally {
      hold?.release();
    }
  }

  async #replace(temporary: string, path: string): Promise<void> {
    // A deletion may take the folder away between mkdir and rename.
    for (let tries = 0; ; tries++) {
      await mkdir(dirname(path), { recursive: true });
      try {
        await rename(temporary, path);
        await syncFolder(dirname(path));
        return;
      } catch (error) {
        if (codeOf(error) !== "ENOENT" || tries === 3) {
          await rm(temporary, { force: true });
          throw error;
        }
      }
    }
  }

  async put(key: string, content: Uint8Array | Readable, room: Room = "made"): Promise<Stored> {
    const path = this.#path(key);
    try {
      const { temporary, digest } = await this.#write(content, room);
      try {
        const before = await this.#digests(key);
        await this.#putDigests(path, [digest, ...before]);
        await this.#replace(temporary, path);
        if (before.length > 0) await this.#putDigests(path, [digest]);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      this.#compared.delete(key);
      return { key, ...digest };
    } catch (error) {
      throw storageError(error, key, "write");
    }
  }

  async #putDigests(path: string, digests: readonly Digest[]): Promise<void> {
    const { temporary } = await this.#write(Buffer.from(writeDigests(digests)), "held");
    await this.#replace(temporary, path + digestSuffix);
  }

  async #digests(key: string): Promise<Digest[]> {
    try {
      return readDigests(key, await readFile(this.#path(key) + digestSuffix, "utf8"));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  }

  async get(key: string): Promise<Uint8Array> {
    const path = this.#path(key);
    try {
      const content = await readFile(path);
      const expected = await this.#digests(key);
      const found = await digestOf(content);
      if (!agrees(found, expected)) throw damaged(key, found, expected);
      return content;
    } catch (error) {
      throw storageError(error, key, "read");
    }
  }

  async stream(key: string): Promise<Readable> {
    const path = this.#path(key);
    try {
      const passing = comparing(key, await this.#digests(key));
      const file = await open(path, "r");
      pipeline(file.createReadStream(), passing).catch((error: unknown) =>
        passing.destroy(storageError(error, key, "read")),
      );
      return passing;
    } catch (error) {
      throw storageError(error, key, "read");
    }
  }

  async #compare(key: string): Promise<void> {
    const path = this.#path(key);
    const version = versionOf(await stat(path));
    if (this.#compared.get(key) === version) return;
    await this.#comparing.do(`${key} ${version}`, async () => {
      const expected = await this.#digests(key);
      const found = await digestOfFile(path);
      if (!agrees(found, expected)) throw damaged(key, found, expected);
      this.#compared.set(key, version);
    });
  }

  async range(key: string, offset: number, length: number): Promise<Uint8Array> {
    const path = this.#path(key);
    try {
      await this.#compare(key);
      return await readRange(path, offset, length);
    } catch (error) {
      throw storageError(error, key, "read");
    }
  }

  async local(key: string): Promise<string> {
    try {
      await this.#compare(key);
    } catch (error) {
      throw storageError(error, key, "read");
    }
    return this.#path(key);
  }

  async exists(key: string): Promise<boolean> {
    return (await this.stat(key)) !== null;
  }

  async version(key: string): Promise<string | null> {
    try {
      return versionOf(await stat(this.#path(key)));
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return null;
      throw storageError(error, key, "read");
    }
  }

  async stat(key: string): Promise<Stored | null> {
    try {
      const is = await stat(this.#path(key));
      const digest = (await this.#digests(key)).find((each) => each.bytes === is.size);
      return digest ? { key, ...digest } : null;
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return null;
      throw storageError(error, key, "read");
    }
  }

  async *list(prefix: string): AsyncIterable<Listed> {
    const from = prefix.includes("/") ? prefix.slice(0, prefix.lastIndexOf("/")) : "";
    yield* this.#walk(join(this.#root, from), prefix);
  }

  async *#walk(folder: string, prefix: string): AsyncIterable<Listed> {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return [];
      throw storageError(error, prefix, "list");
    });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== temporaryFolder) yield* this.#walk(path, prefix);
        continue;
      }
      const key = relative(this.#root, path).split(sep).join("/");
      if (!key.startsWith(prefix) || key.endsWith(digestSuffix)) continue;
      const is = await stat(path).catch(() => null);
      if (is) yield { key, bytes: is.size, modifiedAt: is.mtime };
    }
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    try {
      await rm(path, { force: true });
      await rm(path + digestSuffix, { force: true });
      this.#compared.delete(key);
      await this.#removeEmpty(dirname(path));
    } catch (error) {
      throw storageError(error, key, "delete");
    }
  }

  async #removeEmpty(folder: string): Promise<void> {
    for (let at = folder; at.startsWith(this.#root + sep); at = dirname(at)) {
      try {
        await rmdir(at);
      } catch {
        return;
      }
    }
  }

  async deleteAll(prefix: string): Promise<number> {
    let count = 0;
    for await (const { key } of this.list(prefix)) {
      await this.delete(key);
      count++;
    }
    // Digests whose object never came to be.
    if (prefix.endsWith("/")) {
      checkKey(prefix.slice(0, -1));
      await rm(join(this.#root, prefix), { recursive: true, force: true });
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
    return sweepFolder(join(this.#root, temporaryFolder), olderThanMs);
  }
}
