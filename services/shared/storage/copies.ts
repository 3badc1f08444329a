/**
 * Copies of objects on this machine's disk, for readers that need a file. They take no more of the disk than stays free
 * beside them: where one more would, those that were used longest ago go first. So a cache never stands in the way of
 * what must be written.
 *
 *     folder/<first two digits>/<SHA-256>     a whole copy; its time of change is that of its last use
 *     folder/unfinished/<ULID>                one that is being written
 */
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat, statfs, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { newUlid } from "../ids.ts";
import { holdSpace } from "./space.ts";
import type { Digest } from "./storage.ts";
import { sweepFolder } from "./sweep.ts";

/** Whoever was given the path of a copy may open it so long after. */
const keptMs = 600_000;

interface Copy {
  path: string;
  bytes: number;
  usedMs: number;
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

export class Copies {
  readonly #folder: string;
  readonly #leaveBytes: number;
  readonly #freeBytes: (folder: string) => Promise<number>;

  /** `leaveBytes`: of the disk, whatever is copied. `freeBytes`: asks how much of the disk of a folder is free. */
  constructor(options: { folder: string; leaveBytes: number; freeBytes?: (folder: string) => Promise<number> }) {
    this.#folder = options.folder;
    this.#leaveBytes = options.leaveBytes;
    this.#freeBytes = options.freeBytes ?? freeBytesOf;
  }

  #path({ sha256 }: Digest): string {
    return join(this.#folder, sha256.slice(0, 2), sha256);
  }

  /** The path of a copy, which is used from here on; null where there is none. */
  async find(digest: Digest): Promise<string | null> {
    const path = this.#path(digest);
    const held = await stat(path).catch(() => null);
    if (held?.size !== digest.bytes) return null;
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined);
    return path;
  }

  /** Where a stream may be written that is no copy yet; the caller deletes it. */
  async temporary(): Promise<string> {
    const folder = join(this.#folder, "unfinished");
    await mkdir(folder, { recursive: true });
    return join(folder, newUlid());
  }

  /** Makes a copy of what `read` opens, and answers its path. Throws NoSpace. */
  async add(digest: Digest, read: () => Promise<Readable>): Promise<string> {
    const path = this.#path(digest);
    await this.#makeRoom(digest.bytes);
    const hold = await holdSpace({ folder: this.#folder, bytes: digest.bytes, leaveBytes: this.#leaveBytes });
    const temporary = await this.temporary();
    try {
      await pipeline(await read(), createWriteStream(temporary, { flags: "wx" }));
      await mkdir(dirname(path), { recursive: true });
      await rename(temporary, path);
    } finally {
      hold.release();
      await rm(temporary, { force: true });
    }
    return path;
  }

  async #makeRoom(bytes: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const copies = (await this.#all()).sort((one, other) => one.usedMs - other.usedMs);
    let free = (await this.#freeBytes(this.#folder)) - bytes;
    let taken = copies.reduce((sum, copy) => sum + copy.bytes, bytes);
    for (const copy of copies) {
      if (taken <= free || Date.now() - copy.usedMs < keptMs) return;
      await rm(copy.path, { force: true });
      taken -= copy.bytes;
      free += copy.bytes;
    }
  }

  async #all(): Promise<Copy[]> {
    const found: Copy[] = [];
    for (const part of await readdir(this.#folder)) {
      if (!/^[0-9a-f]{2}$/.test(part)) continue;
      for (const name of await readdir(join(this.#folder, part))) {
        const path = join(this.#folder, part, name);
        const is = await stat(path).catch(() => null);
        if (is) found.push({ path, bytes: is.size, usedMs: is.mtimeMs });
      }
    }
    return found;
  }

  /** Deletes what was left unfinished so long ago. Answers how many. */
  sweep(olderThanMs: number): Promise<number> {
    return sweepFolder(join(this.#folder, "unfinished"), olderThanMs);
  }
}
